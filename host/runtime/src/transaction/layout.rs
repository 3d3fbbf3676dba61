//! Instructions and a budget become a v0 message that fits: 1232 bytes with signatures, 64 account locks. What is too much
//! is named by the instruction that makes it so.

use super::measure::Budget;
use solana_sdk::{
    hash::Hash,
    instruction::Instruction,
    message::{VersionedMessage, v0},
    pubkey::Pubkey,
    signature::Signature,
    transaction::VersionedTransaction,
};
use valence_door::{BuildError, Excess, Place};

/// A packet's bytes, less headers: what a transaction may have, signatures included.
const SIZE: usize = 1232;
/// Accounts that a transaction may lock.
const LOCKS: usize = 64;

/// Lays out a message and checks that it fits.
pub(crate) fn layout(
    payer: &Pubkey,
    instructions: &[Instruction],
    budget: &Budget,
    blockhash: Hash,
) -> Result<VersionedMessage, BuildError> {
    match compile(payer, instructions, budget, blockhash).and_then(|m| check(&m).map(|()| m)) {
        Ok(message) => Ok(message),
        Err(whole) => Err(first_too_much(payer, instructions, budget, blockhash, &whole)),
    }
}

/// What is too much of something, before it is known from which instruction on.
enum TooMuch {
    Bytes(Excess),
    Locks(Excess),
}

fn compile(
    payer: &Pubkey,
    instructions: &[Instruction],
    budget: &Budget,
    blockhash: Hash,
) -> Result<VersionedMessage, TooMuch> {
    let all: Vec<Instruction> = budget.instructions().into_iter().chain(instructions.iter().cloned()).collect();
    // Compiling fails only where there are more accounts than one byte can index.
    let message = v0::Message::try_compile(payer, &all, &[], blockhash)
        .map_err(|_| TooMuch::Locks(Excess::new(distinct(payer, &all), LOCKS)))?;
    Ok(VersionedMessage::V0(message))
}

/// Without lookup tables, more than 64 accounts are more than 1232 bytes too; which accounts is the more useful thing to say.
fn check(message: &VersionedMessage) -> Result<(), TooMuch> {
    let locks = message.static_account_keys().len();
    if locks > LOCKS {
        return Err(TooMuch::Locks(Excess::new(locks, LOCKS)));
    }
    let bytes = size(message);
    if bytes > SIZE {
        return Err(TooMuch::Bytes(Excess::new(bytes, SIZE)));
    }
    Ok(())
}

/// Bytes on the wire: a count of signatures, the signatures, the message.
fn size(message: &VersionedMessage) -> usize {
    let signatures = usize::from(message.header().num_required_signatures);
    message.serialize().len().saturating_add(signatures.saturating_mul(64)).saturating_add(1)
}

fn distinct(payer: &Pubkey, instructions: &[Instruction]) -> usize {
    let metas = instructions.iter().flat_map(|i| i.accounts.iter().map(|m| m.pubkey).chain([i.program_id]));
    metas.chain([*payer]).collect::<std::collections::BTreeSet<_>>().len()
}

/// The first instruction with which the message no longer fits, by the bound that the whole breaks.
fn first_too_much(
    payer: &Pubkey,
    instructions: &[Instruction],
    budget: &Budget,
    blockhash: Hash,
    whole: &TooMuch,
) -> BuildError {
    let mut here = Place { instruction: 0, account: None };
    for (instruction, count) in (0u32..).zip(1..=instructions.len()) {
        here.instruction = instruction;
        let some = instructions.get(..count).unwrap_or(instructions);
        match (compile(payer, some, budget, blockhash).and_then(|m| check(&m)), whole) {
            (Err(TooMuch::Bytes(excess)), TooMuch::Bytes(_)) => return BuildError::TooLarge(here, excess),
            (Err(TooMuch::Locks(excess)), _) => return BuildError::TooManyLocks(here, excess),
            _ => {}
        }
    }
    // The whole is the last of the prefixes, so the loop has returned, unless there is no instruction at all.
    BuildError::EmptyStep
}

/// The transaction of a message that nobody has signed: zeroed signatures.
pub(crate) fn unsigned(message: VersionedMessage) -> VersionedTransaction {
    let signatures = vec![Signature::default(); usize::from(message.header().num_required_signatures)];
    VersionedTransaction { signatures, message }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use solana_sdk::instruction::AccountMeta;

    fn with_data(bytes: usize) -> Instruction {
        Instruction { program_id: Pubkey::new_from_array([9; 32]), accounts: vec![], data: vec![0; bytes] }
    }

    fn fits(instructions: &[Instruction]) -> Result<usize, BuildError> {
        let payer = Pubkey::new_from_array([1; 32]);
        layout(&payer, instructions, &Budget::PLACEHOLDER, Hash::default()).map(|m| size(&m))
    }

    #[test]
    fn the_size_is_that_of_the_bytes_on_the_wire() {
        let payer = Pubkey::new_from_array([1; 32]);
        let message = layout(&payer, &[with_data(10)], &Budget::PLACEHOLDER, Hash::default()).unwrap();
        let wire = crate::transaction::prepare::wire(&unsigned(message.clone()));
        assert_eq!(wire.len(), size(&message));
    }

    #[test]
    fn a_transaction_of_1232_bytes_fits_and_one_of_1233_names_the_instruction() {
        let base = fits(&[with_data(200), with_data(200)]).unwrap();
        let fill = 200 + SIZE - base;
        assert_eq!(fits(&[with_data(200), with_data(fill)]).unwrap(), SIZE);
        let error = fits(&[with_data(200), with_data(fill + 1)]).unwrap_err();
        let place = Place { instruction: 1, account: None };
        assert_eq!(error, BuildError::TooLarge(place, Excess { given: 1233, allowed: 1232 }));
    }

    #[test]
    fn the_instruction_that_locks_the_65th_account_is_named() {
        let metas = |from: u8, count: u8| -> Vec<AccountMeta> {
            (from..from + count).map(|n| AccountMeta::new(Pubkey::new_from_array([n; 32]), false)).collect()
        };
        let mut first = with_data(0);
        first.accounts = metas(10, 30);
        let mut second = with_data(0);
        second.accounts = metas(60, 40);
        let error = fits(&[first, second]).unwrap_err();
        assert!(matches!(error, BuildError::TooManyLocks(Place { instruction: 1, .. }, _)), "{error}");
    }

    #[test]
    fn more_accounts_than_a_byte_can_index_are_too_many_locks() {
        let mut one = with_data(0);
        one.accounts = (0..300u16)
            .map(|n| {
                let mut key = [3; 32];
                key[..2].copy_from_slice(&n.to_le_bytes());
                AccountMeta::new(Pubkey::new_from_array(key), false)
            })
            .collect();
        assert!(matches!(fits(&[one]).unwrap_err(), BuildError::TooManyLocks(..)));
    }
}
