//! What subscribers see of runs. Each event is also one JSON object; `host/cli/EVENTS.md` documents the schema.
//!
//! Every subscriber has a queue of its own of 100,000 events; one that reads more slowly loses the newest, and is told how many.
//!
//! | file | idea |
//! |---|---|
//! | `events/bus.rs` | where events go: queues with a bound |
//! | `events/filter.rs` | which events a subscriber wants, and from when on |
//! | `events/past.rs` | events made from journal entries |
//! | `events/follow.rs` | a subscription that begins in the past and goes on without a gap |

mod bus;
mod filter;
mod follow;
mod past;
#[cfg(test)]
mod tests;

pub(crate) use bus::Bus;
pub use bus::{Events, Lagged};
pub(crate) use filter::FlowId;
pub use filter::{EventClass, EventFilter, Position, Since};
pub(crate) use follow::follow;

use crate::decode::{ShownBalance, ShownInstruction, ShownToken};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;

/// One of a few words. Not written out where events are read back, for there it would be taken for borrowed text.
type Word = &'static str;

/// All of them.
const WORDS: &[Word] = &[
    "debug",
    "info",
    "warn",
    "error",
    "done",
    "continue",
    "failed",
    "trapped",
    "limit",
    "stalled",
    "fault",
    "diverged",
    "exhausted",
    "ahead",
    "operator",
    "upgrade",
    "quarantine",
    "suspended",
    "cancelled",
];

/// A word of an event that another process printed; one that this build does not know is `unknown`.
fn word<'de, D: Deserializer<'de>>(from: D) -> Result<Word, D::Error> {
    Ok(word_of(&String::deserialize(from)?))
}

/// The word that this text is; `unknown` if it is none of them.
fn word_of(text: &str) -> Word {
    WORDS.iter().find(|word| **word == text).copied().unwrap_or("unknown")
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The instance that it happened to; none for the runtime's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The id of its flow.
    #[serde(skip)]
    pub flow: FlowId,
    /// The entry that says so; none where no entry does.
    #[serde(skip)]
    pub at: Option<Position>,
    /// The chain's slot.
    pub slot: u64,
    /// The chain's time, in seconds since 1970.
    pub time: i64,
    /// What.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
#[non_exhaustive]
pub enum EventKind {
    /// A flow began.
    FlowStarted {
        /// The flow's id.
        flow: String,
        /// Its name.
        name: String,
        /// Its version.
        version: String,
        /// Its digest, sha2-256 in hex.
        digest: String,
        /// Digests of the drivers composed into it.
        drivers: Vec<String>,
        /// The cluster.
        chain: String,
        /// As given, defaults included.
        params: BTreeMap<String, String>,
        /// Addresses by role.
        roles: BTreeMap<String, String>,
    },
    /// An episode after the first began.
    EpisodeStarted {
        /// Counts from 0.
        episode: u32,
    },
    /// The flow waits.
    Waiting {
        /// Any of these ends it, in words.
        conditions: Vec<String>,
        /// The latest moment, in words.
        #[serde(skip_serializing_if = "Option::is_none")]
        deadline: Option<String>,
    },
    /// The flow goes on.
    Woken {
        /// Why, in words.
        reason: String,
    },
    /// The flow wrote a line.
    Log {
        /// `debug`, `info`, `warn` or `error`.
        #[serde(deserialize_with = "word")]
        level: Word,
        /// The line.
        message: String,
    },
    /// A step became a transaction that signers would get.
    TransactionBuilt(Box<Built>),
    /// It was given to the chain.
    TransactionSubmitted {
        /// The step.
        step: String,
        /// The proposal's id.
        proposal: String,
    },
    /// It is on chain, or failed there.
    TransactionConfirmed {
        /// The step.
        step: String,
        /// The proposal's id.
        proposal: String,
        /// Base58; none where the chain executes unsigned.
        signature: Option<String>,
        /// Consumed.
        compute_units: u64,
        /// In lamports.
        fee: u64,
        /// Lamports that changed.
        balances: Vec<ShownBalance>,
        /// Tokens that changed.
        tokens: Vec<ShownToken>,
        /// The program logs.
        logs: Vec<String>,
        /// Why it failed, if it did.
        error: Option<String>,
    },
    /// A step came to its end.
    FlowStepCompleted {
        /// The step.
        step: String,
        /// Whether it landed.
        success: bool,
        /// In words.
        outcome: String,
    },
    /// The flow came to its end.
    FlowCompleted {
        /// Whether it ended well.
        success: bool,
        /// `done`, `failed`, `trapped` or `cancelled`.
        #[serde(deserialize_with = "word")]
        outcome: Word,
        /// The flow's own words, or why it was stopped.
        result: String,
        /// What it took.
        #[serde(flatten)]
        used: Use,
    },
    /// The flow stopped, and can go on.
    FlowPaused {
        /// `limit`, `exhausted`, `diverged`, `operator`, `upgrade`: until somebody resumes it; `stalled`, `fault`,
        /// `suspended`: until the host goes on with it.
        #[serde(deserialize_with = "word")]
        outcome: Word,
        /// Why, and what to do.
        result: String,
        /// What it took so far.
        #[serde(flatten)]
        used: Use,
    },
    /// An operator did something, or an instance is over: an entry of the host's own journal.
    AuditLog {
        /// `user` or `system`.
        #[serde(deserialize_with = "word")]
        actor: Word,
        /// `cancel`, `pause`, `resume`, `retry`, `upgrade` or `ended`.
        action: String,
        /// The instance.
        about: String,
        /// Who.
        by: String,
        /// More.
        detail: String,
    },
    /// An account that the state monitor watches changed.
    StateUpdate {
        /// The account.
        account: String,
        /// None where it is gone.
        lamports: Option<u64>,
    },
    /// Something is odd.
    Warning {
        /// What, and what to do.
        message: String,
    },
    /// Something is wrong.
    Error {
        /// What, and what to do.
        message: String,
    },
}

/// What a run took.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Use {
    /// Instructions used.
    pub fuel: u64,
    /// The most linear memory, in bytes.
    pub memory: u64,
    /// The flow's own running time, in microseconds.
    pub running_us: u64,
    /// From start to end, in microseconds.
    pub duration_us: u64,
    /// Journal entries.
    pub entries: u64,
    /// The journal's head.
    pub head: String,
}

/// A transaction on offer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Built {
    /// The step.
    pub step: String,
    /// The step's line for the signer.
    pub description: String,
    /// The proposal's id.
    pub proposal: String,
    /// Which try, from 1.
    pub attempt: u32,
    /// The step's instructions, decoded.
    pub instructions: Vec<ShownInstruction>,
    /// Who must sign: addresses, each with its role where it has one; the fee payer first.
    pub signers: Vec<Signer>,
    /// The transaction with zeroed signatures, base64.
    pub transaction: String,
    /// What is signed, base64.
    pub message: String,
    /// The blockhash in it.
    pub blockhash: String,
    /// The last block height at which it may land.
    pub last_valid_block_height: u64,
    /// Measured in the simulation.
    pub compute_units: u64,
    /// What the transaction asks for.
    pub compute_unit_limit: u32,
    /// Micro-lamports per compute unit.
    pub priority_fee: u64,
    /// The whole fee in lamports.
    pub fee: u64,
    /// Lamports that would change.
    pub balances: Vec<ShownBalance>,
    /// Tokens that would change.
    pub tokens: Vec<ShownToken>,
    /// Of the simulation.
    pub logs: Vec<String>,
}

/// Who must sign.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Signer {
    /// The address.
    pub address: String,
    /// Its role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
}
