//! Derived addresses: by a program, by a seed, of associated token accounts.

use sha2::{Digest, Sha256};

use crate::Pubkey;
use crate::bindings::valence::flow::tx_build;
use crate::error::FlowError;
use crate::programs;

/// The address that a program and seeds give, and its bump. At most 15 seeds of at most 32 bytes.
pub fn find_program_address(program: impl Into<Pubkey>, seeds: &[&[u8]]) -> Result<(Pubkey, u8), FlowError> {
    let seeds: Vec<Vec<u8>> = seeds.iter().map(|seed| seed.to_vec()).collect();
    let (key, bump) = tx_build::find_program_address(program.into().into(), &seeds)?;
    Ok((key.into(), bump))
}

/// The associated token account of a wallet and a mint, where the mint belongs to this token program.
pub fn associated_token_address(
    wallet: impl Into<Pubkey>,
    mint: impl Into<Pubkey>,
    token_program: Pubkey,
) -> Result<Pubkey, FlowError> {
    let (wallet, mint) = (wallet.into(), mint.into());
    let seeds = [wallet.as_ref(), token_program.as_ref(), mint.as_ref()];
    Ok(find_program_address(programs::associated_token::ID, &seeds)?.0)
}

/// The longest seed of [`with_seed`], in bytes.
pub const MAX_SEED_LEN: usize = 32;

/// The address that a base, a seed of at most 32 bytes and an owning program give. The base must sign to create it.
pub fn with_seed(base: impl Into<Pubkey>, seed: &str, owner: Pubkey) -> Result<Pubkey, FlowError> {
    crate::ensure!(
        seed.len() <= MAX_SEED_LEN,
        "bad-seeds",
        "the seed `{}…` has {} bytes, at most {MAX_SEED_LEN} are allowed",
        seed.chars().take(16).collect::<String>(),
        seed.len()
    );
    // The chain refuses an owner that could be taken for the end of a program-derived address.
    crate::ensure!(
        !owner.as_bytes().ends_with(b"ProgramDerivedAddress"),
        "bad-seeds",
        "the owner {owner} cannot own an address with a seed"
    );
    let mut hash = Sha256::new();
    hash.update(base.into());
    hash.update(seed);
    hash.update(owner);
    Ok(Pubkey::new(hash.finalize().into()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_address_with_a_seed_is_the_chains_own() {
        let base = programs::memo::ID;
        let theirs = solana_pubkey::Pubkey::create_with_seed(
            &base.to_bytes().into(),
            "stake:0",
            &programs::stake::ID.to_bytes().into(),
        );
        let ours = with_seed(base, "stake:0", programs::stake::ID).unwrap();
        assert_eq!(ours.to_bytes(), theirs.unwrap().to_bytes());
    }

    #[test]
    fn a_seed_of_33_bytes_is_refused() {
        let refused = with_seed(programs::memo::ID, &"s".repeat(33), programs::stake::ID).unwrap_err();
        assert!(refused.to_string().contains("33 bytes, at most 32"), "{refused}");
    }
}
