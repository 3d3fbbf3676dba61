//! The Memo program: a text in the transaction, and who vouches for it.

use crate::types::{AccountRef, InstructionTemplate};
use crate::{Pubkey, pubkey};

/// The program's address.
pub const ID: Pubkey = pubkey!("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr");

/// Writes a text. It is UTF-8, and short, for a transaction has 1232 bytes in all.
pub fn memo(text: impl Into<String>) -> InstructionTemplate {
    InstructionTemplate::new(ID, text.into().into_bytes())
}

/// Writes a text that these accounts sign.
pub fn signed_memo<A: Into<AccountRef>>(
    text: impl Into<String>,
    signers: impl IntoIterator<Item = A>,
) -> InstructionTemplate {
    signers.into_iter().fold(memo(text), InstructionTemplate::signer)
}
