//! What ends a flow's attempt instead of being told to it: a limit stops the guest and never answers it.

use std::fmt;

/// A bound that a flow hit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitHit {
    /// The limit's name, as `--limit NAME=N` takes it.
    pub limit: &'static str,
    /// What it allows.
    pub allowed: u64,
    /// Of what: "instructions of fuel", "bytes of memory".
    pub unit: &'static str,
}

impl fmt::Display for LimitHit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the flow reached its limit `{0}` of {1} {2}; raise it with --limit {0}=N if the flow may have more",
            self.limit, self.allowed, self.unit
        )
    }
}

/// Why the host stops a guest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    /// A bound.
    #[error("{0}")]
    Limit(LimitHit),
    /// It waits for something that cannot come.
    #[error(
        "the flow waits for {0}, and nothing that would bring it is scheduled on this embedded chain; add a [[later]] entry to chain.toml or give the wait a deadline"
    )]
    Stalled(String),
    /// The machine's or the network's trouble.
    #[error("{0}")]
    Fault(String),
    /// Somebody outside ended it.
    #[error("the run was cancelled")]
    Cancelled,
}
