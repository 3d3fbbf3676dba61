//! A door with the record behind it, and nothing else: what is on record is told, what is not stops the flow.

use crate::instance::{Past, Recalled};
use parking_lot::Mutex;
use std::sync::Arc;
use valence_door::{Answer, Divergence, Door, HostCall, Moment, Stop};

/// What the door saw, read when the flow is gone.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Calls that were answered.
    pub calls: u64,
    /// Whether the flow came to where the record ends.
    pub at_the_end: bool,
}

/// The door.
pub(super) struct RecordDoor {
    pub past: Arc<Mutex<Past>>,
    pub seen: Arc<Mutex<Seen>>,
    pub now: Moment,
    /// The entry that says how the flow ended of itself; after it there is nothing to come.
    pub over: Option<u64>,
}

impl RecordDoor {
    fn answer(&mut self, call: HostCall) -> Result<valence_door::HostReply, Stop> {
        let recalled = self.past.lock().recall(&call)?;
        let mut seen = self.seen.lock();
        match recalled {
            Recalled::Told { reply, moment, .. } => {
                self.now = moment;
                seen.calls = seen.calls.saturating_add(1);
                Ok(reply)
            }
            Recalled::Nothing => match self.over {
                Some(entry) => Err(Stop::Diverged(Box::new(Divergence { entry, recorded: None, made: Some(call) }))),
                None => {
                    seen.at_the_end = true;
                    Err(Stop::Suspended)
                }
            },
            // The same call, and the record does not say yet what came of it.
            Recalled::Open { .. } => {
                seen.calls = seen.calls.saturating_add(1);
                seen.at_the_end = true;
                Err(Stop::Suspended)
            }
        }
    }
}

impl Door for RecordDoor {
    fn call(&mut self, call: HostCall) -> Answer<'_> {
        Answer::Ready(self.answer(call))
    }

    fn now(&self) -> Moment {
        self.now
    }
}
