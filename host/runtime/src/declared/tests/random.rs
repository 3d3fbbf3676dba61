//! Properties of random flows and random texts.

use super::{
    flow, step,
    world::{Ends, FromRecord, GENESIS, World, block_on, context, emitted, no_busy_loop, run},
};
use crate::declared::{Condition, FlowStep, ProtocolFlow, RetryPolicy};
use proptest::{collection::vec, prelude::*, sample::select};
use solana_sdk::pubkey::Pubkey;
use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};
use valence_door::{BuildError, EmitError, Key, Moment};
use valence_sandbox::{Ending, FlowError, Limits};

const RICH: Key = Key([9; 32]);

fn condition() -> impl Strategy<Value = Condition> {
    let pubkey = || Pubkey::from(RICH).into();
    prop_oneof![
        (0..30_u64).prop_map(move |n| Condition::BalanceGreaterThan { pubkey: pubkey(), lamports: n.into() }),
        (0..30_u64).prop_map(move |n| Condition::BalanceLessThan { pubkey: pubkey(), lamports: n.into() }),
        (0..40_u64).prop_map(|n| Condition::SlotReached(n.into())),
        (1..9_u64).prop_map(|n| Condition::After(Duration::from_secs(n))),
        Just(Condition::AccountChanged { pubkey: Pubkey::from(RICH).into(), since: None }),
        Just(Condition::Custom("x".to_owned())),
    ]
}

fn ends() -> impl Strategy<Value = Ends> {
    prop_oneof![
        3 => Just(Ends::Lands),
        1 => Just(Ends::Fails("no luck")),
        1 => Just(Ends::Refused(EmitError::Build(BuildError::EmptyStep))),
        1 => Just(Ends::Rejected("no")),
    ]
}

fn links(steps: usize) -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        2 => Just(None),
        3 => (0..steps).prop_map(|i| Some(format!("s{i}"))),
        1 => select(vec!["end", "fail"]).prop_map(|name| Some(name.to_owned())),
    ]
}

/// A random graph, which need not be valid.
fn graph() -> impl Strategy<Value = ProtocolFlow> {
    (1..7_usize).prop_flat_map(|many| {
        let each = (links(many), links(many), vec(condition(), 0..3));
        (vec(each, many), 1..90_u64, 0..2500_u64).prop_map(|(steps, timeout, delay)| {
            let steps = (0..).zip(steps).map(|(i, (on_success, on_failure, conditions))| FlowStep {
                on_success,
                on_failure,
                conditions,
                ..step(&format!("s{i}"))
            });
            let retry_policy = RetryPolicy { delay: Duration::from_millis(delay), ..RetryPolicy::default() };
            ProtocolFlow { timeout: Duration::from_secs(timeout), retry_policy, ..flow(steps.collect()) }
        })
    })
}

/// A graph that the checks let through; most random ones have a step that nobody comes to, so those are dropped first.
fn valid() -> impl Strategy<Value = ProtocolFlow> {
    graph().prop_filter_map("not valid", |mut flow| {
        while let Err(error) = flow.validate() {
            let unreached = error.what.contains("no link leads to this step");
            let place = flow.steps.iter().position(|s| error.what.starts_with(&format!("step `{}`", s.name)))?;
            // A step that goes on in order would then go on elsewhere, which is a graph as well.
            if !unreached || place == 0 {
                return None;
            }
            flow.steps.remove(place);
        }
        Some(flow)
    })
}

fn world() -> impl Strategy<Value = World> {
    let script = proptest::collection::btree_map((0..7_usize).prop_map(|i| format!("s{i}")), vec(ends(), 1..6), 0..7);
    let later = proptest::collection::btree_map(1..60_u64, 0..40_u64, 0..6);
    (script, later, any::<bool>(), 0..2_u32).prop_map(|(script, later, lazily, flickers)| World {
        script: script.into_iter().map(|(name, ends)| (name, VecDeque::from(ends))).collect(),
        later: later.into_iter().map(|(slot, lamports)| (slot, (RICH, lamports))).collect(),
        lamports: BTreeMap::from([(RICH, 10)]),
        lazily,
        flickers,
        ..World::default()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn a_valid_flow_ends_and_its_cycles_let_time_pass(flow in valid(), mut world in world()) {
        // An offer that flickers is for steps with conditions only.
        if flow.steps.iter().any(|s| s.conditions.is_empty()) {
            world.flickers = 0;
        }
        let slots = flow.timeout.as_secs() * 5 / 2 + 3;
        let (ending, world, _) = run(&flow, world, &[], 60);
        let timed_out = matches!(&ending, Ending::Failed(FlowError::Other { code, .. }) if code == "timeout");
        let by_its_links = matches!(&ending, Ending::Done(_) | Ending::Failed(FlowError::Step { .. }));
        prop_assert!(timed_out || by_its_links, "{ending}");
        no_busy_loop(&world);
        // Each step at most once a slot, so there is a bound on what a flow can do until its timeout.
        let most = usize::try_from(slots).unwrap() * flow.steps.len();
        prop_assert!(emitted(&world).len() <= most + 2);
        let slot = world.lock().unwrap().slot;
        prop_assert!(slot <= slots + 2, "slot {slot} of {slots}");
    }

    #[test]
    fn any_attempt_replays_from_its_record(flow in valid(), mut world in world()) {
        world.flickers = 0;
        let world = std::sync::Arc::new(std::sync::Mutex::new(world));
        let first = super::world::episode(&flow, &world, context(&[]));
        let record = world.lock().unwrap().record.iter().cloned().collect();
        let door = FromRecord { record, now: Moment { slot: 0, time: GENESIS } };
        let again = block_on(flow.run(context(&[]), Box::new(door), &Limits::DEFAULT));
        prop_assert_eq!(again.ending, first.ending);
        prop_assert_eq!(again.calls, first.calls);
    }

    #[test]
    fn a_graph_is_refused_only_for_a_step_that_cannot_be_reached_or_cannot_end(flow in graph()) {
        // The same, found by walking: as many rounds as steps reach whatever can be reached.
        let follow = |i: usize| {
            let s = &flow.steps[i];
            let next = if i + 1 < flow.steps.len() { format!("s{}", i + 1) } else { "end".to_owned() };
            [Some(s.on_success.clone().unwrap_or(next)), s.on_failure.clone()]
        };
        let many = flow.steps.len();
        let place = |name: &str| (0..many).find(|i| format!("s{i}") == name);
        let (mut reached, mut ends) = (vec![false; many], vec![false; many]);
        reached[0] = true;
        for _ in 0..=many {
            for i in 0..many {
                for name in follow(i).into_iter().flatten() {
                    match place(&name) {
                        Some(next) => {
                            reached[next] |= reached[i];
                            ends[i] |= ends[next];
                        }
                        None => ends[i] = true,
                    }
                }
            }
        }
        let good = reached.iter().all(|r| *r) && ends.iter().all(|e| *e);
        prop_assert_eq!(flow.validate().is_ok(), good, "{:?}", flow.validate());
    }

    #[test]
    fn every_valid_flow_is_what_it_was_after_being_stored_or_written(flow in valid()) {
        let bytes = flow.to_bytes().unwrap();
        prop_assert_eq!(&ProtocolFlow::from_bytes(&bytes).unwrap(), &flow);
        let json = serde_json::to_string(&flow).unwrap();
        prop_assert_eq!(&ProtocolFlow::parse(&json, "flow.json", &BTreeMap::new()).unwrap(), &flow);
    }

    #[test]
    fn no_text_makes_reading_panic(text in ".{0,300}") {
        for path in ["flow.toml", "flow.json"] {
            let _ = ProtocolFlow::parse(&text, path, &BTreeMap::new());
        }
        let _ = ProtocolFlow::from_bytes(text.as_bytes());
    }

    #[test]
    fn no_change_to_a_file_makes_reading_panic_and_each_refusal_is_one_line(
        changes in vec((0..2000_usize, 0..12_usize, select(vec!["", "\"", "{", "}", "[", "]", "=", "\n", "-1", "param:", "role:x", "true", "99999999999999999999", "é", "0x", "text:", "steps", "end", "{ sol = 1 }"])), 1..4),
    ) {
        let head = include_str!("../file.rs").lines().filter_map(|l| l.strip_prefix("//!"));
        let block = head.skip_while(|l| !l.contains("```toml")).skip(1).take_while(|l| !l.contains("```"));
        let mut text: Vec<char> = block.map(|l| l.strip_prefix(' ').unwrap_or(l)).collect::<Vec<_>>().join("\n").chars().collect();
        for (at, gone, put) in changes {
            let at = at.min(text.len());
            let end = (at + gone).min(text.len());
            text.splice(at..end, put.chars());
        }
        let text: String = text.into_iter().collect();
        let names = BTreeMap::from([("…".to_owned(), Pubkey::default()), ("treasury".to_owned(), Pubkey::default())]);
        if let Err(error) = ProtocolFlow::parse(&text, "flow.toml", &names) {
            prop_assert!(!error.to_string().contains('\n'), "{}", error);
        }
    }
}
