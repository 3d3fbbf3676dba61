//! What happens later on an embedded chain, and the instructions of the real programs that make it happen.

use super::token::{ASSOCIATED_TOKEN, WRAPPED_SOL};
use serde::{Deserialize, Serialize};
use solana_sdk::{
    instruction::{AccountMeta, Instruction},
    pubkey::Pubkey,
};
use spl_token_2022_interface::instruction::{mint_to_checked, transfer_checked};

/// A scheduled transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Event {
    pub slot: u64,
    /// How it stands in the description, for errors.
    pub text: String,
    pub action: Action,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Action {
    Airdrop { to: Key, lamports: u64 },
    TransferSol { from: Key, to: Key, lamports: u64 },
    Mint { token: Token, authority: Key, to: Target, amount: u64 },
    TransferToken { token: Token, from: Key, to: Target, amount: u64 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Token {
    pub mint: Key,
    pub program: Key,
    pub decimals: u8,
}

/// A token account; with a `wallet`, it is that wallet's associated one and is created if need be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Target {
    pub account: Key,
    pub wallet: Option<Key>,
}

/// An address that is written in base58.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Key(pub Pubkey);

impl TryFrom<String> for Key {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map(Key).map_err(|_| format!("`{text}` is no address"))
    }
}

impl From<Key> for String {
    fn from(key: Key) -> Self {
        key.0.to_string()
    }
}

/// The instructions of an action. `payer` pays for what is created; `owner_of` says who owns a token account now.
pub(crate) fn instructions(
    action: &Action,
    payer: Pubkey,
    owner_of: impl Fn(&Pubkey) -> Option<Pubkey>,
) -> Result<Vec<Instruction>, String> {
    let sol = solana_system_interface::instruction::transfer;
    let mut all = Vec::new();
    match action {
        Action::Airdrop { to, lamports } => all.push(sol(&payer, &to.0, *lamports)),
        Action::TransferSol { from, to, lamports } => all.push(sol(&from.0, &to.0, *lamports)),
        Action::Mint { token, authority, to, amount } => {
            if token.mint.0 == WRAPPED_SOL {
                return Err("wrapped SOL cannot be minted: transfer SOL instead".into());
            }
            all.extend(create(token, to, payer));
            let (program, mint, to) = (&token.program.0, &token.mint.0, &to.account.0);
            let mint_to = mint_to_checked(program, mint, to, &authority.0, &[], *amount, token.decimals);
            all.push(mint_to.map_err(|error| error.to_string())?);
        }
        Action::TransferToken { token, from, to, amount } => {
            let owner = owner_of(&from.0).ok_or_else(|| format!("{} is no token account now", from.0))?;
            all.extend(create(token, to, payer));
            let (program, mint, to) = (&token.program.0, &token.mint.0, &to.account.0);
            let transfer = transfer_checked(program, &from.0, mint, to, &owner, &[], *amount, token.decimals);
            all.push(transfer.map_err(|error| error.to_string())?);
        }
    }
    Ok(all)
}

/// `CreateIdempotent` for a target that is a wallet's associated account.
fn create(token: &Token, to: &Target, payer: Pubkey) -> Option<Instruction> {
    let wallet = to.wallet?;
    Some(Instruction {
        program_id: ASSOCIATED_TOKEN,
        accounts: vec![
            AccountMeta::new(payer, true),
            AccountMeta::new(to.account.0, false),
            AccountMeta::new_readonly(wallet.0, false),
            AccountMeta::new_readonly(token.mint.0, false),
            AccountMeta::new_readonly(solana_system_interface::program::ID, false),
            AccountMeta::new_readonly(token.program.0, false),
        ],
        data: vec![1],
    })
}
