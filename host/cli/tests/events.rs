//! Subscriptions of an embedding program: filters, and a past that goes on live without a gap and without a double.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};
use support::scripted::{Host, Setup, script};
use valence_runtime::{Event, EventClass, EventFilter, EventKind, Events, Pace, Position, RunRequest, Since};

fn named(text: &str, name: &str) -> RunRequest {
    RunRequest { instance: Some(name.to_owned()), ..script(text) }
}

/// All that is left of a subscription whose runtime has stopped.
async fn rest(mut events: Events) -> Vec<Arc<Event>> {
    let mut all = Vec::new();
    while let Some(event) = tokio::time::timeout(Duration::from_secs(60), events.next()).await.unwrap() {
        all.push(event.unwrap());
    }
    all
}

/// The events that stand in journals, by journal, in their order, each with what kind it is.
fn on_record(events: &[Arc<Event>]) -> BTreeMap<u64, Vec<(Position, String)>> {
    let mut all: BTreeMap<u64, Vec<(Position, String)>> = BTreeMap::new();
    for event in events {
        if let Some(at) = event.at {
            let kind = serde_json::to_value(&event.kind).unwrap()["event"].as_str().unwrap().to_owned();
            all.entry(at.instance).or_default().push((at, kind));
        }
    }
    all
}

async fn until_state(host: &Host, name: &str, state: &str) {
    for _ in 0..4000 {
        if host.runtime.execution_status(name).is_ok_and(|row| row.state == state) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    panic!("{name} never becomes {state}");
}

/// Flows before, during and after the moments at which somebody subscribes from the past; all subscriptions, and the one that
/// was there from the start.
async fn busy(folder: Option<&Path>) {
    let setup =
        Setup { pace: Pace::RealTime { slot: Duration::from_millis(4) }, ..Setup::grace(Duration::from_millis(20)) };
    let host = setup.open(folder).await;
    let runtime = &host.runtime;
    let live = runtime.subscribe_to(EventFilter::default()).unwrap();
    let run = |text: &'static str, name: &'static str| runtime.run(&host.flow, named(text, name));
    run("get; log early; pay 3; wait 2; continue; log again; fail", "first").await.unwrap();
    for (text, name) in [
        ("log a; wait 30; log b; pay 2; wait 30; continue; log c; wait 20; pay 1", "long"),
        ("for-change; log changed; wait 100000", "watcher"),
        ("wait 100000", "stopped"),
        ("pay 99999999999", "poor"),
    ] {
        runtime.start_flow(&host.flow, named(text, name)).await.unwrap();
    }
    let from = |from: Since| runtime.subscribe_to(EventFilter { from: Some(from), ..EventFilter::default() }).unwrap();
    // At several moments, among them some in the middle of everything.
    let mut subscriptions = vec![from(Since::Beginning)];
    for _ in 0..6 {
        tokio::time::sleep(Duration::from_millis(37)).await;
        subscriptions.push(from(Since::Beginning));
    }
    let lines = runtime
        .subscribe_to(EventFilter {
            classes: [EventClass::Log].into(),
            instance: Some("long".to_owned()),
            from: Some(Since::Beginning),
            ..EventFilter::default()
        })
        .unwrap();
    let orchestrator = runtime.orchestrator();
    until_state(&host, "poor", "paused").await;
    orchestrator.cancel("stopped", "ann").await.unwrap();
    orchestrator.end_of("long").await.unwrap();
    until_state(&host, "watcher", "waiting").await;
    orchestrator.pause("watcher", "ann").await.unwrap();
    orchestrator.resume("watcher", &valence_runtime::Resume::default(), "bob").await.unwrap();
    run("log late; pay 1", "last").await.unwrap();
    subscriptions.push(from(Since::Beginning));
    runtime.stop().await;
    let all = rest(live).await;
    let expected = on_record(&all);
    for subscription in subscriptions {
        let told = rest(subscription).await;
        let told = on_record(&told);
        assert_eq!(told, expected);
    }
    assert!(expected.len() > if folder.is_some() { 6 } else { 5 }, "all journals: {:?}", expected.keys());
    let lines: Vec<String> = rest(lines)
        .await
        .iter()
        .map(|event| match &event.kind {
            EventKind::Log { message, .. } => message.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(lines, ["a", "b", "c"]);
    let waits = all.iter().filter(|event| matches!(event.kind, EventKind::Waiting { .. }));
    assert!(waits.clone().count() > 3 && waits.clone().all(|event| event.at.is_none()), "waits are told live only");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_past_and_what_follows_are_exactly_all_events_in_memory() {
    busy(None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_past_and_what_follows_are_exactly_all_events_in_a_data_dir() {
    let folder = tempfile::tempdir().unwrap();
    busy(Some(folder.path())).await;
}

#[tokio::test]
async fn the_past_begins_where_it_was_asked_to() {
    let folder = tempfile::tempdir().unwrap();
    let host = Setup::default().open(Some(folder.path())).await;
    let live = host.runtime.subscribe().await;
    host.runtime.run(&host.flow, named("log one; wait 50; log two; pay 1; log three", "first")).await.unwrap();
    host.runtime.run(&host.flow, named("log four", "second")).await.unwrap();
    host.runtime.stop().await;
    let all = rest(live).await;
    host.die().await;
    // Another runtime on the same data dir: all of it is past.
    let host = Setup::default().open(Some(folder.path())).await;
    let middle = all.iter().find(|e| matches!(&e.kind, EventKind::Log { message, .. } if message == "two")).unwrap();
    let ask =
        |from: Since| host.runtime.subscribe_to(EventFilter { from: Some(from), ..EventFilter::default() }).unwrap();
    let asked = [
        ask(Since::Slot(middle.slot)),
        ask(Since::Time(middle.time)),
        ask(Since::After(middle.at.unwrap())),
        ask(Since::Beginning),
    ];
    host.runtime.stop().await;
    let logs = |events: &[Arc<Event>]| -> Vec<String> {
        let line = |event: &Arc<Event>| match &event.kind {
            EventKind::Log { message, .. } => Some(message.clone()),
            _ => None,
        };
        events.iter().filter_map(line).collect()
    };
    let mut said = Vec::new();
    for events in asked {
        said.push(logs(&rest(events).await));
    }
    assert_eq!(said[0], ["two", "three", "four"]);
    assert!(said[1].ends_with(&said[0]), "{said:?}");
    assert_eq!(said[2], ["three"], "behind the entry, of its instance only");
    assert_eq!(said[3], ["one", "two", "three", "four"]);
}

#[tokio::test]
async fn filters_choose_by_flow_instance_account_and_class() {
    let host = Setup::default().open(None).await;
    let runtime = &host.runtime;
    let listen = |filter: EventFilter| runtime.subscribe_to(filter).unwrap();
    let flow = |flow: &str| listen(EventFilter { flow: Some(flow.to_owned()), ..EventFilter::default() });
    let account = |account: &str| listen(EventFilter { account: Some(account.to_owned()), ..EventFilter::default() });
    let spec = valence_runtime::ChainSpec::parse(support::scripted::CHAIN, Path::new(".")).unwrap();
    let friend = spec.names()["friend"].to_string();
    let (ours, others, friends, nobody) = (flow("scripted"), flow("other"), account(&friend), account("nobody"));
    let steps = listen(EventFilter { classes: [EventClass::Step].into(), ..EventFilter::default() });
    let second = listen(EventFilter { instance: Some("second".to_owned()), ..EventFilter::default() });
    runtime.run(&host.flow, named("log hello; pay 4", "first")).await.unwrap();
    runtime.run(&host.flow, named("get", "second")).await.unwrap();
    runtime.stop().await;
    assert!(rest(others).await.is_empty() && rest(nobody).await.is_empty());
    let friends = rest(friends).await;
    assert!(
        friends.len() == 2 && friends.iter().all(|event| event.kind.class() == EventClass::Transaction),
        "{friends:?}"
    );
    assert_eq!(rest(steps).await.len(), 1);
    let second = rest(second).await;
    assert!(second.len() == 2 && second.iter().all(|event| event.instance.as_deref() == Some("second")), "{second:?}");
    assert!(rest(ours).await.len() >= 9);
}
