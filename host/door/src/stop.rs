//! What ends a flow's attempt instead of being told to it: a limit stops the guest and never answers it.

use crate::HostCall;
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

/// Where a replay left the record: the flow is another build, the record was changed, or the host has a mistake.
#[derive(Clone, Debug, PartialEq)]
pub struct Divergence {
    /// The number of the entry, from 0.
    pub entry: u64,
    /// The call on record; none where the record says that the flow had ended.
    pub recorded: Option<HostCall>,
    /// The call that was made; none where the flow ended instead.
    pub made: Option<HostCall>,
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let say = |call: &Option<HostCall>| call.as_ref().map_or_else(|| "its end".to_owned(), HostCall::brief);
        let (recorded, made) = (say(&self.recorded), say(&self.made));
        write!(f, "replay diverges at entry {}: on record is {recorded}; now came {made}", self.entry)
    }
}

/// Why the host stops a guest.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
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
    /// Replay met another call than the one on record.
    #[error("{0}")]
    Diverged(Box<Divergence>),
    /// Every try of a step failed; an operator has to look.
    #[error("step `{step}` failed in each of its {attempts} tries; the last: {why}")]
    Exhausted {
        /// The step.
        step: String,
        /// Tries.
        attempts: u32,
        /// How the last one failed.
        why: String,
    },
    /// What has happened is not on record.
    #[error(
        "step `{step}` was executed in slot {slot}, and the journal does not know of it: it has lost its end; see what was executed, then resume to take it as this step, or cancel"
    )]
    Ahead {
        /// The step.
        step: String,
        /// When it was executed.
        slot: u64,
    },
    /// An operator paused it.
    #[error("{0} paused it")]
    Paused(String),
    /// The host stops; the instance goes on with the next one.
    #[error("the host stopped; the instance goes on when it is started again")]
    Suspended,
    /// Somebody outside ended it.
    #[error("the run was cancelled")]
    Cancelled,
}
