//! What subscribers see of runs. Each event is also one JSON object; `host/cli/EVENTS.md` documents the schema.
//!
//! Every subscriber has a queue of its own with a bound; one that reads too slowly loses the newest, and is told how many.

use crate::decode::{ShownBalance, ShownInstruction, ShownToken};
use parking_lot::Mutex;
use serde::{Deserialize, Deserializer, Serialize};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::sync::mpsc;

/// Events that a subscriber may have unread: more than one episode's log lines under the default limits.
const QUEUE: usize = 100_000;

/// One of a few words. Not written out where events are read back, for there it would be taken for borrowed text.
type Word = &'static str;

/// All of them.
const WORDS: &[Word] = &[
    "debug", "info", "warn", "error", "done", "continue", "failed", "trapped", "limit", "stalled", "fault", "diverged",
    "exhausted", "ahead", "operator", "upgrade", "quarantine", "suspended", "cancelled",
];

/// A word of an event that another process printed; one that this build does not know is `unknown`.
fn word<'de, D: Deserializer<'de>>(from: D) -> Result<Word, D::Error> {
    let text = String::deserialize(from)?;
    Ok(WORDS.iter().find(|word| **word == text).copied().unwrap_or("unknown"))
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The instance that it happened to; none for the runtime's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
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

/// Where events go.
#[derive(Default)]
pub(crate) struct Bus {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    subscribers: Vec<Subscriber>,
    /// Runs that may still have something to say.
    runs: u64,
    /// Subscriptions end once the last run has.
    closing: bool,
}

/// A run that may still have something to say, until it is dropped.
pub(crate) struct Speaking<'a>(&'a Bus);

impl Drop for Speaking<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.runs = state.runs.saturating_sub(1);
        if state.closing && state.runs == 0 {
            state.subscribers.clear();
        }
    }
}

struct Subscriber {
    queue: mpsc::Sender<Arc<Event>>,
    missed: Arc<AtomicU64>,
}

/// A subscription. Dropping it ends it.
pub struct Events {
    queue: mpsc::Receiver<Arc<Event>>,
    missed: Arc<AtomicU64>,
}

/// A subscriber was too slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} events were lost because they were read too slowly")]
pub struct Lagged(pub u64);

impl Bus {
    pub(crate) fn subscribe(&self) -> Events {
        let (sender, queue) = mpsc::channel(QUEUE);
        let missed = Arc::new(AtomicU64::new(0));
        self.state.lock().subscribers.push(Subscriber { queue: sender, missed: missed.clone() });
        Events { queue, missed }
    }

    /// Whether anybody listens: what nobody sees need not be put into words.
    pub(crate) fn heard(&self) -> bool {
        !self.state.lock().subscribers.is_empty()
    }

    pub(crate) fn publish(&self, event: Event) {
        let event = Arc::new(event);
        self.state.lock().subscribers.retain(|s| match s.queue.try_send(event.clone()) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Full(_)) => {
                s.missed.fetch_add(1, Ordering::Relaxed);
                true
            }
            Err(mpsc::error::TrySendError::Closed(_)) => false,
        });
    }

    /// A run begins to speak.
    pub(crate) fn run(&self) -> Speaking<'_> {
        self.state.lock().runs += 1;
        Speaking(self)
    }

    /// Ends all subscriptions, once those runs that are being cancelled have said so.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        state.closing = true;
        if state.runs == 0 {
            state.subscribers.clear();
        }
    }

    /// Opens again after `close`.
    pub(crate) fn open(&self) {
        self.state.lock().closing = false;
    }
}

impl Events {
    /// The next event; none when the runtime has stopped.
    ///
    /// # Errors
    /// [`Lagged`] once for every gap, before what came after it.
    pub async fn next(&mut self) -> Option<Result<Arc<Event>, Lagged>> {
        match self.lagged() {
            Some(lagged) => Some(Err(lagged)),
            None => self.queue.recv().await.map(Ok),
        }
    }

    /// The next event if there is one already.
    pub fn try_next(&mut self) -> Option<Result<Arc<Event>, Lagged>> {
        match self.lagged() {
            Some(lagged) => Some(Err(lagged)),
            None => self.queue.try_recv().ok().map(Ok),
        }
    }

    /// A gap is told once what came before it has been read.
    fn lagged(&self) -> Option<Lagged> {
        if !self.queue.is_empty() {
            return None;
        }
        match self.missed.swap(0, Ordering::Relaxed) {
            0 => None,
            missed => Some(Lagged(missed)),
        }
    }
}
