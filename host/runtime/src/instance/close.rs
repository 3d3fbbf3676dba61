//! What an ending means: the instance is over, its next episode begins, or it stops and can go on. Whatever it is, it is on
//! record and durable before anybody hears of it.

use super::{Command, Entry, Live, Resumed, attempt::Ended, door::Recorder, report::outcome};
use crate::{
    events::{EventKind, Use},
    orchestrator::with,
    watches::Woken,
};
use parking_lot::Mutex;
use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::sync::watch;
use valence_door::{Bytes, Deadline, Stop};
use valence_journal::{Change, Instance as Row, Journal, JournalId, Resume, Stamp};
use valence_sandbox::{Ending, FlowError};

/// Slots before the next episode of a flow that ended one without waiting: a loop of episodes is no busy loop.
pub(crate) const EPISODE_DELAY: u64 = 5;

/// What comes after an attempt.
pub(super) enum Next {
    /// The next episode.
    Episode,
    /// Nothing, here.
    Leave,
}

/// What becomes of the instance.
enum Fate {
    /// It is over, in this state.
    Over(&'static str),
    /// Its next episode begins with what it left.
    Next(Vec<u8>),
    /// Its new version does not take the state: back to the one before, paused.
    Back(String),
    /// It stops until somebody looks.
    Pause(&'static str),
    /// It goes on by itself, later, from this state.
    Later(&'static str),
}

impl Live {
    fn fate(&self) -> Fate {
        match &self.report.ending {
            Ending::Done(_) => Fate::Over("completed"),
            Ending::Continue(state) => Fate::Next(state.clone()),
            Ending::Failed(FlowError::State { message }) if self.trial.is_some() => Fate::Back(message.clone()),
            Ending::Failed(_) | Ending::Trapped(_) => Fate::Over("failed"),
            Ending::Stopped(Stop::Cancelled) => Fate::Over("cancelled"),
            Ending::Stopped(Stop::Stalled(_)) => Fate::Later("waiting"),
            Ending::Stopped(Stop::Fault(_) | Stop::Suspended) => Fate::Later("pending"),
            Ending::Stopped(Stop::Limit(_)) => Fate::Pause("limit"),
            Ending::Stopped(Stop::Diverged(_)) => Fate::Pause("diverged"),
            Ending::Stopped(Stop::Exhausted { .. }) => Fate::Pause("exhausted"),
            Ending::Stopped(Stop::Ahead { .. }) => Fate::Pause("ahead"),
            Ending::Stopped(Stop::Paused(_)) => Fate::Pause("operator"),
        }
    }

    /// Closes an attempt.
    pub(super) async fn close(&mut self, ended: Ended, journal: Recorder) -> Next {
        let Ended { finished, waited } = ended;
        let report = &mut self.report;
        report.fuel = self.fuel_before.saturating_add(finished.fuel);
        report.memory = report.memory.max(finished.memory);
        report.running = report.running.saturating_add(finished.running);
        report.episodes = self.episode.saturating_add(1);
        report.ending = finished.ending;
        let fate = self.fate();
        self.write(&fate, &journal, finished.fuel).await;
        let Fate::Next(state) = fate else { return Next::Leave };
        if let Ending::Stopped(_) = self.report.ending {
            // It could not be written.
            return Next::Leave;
        }
        self.before = self.report.head;
        self.state = Some(state);
        self.episode = self.episode.saturating_add(1);
        self.fuel_before = self.report.fuel;
        self.trial = None;
        self.upgrade().await;
        self.rest_until = (!waited).then(|| self.ended_in.saturating_add(EPISODE_DELAY));
        Next::Episode
    }

    /// Puts the end on record, and has subscribers told of it.
    async fn write(&mut self, fate: &Fate, journal: &Recorder, fuel: u64) {
        let shared = self.instance.shared.clone();
        let words = self.report.ending.to_string();
        let outcome = outcome(&self.report.ending);
        let now = millis();
        let end = |value: &[u8]| Entry::End { outcome: outcome.to_owned(), value: Bytes::from(value.to_vec()), fuel };
        let state = |state: &str, detail: &str| Change {
            state: Some(state.to_owned()),
            detail: Some(detail.to_owned()),
            waits: Some(None),
            ..Change::default()
        };
        let (entries, change) = match fate {
            Fate::Over(name) => {
                let over = Change {
                    outcome: Some(outcome.to_owned()),
                    result: Some(words.clone()),
                    ended: Some(Some(now)),
                    ..state(name, "")
                };
                (vec![end(words.as_bytes())], over)
            }
            Fate::Next(left) => (vec![end(left)], Change::default()),
            Fate::Back(message) => {
                let paused = Entry::Paused {
                    reason: "upgrade".to_owned(),
                    message: format!("the new version does not take the state: {message}"),
                    by: String::new(),
                };
                let back = Resumed {
                    by: "host".to_owned(),
                    keep: Some(1),
                    flow: self.trial.as_ref().map(|old| Bytes::from(old.digest().0.to_vec())),
                    ..Resumed::default()
                };
                let change = Change { upgrade: Some(Vec::new()), ..state("paused", &format!("upgrade: {message}")) };
                (vec![paused, Entry::Resumed(Box::new(back))], change)
            }
            Fate::Pause(reason) => {
                let by = match &self.report.ending {
                    Ending::Stopped(Stop::Paused(by)) => by.clone(),
                    _ => String::new(),
                };
                let paused = Entry::Paused { reason: (*reason).to_owned(), message: words.clone(), by };
                (vec![paused], state("paused", &format!("{reason}: {words}")))
            }
            // It waits on, and its row says for what: by that the next host finds it.
            Fate::Later("waiting") => {
                let waits = self.instance.waits.lock().as_ref().and_then(|waits| waits.to_bytes().ok());
                (Vec::new(), Change { waits: Some(waits), ..state("waiting", &words) })
            }
            Fate::Later(name) => (Vec::new(), state(name, &words)),
        };
        let durable = {
            let mut journal = journal.lock();
            let moment = shared.chain.moment();
            let stamp = Stamp { slot: moment.slot, time: moment.unix_time };
            self.ended_in = moment.slot;
            // What cannot be appended shows at the barrier.
            entries.into_iter().for_each(|entry| drop(journal.append(stamp, entry)));
            let mut change = change;
            if !shared.persistent && !matches!(fate, Fate::Next(_)) {
                // In memory nobody takes it up again, unless soon.
                change.ended = Some(Some(now));
            }
            journal.change(change);
            journal.barrier()
        };
        let durable = durable.await;
        if let Err(error) = &durable {
            self.report.ending = Ending::Stopped(Stop::Fault(error.to_string()));
        }
        let journal = journal.lock();
        // The entry that says so, where there is one: an upgrade that is taken back is followed by one more.
        let behind = match fate {
            Fate::Over(_) | Fate::Pause(_) => Some(1),
            Fate::Back(_) => Some(2),
            Fate::Next(_) | Fate::Later(_) => None,
        };
        let entry = behind.filter(|_| durable.is_ok()).map(|behind| journal.entries().saturating_sub(behind));
        self.report.head = journal.head();
        self.report.entries = self.report.entries.saturating_add(journal.entries());
        drop(journal);
        if let (Fate::Later("waiting"), true, Some(waits)) =
            (fate, shared.persistent, self.instance.waits.lock().take())
        {
            shared.watches.restore([(self.instance.number, waits)]);
        }
        self.tell(fate, entry);
    }

    fn tell(&self, fate: &Fate, entry: Option<u64>) {
        let shared = &self.instance.shared;
        if !shared.bus.heard() {
            return;
        }
        let report = &self.report;
        let used = Use {
            fuel: report.fuel,
            memory: report.memory,
            running_us: micros(report.running),
            duration_us: micros(self.begun.elapsed()),
            entries: report.entries,
            head: report.head.map(|head| head.to_string()).unwrap_or_default(),
        };
        let (outcome, result) = (report.outcome(), report.ending.to_string());
        let kind = match fate {
            Fate::Next(_) => return,
            Fate::Over(_) => {
                let success = matches!(report.ending, Ending::Done(_));
                EventKind::FlowCompleted { success, outcome, result, used }
            }
            Fate::Back(_) => EventKind::FlowPaused { outcome: "upgrade", result, used },
            Fate::Pause(_) | Fate::Later(_) => EventKind::FlowPaused { outcome, result, used },
        };
        shared.bus.publish(match entry {
            Some(entry) => self.instance.event_of(self.episode, entry, kind),
            None => self.instance.event(kind),
        });
    }

    /// Takes up the version that an operator gave for the next episode.
    async fn upgrade(&mut self) {
        let shared = &self.instance.shared;
        let row = shared.writer.store().instance(self.instance.number);
        let Some(row) = row.ok().flatten().filter(|row| !row.upgrade.is_empty()) else { return };
        match shared.programs.of(&row.upgrade).await {
            Ok(program) => {
                self.named = Some(with(&row.components, &row.upgrade));
                self.trial = Some(std::mem::replace(&mut self.program, program));
            }
            Err(error) => {
                let message = format!("the upgrade cannot be loaded, so the next episode keeps its version: {error}");
                shared.bus.publish(self.instance.event(EventKind::Warning { message }));
            }
        }
    }

    /// Waits before an episode that comes after one without a wait; why it does not come, if so.
    pub(super) async fn rest(&mut self, commands: &mut watch::Receiver<Command>) -> Option<Stop> {
        let until = Deadline::Slot(self.rest_until.take()?);
        let shared = &self.instance.shared;
        let command = async {
            match commands.wait_for(|c| !matches!(c, Command::None | Command::Park)).await.map(|c| c.clone()) {
                Ok(Command::Cancel(_)) => Stop::Cancelled,
                Ok(Command::Pause(by)) => Stop::Paused(by),
                Ok(_) => Stop::Suspended,
                Err(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            stop = command => Some(stop),
            woken = shared.watches.wait(self.instance.number, &[], Some(&until)) => match woken {
                Ok(Woken::By(..)) => None,
                Ok(Woken::Never) => Some(Stop::Stalled("the next episode".to_owned())),
                Err(error) => Some(Stop::Fault(error.to_string())),
            },
        }
    }

    /// It stopped between two episodes: the one that is over says so.
    pub(super) async fn interrupted(&mut self) {
        let shared = self.instance.shared.clone();
        let row = match shared.writer.store().instance(self.instance.number) {
            Ok(row) => row.unwrap_or_default(),
            Err(error) => {
                self.report.ending = Ending::Stopped(Stop::Fault(error.to_string()));
                return;
            }
        };
        let id = JournalId { instance: self.instance.number, episode: row.episode };
        let journal = Journal::resume(&shared.writer, id, Resume { entries: row.entries, head: row.head, weight: 0 });
        let fate = self.fate();
        self.write(&fate, &Arc::new(Mutex::new(journal)), 0).await;
    }

    /// The row of a new instance.
    pub(super) fn row(&self) -> Row {
        let now = millis();
        Row {
            id: self.instance.number,
            name: self.instance.name.clone(),
            flow: self.instance.flow.to_string(),
            chain: self.instance.shared.home.clone(),
            components: self.program.components(),
            state: "running".to_owned(),
            created: now,
            changed: now,
            ..Row::default()
        }
    }

    pub(super) fn started(&self) -> EventKind {
        let d = self.program.descriptor();
        EventKind::FlowStarted {
            flow: d.id.clone(),
            name: d.name.clone(),
            version: d.version.clone(),
            digest: self.program.digest().to_string(),
            drivers: self.program.drivers().iter().map(|d| d.digest.to_string()).collect(),
            chain: self.instance.shared.chain.name().to_owned(),
            params: self.inputs.params.iter().map(|(name, value)| (name.clone(), value.to_string())).collect(),
            roles: self.inputs.roles.iter().map(|(name, key)| (name.clone(), key.to_string())).collect(),
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Milliseconds since 1970, by the wall clock.
pub(crate) fn millis() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
