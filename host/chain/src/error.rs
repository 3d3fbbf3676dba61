//! What can go wrong with a chain, and with the description of one. Why a *transaction* failed is in `failure`.

use solana_sdk::{hash::Hash, signature::Signature};
use std::path::PathBuf;

/// A chain's trouble. Each says what to do about it in one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// The chain cannot answer now.
    #[error("chain `{chain}` is unavailable: {reason}")]
    Unavailable {
        /// The chain's name.
        chain: String,
        /// What happened, and what to do.
        reason: String,
    },
    /// The transaction's blockhash is not among the newest 150 and is no nonce value that the transaction advances.
    #[error(
        "blockhash {hash} is unknown or expired at slot {slot}: build the transaction again with the newest blockhash (or advance its durable nonce first)"
    )]
    BlockhashUnknown {
        /// The transaction's blockhash.
        hash: Hash,
        /// The chain's slot.
        slot: u64,
    },
    /// This very message has landed already.
    #[error(
        "this transaction has landed already, in slot {slot}: build it again with a newer blockhash if it is meant to run twice"
    )]
    AlreadyProcessed {
        /// Its first signature, if it had one.
        signature: Option<Signature>,
        /// The slot in which it landed.
        slot: u64,
    },
    /// The chain is not at the wanted slot yet.
    #[error("slot {wanted} is not reached yet: the chain is at slot {slot}")]
    SlotNotReached {
        /// The slot that was asked for.
        wanted: u64,
        /// The chain's slot.
        slot: u64,
    },
    /// The answer would be too large.
    #[error("{what} is {bytes} bytes, over the limit of {limit}: ask for a slice, or filter more")]
    TooMuchData {
        /// What is too large.
        what: String,
        /// Its size in bytes.
        bytes: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The chain's description cannot be loaded.
    #[error(transparent)]
    BadSpec(#[from] SpecError),
    /// A kept chain cannot be opened or saved.
    #[error("kept chain `{name}`: {reason}")]
    Kept {
        /// The chain's name.
        name: String,
        /// What happened, and what to do.
        reason: String,
    },
    /// A scheduled event of `chain.toml` failed.
    #[error("{event} failed: {reason}")]
    EventFailed {
        /// Which event, as it stands in the description.
        event: String,
        /// Why, in one line.
        reason: String,
    },
}

/// What is wrong with a chain's description or with a file it names: where, what, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{}: {what}", place.display(), line.map(|line| format!(":{line}")).unwrap_or_default())]
pub struct SpecError {
    /// The file.
    pub place: PathBuf,
    /// The line, counted from 1, where it is known.
    pub line: Option<usize>,
    /// What is wrong and what to do.
    pub what: String,
}

impl SpecError {
    pub(crate) fn new(place: impl Into<PathBuf>, what: impl Into<String>) -> Self {
        Self { place: place.into(), line: None, what: what.into() }
    }
}
