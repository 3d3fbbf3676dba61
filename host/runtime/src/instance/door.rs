//! The door of one instance: it answers every call, records it with its reply, and keeps the flow's time.

use super::{Entry, reply};
use crate::{
    conditions,
    events::{Event, EventKind},
    reading::KEYS,
    runtime::Shared,
    transaction::{fault, prepare_step},
    waiting::{self, Woken},
};
use parking_lot::Mutex;
use solana_sdk::{pubkey::Pubkey, transaction::VersionedTransaction};
use std::{collections::BTreeMap, sync::Arc};
use valence_chain::{Chain, ChainError};
use valence_door::{
    Answer, ChainFault, Condition, Deadline, Door, Excess, Few, HostCall, HostReply, Level, Moment, Reason,
    SimulateError, Snapshot, Step, Stop, Wake, WatchError,
};
use valence_journal::{EntryError, Journal, Stamp};
use valence_sandbox::{Limit, Limits};

/// Filters in one query.
const FILTERS: usize = 8;

/// What outlives the door: the journal, which the run reads when the sandbox is gone.
pub(super) type Recorder = Arc<Mutex<Journal<Entry>>>;

/// The door of one episode of one instance.
pub(super) struct InstanceDoor {
    pub shared: Arc<Shared>,
    pub chain: Arc<dyn Chain>,
    pub journal: Recorder,
    pub limits: Limits,
    pub instance: String,
    pub episode: u32,
    pub roles: BTreeMap<String, Pubkey>,
    pub names: Arc<Mutex<crate::decode::Names>>,
    /// Calls so far; an effect's identity.
    pub calls: u64,
    pub now: Moment,
    /// Whether this episode has waited; one that never does is delayed before the next.
    pub waited: Arc<std::sync::atomic::AtomicBool>,
}

/// Only a record that DAG-CBOR cannot say, or a machine without memory, comes here.
fn broken(error: EntryError) -> Stop {
    Stop::Fault(error.to_string())
}

impl Door for InstanceDoor {
    fn call(&mut self, call: HostCall) -> Answer<'_> {
        self.calls = self.calls.saturating_add(1);
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
                let found = self.shared.addresses.find(&program.into(), &bytes);
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
                self.answered(HostCall::Wait { any_of, deadline }, HostReply::Wait(reply))
            })),
            HostCall::Build(step) => Answer::Later(Box::pin(async move {
                let prepared = prepare_step(&*self.chain, &self.shared.addresses, &self.roles, &step).await;
                let reply = prepared.map(|p| Box::new(p.for_flow()));
                self.answered(HostCall::Build(step), HostReply::Build(reply))
            })),
            HostCall::Simulate { wire } => Answer::Later(Box::pin(async move {
                let reply = self.simulate(&wire).await;
                self.answered(HostCall::Simulate { wire }, HostReply::Simulate(reply))
            })),
            HostCall::Emit { step, give_up } => Answer::Later(Box::pin(self.emit(step, give_up))),
        }
    }

    fn now(&self) -> Moment {
        self.now
    }
}

impl InstanceDoor {
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

    /// Appends an entry. It is not chained yet: that is the barrier's work.
    pub(super) fn record(&mut self, entry: Entry) -> Result<(), Stop> {
        let stamp = Stamp { slot: self.now.slot, time: self.now.time };
        let mut journal = self.journal.lock();
        journal.append(stamp, entry).map_err(broken)?;
        self.within(&journal)
    }

    /// Makes all entries part of the chain: before anything leaves the process.
    pub(super) fn barrier(&mut self) -> Result<(), Stop> {
        let mut journal = self.journal.lock();
        journal.barrier().map_err(broken)?;
        self.within(&journal)
    }

    fn within(&self, journal: &Journal<Entry>) -> Result<(), Stop> {
        if journal.weight() > self.limits.journal_bytes {
            return Err(Stop::Limit(self.limits.hit(Limit::journal_bytes)));
        }
        Ok(())
    }

    /// Tells subscribers, after a barrier. What nobody hears is not even put into words.
    pub(super) fn tell(&mut self, kind: impl FnOnce(&Self) -> EventKind) -> Result<(), Stop> {
        if !self.shared.bus.heard() {
            return Ok(());
        }
        self.barrier()?;
        let moment = self.chain.moment();
        let kind = kind(self);
        let event = Event { instance: Some(self.instance.clone()), slot: moment.slot, time: moment.unix_time, kind };
        self.shared.bus.publish(event);
        Ok(())
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
        })?;
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
        let read = self.chain.accounts_now(&keys, slice.map(reply::slice))?;
        Some(read.map(snapshot).map_err(|e| fault(e).into()))
    }

    async fn get(
        &self,
        keys: &[valence_door::Key],
        slice: Option<valence_door::Slice>,
    ) -> Result<Snapshot, WatchError> {
        let keys: Vec<Pubkey> = keys.iter().map(|k| (*k).into()).collect();
        // Never older than what the flow has seen already.
        let read = self.chain.accounts(&keys, slice.map(reply::slice), Some(self.now.slot)).await;
        read.map(snapshot).map_err(|e| fault(e).into())
    }

    async fn find(&self, query: &valence_door::ProgramQuery) -> Result<valence_door::Found, WatchError> {
        let found = self.chain.find(&reply::query(query)).await.map_err(|e| match e {
            ChainError::TooMuchData { bytes, limit, .. } => {
                WatchError::TooLarge(Excess { given: bytes, allowed: limit })
            }
            other => fault(other).into(),
        })?;
        let accounts = found.accounts.into_iter().map(|(key, a)| (key.into(), reply::account(a))).collect();
        Ok(valence_door::Found { moment: reply::moment(found.moment), accounts })
    }

    async fn simulate(&self, wire: &[u8]) -> Result<Box<valence_door::Simulation>, SimulateError> {
        let transaction: VersionedTransaction =
            bincode::deserialize(wire).map_err(|e| SimulateError::NotATransaction(e.to_string()))?;
        transaction.sanitize().map_err(|e| SimulateError::NotATransaction(e.to_string()))?;
        let report = self.chain.simulate(&transaction).await.map_err(fault)?;
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
        self.waited.store(true, std::sync::atomic::Ordering::Relaxed);
        self.learn_holdings(any_of).await;
        self.tell(|door| EventKind::Waiting {
            conditions: any_of.iter().map(|c| conditions::say(c, &door.names.lock())).collect(),
            deadline: deadline.map(|d| match d {
                Deadline::Slot(slot) => format!("slot {slot}"),
                Deadline::Time(time) => format!("time {time}"),
            }),
        })?;
        let (chain, shared) = (self.chain.clone(), self.shared.clone());
        let woken = match waiting::wait(&*chain, &shared.timeline, any_of, deadline).await {
            Ok(woken) => woken,
            // What the chain's description schedules went wrong: that is for whoever wrote it, and not for the flow.
            Err(error @ ChainError::EventFailed { .. }) => return Err(Stop::Fault(error.to_string())),
            Err(error) => return Ok(Err(WatchError::Chain(fault(error)))),
        };
        match woken {
            Woken::By(reason, moment) => {
                self.tell(|door| EventKind::Woken {
                    reason: match &reason {
                        Reason::Deadline => "the deadline passed".to_owned(),
                        Reason::Condition(place) => usize::try_from(*place)
                            .ok()
                            .and_then(|place| any_of.get(place))
                            .map_or_else(String::new, |c| conditions::say(c, &door.names.lock())),
                    },
                })?;
                Ok(Ok(Wake { moment: reply::moment(moment), reason }))
            }
            Woken::Never => {
                let names = self.names.lock();
                let all: Vec<String> = any_of.iter().map(|c| conditions::say(c, &names)).collect();
                Err(Stop::Stalled(if all.is_empty() {
                    "a deadline out of reach".to_owned()
                } else {
                    all.join(", or ")
                }))
            }
        }
    }

    /// So that conditions on token accounts can be said with decimals and the token's name.
    async fn learn_holdings(&self, any_of: &[Condition]) {
        if !self.shared.bus.heard() {
            return;
        }
        let accounts = any_of.iter().filter_map(|c| match c {
            Condition::TokenAmountAbove { key, .. } | Condition::TokenAmountBelow { key, .. } => Some((*key).into()),
            _ => None,
        });
        crate::decode::learn(&*self.chain, &self.names, accounts.collect()).await;
    }

    /// The id of the present call's effect.
    pub(super) fn proposal(&self) -> String {
        let mut text = self.instance.clone().into_bytes();
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
        let view = waiting::look(&*self.chain, conditions).await.map_err(fault)?;
        let not = (0u32..).zip(conditions).find(|(_, c)| !conditions::holds(c, &view)).map(|(place, _)| place);
        Ok((conditions::first_that_holds(conditions, &view), not))
    }

    /// The step as it is tried: what it leaves to the host is filled in.
    pub(super) fn attempts(&self, step: &Step) -> u32 {
        match step.retry.max_attempts {
            0 => self.shared.config.max_retries.max(1),
            some => some,
        }
    }
}

fn snapshot(read: valence_chain::Snapshot) -> Snapshot {
    Snapshot {
        moment: reply::moment(read.moment),
        accounts: read.accounts.into_iter().map(|a| a.map(reply::account)).collect(),
    }
}
