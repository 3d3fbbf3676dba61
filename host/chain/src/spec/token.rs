//! Mints and token accounts as the token programs themselves would have written them. Both programs share the layout; an
//! associated account of Token-2022 carries the `ImmutableOwner` extension, because its creator always adds that.

use solana_account::Account;
use solana_sdk::{program_option::COption, program_pack::Pack, pubkey::Pubkey, rent::Rent};
use spl_token_2022_interface::state::{Account as TokenAccount, AccountState, Mint};

/// The Token program.
pub(crate) const TOKEN: Pubkey = Pubkey::from_str_const("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA");
/// The Token-2022 program.
pub(crate) const TOKEN_2022: Pubkey = Pubkey::from_str_const("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb");
/// The Associated Token Account program.
pub(crate) const ASSOCIATED_TOKEN: Pubkey = Pubkey::from_str_const("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL");
/// The mint of wrapped SOL.
pub(crate) const WRAPPED_SOL: Pubkey = Pubkey::from_str_const("So11111111111111111111111111111111111111112");

// Bytes after the base state: the account type (2 = token account), then the extension ImmutableOwner (7) of length 0.
const IMMUTABLE_OWNER: [u8; 5] = [2, 7, 0, 0, 0];

/// The address of a wallet's associated token account.
pub(crate) fn associated_address(wallet: &Pubkey, mint: &Pubkey, program: &Pubkey) -> Pubkey {
    let seeds = [wallet.as_ref(), program.as_ref(), mint.as_ref()];
    Pubkey::find_program_address(&seeds, &ASSOCIATED_TOKEN).0
}

pub(crate) fn mint(program: Pubkey, authority: Pubkey, freeze: Option<Pubkey>, decimals: u8, supply: u64) -> Account {
    let mut data = vec![0; Mint::LEN];
    let mint = Mint {
        mint_authority: COption::Some(authority),
        supply,
        decimals,
        is_initialized: true,
        freeze_authority: freeze.into(),
    };
    mint.pack_into_slice(&mut data);
    exempt(program, data, 0)
}

pub(crate) fn token_account(program: Pubkey, mint: Pubkey, owner: Pubkey, amount: u64, associated: bool) -> Account {
    let mut data = vec![0; TokenAccount::LEN];
    let immutable = associated && program == TOKEN_2022;
    let native = mint == WRAPPED_SOL;
    let length = TokenAccount::LEN + if immutable { IMMUTABLE_OWNER.len() } else { 0 };
    let state = TokenAccount {
        mint,
        owner,
        amount,
        state: AccountState::Initialized,
        is_native: if native { COption::Some(Rent::default().minimum_balance(length)) } else { COption::None },
        ..TokenAccount::default()
    };
    state.pack_into_slice(&mut data);
    if immutable {
        data.extend(IMMUTABLE_OWNER);
    }
    exempt(program, data, if native { amount } else { 0 })
}

/// An account with just the lamports that keep it, and `more`.
fn exempt(owner: Pubkey, data: Vec<u8>, more: u64) -> Account {
    Account {
        lamports: Rent::default().minimum_balance(data.len()).saturating_add(more),
        data,
        owner,
        executable: false,
        rent_epoch: u64::MAX,
    }
}
