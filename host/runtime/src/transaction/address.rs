//! Deriving addresses. A derivation hashes and decompresses a point for every bump that it tries, some microseconds each, so
//! answers are remembered, up to a bound.

use parking_lot::Mutex;
use solana_sdk::pubkey::{MAX_SEED_LEN, MAX_SEEDS, Pubkey};
use std::collections::HashMap;
use valence_door::{AddressError, Excess};

/// The Associated Token Account program.
pub(crate) const ASSOCIATED_TOKEN: Pubkey = Pubkey::from_str_const("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL");

/// Answers that are remembered; then all are forgotten, which costs each a derivation.
const REMEMBERED: usize = 4096;

type Answers = HashMap<(Pubkey, Vec<Vec<u8>>), (Pubkey, u8)>;

/// Derived addresses.
#[derive(Default)]
pub(crate) struct Addresses(Mutex<Answers>);

impl Addresses {
    /// The address of a program and seeds with its bump.
    pub(crate) fn find(&self, program: &Pubkey, seeds: &[Vec<u8>]) -> Result<(Pubkey, u8), AddressError> {
        if seeds.len() >= MAX_SEEDS {
            return Err(AddressError::TooManySeeds(Excess::new(seeds.len(), MAX_SEEDS - 1)));
        }
        if let Some((place, seed)) = (0u32..).zip(seeds).find(|(_, s)| s.len() > MAX_SEED_LEN) {
            return Err(AddressError::SeedTooLong(place, Excess::new(seed.len(), MAX_SEED_LEN)));
        }
        let key = (*program, seeds.to_vec());
        if let Some(known) = self.0.lock().get(&key) {
            return Ok(*known);
        }
        let slices: Vec<&[u8]> = seeds.iter().map(Vec::as_slice).collect();
        let found = Pubkey::try_find_program_address(&slices, program).ok_or(AddressError::NoAddress)?;
        let mut answers = self.0.lock();
        if answers.len() >= REMEMBERED {
            answers.clear();
        }
        answers.insert(key, found);
        Ok(found)
    }

    /// The associated token account of a wallet for a mint of this token program.
    pub(crate) fn associated(
        &self,
        wallet: &Pubkey,
        mint: &Pubkey,
        token_program: &Pubkey,
    ) -> Result<Pubkey, AddressError> {
        let seeds = [wallet, token_program, mint].map(|key| key.to_bytes().to_vec());
        self.find(&ASSOCIATED_TOKEN, &seeds).map(|(address, _)| address)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_remembered_answer_is_the_derived_one() {
        let addresses = Addresses::default();
        let seeds = [b"vault".to_vec(), vec![7; 32]];
        let first = addresses.find(&TOKEN_LIKE, &seeds).unwrap();
        assert_eq!(first, addresses.find(&TOKEN_LIKE, &seeds).unwrap());
        let with_bump: Vec<&[u8]> = vec![b"vault", &[7; 32]];
        assert_eq!(first, Pubkey::find_program_address(&with_bump, &TOKEN_LIKE));
    }

    #[test]
    fn seeds_that_are_too_many_or_too_long_are_named() {
        let addresses = Addresses::default();
        let many = addresses.find(&TOKEN_LIKE, &vec![vec![1]; 16]).unwrap_err();
        assert_eq!(many, AddressError::TooManySeeds(Excess { given: 16, allowed: 15 }));
        assert!(addresses.find(&TOKEN_LIKE, &vec![vec![1]; 15]).is_ok());
        let long = addresses.find(&TOKEN_LIKE, &[vec![1], vec![2; 33]]).unwrap_err();
        assert_eq!(long, AddressError::SeedTooLong(1, Excess { given: 33, allowed: 32 }));
    }

    const TOKEN_LIKE: Pubkey = crate::transaction::TOKEN;
}
