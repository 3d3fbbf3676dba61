//! What a flow does, call by call.

use super::{
    flow, step,
    world::{
        Ends, FromRecord, GENESIS, OWNER, TOKEN, World, block_on, calls, context, emitted, episode, no_busy_loop, run,
    },
};
use crate::declared::{
    AccountTemplate, Address, Condition, Data, Derivation, Field, Flag, FlowParam, FlowStep, InstructionTemplate,
    ProtocolFlow, Quantity, RetryPolicy, Seat, Text,
};
use solana_sdk::pubkey::Pubkey;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};
use valence_door::{
    self as d, AccountRef, BuildError, Deadline, EmitError, Exhausted, HostCall, Key, Moment, Reason, Stop,
};
use valence_sandbox::{Ending, FlowError, Limits, ParamType, Value};

const RICH: Key = Key([9; 32]);

fn link(name: &str, on_success: Option<&str>, on_failure: Option<&str>) -> FlowStep {
    FlowStep { on_success: on_success.map(str::to_owned), on_failure: on_failure.map(str::to_owned), ..step(name) }
}

fn rich(lamports: u64) -> Condition {
    Condition::BalanceGreaterThan { pubkey: Pubkey::from(RICH).into(), lamports: lamports.into() }
}

fn script(entries: &[(&str, &[Ends])]) -> World {
    let script = entries.iter().map(|(name, ends)| ((*name).to_owned(), ends.iter().cloned().collect::<VecDeque<_>>()));
    World { script: script.collect(), ..World::default() }
}

fn emits(world: &Mutex<World>) -> Vec<d::Step> {
    let world = world.lock().unwrap();
    let emits = world.record.iter().filter_map(|(call, _, _)| match call {
        HostCall::Emit { step, .. } => Some((**step).clone()),
        _ => None,
    });
    emits.collect()
}

#[test]
fn without_links_the_steps_come_in_order_and_then_the_end() {
    let (ending, world, _) = run(&flow(vec![step("a"), step("b"), step("c")]), World::default(), &[], 1);
    assert_eq!(ending, Ending::Done("3 steps landed, the last in slot 3".to_owned()));
    assert_eq!(emitted(&world), ["a", "b", "c"]);
    assert_eq!(calls(&world), ["tx-build.emit"; 3], "a step without conditions waits for nothing");
}

#[test]
fn on_success_goes_to_its_step_and_end_ends() {
    let steps = vec![link("a", Some("c"), Some("b")), link("b", Some("fail"), None), link("c", Some("end"), None)];
    let (ending, world, _) = run(&flow(steps), World::default(), &[], 1);
    assert_eq!(ending, Ending::Done("2 steps landed, the last in slot 2".to_owned()));
    assert_eq!(emitted(&world), ["a", "c"]);
}

#[test]
fn a_step_that_does_not_land_goes_on_with_on_failure_and_fail_tells_the_first_cause() {
    let steps = vec![link("a", Some("end"), Some("b")), link("b", Some("fail"), None)];
    let (ending, world, _) = run(&flow(steps), script(&[("a", &[Ends::Fails("no luck")])]), &[], 1);
    let cause = FlowError::Step { name: "a".to_owned(), message: "no luck".to_owned() };
    assert_eq!(ending, Ending::Failed(cause));
    assert_eq!(emitted(&world), ["a", "b"]);
    let world = world.lock().unwrap();
    let logged = world.record.iter().any(|(call, _, _)| {
        matches!(call, HostCall::Log { message, .. } if message == "step `a` did not land: no luck; going on with `b`")
    });
    assert!(logged, "the operator is told");
}

#[test]
fn a_failure_that_ends_well_says_what_did_not_land() {
    let steps = vec![link("a", None, Some("end"))];
    let (ending, _, _) = run(&flow(steps), script(&[("a", &[Ends::Rejected("too dear")])]), &[], 1);
    let text = "no step landed; step `a`: a signer rejected it: too dear";
    assert_eq!(ending, Ending::Done(text.to_owned()));
}

#[test]
fn without_on_failure_the_flow_fails_with_the_step_and_its_reason() {
    let refused = Ends::Refused(EmitError::Build(BuildError::EmptyStep));
    let (ending, world, _) = run(&flow(vec![step("a"), step("b")]), script(&[("a", &[refused])]), &[], 1);
    let message = "the step has no instruction; give it one".to_owned();
    assert_eq!(ending, Ending::Failed(FlowError::Step { name: "a".to_owned(), message }));
    assert_eq!(emitted(&world), ["a"]);
}

#[test]
fn the_door_is_told_the_policy_and_whether_the_flow_wants_to_hear_of_the_last_failure() {
    let own = RetryPolicy { max_attempts: 5, delay: Duration::from_millis(250), backoff_multiplier: 1.5 };
    let steps = vec![step("a"), FlowStep { retry_policy: Some(own), ..link("b", None, Some("fail")) }];
    let (_, world, _) = run(&flow(steps), World::default(), &[], 1);
    let policies: Vec<_> = emits(&world).into_iter().map(|s| s.retry).collect();
    let default = d::RetryPolicy { max_attempts: 3, delay_ms: 1000, backoff_milli: 2000, exhausted: Exhausted::Pause };
    let own = d::RetryPolicy { max_attempts: 5, delay_ms: 250, backoff_milli: 1500, exhausted: Exhausted::Tell };
    assert_eq!(policies, [default, own]);
}

#[test]
fn a_stop_of_the_door_ends_the_attempt_unchanged() {
    let (ending, world, _) =
        run(&flow(vec![link("a", None, Some("end"))]), script(&[("a", &[Ends::Stops(Stop::Cancelled)])]), &[], 1);
    assert_eq!(ending, Ending::Stopped(Stop::Cancelled));
    assert_eq!(calls(&world), ["tx-build.emit"]);
}

#[test]
fn a_step_waits_for_all_its_conditions_one_at_a_time() {
    let both = vec![rich(5), Condition::SlotReached(20_u64.into())];
    let world = World { later: BTreeMap::from([(10, (RICH, 6))]), ..World::default() };
    let (ending, world, _) = run(&flow(vec![FlowStep { conditions: both, ..step("a") }]), world, &[], 1);
    assert_eq!(ending, Ending::Done("1 step landed, in slot 21".to_owned()));
    assert_eq!(calls(&world), ["account-watch.wait", "account-watch.wait", "tx-build.emit"]);
    let record = &world.lock().unwrap().record;
    let deadline = Some(Deadline::Time(GENESIS + 60));
    let any_of = vec![d::Condition::LamportsAbove { key: RICH, lamports: 5 }];
    assert_eq!(record[0].0, HostCall::Wait { any_of, deadline });
    assert_eq!((record[0].2.slot, record[1].2.slot), (10, 20));
}

#[test]
fn more_is_strictly_more() {
    let exactly = World { lamports: BTreeMap::from([(RICH, 5)]), ..World::default() };
    let (ending, _, _) = run(&flow(vec![FlowStep { conditions: vec![rich(5)], ..step("a") }]), exactly, &[], 1);
    assert!(matches!(ending, Ending::Failed(FlowError::Other { ref code, .. }) if code == "timeout"), "{ending}");
}

#[test]
fn a_condition_that_no_longer_holds_when_the_step_is_offered_is_waited_for_again() {
    let poor = Condition::BalanceLessThan { pubkey: Pubkey::from(RICH).into(), lamports: 1_u64.into() };
    let world = World { flickers: 2, ..World::default() };
    let steps = vec![FlowStep { conditions: vec![Condition::SlotReached(1_u64.into()), poor], ..step("a") }];
    let (ending, world, _) = run(&flow(steps), world, &[], 1);
    assert_eq!(ending, Ending::Done("1 step landed, in slot 4".to_owned()));
    // After an offer that was refused for its second condition, that one is waited for first.
    let waits: Vec<bool> = world
        .lock()
        .unwrap()
        .record
        .iter()
        .filter_map(|(call, _, _)| match call {
            HostCall::Wait { any_of, .. } => Some(matches!(any_of[0], d::Condition::SlotReached(_))),
            _ => None,
        })
        .collect();
    assert_eq!(waits, [true, false, false, true, false, true]);
}

#[test]
fn at_the_timeout_a_waiting_flow_fails_with_timeout_whatever_its_links_say() {
    let steps = vec![FlowStep { conditions: vec![rich(5)], ..link("a", None, Some("end")) }];
    let (ending, world, _) = run(&flow(steps), World::default(), &[], 1);
    let message = "the flow did not end within 60 s of chain time; it was at step `a`".to_owned();
    assert_eq!(ending, Ending::Failed(FlowError::Other { code: "timeout".to_owned(), message }));
    assert_eq!(emitted(&world), [""; 0]);
    assert_eq!(world.lock().unwrap().slot, 150);
}

#[test]
fn an_offer_is_withdrawn_at_the_timeout_and_the_flow_fails_with_timeout() {
    let withdrawn = World { slot: 5, ..World::default() };
    let (ending, world, _) = run(&flow(vec![step("a")]), withdrawn, &[], 1);
    assert!(matches!(ending, Ending::Done(_)));
    let give_up = world.lock().unwrap().record.iter().find_map(|(call, _, _)| match call {
        HostCall::Emit { give_up, .. } => Some(give_up.clone()),
        _ => None,
    });
    assert_eq!(give_up, Some(vec![d::Condition::TimeReached(GENESIS + 2 + 60)]));

    struct Withdraws;
    impl d::Door for Withdraws {
        fn call(&mut self, _: HostCall) -> d::Answer<'_> {
            d::Answer::Ready(Ok(d::HostReply::Emit(Ok(d::Outcome::Withdrawn(0)))))
        }
        fn now(&self) -> Moment {
            Moment::default()
        }
    }
    let steps = flow(vec![link("a", None, Some("end"))]);
    let ending = block_on(steps.run(context(&[]), Box::new(Withdraws), &Limits::DEFAULT)).ending;
    assert!(matches!(ending, Ending::Failed(FlowError::Other { ref code, .. }) if code == "timeout"), "{ending}");
}

#[test]
fn a_custom_condition_fails_closed() {
    let custom = vec![Condition::Custom("oracle-agrees".to_owned())];
    let alone = flow(vec![FlowStep { conditions: custom.clone(), ..step("a") }]);
    let (ending, world, _) = run(&alone, World::default(), &[], 1);
    let Ending::Failed(FlowError::Step { name, message }) = ending else { panic!("{ending}") };
    assert_eq!(name, "a");
    assert_eq!(
        message,
        "no host can judge the custom condition `oracle-agrees`, so it never holds; use a condition that this host has, or a component"
    );
    assert_eq!(calls(&world), [""; 0], "it is neither waited for nor offered");

    let linked = flow(vec![FlowStep { conditions: custom, ..link("a", Some("end"), Some("b")) }, step("b")]);
    let (ending, world, _) = run(&linked, World::default(), &[], 1);
    assert_eq!(ending, Ending::Done("1 step landed, in slot 1".to_owned()));
    assert_eq!(emitted(&world), ["b"]);
}

#[test]
fn relative_conditions_count_from_when_the_flow_came_to_the_step() {
    let changed = Condition::AccountChanged { pubkey: Pubkey::from(RICH).into(), since: None };
    let after = Condition::After(Duration::from_secs(4));
    let steps = vec![step("a"), FlowStep { conditions: vec![changed, after], ..step("b") }];
    // What changed before does not count.
    let world = World { later: BTreeMap::from([(1, (RICH, 1)), (5, (RICH, 2))]), ..World::default() };
    let (_, world, _) = run(&flow(steps), world, &[], 1);
    let conditions = emits(&world).pop().unwrap().conditions;
    let expected = [d::Condition::ChangedSince { key: RICH, slot: 1 }, d::Condition::TimeReached(GENESIS + 4)];
    assert_eq!(conditions, expected);
    assert_eq!(world.lock().unwrap().slot, 11);
}

#[test]
fn a_cycle_lets_time_pass_even_where_nothing_it_does_takes_any() {
    let refused = Ends::Refused(EmitError::Build(BuildError::EmptyStep));
    let steps = vec![link("a", None, Some("a"))];
    for delay in [0, 1500] {
        let retry_policy = RetryPolicy { delay: Duration::from_millis(delay), ..RetryPolicy::default() };
        let again = ProtocolFlow { retry_policy, ..flow(steps.clone()) };
        let (ending, world, episodes) = run(&again, script(&[("a", std::slice::from_ref(&refused))]), &[], 9);
        assert!(matches!(ending, Ending::Failed(FlowError::Other { ref code, .. }) if code == "timeout"), "{ending}");
        no_busy_loop(&world);
        // At most once a slot, or once in two seconds; a new episode after 64 times.
        let times = emitted(&world).len();
        match delay {
            0 => assert!(episodes == 3 && times >= 149, "{episodes} {times}"),
            _ => assert!(episodes == 1 && (29..=31).contains(&times), "{episodes} {times}"),
        }
    }
}

#[test]
fn a_long_cycle_goes_on_in_the_next_episode_with_its_timeout_and_its_counts() {
    let steps = vec![step("a"), link("b", Some("a"), Some("end"))];
    let long = ProtocolFlow { timeout: Duration::from_secs(86_400), ..flow(steps) };
    let lands = vec![Ends::Lands; 99];
    let ends: Vec<Ends> = lands.into_iter().chain([Ends::Fails("enough")]).collect();
    let (ending, world, episodes) = run(&long, script(&[("b", &ends)]), &[], 9);
    assert!(ending.to_string().starts_with("199 steps landed, the last in slot "), "{ending}");
    assert_eq!(episodes, 4);
    let names = emitted(&world);
    assert!(names.chunks(2).all(|pair| pair == ["a", "b"]), "no step is left out or repeated at a boundary");
    let give_ups = world
        .lock()
        .unwrap()
        .record
        .iter()
        .filter_map(|(call, _, _)| match call {
            HostCall::Emit { give_up, .. } => Some(give_up[0].clone()),
            _ => None,
        })
        .collect::<Vec<_>>();
    assert!(give_ups.iter().all(|g| *g == d::Condition::TimeReached(GENESIS + 86_400)));
}

#[test]
fn a_state_that_is_not_this_flows_fails_with_what_is_wrong() {
    let world = Arc::new(Mutex::new(World::default()));
    let fails = |state: &str| {
        let mut context = context(&[]);
        context.state = Some(state.as_bytes().to_vec());
        episode(&flow(vec![step("a")]), &world, context).ending.to_string()
    };
    assert!(fails("nonsense").ends_with("(bad-state)"));
    let gone = fails(r#"{"step":"gone","started":1,"landed":0,"slot":0,"failure":null}"#);
    assert_eq!(gone, "the episode before left at step `gone`, and this flow has none of that name (unknown-step)");
}

#[test]
fn limits_stop_the_flow() {
    let waits = Limits { waits: 1, ..Limits::DEFAULT };
    let proposals = Limits { proposals: 1, ..Limits::DEFAULT };
    let all = Limits { calls: 2, ..Limits::DEFAULT };
    let now = Condition::SlotReached(0_u64.into());
    let steps = flow(vec![
        FlowStep { conditions: vec![now.clone()], ..step("a") },
        FlowStep { conditions: vec![now], ..step("b") },
    ]);
    for (limits, name) in [(waits, "waits"), (proposals, "proposals"), (all, "calls")] {
        let door = super::world::ToWorld(Arc::new(Mutex::new(World::default())));
        let finished = block_on(steps.run(context(&[]), Box::new(door), &limits));
        let Ending::Stopped(Stop::Limit(hit)) = finished.ending else { panic!("{}", finished.ending) };
        assert_eq!(hit.limit, name);
    }
}

#[test]
fn a_reply_to_another_call_is_the_hosts_fault() {
    struct Wrong;
    impl d::Door for Wrong {
        fn call(&mut self, _: HostCall) -> d::Answer<'_> {
            d::Answer::Ready(Ok(d::HostReply::Log))
        }
        fn now(&self) -> Moment {
            Moment::default()
        }
    }
    let ending = block_on(flow(vec![step("a")]).run(context(&[]), Box::new(Wrong), &Limits::DEFAULT)).ending;
    assert!(matches!(ending, Ending::Stopped(Stop::Fault(ref why)) if why.contains("tx-build.emit")), "{ending}");
}

#[test]
fn the_record_of_a_run_replays_to_the_same_end() {
    let steps =
        vec![FlowStep { conditions: vec![rich(5)], ..link("a", None, Some("a")) }, link("b", Some("end"), Some("a"))];
    let mut world = script(&[("a", &[Ends::Fails("once"), Ends::Lands]), ("b", &[Ends::Fails("once"), Ends::Lands])]);
    world.later.insert(7, (RICH, 6));
    world.lazily = true;
    let steps = flow(steps);
    let (ending, world, _) = run(&steps, world, &[], 1);
    let record: VecDeque<_> = world.lock().unwrap().record.iter().cloned().collect();
    let door = FromRecord { record, now: Moment { slot: 0, time: GENESIS } };
    let again = block_on(steps.run(context(&[]), Box::new(door), &Limits::DEFAULT));
    assert_eq!(again.ending, ending);
    assert_eq!(again.calls.proposals, 5);
}

fn fields() -> Data {
    Data(vec![
        Field::Anchor("deposit".to_owned()),
        Field::U8(Quantity::param("count")),
        Field::U64(Quantity::amount_param("amount", 6)),
        Field::I64((-2_i64).into()),
        Field::Bool(Flag::Param("yes".to_owned())),
        Field::Text(Text::Param("memo".to_owned())),
        Field::String(Text::Literal("ab".to_owned())),
        Field::Pubkey(Seat::Role("owner".to_owned())),
    ])
}

fn with_params(mut steps: Vec<FlowStep>, data: Data) -> ProtocolFlow {
    steps[0].instructions[0].data = data;
    let kinds = [
        ("count", ParamType::Unsigned(0, 1000)),
        ("amount", ParamType::Decimal),
        ("yes", ParamType::Boolean),
        ("memo", ParamType::Text(16)),
        ("mint", ParamType::Pubkey),
    ];
    let params = kinds.into_iter().map(|(name, kind)| (name.to_owned(), FlowParam::new(kind))).collect();
    ProtocolFlow { params, ..flow(steps) }
}

fn values(count: u64, amount: &str) -> Vec<(&'static str, Value)> {
    vec![
        ("count", Value::Unsigned(count)),
        ("amount", Value::Decimal(amount.to_owned())),
        ("yes", Value::Boolean(true)),
        ("memo", Value::Text("hi\nyou".to_owned())),
        ("mint", Value::Pubkey(RICH)),
    ]
}

#[test]
fn data_is_put_together_from_literals_params_and_roles() {
    let mut named = with_params(vec![step("a")], fields());
    named.steps[0].description = "Move {amount} for {memo} to {nobody".to_owned();
    named.validate().unwrap();
    let (_, world, _) = run(&named, World::default(), &values(7, "2.5"), 1);
    let step = emits(&world).remove(0);
    // sha256("global:deposit"), as Anchor's clients have it.
    let mut expected = vec![242, 35, 198, 137, 82, 225, 242, 182, 7];
    expected.extend(2_500_000_u64.to_le_bytes());
    expected.extend((-2_i64).to_le_bytes());
    expected.push(1);
    expected.extend(b"hi\nyou\x02\0\0\0ab");
    expected.extend([7; 32]);
    assert_eq!(step.instructions[0].data.as_slice(), expected);
    assert_eq!(step.description, "Move 2.5 for hi you to {nobody");
    assert_eq!(step.fee_payer, "owner");
}

#[test]
fn a_param_that_does_not_fit_is_named_before_any_step_is_taken() {
    let flow = with_params(vec![step("a")], fields());
    for (count, amount, which, why) in [
        (300, "1", "count", "300 does not fit 1 bytes"),
        (1, "0.0000001", "amount", "`0.0000001` is no amount with at most 6 decimals that fits 64 bits"),
        (
            1,
            "99999999999999999999",
            "amount",
            "`99999999999999999999` is no amount with at most 6 decimals that fits 64 bits",
        ),
    ] {
        let (ending, world, _) = run(&flow, World::default(), &values(count, amount), 1);
        let expected = FlowError::Param { name: which.to_owned(), message: why.to_owned() };
        assert_eq!(ending, Ending::Failed(expected));
        assert_eq!(calls(&world), [""; 0]);
    }
}

#[test]
fn accounts_become_the_doors_references() {
    let owner = Seat::Role("owner".to_owned());
    let derivation = Derivation {
        program_id: Pubkey::from(TOKEN).into(),
        seeds: vec![Field::Text(Text::Literal("vault".to_owned())), Field::Pubkey(owner.clone())],
    };
    let mint = Seat::Param("mint".to_owned());
    let mut steps = vec![step("a")];
    steps[0].instructions[0] = InstructionTemplate {
        program_id: Address::TokenProgramOf(mint.clone()),
        accounts: vec![
            AccountTemplate::writable(owner.clone()).signer(),
            AccountTemplate { derivation: Some(derivation.clone()), ..AccountTemplate::default() },
            AccountTemplate::readonly(derivation),
            AccountTemplate::writable(Address::AssociatedToken { wallet: owner, mint: mint.clone() }),
            AccountTemplate::readonly(Address::TokenProgramOf(mint.clone())),
            AccountTemplate::readonly(mint),
        ],
        data: Data::default(),
    };
    let flow = with_params(steps, Data::default());
    flow.validate().unwrap();
    let (_, world, _) = run(&flow, World::default(), &values(1, "1"), 1);
    let instruction = emits(&world).remove(0).instructions.remove(0);
    assert_eq!(instruction.program, d::ProgramRef::TokenProgramOf(RICH));
    let owner = || d::Seat::Role("owner".to_owned());
    let pda = AccountRef::Pda {
        program: TOKEN,
        seeds: vec![d::Seed::Bytes(d::Bytes::from(b"vault".to_vec())), d::Seed::Seat(owner())],
    };
    let accounts: Vec<_> = instruction.accounts.iter().map(|a| (a.account.clone(), a.signer, a.writable)).collect();
    let expected = [
        (AccountRef::Role("owner".to_owned()), true, true),
        (pda.clone(), false, false),
        (pda, false, false),
        (AccountRef::AssociatedToken { wallet: owner(), mint: RICH }, false, true),
        (AccountRef::TokenProgramOf(RICH), false, false),
        (AccountRef::Key(RICH), false, false),
    ];
    assert_eq!(accounts, expected);
    assert_eq!(calls(&world), ["tx-build.emit"], "instructions are derived by the door");
}

#[test]
fn a_condition_on_a_derived_account_is_derived_through_the_door() {
    let owner = Seat::Role("owner".to_owned());
    let mint = Seat::Param("mint".to_owned());
    let held = Condition::AccountExists(Address::AssociatedToken { wallet: owner, mint });
    let seeds = [OWNER.0.as_slice(), &TOKEN.0, &RICH.0];
    let ata: Pubkey = "ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL".parse().unwrap();
    let derived: Key = Pubkey::find_program_address(&seeds, &ata).0.into();
    let steps = vec![FlowStep { conditions: vec![held], ..step("a") }];
    let flow = with_params(steps, Data::default());

    let mut world = World { later: BTreeMap::from([(3, (derived, 1))]), ..World::default() };
    world.owners.insert(RICH, TOKEN);
    let (ending, world, _) = run(&flow, world, &values(1, "1"), 1);
    assert_eq!(ending, Ending::Done("1 step landed, in slot 4".to_owned()));
    let expected = ["account-watch.get", "tx-build.find-program-address", "account-watch.wait", "tx-build.emit"];
    assert_eq!(calls(&world), expected);
    let woken = world.lock().unwrap().record[2].1.clone();
    assert!(matches!(woken, Ok(d::HostReply::Wait(Ok(wake))) if wake.reason == Reason::Condition(0)));

    let (ending, _, _) = run(&flow, World::default(), &values(1, "1"), 1);
    assert!(ending.to_string().starts_with("step `a`: there is no mint at "), "{ending}");
}
