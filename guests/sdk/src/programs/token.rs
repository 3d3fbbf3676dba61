//! The token programs: what Token and Token-2022 have in common.
//!
//! Where an instruction names a mint, the host finds which of the two programs owns it; where it does not, the program
//! is the first argument: [`ID`], [`token_2022::ID`](crate::programs::token_2022::ID), or
//! [`token_program_of(mint)`](crate::instruction::token_program_of). An amount is in the token's smallest units.

use crate::instruction::token_program_of;
use crate::types::{AccountRef, InstructionTemplate, ProgramRef};
use crate::{Pubkey, pubkey};

/// The address of the Token program.
pub const ID: Pubkey = pubkey!("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA");

/// The programs' own instruction numbers.
mod tag {
    pub const REVOKE: u8 = 5;
    pub const BURN: u8 = 8;
    pub const CLOSE_ACCOUNT: u8 = 9;
    pub const TRANSFER_CHECKED: u8 = 12;
    pub const APPROVE_CHECKED: u8 = 13;
    pub const MINT_TO_CHECKED: u8 = 14;
    pub const BURN_CHECKED: u8 = 15;
    pub const SYNC_NATIVE: u8 = 17;
}

/// A tag, an amount, and decimals that the program compares with the mint's.
fn checked(tag: u8, amount: u64, decimals: u8) -> Vec<u8> {
    let mut data = vec![tag];
    data.extend(amount.to_le_bytes());
    data.push(decimals);
    data
}

/// Moves tokens from one token account to another. `authority` owns `from` or is its delegate, and signs.
pub fn transfer_checked(
    from: impl Into<AccountRef>,
    mint: impl Into<Pubkey>,
    to: impl Into<AccountRef>,
    authority: impl Into<AccountRef>,
    amount: u64,
    decimals: u8,
) -> InstructionTemplate {
    let mint = mint.into();
    InstructionTemplate::new(token_program_of(mint), checked(tag::TRANSFER_CHECKED, amount, decimals))
        .writable(from)
        .readonly(mint)
        .writable(to)
        .signer(authority)
}

/// Lets `delegate` transfer up to so much from `account`. Its owner signs.
pub fn approve_checked(
    account: impl Into<AccountRef>,
    mint: impl Into<Pubkey>,
    delegate: impl Into<AccountRef>,
    owner: impl Into<AccountRef>,
    amount: u64,
    decimals: u8,
) -> InstructionTemplate {
    let mint = mint.into();
    InstructionTemplate::new(token_program_of(mint), checked(tag::APPROVE_CHECKED, amount, decimals))
        .writable(account)
        .readonly(mint)
        .readonly(delegate)
        .signer(owner)
}

/// Makes new tokens. The mint authority signs.
pub fn mint_to_checked(
    mint: impl Into<Pubkey>,
    to: impl Into<AccountRef>,
    authority: impl Into<AccountRef>,
    amount: u64,
    decimals: u8,
) -> InstructionTemplate {
    let mint = mint.into();
    InstructionTemplate::new(token_program_of(mint), checked(tag::MINT_TO_CHECKED, amount, decimals))
        .writable(mint)
        .writable(to)
        .signer(authority)
}

/// Destroys tokens. The owner of `account` or its delegate signs.
pub fn burn(
    account: impl Into<AccountRef>,
    mint: impl Into<Pubkey>,
    authority: impl Into<AccountRef>,
    amount: u64,
) -> InstructionTemplate {
    let mint = mint.into();
    let mut data = vec![tag::BURN];
    data.extend(amount.to_le_bytes());
    InstructionTemplate::new(token_program_of(mint), data).writable(account).writable(mint).signer(authority)
}

/// Destroys tokens, if the mint has these decimals. The owner of `account` or its delegate signs.
pub fn burn_checked(
    account: impl Into<AccountRef>,
    mint: impl Into<Pubkey>,
    authority: impl Into<AccountRef>,
    amount: u64,
    decimals: u8,
) -> InstructionTemplate {
    let mint = mint.into();
    InstructionTemplate::new(token_program_of(mint), checked(tag::BURN_CHECKED, amount, decimals))
        .writable(account)
        .writable(mint)
        .signer(authority)
}

/// Takes the delegate's right away. The owner of `account` signs.
pub fn revoke(
    program: impl Into<ProgramRef>,
    account: impl Into<AccountRef>,
    owner: impl Into<AccountRef>,
) -> InstructionTemplate {
    InstructionTemplate::new(program, [tag::REVOKE]).writable(account).signer(owner)
}

/// Closes an empty token account and moves its lamports to `destination`. Its owner or close authority signs.
pub fn close_account(
    program: impl Into<ProgramRef>,
    account: impl Into<AccountRef>,
    destination: impl Into<AccountRef>,
    authority: impl Into<AccountRef>,
) -> InstructionTemplate {
    InstructionTemplate::new(program, [tag::CLOSE_ACCOUNT]).writable(account).writable(destination).signer(authority)
}

/// Makes the amount of a wrapped-SOL account agree with its lamports.
pub fn sync_native(program: impl Into<ProgramRef>, account: impl Into<AccountRef>) -> InstructionTemplate {
    InstructionTemplate::new(program, [tag::SYNC_NATIVE]).writable(account)
}
