//! Instances that leave memory, are recovered, resumed and retried: a host in a folder, stopped and started again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::{path::Path, time::Duration};
use support::scripted::{Host, Setup, build, script};
use valence_runtime::{
    Concurrency, Ending, Entry, Limit, Limits, Pace, Resume, Retry, RunReport, RunRequest, Runtime, Stop,
    journal::Store,
};

fn named(text: &str, name: &str) -> RunRequest {
    RunRequest { instance: Some(name.to_owned()), ..script(text) }
}

fn real() -> Pace {
    Pace::RealTime { slot: Duration::from_millis(5) }
}

async fn lamports(runtime: &Runtime, who: &str) -> u64 {
    let key = valence_runtime::ChainSpec::parse(support::scripted::CHAIN, Path::new(".")).unwrap().names()[who];
    let read = runtime.chain().accounts(&[key], None, None).await.unwrap();
    read.accounts[0].as_ref().unwrap().lamports
}

fn kinds(runtime: &Runtime, instance: &str) -> Vec<String> {
    runtime.journal(instance).unwrap().iter().map(|b| b.kind().to_owned()).collect()
}

#[track_caller]
fn done(report: &RunReport) -> String {
    assert!(matches!(report.ending, Ending::Done(_)), "{}", report.ending);
    report.ending.to_string()
}

async fn end(host: &Host, name: &str) -> RunReport {
    let end = tokio::time::timeout(Duration::from_secs(20), host.runtime.orchestrator().end_of(name)).await;
    end.unwrap_or_else(|_| panic!("no end: {:?}", host.runtime.execution_status(name))).unwrap()
}

async fn until_state(host: &Host, name: &str, state: &str) {
    for _ in 0..2000 {
        if host.runtime.execution_status(name).is_ok_and(|row| row.state == state) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{name} never becomes {state}: {:?}", host.runtime.execution_status(name));
}

#[tokio::test]
async fn a_flow_that_waits_in_vain_is_woken_by_a_later_run_on_the_same_chain() {
    let folder = tempfile::tempdir().unwrap();
    let host = Setup::default().open(Some(folder.path())).await;
    let stuck = host.runtime.run(&host.flow, named("get; for-change; get; pay 5", "stuck")).await.unwrap();
    assert_eq!(stuck.outcome(), "stalled");
    assert_eq!(host.runtime.execution_status("stuck").unwrap().state, "waiting");
    let before = lamports(&host.runtime, "friend").await;
    done(&host.runtime.run(&host.flow, named("pay 100", "waker")).await.unwrap());
    done(&end(&host, "stuck").await);
    assert_eq!(lamports(&host.runtime, "friend").await, before + 105);
    assert_eq!(kinds(&host.runtime, "stuck").iter().filter(|k| *k == "header").count(), 1);
}

#[tokio::test]
async fn a_flow_that_waited_in_vain_is_woken_on_the_next_host_too() {
    let folder = tempfile::tempdir().unwrap();
    let host = Setup::default().open(Some(folder.path())).await;
    let stuck = host.runtime.run(&host.flow, named("for-change; pay 5", "stuck")).await.unwrap();
    assert_eq!(stuck.outcome(), "stalled");
    host.runtime.stop().await;
    drop(host);
    let host = Setup::default().open(Some(folder.path())).await;
    done(&host.runtime.run(&host.flow, script("pay 100")).await.unwrap());
    done(&end(&host, "stuck").await);
    assert_eq!(lamports(&host.runtime, "friend").await, 1_000_000_105);
}

#[tokio::test]
async fn an_instance_goes_on_where_a_stopped_host_left_it() {
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup { pace: real(), ..Setup::default() };
    let host = setup.open(Some(folder.path())).await;
    host.runtime.start_flow(&host.flow, named("get; pay 3; wait 60; pay 4", "a")).await.unwrap();
    until_state(&host, "a", "waiting").await;
    host.runtime.stop().await;
    let entries = host.runtime.journal("a").unwrap();
    drop(host);
    let host = setup.open(Some(folder.path())).await;
    done(&end(&host, "a").await);
    assert_eq!(lamports(&host.runtime, "friend").await, 1_000_000_007);
    let after = host.runtime.journal("a").unwrap();
    assert_eq!(after[..entries.len()], entries[..], "what was durable is unchanged");
    valence_runtime::journal::verify(&after, after.last().map(|b| b.cid())).unwrap();
}

#[tokio::test]
async fn a_thousand_instances_wait_while_few_are_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let concurrency = Concurrency { running: 4, warm: 8, grace: Duration::from_secs(60) };
    let setup = Setup { pace: Pace::RealTime { slot: Duration::from_millis(50) }, concurrency, ..Setup::default() };
    let host = setup.open(Some(folder.path())).await;
    for n in 0..300 {
        let text = format!("get; until {}; get", 1_000_000_000 + n);
        host.runtime.start_flow(&host.flow, named(&text, &format!("w{n}"))).await.unwrap();
    }
    for _ in 0..4000 {
        let counts = host.runtime.orchestrator().counts();
        if counts.parked >= 292 {
            assert!(counts.active <= 12, "{counts:?}");
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let counts = host.runtime.orchestrator().counts();
    assert!(counts.parked >= 292, "{counts:?}");
    // 0 to 149 are woken by this, the others not.
    done(&host.runtime.run(&host.flow, script("pay 150")).await.unwrap());
    for n in 0..150 {
        done(&end(&host, &format!("w{n}")).await);
    }
    assert_eq!(host.runtime.execution_status("w150").unwrap().state, "waiting");
    host.runtime.stop().await;
}

#[tokio::test]
async fn a_limit_pauses_and_a_raised_one_replays_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let host = Setup::default().open(Some(folder.path())).await;
    let limits = Limits { fuel: 400_000, ..Limits::DEFAULT };
    let request = RunRequest { limits: Some(limits), ..named("pay 7; burn 1000000; pay 8", "hungry") };
    let report = host.runtime.run(&host.flow, request).await.unwrap();
    assert_eq!(report.outcome(), "limit", "{}", report.ending);
    assert_eq!(host.runtime.execution_status("hungry").unwrap().state, "paused");
    let more = Resume { limits: vec![(Limit::fuel, 100_000_000)] };
    let ended = host.runtime.orchestrator().end_of("hungry");
    assert!(ended.await.unwrap().ending.to_string().contains("limit"), "it says why it stands");
    host.runtime.orchestrator().resume("hungry", &more, "tester").await.unwrap();
    done(&end(&host, "hungry").await);
    assert_eq!(lamports(&host.runtime, "friend").await, 1_000_000_015, "the first payment was not made again");
    assert_eq!(
        kinds(&host.runtime, "hungry").iter().filter(|k| ["paused", "resumed"].contains(&k.as_str())).count(),
        2
    );
}

#[tokio::test]
async fn used_up_tries_pause_and_a_resume_gives_as_many_again() {
    let folder = tempfile::tempdir().unwrap();
    let host = Setup::default().open(Some(folder.path())).await;
    let report = host.runtime.run(&host.flow, named("pay 20000000000; get", "poor")).await.unwrap();
    assert_eq!(report.outcome(), "exhausted", "{}", report.ending);
    assert_eq!(host.runtime.execution_status("poor").unwrap().state, "paused");
    let retries = |host: &Host| kinds(&host.runtime, "poor").iter().filter(|k| *k == "retry").count();
    assert_eq!(retries(&host), 3);
    host.runtime.orchestrator().resume("poor", &Resume::default(), "tester").await.unwrap();
    until_state(&host, "poor", "paused").await;
    for _ in 0..500 {
        if retries(&host) == 6 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(retries(&host), 6);
    let intents = kinds(&host.runtime, "poor").iter().filter(|k| *k == "intent").count();
    assert_eq!(intents, 1, "it is still the same proposal");
    let report = host.runtime.orchestrator().cancel("poor", "tester").await.unwrap();
    assert_eq!(report.ending, Ending::Stopped(Stop::Cancelled));
    assert_eq!(host.runtime.execution_status("poor").unwrap().state, "cancelled");
}

#[tokio::test]
async fn a_panic_after_landed_transactions_is_not_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let host = Setup::default().open(Some(folder.path())).await;
    let report = host.runtime.run(&host.flow, named("pay 1; pay 2; get; panic; pay 4", "unlucky")).await.unwrap();
    assert_eq!(report.outcome(), "trapped");
    // The same build panics again.
    host.runtime.orchestrator().retry("unlucky", &Retry::default(), "tester").await.unwrap();
    assert_eq!(end(&host, "unlucky").await.outcome(), "trapped");
    let fixed = host.runtime.load(&build(b'D'), &[], &Limits::default()).await.unwrap();
    host.runtime.orchestrator().retry("unlucky", &Retry { with: Some(fixed.digest()) }, "tester").await.unwrap();
    done(&end(&host, "unlucky").await);
    assert_eq!(lamports(&host.runtime, "friend").await, 1_000_000_007);
}

#[tokio::test]
async fn another_build_that_makes_another_call_pauses_with_both_calls() {
    let folder = tempfile::tempdir().unwrap();
    let host = Setup::default().open(Some(folder.path())).await;
    host.runtime.run(&host.flow, named("get; pay 1; panic", "a")).await.unwrap();
    let other = host.runtime.load(&build(b'B'), &[], &Limits::default()).await.unwrap();
    host.runtime.orchestrator().retry("a", &Retry { with: Some(other.digest()) }, "tester").await.unwrap();
    until_state(&host, "a", "paused").await;
    let detail = host.runtime.execution_status("a").unwrap().detail;
    assert!(detail.contains("diverges at entry 1"), "{detail}");
    assert!(detail.contains("account-watch.get") && detail.contains("tx-build.find-program-address"), "{detail}");
    // Back to the build that it was, which panics as before: nothing was paid twice.
    let same = host.runtime.load(&build(b'D'), &[], &Limits::default()).await.unwrap();
    host.runtime.orchestrator().retry("a", &Retry { with: Some(same.digest()) }, "tester").await.unwrap();
    done(&end(&host, "a").await);
    assert_eq!(lamports(&host.runtime, "friend").await, 1_000_000_001);
}

#[tokio::test]
async fn a_newer_version_takes_over_at_the_next_episode_and_one_that_refuses_the_state_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup { pace: real(), ..Setup::default() };
    let host = setup.open(Some(folder.path())).await;
    let orchestrator = host.runtime.orchestrator();
    host.runtime.start_flow(&host.flow, named("wait 30; pay 10; loop 1", "a")).await.unwrap();
    until_state(&host, "a", "waiting").await;
    let newer = host.runtime.load(&build(b'E'), &[], &Limits::default()).await.unwrap();
    orchestrator.upgrade("a", &[newer.digest()]).await.unwrap();
    done(&end(&host, "a").await);
    assert_eq!(lamports(&host.runtime, "friend").await, 1_000_000_021, "10 by the old version, 11 by the new one");

    host.runtime.start_flow(&host.flow, named("wait 30; pay 10; loop 1", "b")).await.unwrap();
    until_state(&host, "b", "waiting").await;
    let refuses = host.runtime.load(&build(b'C'), &[], &Limits::default()).await.unwrap();
    orchestrator.upgrade("b", &[refuses.digest()]).await.unwrap();
    until_state(&host, "b", "paused").await;
    let row = host.runtime.execution_status("b").unwrap();
    assert!(row.detail.contains("begins anew only"), "{row:?}");
    orchestrator.resume("b", &Resume::default(), "tester").await.unwrap();
    done(&end(&host, "b").await);
    assert_eq!(lamports(&host.runtime, "friend").await, 1_000_000_041, "twice 10, by the old version");
}

#[tokio::test]
async fn operators_pause_resume_and_cancel_what_waits_in_memory_and_out_of_it() {
    for grace in [Duration::from_millis(1), Duration::from_secs(60)] {
        let folder = tempfile::tempdir().unwrap();
        let setup = Setup { pace: real(), ..Setup::grace(grace) };
        let host = setup.open(Some(folder.path())).await;
        let orchestrator = host.runtime.orchestrator();
        host.runtime.start_flow(&host.flow, named("get; for-change; pay 1", "a")).await.unwrap();
        until_state(&host, "a", "waiting").await;
        if grace < Duration::from_secs(1) {
            for _ in 0..2000 {
                if orchestrator.counts().parked == 1 {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            assert_eq!(orchestrator.counts().parked, 1);
        }
        orchestrator.pause("a", "tester").await.unwrap();
        assert_eq!(host.runtime.execution_status("a").unwrap().state, "paused");
        assert!(orchestrator.pause("a", "tester").await.is_err(), "it is paused already");
        // A change that comes meanwhile is there when it looks again.
        orchestrator.resume("a", &Resume::default(), "tester").await.unwrap();
        until_state(&host, "a", "waiting").await;
        done(&host.runtime.run(&host.flow, script("pay 5")).await.unwrap());
        done(&end(&host, "a").await);
        host.runtime.start_flow(&host.flow, named("for-change", "b")).await.unwrap();
        until_state(&host, "b", "waiting").await;
        orchestrator.cancel("b", "tester").await.unwrap();
        let row = host.runtime.execution_status("b").unwrap();
        assert_eq!((row.state.as_str(), row.outcome.as_str()), ("cancelled", "cancelled"));
        assert!(orchestrator.cancel("b", "tester").await.is_err());
        let entries: Vec<Entry> = host.runtime.journal("a").unwrap().iter().map(|b| b.body().unwrap()).collect();
        assert!(entries.iter().any(|e| matches!(e, Entry::Paused { by, .. } if by == "tester")));
        host.runtime.stop().await;
    }
}

#[tokio::test]
async fn an_instance_that_kills_its_host_three_times_is_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup { pace: real(), ..Setup::default() };
    let host = setup.open(Some(folder.path())).await;
    host.runtime.start_flow(&host.flow, named("get; for-change", "killer")).await.unwrap();
    until_state(&host, "killer", "waiting").await;
    let number = host.runtime.execution_status("killer").unwrap().id;
    host.runtime.stop().await;
    drop(host);
    for crash in 1..=3 {
        // As a process leaves it that dies with this instance in flight.
        std::fs::write(folder.path().join("running"), number.to_le_bytes()).unwrap();
        let host = setup.open(Some(folder.path())).await;
        let row = host.runtime.execution_status("killer").unwrap();
        assert_eq!(row.state == "paused", crash == 3, "{row:?}");
        if crash == 3 {
            assert!(row.detail.starts_with("quarantine: "), "{row:?}");
        }
        host.runtime.stop().await;
    }
}

#[tokio::test]
async fn burning_and_waiting_in_turns_uses_up_the_replay_allowance() {
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup { pace: real(), ..Setup::grace(Duration::from_millis(1)) };
    let host = setup.open(Some(folder.path())).await;
    let limits = Limits { replay_fuel: 3_000_000, ..Limits::DEFAULT };
    let text = "burn 100000; ".to_owned() + &"wait 10; ".repeat(100);
    let request = RunRequest { limits: Some(limits), ..named(&text, "burner") };
    host.runtime.start_flow(&host.flow, request).await.unwrap();
    until_state(&host, "burner", "paused").await;
    let row = host.runtime.execution_status("burner").unwrap();
    assert!(row.detail.contains("replay-fuel"), "{row:?}");
    host.runtime.stop().await;
    // The store is that of a whole journal all the same.
    let store = host.runtime.writer().store();
    let loaded = store.load(valence_runtime::journal::JournalId { instance: row.id, episode: 0 }).unwrap();
    assert_eq!(loaded.damage, None);
    let _: &dyn Store = &**store;
}

#[tokio::test]
async fn an_instance_whose_chain_knows_more_than_its_journal_is_paused_until_somebody_has_looked() {
    let folder = tempfile::tempdir().unwrap();
    let host = Setup::default().open(Some(folder.path())).await;
    let stuck = host.runtime.run(&host.flow, named("for-change; pay 5; get", "a")).await.unwrap();
    assert_eq!(stuck.outcome(), "stalled");
    host.runtime.stop().await;
    drop(host);
    let files = || std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_file());
    let old: Vec<_> = files().map(|path| (std::fs::read(&path).unwrap(), path)).collect();
    let host = Setup::default().open(Some(folder.path())).await;
    done(&host.runtime.run(&host.flow, script("pay 1")).await.unwrap());
    done(&end(&host, "a").await);
    host.runtime.stop().await;
    drop(host);
    // Somebody puts an old copy of the journals back, beside a chain that has gone on.
    files().for_each(|path| std::fs::remove_file(path).unwrap());
    old.iter().for_each(|(bytes, path)| std::fs::write(path, bytes).unwrap());
    let host = Setup::default().open(Some(folder.path())).await;
    until_state(&host, "a", "paused").await;
    let detail = host.runtime.execution_status("a").unwrap().detail;
    assert!(detail.starts_with("ahead: step `pay` was executed in slot"), "{detail}");
    assert_eq!(lamports(&host.runtime, "friend").await, 1_000_000_006);
    host.runtime.orchestrator().resume("a", &Resume::default(), "tester").await.unwrap();
    done(&end(&host, "a").await);
    assert_eq!(lamports(&host.runtime, "friend").await, 1_000_000_006, "nothing was paid twice");
}
