//! The Associated Token Account program: one token account per wallet and mint, at a derived address.

use crate::instruction::{associated_token, token_program_of};
use crate::programs::system;
use crate::types::{AccountRef, InstructionTemplate, Seat};
use crate::{Pubkey, pubkey};

/// The program's address.
pub const ID: Pubkey = pubkey!("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL");

const CREATE_IDEMPOTENT: u8 = 1;

/// Creates the wallet's token account for this mint, unless it is there already.
/// `payer` pays its rent and signs. The host finds the mint's token program.
pub fn create_idempotent(
    payer: impl Into<AccountRef>,
    wallet: impl Into<Seat>,
    mint: impl Into<Pubkey>,
) -> InstructionTemplate {
    let (wallet, mint) = (wallet.into(), mint.into());
    InstructionTemplate::new(ID, [CREATE_IDEMPOTENT])
        .writable_signer(payer)
        .writable(associated_token(wallet.clone(), mint))
        .readonly(wallet)
        .readonly(mint)
        .readonly(system::ID)
        .readonly(token_program_of(mint))
}
