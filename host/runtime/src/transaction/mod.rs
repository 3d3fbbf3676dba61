//! From templates to a transaction that signers can sign: resolve, measure, lay out, check.
//!
//! | file | idea |
//! |---|---|
//! | `resolve.rs` | roles, program-derived addresses, token accounts and programs become addresses |
//! | `address.rs` | deriving addresses, remembered |
//! | `layout.rs` | instructions and budget become a v0 message that fits |
//! | `measure.rs` | the compute units and the loaded bytes that a simulation used become limits |
//! | `prepare.rs` | the whole way, for a step or for plain instructions |

mod address;
mod layout;
mod measure;
mod prepare;
mod resolve;

pub(crate) use address::{ASSOCIATED_TOKEN, Addresses};
pub(crate) use layout::unsigned;
pub(crate) use prepare::{Plan, Prepared, fault, prepare, prepare_step, said, wire};

use base64::{Engine, prelude::BASE64_STANDARD};
use solana_sdk::pubkey::Pubkey;

/// The Token program.
pub(crate) const TOKEN: Pubkey = Pubkey::from_str_const("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA");
/// The Token-2022 program.
pub(crate) const TOKEN_2022: Pubkey = Pubkey::from_str_const("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb");

/// Token or Token-2022?
pub(crate) fn is_token_program(key: &Pubkey) -> bool {
    *key == TOKEN || *key == TOKEN_2022
}

/// Bytes as signers and explorers take them.
pub(crate) fn base64(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}
