//! One attempt of an episode: its guest is started from the beginning, calls on record are answered from the record, and it goes
//! on live until it ends, until it waits and leaves memory, or until somebody stops it.

use super::{
    Command, Entry, Live,
    door::{InstanceDoor, Recorder, broken},
    reply,
};
use crate::{events::EventKind, orchestrator::Turn};
use parking_lot::Mutex;
use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::sync::watch;
use valence_door::{Moment, Stop};
use valence_journal::{Change, Journal, JournalError, JournalId, Resume, Stamp};
use valence_sandbox::{Context, Ending, Finished, Gauge, Limit};

/// How an attempt ended.
pub(super) enum Attempted {
    /// So.
    Ended(Ended, Recorder),
    /// It waits, out of memory.
    Parked,
}

/// The end of an attempt.
pub(super) struct Ended {
    pub finished: Finished,
    /// Whether it waited in this episode.
    pub waited: bool,
}

/// An attempt that the host ended before the sandbox could say what it used.
fn stopped(stop: Stop) -> Finished {
    let calls = valence_sandbox::CallCounts::default();
    Finished { ending: Ending::Stopped(stop), fuel: 0, memory: 0, running: Duration::ZERO, calls }
}

impl Live {
    pub(super) async fn attempt(&mut self, turn: Turn, commands: &mut watch::Receiver<Command>) -> Attempted {
        let shared = self.instance.shared.clone();
        let gauge = Arc::new(Gauge::default());
        let waited = Arc::new(AtomicBool::new(false));
        let (journal, began, past) = self.open();
        let end = |finished| {
            let waited = waited.load(Ordering::Relaxed);
            Attempted::Ended(Ended { finished, waited }, journal.clone())
        };
        if past.is_some() {
            if !shared.replays.charge(self.instance.number, self.limits.replay_fuel) {
                return end(stopped(Stop::Limit(self.limits.hit(Limit::replay_fuel))));
            }
            gauge.replaying(true);
        }
        let past = past.map(|past| Arc::new(Mutex::new(past)));
        let door = InstanceDoor {
            instance: self.instance.clone(),
            journal: journal.clone(),
            limits: self.limits.clone(),
            episode: self.episode,
            past: past.clone(),
            gauge: gauge.clone(),
            turn: Some(turn),
            woken: self.woken.take(),
            suspect: std::mem::take(&mut self.crashes) > 0,
            calls: 0,
            weight: journal.lock().weight(),
            now: began,
            waited: waited.clone(),
        };
        let context = Context {
            instance: self.instance.name.clone(),
            episode: self.episode,
            params: self.inputs.params.clone(),
            roles: self.inputs.roles.clone(),
            state: self.state.clone(),
        };
        // Says which instance is in memory should the host die of it.
        let flying = shared.in_flight.begin(self.instance.number);
        let program = self.program.clone();
        let limits = self.limits.clone();
        let left = {
            let mut work = pin!(program.attempt(context, Box::new(door), &limits, &gauge));
            loop {
                let command = tokio::select! {
                    biased;
                    command = next(commands) => command,
                    finished = &mut work => break Some(finished),
                };
                match command {
                    Command::None => {}
                    Command::Park => {
                        if self.park(&journal).await {
                            break None;
                        }
                    }
                    Command::Pause(by) => break Some(stopped(Stop::Paused(by))),
                    Command::Cancel(_) => break Some(stopped(Stop::Cancelled)),
                    Command::Stop => break Some(stopped(Stop::Suspended)),
                }
            }
        };
        drop(flying);
        // What was dropped has said to the gauge what it used.
        shared.replays.used(self.instance.number, gauge.fuel());
        let Some(mut finished) = left else { return Attempted::Parked };
        finished.fuel = gauge.fuel();
        // It ended before it had made all the calls on record.
        if let Some(past) = past
            && matches!(finished.ending, Ending::Done(_) | Ending::Continue(_) | Ending::Failed(_))
            && let Err(stop) = past.lock().left_over()
        {
            finished.ending = Ending::Stopped(stop);
        }
        end(finished)
    }

    /// The journal of this episode, begun or taken up, with the moment at which the episode began.
    fn open(&mut self) -> (Recorder, Moment, Option<super::Past>) {
        let shared = self.instance.shared.clone();
        let id = JournalId { instance: self.instance.number, episode: self.episode };
        if let Some((past, head)) = self.past.take() {
            let from = Resume { entries: past.length, head, weight: 0 };
            let mut journal = Journal::resume(&shared.writer, id, from);
            journal.change(Change { state: Some("running".to_owned()), waits: Some(None), ..Change::default() });
            let began = past.began;
            return (Arc::new(Mutex::new(journal)), began, Some(past));
        }
        let row = self.new.then(|| self.row());
        let mut journal = Journal::create(&shared.writer, id, row);
        if self.episode > 0 {
            let (components, upgrade) = match self.named.take() {
                Some(named) => (Some(named), Some(Vec::new())),
                None => (None, None),
            };
            journal.change(Change { episode: Some(self.episode), components, upgrade, ..Change::default() });
        }
        let moment = shared.chain.moment();
        let began = reply::moment(moment);
        // A header cannot fail to be appended to an empty journal; what its writing meets comes with the next barrier.
        let _ = journal.append(Stamp { slot: began.slot, time: began.time }, Entry::Header(Box::new(self.header())));
        if shared.bus.heard() {
            let kind = if std::mem::take(&mut self.new) || self.episode == 0 {
                self.started()
            } else {
                EventKind::EpisodeStarted { episode: self.episode }
            };
            let event = self.instance.event_of(self.episode, 0, kind);
            let bus = shared.bus.clone();
            journal.then(move |durable: Result<(), &JournalError>| {
                if durable.is_ok() {
                    bus.publish(event);
                }
            });
            journal.flush();
        }
        self.new = false;
        (Arc::new(Mutex::new(journal)), began, None)
    }

    /// Has the instance leave memory, if it waits and was not woken meanwhile. What it waits for is durable first.
    async fn park(&self, journal: &Recorder) -> bool {
        let shared = &self.instance.shared;
        if shared.watches.waits_of(self.instance.number).is_none() {
            return false;
        }
        // Its row says already what it waits for.
        let durable = journal.lock().barrier();
        durable.await.map_err(broken).is_ok() && shared.watches.park(self.instance.number)
    }
}

/// The next command. Never, where nobody can send one any more.
async fn next(commands: &mut watch::Receiver<Command>) -> Command {
    match commands.changed().await {
        Ok(()) => commands.borrow_and_update().clone(),
        Err(_) => std::future::pending().await,
    }
}
