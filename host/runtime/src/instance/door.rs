//! The door of one attempt: a call that is on record is answered from the record, every other one by the world; each is
//! recorded and counted, and the flow's time is kept. What stays between attempts is in `Instance`; effects are in `emit.rs`.

use super::{
    Entry, Instance,
    offer::Offer,
    past::{Past, Recalled},
    reply,
};
use crate::{
    conditions,
    events::EventKind,
    orchestrator::Turn,
    reading::KEYS,
    transaction::{fault, prepare_step},
    watches::{self, Waits, Woken},
};
use parking_lot::Mutex;
use solana_sdk::{pubkey::Pubkey, transaction::VersionedTransaction};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
};
use valence_chain::ChainError;
use valence_door::{
    Answer, ChainFault, Condition, Deadline, Door, Excess, Few, HostCall, HostReply, Level, Moment, Reason,
    SimulateError, Snapshot, Stop, Wake, WatchError,
};
use valence_journal::{Change, Journal, JournalError, Record, Stamp};
use valence_sandbox::{Gauge, Limit, Limits};

/// Filters in one query.
const FILTERS: usize = 8;

/// What outlives the door: the journal, which the run reads when the sandbox is gone.
pub(crate) type Recorder = Arc<Mutex<Journal<Entry>>>;

/// The door of one attempt of one episode.
pub(crate) struct InstanceDoor {
    pub instance: Arc<Instance>,
    pub journal: Recorder,
    pub limits: Limits,
    pub episode: u32,
    /// What is on record, until the world begins.
    pub past: Option<Arc<Mutex<Past>>>,
    pub gauge: Arc<Gauge>,
    /// The right to run; given back while the flow waits.
    pub turn: Option<Turn>,
    /// What woke the instance, when it was out of memory; for the wait that it left at.
    pub woken: Option<Woken>,
    /// The host has died in the company of this instance; the next new entry makes up for it.
    pub suspect: bool,
    /// Calls so far; an effect's identity.
    pub calls: u64,
    /// About how many bytes of journal this episode has.
    pub weight: u64,
    pub now: Moment,
    /// Whether this episode has waited; one that never does is delayed before the next.
    pub waited: Arc<AtomicBool>,
}

/// A record that cannot be written: the machine's trouble.
pub(crate) fn broken(error: impl std::fmt::Display) -> Stop {
    Stop::Fault(error.to_string())
}

impl Door for InstanceDoor {
    fn call(&mut self, call: HostCall) -> Answer<'_> {
        self.calls = self.calls.saturating_add(1);
        if self.past.is_some() {
            match self.recall(&call) {
                Ok(Recalled::Told { reply, .. }) => return Answer::Ready(Ok(reply)),
                Ok(Recalled::Open { entry, proposal, offer, .. }) => {
                    return Answer::Later(Box::pin(self.emit(call, proposal, entry, *offer)));
                }
                // Here the world begins.
                Ok(Recalled::Nothing) => {}
                Err(stop) => return Answer::Ready(Err(stop)),
            }
        }
        match call {
            HostCall::Get { keys, slice } => match self.get_now(&keys, slice.clone()) {
                Some(reply) => Answer::Ready(self.answered(HostCall::Get { keys, slice }, HostReply::Get(reply))),
                None => Answer::Later(Box::pin(async move {
                    let reply = self.get(&keys, slice.clone()).await;
                    self.answered(HostCall::Get { keys, slice }, HostReply::Get(reply))
                })),
            },
            HostCall::FindProgramAddress { program, seeds } => {
                let bytes: Vec<Vec<u8>> = seeds.iter().map(|s| s.to_vec()).collect();
                let found = self.instance.shared.addresses.find(&program.into(), &bytes);
                let found = found.map(|(address, bump)| (address.into(), bump));
                let call = HostCall::FindProgramAddress { program, seeds };
                Answer::Ready(self.answered(call, HostReply::FindProgramAddress(found)))
            }
            HostCall::Log { level, message } => Answer::Ready(self.log(level, message)),
            HostCall::Find(query) => Answer::Later(Box::pin(async move {
                let reply = if query.memcmp.len() > FILTERS {
                    Err(WatchError::TooMany(Excess::new(query.memcmp.len(), FILTERS)))
                } else {
                    self.find(&query).await
                };
                self.answered(HostCall::Find(query), HostReply::Find(reply))
            })),
            HostCall::Wait { any_of, deadline } => Answer::Later(Box::pin(async move {
                let reply = self.wait(&any_of, deadline.as_ref()).await?;
                let reason = reply.as_ref().ok().map(|wake| self.why(&wake.reason, &any_of));
                let reply = self.answered(HostCall::Wait { any_of, deadline }, HostReply::Wait(reply))?;
                if let Some(reason) = reason {
                    self.tell(|_| EventKind::Woken { reason });
                }
                Ok(reply)
            })),
            HostCall::Build(step) => Answer::Later(Box::pin(async move {
                let shared = &self.instance.shared;
                let prepared = prepare_step(&*shared.chain, &shared.addresses, &self.instance.roles, &step).await;
                let reply = prepared.map(|p| Box::new(p.for_flow()));
                self.answered(HostCall::Build(step), HostReply::Build(reply))
            })),
            HostCall::Simulate { wire } => Answer::Later(Box::pin(async move {
                let reply = self.simulate(&wire).await;
                self.answered(HostCall::Simulate { wire }, HostReply::Simulate(reply))
            })),
            call @ HostCall::Emit { .. } => {
                let proposal = self.proposal();
                Answer::Later(Box::pin(async move {
                    let intent = self.journal.lock().entries();
                    self.record(Entry::Intent { proposal: proposal.clone(), call: call.clone() })?;
                    self.emit(call, proposal, intent, Offer::default()).await
                }))
            }
        }
    }

    fn now(&self) -> Moment {
        self.now
    }
}

impl InstanceDoor {
    /// Asks the record, and keeps time and weight as they were.
    fn recall(&mut self, call: &HostCall) -> Result<Recalled, Stop> {
        let Some(past) = &mut self.past else { return Ok(Recalled::Nothing) };
        let recalled = past.lock().recall(call)?;
        match &recalled {
            Recalled::Told { moment, weight, .. } | Recalled::Open { moment, weight, .. } => {
                self.now = *moment;
                self.weight = self.weight.saturating_add(*weight);
            }
            Recalled::Nothing => {}
        }
        match &recalled {
            Recalled::Told { .. } => {
                if matches!(call, HostCall::Wait { .. }) {
                    self.waited.store(true, Ordering::Relaxed);
                }
            }
            Recalled::Open { .. } | Recalled::Nothing => {
                self.past = None;
                self.gauge.replaying(false);
            }
        }
        Ok(recalled)
    }

    /// Records an effect-free call with its reply, and hands the reply over.
    fn answered(&mut self, call: HostCall, reply: HostReply) -> Result<HostReply, Stop> {
        match &reply {
            HostReply::Get(Ok(s)) => self.now = s.moment,
            HostReply::Find(Ok(f)) => self.now = f.moment,
            HostReply::Wait(Ok(w)) => self.now = w.moment,
            HostReply::Simulate(Ok(s)) => self.now = s.moment,
            _ => {}
        }
        self.record(Entry::Call { call, reply: reply.clone() })?;
        Ok(reply)
    }

    /// Appends an entry. It is not durable yet: that is the barrier's work.
    pub(super) fn record(&mut self, entry: Entry) -> Result<(), Stop> {
        self.weight = self.weight.saturating_add(entry.weight());
        let stamp = Stamp { slot: self.now.slot, time: self.now.time };
        let mut journal = self.journal.lock();
        journal.append(stamp, entry).map_err(broken)?;
        if std::mem::take(&mut self.suspect) {
            journal.change(Change { crashes: Some(0), ..Change::default() });
        }
        drop(journal);
        if self.weight > self.limits.journal_bytes {
            return Err(Stop::Limit(self.limits.hit(Limit::journal_bytes)));
        }
        Ok(())
    }

    /// Waits until all entries are durable: before anything leaves the process.
    pub(super) async fn barrier(&mut self) -> Result<(), Stop> {
        let durable = self.journal.lock().barrier();
        durable.await.map_err(broken)
    }

    /// Tells subscribers, once all that was recorded before is durable. What nobody hears is not even put into words.
    pub(super) fn tell(&mut self, kind: impl FnOnce(&Self) -> EventKind) {
        if !self.instance.shared.bus.heard() {
            return;
        }
        let kind = kind(self);
        let bus = self.instance.shared.bus.clone();
        let mut journal = self.journal.lock();
        // It is about the entry that was recorded last.
        let event = self.instance.event_of(self.episode, journal.entries().saturating_sub(1), kind);
        journal.then(move |durable: Result<(), &JournalError>| {
            if durable.is_ok() {
                bus.publish(event);
            }
        });
        journal.flush();
    }

    /// Says in the instance's row what it is doing, with the next entries.
    pub(super) fn becomes(&mut self, change: Change) {
        self.journal.lock().change(change);
    }

    fn log(&mut self, level: Level, message: String) -> Result<HostReply, Stop> {
        self.record(Entry::Call { call: HostCall::Log { level, message: message.clone() }, reply: HostReply::Log })?;
        self.tell(|_| EventKind::Log {
            level: match level {
                Level::Debug => "debug",
                Level::Info => "info",
                Level::Warn => "warn",
                Level::Error => "error",
            },
            message,
        });
        Ok(HostReply::Log)
    }

    fn get_now(
        &self,
        keys: &[valence_door::Key],
        slice: Option<valence_door::Slice>,
    ) -> Option<Result<Snapshot, WatchError>> {
        if keys.len() > KEYS {
            return Some(Err(WatchError::TooMany(Excess::new(keys.len(), KEYS))));
        }
        let keys: Few<Pubkey> = keys.iter().map(|k| (*k).into()).collect();
        let read = self.instance.shared.chain.accounts_now(&keys, slice.map(reply::slice))?;
        Some(read.map(snapshot).map_err(|e| fault(e).into()))
    }

    async fn get(
        &self,
        keys: &[valence_door::Key],
        slice: Option<valence_door::Slice>,
    ) -> Result<Snapshot, WatchError> {
        let keys: Vec<Pubkey> = keys.iter().map(|k| (*k).into()).collect();
        // Never older than what the flow has seen already.
        let read = self.instance.shared.chain.accounts(&keys, slice.map(reply::slice), Some(self.now.slot)).await;
        read.map(snapshot).map_err(|e| fault(e).into())
    }

    async fn find(&self, query: &valence_door::ProgramQuery) -> Result<valence_door::Found, WatchError> {
        let found = self.instance.shared.chain.find(&reply::query(query)).await.map_err(|e| match e {
            ChainError::TooMuchData { bytes, limit, .. } => {
                WatchError::TooLarge(Excess { given: bytes, allowed: limit })
            }
            other => fault(other).into(),
        })?;
        let accounts = found.accounts.into_iter().map(|(key, account)| (key.into(), reply::account(account))).collect();
        Ok(valence_door::Found { moment: reply::moment(found.moment), accounts })
    }

    async fn simulate(&self, wire: &[u8]) -> Result<Box<valence_door::Simulation>, SimulateError> {
        let transaction: VersionedTransaction =
            bincode::deserialize(wire).map_err(|e| SimulateError::NotATransaction(e.to_string()))?;
        transaction.sanitize().map_err(|e| SimulateError::NotATransaction(e.to_string()))?;
        let report = self.instance.shared.chain.simulate(&transaction).await.map_err(fault)?;
        Ok(Box::new(reply::simulation(&report)))
    }

    async fn wait(
        &mut self,
        any_of: &[Condition],
        deadline: Option<&Deadline>,
    ) -> Result<Result<Wake, WatchError>, Stop> {
        if any_of.len() > conditions::MANY {
            return Ok(Err(WatchError::TooMany(Excess::new(any_of.len(), conditions::MANY))));
        }
        if any_of.is_empty() && deadline.is_none() {
            return Ok(Err(WatchError::NothingToWaitFor));
        }
        self.waited.store(true, Ordering::Relaxed);
        if self.woken.is_none() {
            self.learn_holdings(any_of).await;
            self.tell(|door| EventKind::Waiting {
                conditions: door.instance.words(any_of),
                deadline: deadline.map(|d| match d {
                    Deadline::Slot(slot) => format!("slot {slot}"),
                    Deadline::Time(time) => format!("time {time}"),
                }),
            });
        }
        let woken = match self.sleep("waiting", any_of, deadline).await {
            Ok(woken) => woken,
            // What the chain's description schedules went wrong: that is for whoever wrote it, and not for the flow.
            Err(error @ ChainError::EventFailed { .. }) => return Err(Stop::Fault(error.to_string())),
            Err(error) => return Ok(Err(WatchError::Chain(fault(error)))),
        };
        match woken {
            Woken::By(reason, moment) => Ok(Ok(Wake { moment: reply::moment(moment), reason })),
            Woken::Never => {
                let all = self.instance.words(any_of);
                Err(Stop::Stalled(if all.is_empty() {
                    "a deadline out of reach".to_owned()
                } else {
                    all.join(", or ")
                }))
            }
        }
    }

    /// What ended a wait, in words; nothing where nobody hears it.
    fn why(&self, reason: &Reason, any_of: &[Condition]) -> String {
        if !self.instance.shared.bus.heard() {
            return String::new();
        }
        match reason {
            Reason::Deadline => "the deadline passed".to_owned(),
            Reason::Condition(place) => usize::try_from(*place)
                .ok()
                .and_then(|place| any_of.get(place))
                .map_or_else(String::new, |c| conditions::say(c, &self.instance.names.lock())),
        }
    }

    /// Waits until one of these holds. Meanwhile somebody else may run, and the instance may leave memory; then this is the
    /// wait that it comes back to, and what woke it is known.
    pub(super) async fn sleep(
        &mut self,
        state: &str,
        any_of: &[Condition],
        deadline: Option<&Deadline>,
    ) -> Result<Woken, ChainError> {
        if let Some(woken) = self.woken.take() {
            return Ok(woken);
        }
        let instance = self.instance.clone();
        let shared = &instance.shared;
        // Virtual time moves only when what led here is written: else a crash could leave the chain ahead of the journal.
        let mut unwritten = Some(shared.watches.run());
        let mut wait = std::pin::pin!(shared.watches.wait(instance.number, any_of, deadline));
        // What holds already costs no more than the look.
        let ready = std::future::poll_fn(|cx| match wait.as_mut().poll(cx) {
            Poll::Ready(woken) => Poll::Ready(Some(woken)),
            Poll::Pending => Poll::Ready(None),
        });
        if let Some(woken) = ready.await {
            return woken;
        }
        // From here on it can be found by what it waits for, also by the next process.
        let waits = Waits::new(any_of, deadline);
        let bytes = waits.to_bytes().ok();
        *instance.waits.lock() = Some(waits);
        self.becomes(Change {
            state: Some(state.to_owned()),
            detail: Some(instance.words(any_of).join(", or ")),
            waits: Some(bytes),
            ..Change::default()
        });
        let written = self.journal.lock().written();
        tokio::select! {
            biased;
            // Where it fails, the next entry says so.
            _ = written => {}
            woken = &mut wait => return self.awake(woken),
        }
        unwritten.take();
        // The turn is given back with a place in the warm set, so that those in memory have a bound.
        let place = tokio::select! {
            biased;
            woken = &mut wait => Err(woken),
            place = shared.warm.enter(instance.number) => Ok(place),
        };
        let woken = match place {
            Err(woken) => woken,
            Ok(place) => {
                self.turn = None;
                let woken = wait.await;
                drop(place);
                self.turn = Some(shared.turns.take(&instance.flow).await);
                woken
            }
        };
        self.awake(woken)
    }

    fn awake(&mut self, woken: Result<Woken, ChainError>) -> Result<Woken, ChainError> {
        self.becomes(Change {
            state: Some("running".to_owned()),
            detail: Some(String::new()),
            waits: Some(None),
            ..Change::default()
        });
        woken
    }

    /// So that conditions on token accounts can be said with decimals and the token's name.
    async fn learn_holdings(&self, any_of: &[Condition]) {
        if !self.instance.shared.bus.heard() {
            return;
        }
        let accounts = any_of.iter().filter_map(|c| match c {
            Condition::TokenAmountAbove { key, .. } | Condition::TokenAmountBelow { key, .. } => Some((*key).into()),
            _ => None,
        });
        crate::decode::learn(&*self.instance.shared.chain, &self.instance.names, accounts.collect()).await;
    }

    /// The id of the present call's effect.
    fn proposal(&self) -> String {
        let mut text = self.instance.name.clone().into_bytes();
        text.push(0);
        text.extend_from_slice(&self.episode.to_le_bytes());
        text.extend_from_slice(&self.calls.to_le_bytes());
        solana_sdk::hash::hash(&text).to_string()
    }

    /// Whether conditions hold now: the first that does, and the first that does not.
    pub(super) async fn judge(&self, conditions: &[Condition]) -> Result<(Option<u32>, Option<u32>), ChainFault> {
        if conditions.is_empty() {
            return Ok((None, None));
        }
        let view = watches::look(&*self.instance.shared.chain, conditions).await.map_err(fault)?;
        let not = (0u32..).zip(conditions).find(|(_, c)| !conditions::holds(c, &view)).map(|(place, _)| place);
        Ok((conditions::first_that_holds(conditions, &view), not))
    }
}

fn snapshot(read: valence_chain::Snapshot) -> Snapshot {
    Snapshot {
        moment: reply::moment(read.moment),
        accounts: read.accounts.into_iter().map(|a| a.map(reply::account)).collect(),
    }
}
