//! A transaction on record, read back from its bytes: the step's instructions in words, without the host's compute budget.

use super::Known;
use crate::{
    Signer,
    decode::{self, ShownInstruction},
    transaction::base64,
};
use solana_sdk::{
    instruction::{AccountMeta, Instruction},
    pubkey::Pubkey,
    transaction::VersionedTransaction,
};
use std::collections::HashSet;

/// The program of the host's first instructions.
const BUDGET: Pubkey = Pubkey::from_str_const("ComputeBudget111111111111111111111111111111");
/// Reserved addresses, which no message may change: the host has checked that when it was built.
const NOBODY: Option<&HashSet<Pubkey>> = None;
/// The first byte of its instruction that sets the limit; four bytes follow.
const SET_LIMIT: u8 = 2;

/// And of the one that sets the price; eight bytes follow.
const SET_PRICE: u8 = 3;

/// What a transaction says.
#[derive(Default)]
pub(super) struct Shown {
    pub instructions: Vec<ShownInstruction>,
    pub signers: Vec<Signer>,
    /// Compute units.
    pub limit: Option<u32>,
    /// Micro-lamports per compute unit.
    pub price: u64,
    pub blockhash: String,
    /// Base64.
    pub message: String,
}

/// Reads the wire form; nothing where it is none.
pub(super) fn read(wire: &[u8], known: &Known) -> Shown {
    let Ok(transaction) = bincode::deserialize::<VersionedTransaction>(wire) else { return Shown::default() };
    let message = &transaction.message;
    let keys = message.static_account_keys();
    let signing = usize::from(message.header().num_required_signatures);
    let meta = |place: &u8| {
        let place = usize::from(*place);
        let pubkey = keys.get(place).copied().unwrap_or_default();
        AccountMeta {
            pubkey,
            is_signer: place < signing,
            is_writable: message.is_maybe_writable_with_reserved_addresses(place, NOBODY),
        }
    };
    let all = message.instructions().iter().map(|compiled| Instruction {
        program_id: keys.get(usize::from(compiled.program_id_index)).copied().unwrap_or_default(),
        accounts: compiled.accounts.iter().map(meta).collect(),
        data: compiled.data.clone(),
    });
    let (mut limit, mut price, mut instructions) = (None, 0, Vec::new());
    for instruction in all {
        // The host's stand before the step's own.
        if instruction.program_id == BUDGET && instructions.is_empty() {
            match instruction.data.as_slice() {
                [SET_LIMIT, a, b, c, d] => limit = Some(u32::from_le_bytes([*a, *b, *c, *d])),
                [SET_PRICE, rest @ ..] => price = rest.try_into().map_or(0, u64::from_le_bytes),
                _ => {}
            }
            continue;
        }
        instructions.push(decode::show(&instruction, &known.names));
    }
    let signer = |key: &Pubkey| Signer { address: key.to_string(), role: known.names.role(key) };
    Shown {
        instructions,
        signers: keys.iter().take(signing).map(signer).collect(),
        limit,
        price,
        blockhash: message.recent_blockhash().to_string(),
        message: base64(&message.serialize()),
    }
}
