//! The orchestrator: who runs, who waits, who is woken, and what operators ask for.
//!
//! | file | idea |
//! |---|---|
//! | `active.rs` | the instances in memory, and who waits for their ends |
//! | `turns.rs` | at most so many run at once, the rest queue fairly |
//! | `warm.rs` | who waits in memory, up to a bound |
//! | `revive.rs` | an instance from the store back into memory |
//! | `recover.rs` | all unfinished instances, when a host starts |
//! | `control.rs` | cancel, pause, resume, retry, upgrade |
//! | `host_journal.rs` | what operators did, and the heads of instances that are over |
//! | `programs.rs` | what instances run, by digest |
//! | `replays.rs` | what rebuilding may burn |
//! | `in_flight.rs` | who was being run when a process died |
//!
//! One instance is in `instance/`, what it waits for in `waiting/`.

mod active;
mod control;
mod host_journal;
mod in_flight;
mod programs;
mod recover;
mod replays;
mod revive;
mod turns;
mod warm;

pub(crate) use active::{Active, Stay};
pub use control::{Resume, Retry};
pub use host_journal::HostEntry;
pub(crate) use host_journal::HostJournal;
pub(crate) use in_flight::InFlight;
pub(crate) use programs::Programs;
pub use recover::Recovered;
pub(crate) use replays::Replays;
pub(crate) use revive::limits as limits_of;
pub(crate) use revive::with;
pub(crate) use turns::{Turn, Turns};
pub(crate) use warm::Warm;

use crate::{
    decode::Names,
    error::RuntimeError,
    inputs::Checked,
    instance::{Instance, Left, Live, Program, RunReport},
    runtime::Shared,
    watches::{Running, Woken},
};
use parking_lot::Mutex;
use std::{sync::Arc, time::Duration};
use valence_door::Stop;
use valence_journal::{Instance as Row, InstanceFilter};
use valence_sandbox::{Ending, Limits};

/// How many instances there may be in memory.
#[derive(Clone, Copy, Debug)]
pub struct Concurrency {
    /// That run at once; the rest queue.
    pub running: usize,
    /// That wait in memory; the rest wait on disk.
    pub warm: usize,
    /// How long one may wait in memory.
    pub grace: Duration,
}

impl Default for Concurrency {
    /// 16 run, 32 wait in memory for at most a minute: together fewer than the 64 slots of the default pool.
    fn default() -> Self {
        Concurrency { running: 16, warm: 32, grace: Duration::from_secs(60) }
    }
}

/// Milliseconds before an instance is tried again that the machine or the network troubled, and at most.
const FAULT_DELAY: Duration = Duration::from_secs(1);

/// The orchestrator of a runtime.
#[derive(Clone)]
pub struct Orchestrator {
    pub(crate) shared: Arc<Shared>,
}

/// An instance that is about to start.
pub(crate) struct Start {
    pub program: Program,
    pub inputs: Checked,
    pub limits: Limits,
    pub names: Names,
    /// None: the flow's id and a number.
    pub name: Option<String>,
    /// None: the next.
    pub number: Option<u64>,
}

impl Orchestrator {
    fn make(&self, start: Start) -> Result<Live, RuntimeError> {
        let shared = &self.shared;
        let number = start.number.unwrap_or_else(|| shared.writer.next_instance());
        let flow: Arc<str> = start.program.descriptor().id.as_str().into();
        let name = match start.name {
            Some(name) if shared.writer.store().instance_named(&name)?.is_some() => {
                return Err(RuntimeError::NameTaken(name));
            }
            Some(name) => name,
            None => format!("{flow}-{number}"),
        };
        let roles = start.inputs.roles.iter().map(|(name, key)| (name.clone(), (*key).into())).collect();
        let names = Mutex::new(start.names);
        let waits = Mutex::default();
        let instance = Arc::new(Instance { shared: shared.clone(), number, name, flow, roles, names, waits });
        let mut live = Live::new(instance, start.program, start.inputs, start.limits);
        live.new = true;
        Ok(live)
    }

    /// Runs a new instance here until it ends or stops; where it leaves memory meanwhile, others go on with it.
    pub(crate) async fn run(&self, start: Start) -> Result<RunReport, RuntimeError> {
        let live = self.make(start)?;
        let (number, name) = (live.instance.number, live.instance.name.clone());
        let end = self.shared.active.end_of(number);
        match self.keep_new(live, self.shared.watches.run()).await {
            Some(report) => Ok(report),
            None => end.await.map_err(|_| RuntimeError::Gone(name)),
        }
    }

    /// Starts a new instance beside this task; its name.
    pub(crate) fn start(&self, start: Start) -> Result<String, RuntimeError> {
        let live = self.make(start)?;
        let name = live.instance.name.clone();
        self.spawn(live);
        Ok(name)
    }

    fn spawn(&self, live: Live) {
        let orchestrator = self.clone();
        let _speaking = self.shared.bus.run();
        // Counted from here on, so that virtual time does not pass it over before it has its first turn.
        let running = self.shared.watches.run();
        self.shared.active.spawn(async move { drop(orchestrator.keep_new(live, running).await) });
    }

    async fn keep_new(&self, live: Live, running: Running) -> Option<RunReport> {
        // Nobody else knows its number yet.
        let stay = self.shared.active.enter(live.instance.number, None)?;
        self.keep(live, stay, running).await
    }

    /// Keeps an instance in memory until it ends, stops or waits out of memory (none). It counts as running meanwhile, but
    /// where it waits.
    async fn keep(&self, mut live: Live, mut stay: Stay, running: Running) -> Option<RunReport> {
        let number = live.instance.number;
        let _speaking = self.shared.bus.run();
        let left = live.drive(&mut stay.commands).await;
        let report = match left {
            Left::Parked => {
                self.leave(&stay);
                None
            }
            Left::Here => {
                let report = live.report;
                if report.is_over() {
                    self.shared.replays.forget(number);
                    self.note_end(&report).await;
                }
                if matches!(report.ending, Ending::Stopped(Stop::Fault(_))) && self.shared.persistent {
                    self.again_later(number);
                }
                // First: whoever hears of the end may act on it.
                self.leave(&stay);
                self.shared.active.ended(number, &report);
                Some(report)
            }
        };
        drop(running);
        report
    }

    /// An instance leaves memory; it comes back at once where it was woken or resumed before it had left.
    fn leave(&self, stay: &Stay) {
        if let Some(woken) = self.shared.active.leave(stay) {
            self.revive_beside(stay.instance, woken);
        }
    }

    /// An instance that is out of memory was woken. Called by the pump; virtual time stands still from here on.
    pub(crate) fn woken(&self, number: u64, woken: Woken) {
        self.revive_beside(number, Some(woken));
    }

    /// Brings an instance back beside this task. From here on it counts as running.
    pub(crate) fn revive_beside(&self, number: u64, woken: Option<Woken>) {
        let (orchestrator, running) = (self.clone(), self.shared.watches.run());
        self.shared.active.spawn(async move { orchestrator.revive(number, woken, running).await });
    }

    /// The machine or the network was in trouble: once more, later.
    fn again_later(&self, number: u64) {
        let delay = self.shared.active.fault_delay(number, FAULT_DELAY);
        // Weakly: a runtime that is gone meanwhile is not kept for this.
        let shared = Arc::downgrade(&self.shared);
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            if let Some(shared) = shared.upgrade() {
                Orchestrator { shared }.revive_beside(number, None);
            }
        });
    }

    /// The row of an instance: where it stands.
    ///
    /// # Errors
    /// Where there is none of this name, or it cannot be read.
    pub fn status(&self, instance: &str) -> Result<Row, RuntimeError> {
        let row = self.shared.writer.store().instance_named(instance)?;
        row.ok_or_else(|| RuntimeError::NoInstance(instance.to_owned()))
    }

    /// The rows of instances.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub fn list(&self, filter: &InstanceFilter) -> Result<Vec<Row>, RuntimeError> {
        Ok(self.shared.writer.store().instances(filter)?)
    }

    /// Waits until an instance ends, or stops so that it needs somebody. For one that is over already the report is made from its row.
    ///
    /// # Errors
    /// Where there is none of this name.
    pub async fn end_of(&self, instance: &str) -> Result<RunReport, RuntimeError> {
        let row = self.status(instance)?;
        let end = self.shared.active.end_of(row.id);
        let gone = || RuntimeError::Gone(instance.to_owned());
        // Asked for before looking, so that an end in between is not missed.
        let row = self.status(instance)?;
        if row.ended.is_some() || row.state == "paused" {
            return Ok(revive::report_of(&row));
        }
        end.await.map_err(|_| gone())
    }

    /// How many run, queue for a turn, wait in memory, and wait out of it.
    pub fn counts(&self) -> Counts {
        let shared = &self.shared;
        Counts {
            active: shared.active.len(),
            queued: shared.turns.queued(),
            warm: shared.warm.len(),
            parked: shared.watches.parked(),
        }
    }
}

/// How many instances there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// In memory.
    pub active: usize,
    /// Of these, those that queue for a turn.
    pub queued: usize,
    /// Of these, those that wait.
    pub warm: usize,
    /// That wait out of memory.
    pub parked: usize,
}
