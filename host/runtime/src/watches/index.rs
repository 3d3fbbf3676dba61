//! The index of waiters: by account, by slot, by time. It is told what changed and answers who is woken and why; what that
//! costs depends on who waits for what changed, and not on how many others wait. It knows no chain, no lock and no task.

#[cfg(test)]
#[path = "index_tests.rs"]
mod tests;

use super::Waits;
use crate::conditions;
use foldhash::fast::RandomState;
use slab::Slab;
use solana_sdk::pubkey::Pubkey;
use std::collections::{BTreeSet, HashMap};
use valence_chain::{Account, Moment, Until};
use valence_door::{Condition, Deadline, Few, Reason};

/// All waiters of a runtime. One million with an account condition and a deadline each take some 300 MB.
#[derive(Default)]
pub(super) struct Index {
    waiters: Slab<Waiter>,
    // Flows choose keys, so the hash is seeded.
    by_instance: HashMap<u64, usize, RandomState>,
    by_account: HashMap<Pubkey, Holders, RandomState>,
    by_slot: BTreeSet<(u64, usize)>,
    by_time: BTreeSet<(i64, usize)>,
}

struct Waiter {
    instance: u64,
    /// The slot at which it came. What is older than that was in the state that it looked at then, and wakes nobody.
    since: u64,
    waits: Waits,
}

/// Who waits for an account: mostly one, for whom the map's entry is to be small.
#[expect(clippy::box_collection, reason = "the box makes all entries smaller, and is there for few")]
enum Holders {
    One(usize),
    Many(Box<BTreeSet<usize>>),
}

/// An account as it is now, for [`Index::woken_by`].
pub(super) struct Seen<'a> {
    pub key: &'a Pubkey,
    pub account: Option<&'a Account>,
}

impl Index {
    pub fn len(&self) -> usize {
        self.waiters.len()
    }

    pub fn accounts(&self) -> usize {
        self.by_account.len()
    }

    pub fn waits_of(&self, instance: u64) -> Option<&Waits> {
        self.waiters.get(*self.by_instance.get(&instance)?).map(|waiter| &waiter.waits)
    }

    /// Room for so many more waiters.
    pub fn reserve(&mut self, more: usize) {
        self.waiters.reserve(more);
        self.by_instance.reserve(more);
        self.by_account.reserve(more);
    }

    /// Adds a waiter; an older one of the same instance is gone. Returns the accounts that nobody waited for before, which
    /// are to be watched from now on.
    pub fn arm(&mut self, instance: u64, since: u64, waits: Waits) -> Vec<Pubkey> {
        debug_assert!(!self.by_instance.contains_key(&instance), "an instance waits once");
        let entry = self.waiters.vacant_entry();
        let place = entry.key();
        let mut fresh = Vec::new();
        for condition in &waits.any_of {
            let Some(key) = conditions::key_of(condition).map(|key| Pubkey::from(*key)) else { continue };
            match self.by_account.entry(key) {
                std::collections::hash_map::Entry::Vacant(vacant) => {
                    vacant.insert(Holders::One(place));
                    fresh.push(key);
                }
                std::collections::hash_map::Entry::Occupied(mut held) => held.get_mut().add(place),
            }
        }
        for until in times(&waits) {
            match until {
                Until::Slot(slot) => self.by_slot.insert((slot, place)),
                Until::Time(time) => self.by_time.insert((time, place)),
            };
        }
        self.by_instance.insert(instance, place);
        entry.insert(Waiter { instance, since, waits });
        fresh
    }

    /// Removes a waiter. Returns the accounts that nobody waits for any more; none where there was no waiter.
    pub fn disarm(&mut self, instance: u64) -> Option<Few<Pubkey>> {
        let place = self.by_instance.remove(&instance)?;
        let Waiter { waits, .. } = self.waiters.try_remove(place)?;
        let mut gone = Few::new();
        for condition in &waits.any_of {
            let Some(key) = conditions::key_of(condition).map(|key| Pubkey::from(*key)) else { continue };
            // A second condition on the same account finds nothing more to remove.
            if self.by_account.get_mut(&key).is_some_and(|holders| holders.remove(place)) {
                self.by_account.remove(&key);
                gone.push(key);
            }
        }
        for until in times(&waits) {
            match until {
                Until::Slot(slot) => self.by_slot.remove(&(slot, place)),
                Until::Time(time) => self.by_time.remove(&(time, place)),
            };
        }
        Some(gone)
    }

    /// Who is woken by these accounts being so at this moment, and by the moment itself; in the order of the instances, each
    /// once, for the first of its conditions that holds, or else for its deadline. `changed` says in which slot an account
    /// last changed. They stay in the index until they are disarmed.
    pub fn woken_by<'a>(
        &self,
        moment: &Moment,
        seen: impl IntoIterator<Item = Seen<'a>>,
        changed: impl Fn(&Pubkey) -> Option<u64>,
    ) -> Vec<(u64, Reason)> {
        // A deadline counts after every condition.
        const DEADLINE: u32 = u32::MAX;
        let mut woken: Vec<(u64, u32)> = Vec::new();
        let mut look = |place: usize, holds: &dyn Fn(&Condition) -> bool, passed: &dyn Fn(&Deadline) -> bool| {
            let Some(waiter) = self.waiters.get(place).filter(|waiter| waiter.since <= moment.slot) else { return };
            let first = (0u32..).zip(&waiter.waits.any_of).find(|(_, condition)| holds(condition));
            let deadline = || waiter.waits.deadline.as_ref().is_some_and(passed).then_some(DEADLINE);
            if let Some(rank) = first.map(|(rank, _)| rank).or_else(deadline) {
                woken.push((waiter.instance, rank));
            }
        };
        for Seen { key, account } in seen {
            let on_it = |condition: &Condition| {
                conditions::key_of(condition).is_some_and(|k| k.0 == key.to_bytes())
                    && conditions::holds_of(condition, account, || changed(key))
            };
            match self.by_account.get(key) {
                Some(Holders::One(place)) => look(*place, &on_it, &|_| false),
                Some(Holders::Many(places)) => places.iter().for_each(|place| look(*place, &on_it, &|_| false)),
                None => {}
            }
        }
        let due = |condition: &Condition| conditions::reached(condition, moment);
        let passed = |deadline: &Deadline| conditions::passed(deadline, moment);
        for (_, place) in self.by_slot.range(..=(moment.slot, usize::MAX)) {
            look(*place, &due, &passed);
        }
        for (_, place) in self.by_time.range(..=(moment.unix_time, usize::MAX)) {
            look(*place, &due, &passed);
        }
        woken.sort_unstable();
        woken.dedup_by_key(|(instance, _)| *instance);
        let reason = |rank| if rank == DEADLINE { Reason::Deadline } else { Reason::Condition(rank) };
        woken.into_iter().map(|(instance, rank)| (instance, reason(rank))).collect()
    }

    /// The nearest moment that anybody waits for by slot or time.
    pub fn nearest(&self, now: &Moment) -> Option<Until> {
        let slot = self.by_slot.first().map(|(slot, _)| Until::Slot(*slot));
        let time = self.by_time.first().map(|(time, _)| Until::Time(*time));
        slot.into_iter().chain(time).min_by_key(|until| slots_away(until, now))
    }

    /// All accounts that anybody waits for, in no order.
    pub fn keys(&self) -> impl Iterator<Item = Pubkey> {
        self.by_account.keys().copied()
    }
}

impl Holders {
    fn add(&mut self, place: usize) {
        match self {
            Holders::One(one) if *one == place => {}
            Holders::One(one) => *self = Holders::Many(Box::new(BTreeSet::from([*one, place]))),
            Holders::Many(places) => {
                places.insert(place);
            }
        }
    }

    /// Whether nobody is left.
    fn remove(&mut self, place: usize) -> bool {
        match self {
            Holders::One(one) => *one == place,
            Holders::Many(places) => {
                places.remove(&place);
                if let (1, Some(one)) = (places.len(), places.first()) {
                    *self = Holders::One(*one);
                }
                false
            }
        }
    }
}

/// The moments at which time alone ends a wait.
fn times(waits: &Waits) -> impl Iterator<Item = Until> {
    let conditions = waits.any_of.iter().filter_map(|condition| match condition {
        Condition::SlotReached(slot) => Some(Until::Slot(*slot)),
        Condition::TimeReached(time) => Some(Until::Time(*time)),
        _ => None,
    });
    conditions.chain(waits.deadline.as_ref().map(|deadline| match deadline {
        Deadline::Slot(slot) => Until::Slot(*slot),
        Deadline::Time(time) => Until::Time(*time),
    }))
}

/// How many slots until then, at 400 ms a slot; only for comparing.
fn slots_away(until: &Until, now: &Moment) -> i128 {
    match until {
        Until::Slot(slot) => i128::from(*slot) - i128::from(now.slot),
        Until::Time(time) => (i128::from(*time) - i128::from(now.unix_time)) * 5 / 2,
    }
}
