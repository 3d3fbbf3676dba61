//! The Token-2022 program: what it has and Token has not. The rest is in [`token`](crate::programs::token).
//!
//! Amounts and fees are in the token's smallest units.

use crate::types::{AccountRef, InstructionTemplate};
use crate::{Pubkey, pubkey};

/// The program's address.
pub const ID: Pubkey = pubkey!("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb");

/// Extensions have two numbers: the extension's, and the instruction's within it.
mod tag {
    pub const TRANSFER_WITH_FEE: [u8; 2] = [26, 1];
    pub const HARVEST_TO_MINT: [u8; 2] = [26, 4];
    pub const REQUIRE_MEMOS: [u8; 2] = [30, 0];
    pub const ALLOW_NO_MEMOS: [u8; 2] = [30, 1];
}

/// Moves tokens of a mint with a transfer fee, if the fee is exactly this. `authority` signs.
pub fn transfer_checked_with_fee(
    from: impl Into<AccountRef>,
    mint: impl Into<Pubkey>,
    to: impl Into<AccountRef>,
    authority: impl Into<AccountRef>,
    amount: u64,
    decimals: u8,
    fee: u64,
) -> InstructionTemplate {
    let mut data = tag::TRANSFER_WITH_FEE.to_vec();
    data.extend(amount.to_le_bytes());
    data.push(decimals);
    data.extend(fee.to_le_bytes());
    InstructionTemplate::new(ID, data).writable(from).readonly(mint.into()).writable(to).signer(authority)
}

/// Moves the fees that were withheld in these token accounts to the mint. Anybody may.
pub fn harvest_withheld_tokens_to_mint<A: Into<AccountRef>>(
    mint: impl Into<Pubkey>,
    sources: impl IntoIterator<Item = A>,
) -> InstructionTemplate {
    let template = InstructionTemplate::new(ID, tag::HARVEST_TO_MINT).writable(mint.into());
    sources.into_iter().fold(template, InstructionTemplate::writable)
}

/// Refuses transfers into this token account that come without a memo. Its owner signs.
pub fn enable_required_transfer_memos(
    account: impl Into<AccountRef>,
    owner: impl Into<AccountRef>,
) -> InstructionTemplate {
    InstructionTemplate::new(ID, tag::REQUIRE_MEMOS).writable(account).signer(owner)
}

/// Takes transfers without a memo again. The account's owner signs.
pub fn disable_required_transfer_memos(
    account: impl Into<AccountRef>,
    owner: impl Into<AccountRef>,
) -> InstructionTemplate {
    InstructionTemplate::new(ID, tag::ALLOW_NO_MEMOS).writable(account).signer(owner)
}
