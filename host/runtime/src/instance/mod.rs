//! One flow instance.
//!
//! | file | idea |
//! |---|---|
//! | `entry.rs` | what its journal holds |
//! | `program.rs` | what it runs: a component, or a declared flow |
//! | `live.rs` | an instance in memory: its episodes one after the other |
//! | `attempt.rs` | one attempt of an episode, from its beginning to its end, to a wait out of memory, or to a command |
//! | `close.rs` | what an ending means: over, the next episode, a pause |
//! | `door.rs` | its door: every call answered from the record or by the world, recorded and counted |
//! | `past.rs` | the record, as a replay meets it |
//! | `emit.rs`, `tried.rs`, `offer.rs` | the one call with an effect: a step, its tries, how far they have come |
//! | `reply.rs` | what the chain says, as the door says it |
//! | `report.rs` | what a run was |

mod attempt;
mod close;
mod door;
mod emit;
mod entry;
mod live;
mod offer;
mod past;
mod program;
mod reply;
mod report;
mod tried;

pub(crate) use close::{EPISODE_DELAY, millis};
pub use entry::{Entry, Header, Resumed};
pub(crate) use live::{Left, Live};
pub use past::PastError;
pub(crate) use past::{Past, Recalled};
pub(crate) use program::{Declared, Program};
pub use report::RunReport;
pub(crate) use report::outcome;

use crate::{
    conditions,
    decode::Names,
    events::{Event, EventKind, Position},
    runtime::Shared,
    watches::Waits,
};
use parking_lot::Mutex;
use solana_sdk::pubkey::Pubkey;
use std::{collections::BTreeMap, sync::Arc};
use valence_door::Condition;

/// What stays the same of an instance while it is in memory.
pub(crate) struct Instance {
    pub shared: Arc<Shared>,
    /// Its number in the store.
    pub number: u64,
    pub name: String,
    /// The flow's id.
    pub flow: Arc<str>,
    pub roles: BTreeMap<String, Pubkey>,
    pub names: Mutex<Names>,
    /// What it waited for last: where a wait ends with it out of memory, that is where it comes back to.
    pub waits: Mutex<Option<Waits>>,
}

/// What somebody asks of an instance in memory. A later one replaces an earlier one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Command {
    /// Nothing.
    #[default]
    None,
    /// Leave memory, if it waits.
    Park,
    /// Stop where it is until somebody resumes it.
    Pause(String),
    /// Stop for ever.
    Cancel(String),
    /// The host stops.
    Stop,
}

impl Instance {
    /// An event of this instance, now.
    pub(crate) fn event(&self, kind: EventKind) -> Event {
        let moment = self.shared.chain.moment();
        let (instance, flow) = (Some(self.name.clone()), Some(self.flow.clone()));
        Event { instance, flow, at: None, slot: moment.slot, time: moment.unix_time, kind }
    }

    /// The same of an entry, which says so.
    pub(crate) fn event_of(&self, episode: u32, entry: u64, kind: EventKind) -> Event {
        let at = Some(Position { instance: self.number, episode, entry }).filter(|_| kind.is_on_record());
        Event { at, ..self.event(kind) }
    }

    /// Conditions in words.
    pub(crate) fn words(&self, conditions: &[Condition]) -> Vec<String> {
        let names = self.names.lock();
        conditions.iter().map(|c| conditions::say(c, &names)).collect()
    }
}
