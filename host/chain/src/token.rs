//! What an account of the token programs holds. Token and Token-2022 share the layout that is read here; their extensions
//! are not.

use crate::{
    Account,
    spec::{TOKEN, TOKEN_2022},
};
use solana_sdk::pubkey::Pubkey;
use spl_token_2022_interface::{
    extension::StateWithExtensions,
    state::{Account as TokenAccount, Mint},
};

/// An initialised token account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holding {
    /// Token or Token-2022.
    pub program: Pubkey,
    /// Of which token.
    pub mint: Pubkey,
    /// Whose.
    pub owner: Pubkey,
    /// In the token's smallest units.
    pub amount: u64,
}

/// Reads a token account; none where it is not one.
pub fn account(account: &Account) -> Option<Holding> {
    let program = owned_by_token_program(account)?;
    let state = StateWithExtensions::<TokenAccount>::unpack(&account.data).ok()?.base;
    Some(Holding { program, mint: state.mint, owner: state.owner, amount: state.amount })
}

/// Reads a mint's decimals; none where it is not one.
pub fn decimals(account: &Account) -> Option<u8> {
    owned_by_token_program(account)?;
    Some(StateWithExtensions::<Mint>::unpack(&account.data).ok()?.base.decimals)
}

fn owned_by_token_program(account: &Account) -> Option<Pubkey> {
    Some(account.owner).filter(|owner| *owner == TOKEN || *owner == TOKEN_2022)
}
