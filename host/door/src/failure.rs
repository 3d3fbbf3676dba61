//! The error values that a flow can be told. Each is journaled like any reply, and says what to do about it. What
//! ends a flow instead of being told to it is in `stop.rs`.

use crate::nouns::Key;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a chain could not be read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
pub enum ChainFault {
    /// No answer in time.
    #[error("the cluster could not be read: {0}; try again later")]
    Unavailable(String),
}

/// What was asked for and what is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excess {
    /// Asked for.
    pub given: u64,
    /// Allowed.
    pub allowed: u64,
}

impl Excess {
    /// From lengths.
    pub fn new(given: usize, allowed: usize) -> Self {
        let wide = |n| u64::try_from(n).unwrap_or(u64::MAX);
        Excess { given: wide(given), allowed: wide(allowed) }
    }
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, and at most {} is allowed", self.given, self.allowed)
    }
}

/// Why accounts could not be read or watched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
pub enum WatchError {
    /// The chain.
    #[error(transparent)]
    Chain(#[from] ChainFault),
    /// Keys, filters or conditions.
    #[error("too many keys, filters or conditions in one call: {0}; split the call")]
    TooMany(Excess),
    /// Bytes.
    #[error("the reply is too large: {0} bytes; ask for a slice or narrow the query")]
    TooLarge(Excess),
    /// Neither condition nor deadline.
    #[error("a wait without a condition and without a deadline never ends; give it one")]
    NothingToWaitFor,
}

/// Why an address could not be derived.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
pub enum AddressError {
    /// More than 15.
    #[error("too many PDA seeds: {0} (the bump is the 16th)")]
    TooManySeeds(Excess),
    /// Longer than 32 bytes.
    #[error("PDA seed {0} is too long: {1} bytes")]
    SeedTooLong(u32, Excess),
    /// No bump works.
    #[error("no bump gives an address for these PDA seeds; use other seeds")]
    NoAddress,
}

/// Where in a step something is wrong, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The instruction.
    pub instruction: u32,
    /// Its account.
    pub account: Option<u32>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "instruction {}", self.instruction)?;
        self.account.map_or(Ok(()), |a| write!(f, ", account {a}"))
    }
}

/// Why a transaction did not succeed, when simulated or executed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// Among the step's own, counted from 0.
    pub instruction: Option<u32>,
    /// The program's error number.
    pub custom: Option<u32>,
    /// One line.
    pub message: String,
    /// The end of the program logs.
    pub logs: Vec<String>,
}

/// Why a transaction could not be built.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
pub enum BuildError {
    /// The chain.
    #[error(transparent)]
    Chain(#[from] ChainFault),
    /// No instructions.
    #[error("the step has no instruction; give it one")]
    EmptyStep,
    /// No such role.
    #[error("no role `{0}` is bound; declare it in the flow's descriptor and bind it with --role {0}=PUBKEY")]
    UnknownRole(String),
    /// No address.
    #[error("{0}: {1}")]
    Address(Place, AddressError),
    /// Not a mint.
    #[error("{0}: there is no mint at {1}, so its token program is not known; check the address")]
    NotAMint(Place, Key),
    /// Not a program.
    #[error("{0}: there is no program at {1}; check the address or the cluster")]
    NoProgram(Place, Key),
    /// Over 1232 bytes.
    #[error("the transaction is too large from {0} on: {1} bytes; move that instruction to another step")]
    TooLarge(Place, Excess),
    /// Over 64 locks.
    #[error("the transaction locks too many accounts from {0} on: {1}; move that instruction to another step")]
    TooManyLocks(Place, Excess),
    /// Zero or over 1.4M.
    #[error("a compute unit limit of {0} is out of range; use 1 to 1400000")]
    BadComputeLimit(u32),
    /// Too many attempts, or shrinking delays.
    #[error(
        "the retry policy is out of range: at most 100 attempts, and a backoff factor of at least 1000 thousandths"
    )]
    BadRetryPolicy,
    /// It fails.
    #[error("the simulation failed: {0}")]
    Simulation(Failure),
}

/// Why a step was not offered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
pub enum EmitError {
    /// Not built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// Does not hold.
    #[error("condition {0} of the step does not hold")]
    Condition(u32),
    /// Conditions.
    #[error("too many conditions in one step: {0}; split it")]
    TooMany(Excess),
}

/// Why a transaction could not be simulated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
pub enum SimulateError {
    /// The chain.
    #[error(transparent)]
    Chain(#[from] ChainFault),
    /// Not a transaction.
    #[error("these bytes are not a transaction: {0}")]
    NotATransaction(String),
    /// Bytes.
    #[error(
        "the accounts that the transaction would leave are too large: {0} bytes; name fewer large accounts as writable"
    )]
    TooLarge(Excess),
}
