//! The index against a naive evaluation of everything, with random waiters and random updates.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::cast_possible_truncation, clippy::cast_possible_wrap)]

use super::*;
use crate::conditions::View;
use proptest::prelude::*;
use std::collections::BTreeMap;
use valence_door::{Bytes, Key};

fn key(name: u8) -> Key {
    Key([name; 32])
}

fn account(lamports: u64, data: u8) -> Account {
    Account { lamports, data: vec![data].into(), owner: Pubkey::default(), executable: false, rent_epoch: 0 }
}

/// Few accounts, small numbers: so that waiters meet.
fn condition() -> impl Strategy<Value = Condition> {
    let who = (0u8..5).prop_map(key);
    let of = |make: fn(Key, u64) -> Condition| (who.clone(), 0u64..8).prop_map(move |(key, n)| make(key, n));
    prop_oneof![
        of(|key, _| Condition::AccountExists(key)),
        of(|key, n| Condition::DataEquals { key, offset: n % 2, data: Bytes::from(vec![n as u8]) }),
        of(|key, lamports| Condition::LamportsAbove { key, lamports }),
        of(|key, lamports| Condition::LamportsBelow { key, lamports }),
        of(|key, slot| Condition::ChangedSince { key, slot: slot * 4 }),
        (0u64..40).prop_map(Condition::SlotReached),
        (0i64..20).prop_map(Condition::TimeReached),
    ]
}

fn waits() -> impl Strategy<Value = Waits> {
    let deadline = prop_oneof![(0u64..60).prop_map(Deadline::Slot), (0i64..30).prop_map(Deadline::Time)];
    (proptest::collection::vec(condition(), 0..5), proptest::option::of(deadline))
        .prop_map(|(any_of, deadline)| Waits::new(&any_of, deadline.as_ref()))
}

#[derive(Clone, Debug)]
enum Step {
    Arm(u64, Waits),
    Disarm(u64),
    /// Slots on, and what these accounts become.
    Update(u64, BTreeMap<u8, Option<(u64, u8)>>),
}

fn step() -> impl Strategy<Value = Step> {
    let becomes = proptest::option::of((0u64..9, 0u8..9));
    prop_oneof![
        3 => (0u64..12, waits()).prop_map(|(instance, waits)| Step::Arm(instance, waits)),
        1 => (0u64..12).prop_map(Step::Disarm),
        3 => (0u64..3, proptest::collection::btree_map(0u8..5, becomes, 0..4)).prop_map(|(on, to)| Step::Update(on, to)),
    ]
}

/// What wakes a waiter, by looking at all of it.
fn naive(waits: &Waits, view: &View) -> Option<Reason> {
    let moment = view.moment.unwrap();
    super::super::holds_now(&waits.any_of, waits.deadline.as_ref(), view, &moment)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]
    #[test]
    fn an_update_wakes_exactly_those_that_looking_at_everything_would_wake(
        steps in proptest::collection::vec(step(), 1..60),
    ) {
        let mut view = View { moment: Some(Moment { slot: 0, unix_time: 0 }), ..View::default() };
        let (mut index, mut model) = (Index::default(), BTreeMap::<u64, Waits>::new());
        let mut watched = std::collections::BTreeSet::new();
        for step in steps {
            let moment = view.moment.unwrap();
            match step {
                // As `Watches::wait` does: what holds already does not wait.
                Step::Arm(instance, waits) if naive(&waits, &view).is_none() => {
                    for gone in index.disarm(instance).unwrap_or_default() {
                        prop_assert!(watched.remove(&gone));
                    }
                    for fresh in index.arm(instance, moment.slot, waits.clone()) {
                        prop_assert!(watched.insert(fresh));
                    }
                    model.insert(instance, waits);
                }
                Step::Arm(..) => {}
                Step::Disarm(instance) => {
                    let gone = index.disarm(instance);
                    prop_assert_eq!(gone.is_some(), model.remove(&instance).is_some());
                    for gone in gone.unwrap_or_default() {
                        prop_assert!(watched.remove(&gone));
                    }
                }
                Step::Update(on, changed) => {
                    let slot = moment.slot + on + 1;
                    view.moment = Some(Moment { slot, unix_time: slot as i64 * 2 / 5 });
                    for (name, now) in changed.clone() {
                        let key = Pubkey::from(key(name));
                        view.accounts.insert(key, now.map(|(lamports, data)| account(lamports, data)));
                        view.changed_at.insert(key, slot);
                    }
                    let expected: Vec<_> =
                        model.iter().filter_map(|(id, waits)| Some((*id, naive(waits, &view)?))).collect();
                    let names: Vec<Pubkey> = changed.keys().map(|name| key(*name).into()).collect();
                    let seen = names.iter().map(|key| Seen { key, account: view.accounts[key].as_ref() });
                    let woken = index.woken_by(&view.moment.unwrap(), seen, |_| Some(slot));
                    prop_assert_eq!(&woken, &expected);
                    for (instance, _) in woken {
                        model.remove(&instance);
                        for gone in index.disarm(instance).unwrap() {
                            prop_assert!(watched.remove(&gone));
                        }
                    }
                }
            }
            prop_assert_eq!(index.len(), model.len());
            let keys: std::collections::BTreeSet<_> = index.keys().collect();
            prop_assert_eq!(&keys, &watched);
            let wanted = model.values().flat_map(|waits| conditions::keys(&waits.any_of)).collect();
            prop_assert_eq!(keys, wanted);
            // Nobody is left behind a moment that is past.
            let now = view.moment.unwrap();
            prop_assert!(index.nearest(&now).is_none_or(|until| slots_away(&until, &now) > 0));
        }
        for instance in model.into_keys() {
            index.disarm(instance);
        }
        prop_assert!(index.by_account.is_empty() && index.by_instance.is_empty());
        prop_assert!(index.by_slot.is_empty() && index.by_time.is_empty() && index.waiters.is_empty());
    }
}

#[test]
fn a_waiter_is_small() {
    assert!(size_of::<Waiter>() <= 112, "{}", size_of::<Waiter>());
    assert!(size_of::<(Pubkey, Holders)>() <= 48);
}
