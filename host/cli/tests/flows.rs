//! Flows through the embedding API: what the binary does, without the binary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::sync::Arc;
use valence_runtime::{
    Allocation, ChainSpec, Ending, Entry, EventKind, Flow, Inputs, Limits, LocalChain, Pace, RunReport, RunRequest,
    Runtime, RuntimeConfig, RuntimeError, RuntimeOptions, Value, journal,
};

async fn runtime(pace: Pace) -> (Runtime, Arc<Flow>) {
    let folder = support::chain();
    let spec = ChainSpec::load(folder.path().join("chain.toml")).unwrap();
    let names = spec.names();
    let chain = Arc::new(LocalChain::new(spec, pace));
    let options = RuntimeOptions {
        chain: Some(chain),
        names,
        allocation: Some(Allocation::OnDemand),
        ..RuntimeOptions::default()
    };
    let runtime = Runtime::with_options(RuntimeConfig::default(), options).unwrap();
    runtime.start().await.unwrap();
    let component = std::fs::read(support::conformance()).unwrap();
    let flow = runtime.load(&component, &[], &Limits::default()).await.unwrap();
    (runtime, flow)
}

fn request(scenario: &str, params: &[(&str, &str)]) -> RunRequest {
    let mut inputs = Inputs::default();
    inputs.roles.insert("payer".to_owned(), "payer".to_owned());
    inputs.params.insert("scenario".to_owned(), scenario.to_owned());
    inputs.params.extend(params.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())));
    RunRequest { inputs, ..RunRequest::default() }
}

fn done(report: &RunReport) -> String {
    assert!(matches!(report.ending, Ending::Done(_)), "{}", report.ending);
    report.ending.to_string()
}

#[tokio::test]
async fn two_flows_that_wait_for_slots_wake_each_at_its_own() {
    let (runtime, flow) = runtime(Pace::Virtual).await;
    let (far, near) = tokio::join!(
        runtime.run(&flow, request("wait-slot", &[("number", "40")])),
        runtime.run(&flow, request("wait-slot", &[("number", "20")])),
    );
    assert_eq!(done(&near.unwrap()), "condition 0 at slot 20");
    assert_eq!(done(&far.unwrap()), "condition 0 at slot 40");
}

#[tokio::test]
async fn a_flow_that_waits_for_an_account_is_not_passed_over_by_one_that_waits_for_time() {
    for order in [false, true] {
        let (runtime, flow) = runtime(Pace::Virtual).await;
        // The friend's account comes at slot 5. What is read then must be of slot 5 and not of slot 40.
        let slot = request("wait-slot", &[("number", "40")]);
        let account = request("wait-account-exists", &[("key", "friend")]);
        let (first, second) = if order { (slot, account) } else { (account, slot) };
        let mut events = runtime.subscribe().await;
        let (first, second) = tokio::join!(runtime.run(&flow, first), runtime.run(&flow, second));
        let mut ends = [done(&first.unwrap()), done(&second.unwrap())];
        ends.sort();
        assert_eq!(ends, ["condition 0 at slot 40", "condition 0 at slot 5"]);
        // The chain itself had not gone further when the flow was woken.
        runtime.stop().await;
        let mut woken = Vec::new();
        while let Some(event) = events.next().await {
            let event = event.unwrap();
            if let EventKind::Woken { reason } = &event.kind {
                woken.push((event.slot, reason.clone()));
            }
        }
        assert_eq!(woken, [(5, "friend exists".to_owned()), (40, "slot 40 is reached".to_owned())]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_flows_on_many_threads_each_see_every_slot_that_they_wait_for() {
    let (runtime, flow) = runtime(Pace::Virtual).await;
    let runtime = Arc::new(runtime);
    let start = |count: u64| {
        let (runtime, flow) = (runtime.clone(), flow.clone());
        tokio::spawn(async move {
            runtime.run(&flow, request("wait-often", &[("number", &count.to_string())])).await.unwrap()
        })
    };
    let running: Vec<_> = (1..=10).map(|n| (n * 10, start(n * 10))).collect();
    for (count, report) in running {
        let said = done(&report.await.unwrap());
        assert!(said.starts_with(&format!("{count} waits, now at slot ")), "{said}");
    }
}

#[tokio::test]
async fn a_flow_that_waits_for_ever_stalls_though_another_has_ended() {
    let (runtime, flow) = runtime(Pace::Virtual).await;
    let (stuck, fine) = tokio::join!(
        runtime.run(&flow, request("wait-account-exists", &[("key", "stranger")])),
        runtime.run(&flow, request("wait-slot", &[("number", "30")])),
    );
    assert_eq!(stuck.unwrap().outcome(), "stalled");
    assert_eq!(done(&fine.unwrap()), "condition 0 at slot 30");
}

#[tokio::test]
async fn subscribers_see_the_events_of_a_run_in_their_order() {
    let (runtime, flow) = runtime(Pace::Virtual).await;
    let mut events = runtime.subscribe().await;
    let report = runtime.run(&flow, request("emit", &[("key", "friend"), ("number", "1000000")])).await.unwrap();
    runtime.stop().await;
    let mut seen = Vec::new();
    while let Some(event) = events.next().await {
        let event = event.unwrap();
        assert_eq!(event.instance.as_deref(), Some(report.instance.as_str()));
        seen.push(match &event.kind {
            EventKind::FlowStarted { .. } => "started",
            EventKind::TransactionBuilt(_) => "built",
            EventKind::TransactionSubmitted { .. } => "submitted",
            EventKind::TransactionConfirmed { .. } => "confirmed",
            EventKind::FlowStepCompleted { success: true, .. } => "step completed",
            EventKind::FlowCompleted { success: true, used, .. } if used.head == report.head.unwrap().to_string() => {
                "completed"
            }
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(seen, ["started", "built", "submitted", "confirmed", "step completed", "completed"]);
}

#[tokio::test]
async fn the_journal_of_a_run_verifies_and_tells_the_run() {
    let (runtime, flow) = runtime(Pace::Virtual).await;
    let report = runtime.run(&flow, request("emit", &[("key", "friend"), ("number", "1000000")])).await.unwrap();
    let blocks = runtime.journal(&report.instance).unwrap();
    let head = blocks.last().map(journal::Block::cid);
    assert_eq!(head, report.head);
    journal::verify(&blocks, head).unwrap();
    let entries: Vec<Entry> = blocks.iter().map(|block| block.decode::<Entry>().unwrap().body).collect();
    assert_eq!(entries.len() as u64, report.entries);
    let Entry::Header(header) = &entries[0] else { panic!("{:?}", entries[0]) };
    assert_eq!((header.instance.as_str(), header.episode), (report.instance.as_str(), 0));
    assert!(header.params.contains(&("number".to_owned(), Value::Unsigned(1_000_000))));
    let kinds: Vec<&str> = entries.iter().map(journal::Record::kind).filter(|kind| *kind != "call").collect();
    assert_eq!(kinds, ["header", "intent", "built", "executed", "reply", "end"]);
    // Whoever changes one byte of one entry is found out.
    let whole = blocks;
    for place in 0..whole.len() {
        let mut blocks = whole.clone();
        let mut bytes = blocks[place].bytes().to_vec();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        let Ok(changed) = journal::Block::from_bytes(bytes) else { continue };
        blocks[place] = changed;
        assert!(journal::verify(&blocks, head).is_err(), "entry {place}");
    }
}

#[tokio::test]
async fn the_same_run_on_the_same_chain_has_the_same_head() {
    let mut heads = Vec::new();
    for _ in 0..2 {
        let (runtime, flow) = runtime(Pace::Virtual).await;
        heads.push(runtime.run(&flow, request("wait-often", &[("number", "20")])).await.unwrap().head);
    }
    assert_eq!(heads[0], heads[1]);
}

#[tokio::test]
async fn stopping_cancels_a_run_that_waits() {
    let (runtime, flow) = runtime(Pace::RealTime { slot: std::time::Duration::from_millis(5) }).await;
    let run = runtime.run(&flow, request("wait-account-exists", &[("key", "stranger")]));
    let stop = async {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        runtime.stop().await;
    };
    let (report, ()) = tokio::join!(run, stop);
    assert_eq!(report.unwrap().outcome(), "cancelled");
    // Stopped is stopped, until it is started again.
    let refused = runtime.run(&flow, request("clock", &[])).await;
    assert!(matches!(refused, Err(RuntimeError::NotStarted)));
    runtime.start().await.unwrap();
    runtime.run(&flow, request("roles", &[])).await.map(|report| done(&report)).unwrap();
}

#[tokio::test]
async fn limits_above_the_operator_s_are_refused_before_anything_runs() {
    let (runtime, flow) = runtime(Pace::Virtual).await;
    let limits = Limits { fuel: Limits::DEFAULT.fuel + 1, ..Limits::DEFAULT };
    let refused = runtime.run(&flow, RunRequest { limits: Some(limits), ..request("clock", &[]) }).await;
    assert!(matches!(refused, Err(RuntimeError::Limits(_))));
}
