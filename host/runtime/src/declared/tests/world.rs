//! A door with a small deterministic world behind it, whose steps end as a script says, and a door that answers from a record.

use crate::declared::ProtocolFlow;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex},
};
use valence_door::{
    Account, Answer, Condition, Deadline, Door, EmitError, Few, HostCall, HostReply, Key, Landed, Moment, Outcome,
    Reason, Snapshot, Step, Stop, Wake,
};
use valence_sandbox::{Context, Ending, Finished, Limits, Value};

/// The time of slot 0.
pub const GENESIS: i64 = 1_000_000;
pub const OWNER: Key = Key([7; 32]);
pub const TOKEN: Key = Key([
    6, 221, 246, 225, 215, 101, 161, 147, 217, 203, 225, 70, 206, 235, 121, 172, 28, 180, 133, 237, 95, 91, 55, 145,
    58, 140, 245, 133, 126, 255, 0, 169,
]);

/// What a step comes to when it is emitted.
#[derive(Clone, Debug)]
pub enum Ends {
    Lands,
    /// Executed and failed: a slot passes.
    Fails(&'static str),
    /// Not even offered: no time passes.
    Refused(EmitError),
    Rejected(&'static str),
    Stops(Stop),
}

#[derive(Debug, Default)]
pub struct World {
    pub slot: u64,
    pub lamports: BTreeMap<Key, u64>,
    /// Balances from that slot on.
    pub later: BTreeMap<u64, (Key, u64)>,
    pub changed: BTreeMap<Key, u64>,
    pub owners: BTreeMap<Key, Key>,
    /// By step; the last one stays.
    pub script: BTreeMap<String, VecDeque<Ends>>,
    /// Calls with their replies, and the time after each.
    pub record: Vec<(HostCall, Result<HostReply, Stop>, Moment)>,
    /// Whether every second answer comes later.
    pub lazily: bool,
    /// Conditions that a wait believes and an offer does not, this many times.
    pub flickers: u32,
}

impl World {
    fn moment(&self) -> Moment {
        Moment { slot: self.slot, time: GENESIS + i64::try_from(self.slot * 2 / 5).unwrap() }
    }

    fn advance(&mut self, slot: u64) {
        self.slot = self.slot.max(slot);
        while let Some(entry) = self.later.first_entry()
            && *entry.key() <= self.slot
        {
            let at = *entry.key();
            let (key, lamports) = entry.remove();
            self.lamports.insert(key, lamports);
            self.changed.insert(key, at);
        }
    }

    fn holds(&self, condition: &Condition) -> bool {
        let of = |key: &Key| self.lamports.get(key).copied();
        match condition {
            Condition::AccountExists(key) => of(key).is_some(),
            Condition::LamportsAbove { key, lamports } => of(key).is_some_and(|n| n > *lamports),
            Condition::LamportsBelow { key, lamports } => of(key).is_none_or(|n| n < *lamports),
            Condition::ChangedSince { key, slot } => self.changed.get(key).is_some_and(|at| at > slot),
            Condition::SlotReached(slot) => self.slot >= *slot,
            Condition::TimeReached(time) => self.moment().time >= *time,
            Condition::DataEquals { .. } | Condition::TokenAmountAbove { .. } | Condition::TokenAmountBelow { .. } => {
                false
            }
        }
    }

    fn wait(&mut self, any_of: &[Condition], deadline: Option<&Deadline>) -> Result<HostReply, Stop> {
        assert!(!any_of.is_empty() || deadline.is_some(), "a wait for nothing");
        loop {
            let woken = |reason| Ok(HostReply::Wait(Ok(Wake { moment: self.moment(), reason })));
            if let Some(place) = any_of.iter().position(|c| self.holds(c)) {
                return woken(Reason::Condition(u32::try_from(place).unwrap()));
            }
            if deadline.is_some_and(|d| match d {
                Deadline::Slot(slot) => self.slot >= *slot,
                Deadline::Time(time) => self.moment().time >= *time,
            }) {
                return woken(Reason::Deadline);
            }
            let by_time = deadline.is_some()
                || any_of.iter().any(|c| matches!(c, Condition::SlotReached(_) | Condition::TimeReached(_)));
            if !by_time && self.later.is_empty() {
                return Err(Stop::Stalled("what never comes".to_owned()));
            }
            self.advance(self.slot + 1);
        }
    }

    fn emit(&mut self, step: &Step, give_up: &[Condition]) -> Result<HostReply, Stop> {
        if self.flickers > 0 {
            self.flickers -= 1;
            let last = u32::try_from(step.conditions.len() - 1).unwrap();
            self.advance(self.slot + 1);
            return Ok(HostReply::Emit(Err(EmitError::Condition(last))));
        }
        if let Some(place) = step.conditions.iter().position(|c| !self.holds(c)) {
            return Ok(HostReply::Emit(Err(EmitError::Condition(u32::try_from(place).unwrap()))));
        }
        if give_up.iter().any(|c| self.holds(c)) {
            return Ok(HostReply::Emit(Ok(Outcome::Withdrawn(0))));
        }
        let script = self.script.entry(step.name.clone()).or_default();
        let ends = if script.len() > 1 { script.pop_front() } else { script.front().cloned() };
        let failure = |message: &str| valence_door::Failure {
            instruction: None,
            custom: None,
            message: message.to_owned(),
            logs: Vec::new(),
        };
        Ok(HostReply::Emit(match ends.unwrap_or(Ends::Lands) {
            Ends::Lands => {
                self.advance(self.slot + 1);
                Ok(Outcome::Landed(Landed {
                    slot: self.slot,
                    proposal: step.name.clone(),
                    signature: None,
                    compute_units: 1,
                    fee: 1,
                }))
            }
            Ends::Fails(message) => {
                self.advance(self.slot + 1);
                Ok(Outcome::Failed(failure(message)))
            }
            Ends::Refused(error) => Err(error),
            Ends::Rejected(why) => Ok(Outcome::Rejected(why.to_owned())),
            Ends::Stops(stop) => return Err(stop),
        }))
    }

    fn answer(&mut self, call: HostCall) -> Result<HostReply, Stop> {
        let reply = match &call {
            HostCall::Wait { any_of, deadline } => self.wait(any_of, deadline.as_ref()),
            HostCall::Emit { step, give_up } => self.emit(step, give_up),
            HostCall::Log { .. } => Ok(HostReply::Log),
            HostCall::Get { keys, .. } => {
                let account = |key: &Key| {
                    let owner = self.owners.get(key).copied()?;
                    let data = bytes::Bytes::new();
                    Some(Account { lamports: 1, owner, data, executable: false, rent_epoch: u64::MAX })
                };
                let accounts: Few<_> = keys.iter().map(account).collect();
                Ok(HostReply::Get(Ok(Snapshot { moment: self.moment(), accounts })))
            }
            HostCall::FindProgramAddress { program, seeds } => {
                let seeds: Vec<&[u8]> = seeds.iter().map(|s| s.as_slice()).collect();
                let (key, bump) = solana_sdk::pubkey::Pubkey::find_program_address(&seeds, &(*program).into());
                Ok(HostReply::FindProgramAddress(Ok((key.into(), bump))))
            }
            other => panic!("an interpreter has no use for {}", other.name()),
        };
        self.record.push((call, reply.clone(), self.moment()));
        reply
    }
}

/// The door to a world that the test keeps.
pub struct ToWorld(pub Arc<Mutex<World>>);

impl Door for ToWorld {
    fn call(&mut self, call: HostCall) -> Answer<'_> {
        let mut world = self.0.lock().unwrap();
        let reply = world.answer(call);
        if world.lazily && world.record.len().is_multiple_of(2) {
            return Answer::Later(Box::pin(async move {
                tokio::task::yield_now().await;
                reply
            }));
        }
        Answer::Ready(reply)
    }

    fn now(&self) -> Moment {
        self.0.lock().unwrap().moment()
    }
}

/// A door that answers from a record, and refuses any call that is not the recorded one.
pub struct FromRecord {
    pub record: VecDeque<(HostCall, Result<HostReply, Stop>, Moment)>,
    pub now: Moment,
}

impl Door for FromRecord {
    fn call(&mut self, call: HostCall) -> Answer<'_> {
        let (recorded, reply, now) = self.record.pop_front().expect("a call after the end of the record");
        assert_eq!(recorded, call, "replay diverged");
        self.now = now;
        Answer::Ready(reply)
    }

    fn now(&self) -> Moment {
        self.now
    }
}

pub fn context(params: &[(&str, Value)]) -> Context {
    Context {
        instance: "flow-0".to_owned(),
        episode: 0,
        params: params.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        roles: vec![("owner".to_owned(), OWNER)],
        state: None,
    }
}

pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

/// One episode.
pub fn episode(flow: &ProtocolFlow, world: &Arc<Mutex<World>>, context: Context) -> Finished {
    block_on(flow.run(context, Box::new(ToWorld(world.clone())), &Limits::DEFAULT))
}

/// A whole run of at most so many episodes; also what ended each.
pub fn run(
    flow: &ProtocolFlow,
    world: World,
    params: &[(&str, Value)],
    most: usize,
) -> (Ending, Arc<Mutex<World>>, usize) {
    let world = Arc::new(Mutex::new(world));
    let mut context = context(params);
    for episodes in 1..=most {
        let finished = episode(flow, &world, context.clone());
        match finished.ending {
            Ending::Continue(state) => {
                context.episode += 1;
                context.state = Some(state);
            }
            ending => return (ending, world, episodes),
        }
    }
    panic!("more than {most} episodes");
}

/// The steps that were emitted, in order, whether or not they landed.
pub fn emitted(world: &Mutex<World>) -> Vec<String> {
    let world = world.lock().unwrap();
    let emits = world.record.iter().filter_map(|(call, _, _)| match call {
        HostCall::Emit { step, .. } => Some(step.name.clone()),
        _ => None,
    });
    emits.collect()
}

/// The names of a record's calls.
pub fn calls(world: &Mutex<World>) -> Vec<&'static str> {
    world.lock().unwrap().record.iter().map(|(call, _, _)| call.name()).collect()
}

/// No step is begun twice in one slot: a cycle always lets time pass.
pub fn no_busy_loop(world: &Mutex<World>) {
    let world = world.lock().unwrap();
    let mut seen = BTreeSet::new();
    let mut slot = 0;
    for (call, reply, moment) in &world.record {
        if let (HostCall::Emit { step, .. }, Ok(HostReply::Emit(result))) = (call, reply)
            && !matches!(result, Err(EmitError::Condition(_)))
        {
            assert!(seen.insert((step.name.clone(), slot)), "step {} twice in slot {slot}", step.name);
        }
        slot = moment.slot;
    }
}
