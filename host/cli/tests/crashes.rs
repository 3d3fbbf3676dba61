//! Crashes at any point: whatever a script does, and wherever the host dies, it ends as if nothing had happened. Here the host
//! dies by being dropped between two steps of its executor; `kills.rs` kills real processes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use parking_lot::Mutex;
use proptest::{prelude::*, test_runner::TestRunner};
use std::{collections::BTreeMap, path::Path, pin::pin, sync::Arc, time::Duration};
use support::scripted::{CHAIN, Host, Setup, script};
use valence_runtime::{
    ChainSpec, Concurrency, Entry, Proposal, ProposalSigner, RunReport, RunRequest, Verdict, journal::Block,
};

/// Writes down what it is offered, and approves.
#[derive(Default)]
struct Recording(Mutex<Vec<Proposal>>);

#[async_trait::async_trait]
impl ProposalSigner for Recording {
    async fn offer(&self, proposal: &Proposal) -> Result<Verdict, String> {
        self.0.lock().push(proposal.clone());
        // A signer takes its time: the host may die meanwhile.
        tokio::task::yield_now().await;
        Ok(Verdict::Approved)
    }
}

/// What is to be the same.
#[derive(Debug, PartialEq)]
struct Outcome {
    ending: String,
    lamports: BTreeMap<String, u64>,
    /// By proposal and try, what was offered.
    offered: BTreeMap<(String, u32), String>,
    /// The emitted steps.
    emitted: Vec<String>,
    /// What each episode burned: a rebuilding burns the same again, and no more is charged for it.
    fuel: Vec<u64>,
}

fn request(text: &str) -> RunRequest {
    RunRequest { instance: Some("it".to_owned()), ..script(text) }
}

async fn outcome(host: &Host, report: &RunReport, signer: &Recording) -> Outcome {
    let names = ChainSpec::parse(CHAIN, Path::new(".")).unwrap().names();
    let mut lamports = BTreeMap::new();
    for (name, key) in names {
        let read = host.runtime.chain().accounts(&[key], None, None).await.unwrap();
        lamports.insert(name, read.accounts[0].as_ref().map_or(0, |a| a.lamports));
    }
    let mut offered = BTreeMap::new();
    for proposal in signer.0.lock().iter() {
        let before = offered.insert((proposal.id.clone(), proposal.attempt), proposal.transaction.clone());
        if let Some(before) = before {
            assert_eq!(before, proposal.transaction, "one identity, one transaction: {proposal:?}");
        }
    }
    let (mut emitted, mut fuel) = (Vec::new(), Vec::new());
    let row = host.runtime.execution_status("it").unwrap();
    for episode in 0..=row.episode {
        let id = valence_runtime::journal::JournalId { instance: row.id, episode };
        for block in host.runtime.writer().store().load(id).unwrap().blocks {
            match block.body().unwrap() {
                Entry::Intent { proposal, call } => emitted.push(format!("{proposal} {call:?}")),
                Entry::End { fuel: burned, .. } => fuel.push(burned),
                _ => {}
            }
        }
    }
    Outcome { ending: format!("{}: {}", report.outcome(), report.ending), lamports, offered, emitted, fuel }
}

async fn undisturbed(text: &str) -> Outcome {
    let signer = Arc::new(Recording::default());
    let setup = Setup { signer: Some(signer.clone()), ..Setup::default() };
    let host = setup.open(None).await;
    let report = host.runtime.run(&host.flow, request(text)).await.unwrap();
    outcome(&host, &report, &signer).await
}

/// All entries of all episodes.
fn entries(host: &Host) -> Vec<Block> {
    let Ok(row) = host.runtime.execution_status("it") else { return Vec::new() };
    let store = host.runtime.writer().store();
    let of = |episode| store.load(valence_runtime::journal::JournalId { instance: row.id, episode }).unwrap();
    (0..=row.episode)
        .flat_map(|episode| {
            let loaded = of(episode);
            assert_eq!(loaded.damage, None);
            loaded.blocks
        })
        .collect()
}

/// The host dies after each of these numbers of steps, and then it lives.
async fn crashed(text: &str, deaths: &[u16], warm: usize) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let signer = Arc::new(Recording::default());
    let concurrency = Concurrency { warm, grace: Duration::from_millis(1), ..Concurrency::default() };
    let setup = Setup { signer: Some(signer.clone()), concurrency, ..Setup::default() };
    let mut known: Vec<Block> = Vec::new();
    for death in deaths.iter().copied().map(Some).chain([None]) {
        let host = setup.open(Some(folder.path())).await;
        let before = entries(&host);
        assert!(before.len() >= known.len(), "what was durable is there");
        assert_eq!(before[..known.len()], known[..], "and is unchanged");
        let begun = !before.is_empty();
        let report = {
            let mut run = pin!(async {
                if begun {
                    host.runtime.orchestrator().end_of("it").await.unwrap()
                } else {
                    host.runtime.run(&host.flow, request(text)).await.unwrap()
                }
            });
            match death {
                None => Some(tokio::time::timeout(Duration::from_secs(60), run).await.expect("it comes to its end")),
                Some(steps) => {
                    let mut report = None;
                    for _ in 0..steps {
                        report = std::future::poll_fn(|cx| match run.as_mut().poll(cx) {
                            std::task::Poll::Ready(report) => std::task::Poll::Ready(Some(report)),
                            std::task::Poll::Pending => std::task::Poll::Ready(None),
                        })
                        .await;
                        if report.is_some() {
                            break;
                        }
                        tokio::task::yield_now().await;
                    }
                    report
                }
            }
        };
        if let Some(report) = report {
            return outcome(&host, &report, &signer).await;
        }
        // All that was acknowledged by now must be there afterwards. Reading does not wait for what is under way.
        known = entries(&host);
        host.die().await;
    }
    panic!("the last life has no end of its own");
}

fn operation() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just("get".to_owned()),
        1 => Just("address".to_owned()),
        1 => Just("log hello".to_owned()),
        3 => (1u64..40).prop_map(|n| format!("wait {n}")),
        4 => (1u64..1_000_000_000).prop_map(|n| format!("pay {n}")),
        1 => (1u64..40_000_000_000).prop_map(|n| format!("try-pay {n}")),
        1 => (1u64..1_000_000).prop_map(|n| format!("look {n}")),
        1 => (1u64..5000).prop_map(|n| format!("burn {n}")),
        1 => Just("continue".to_owned()),
    ]
}

#[test]
fn whatever_a_flow_does_and_wherever_its_host_dies_it_ends_as_if_nothing_had_happened() {
    let executor = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let scripts = prop::collection::vec(operation(), 1..14);
    let deaths = prop::collection::vec(1u16..120, 1..5);
    let cases = std::env::var("VALENCE_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(40);
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    TestRunner::new(config)
        .run(&(scripts, deaths, 1usize..4), |(operations, deaths, warm)| {
            let text = operations.join("; ");
            let (calm, stormy) =
                executor.block_on(async { (undisturbed(&text).await, crashed(&text, &deaths, warm).await) });
            prop_assert_eq!(calm, stormy);
            Ok(())
        })
        .unwrap();
}

#[tokio::test]
async fn what_a_signer_refused_is_not_offered_again() {
    struct Refusing(Mutex<u32>);
    #[async_trait::async_trait]
    impl ProposalSigner for Refusing {
        async fn offer(&self, _: &Proposal) -> Result<Verdict, String> {
            *self.0.lock() += 1;
            Ok(Verdict::Rejected("not today".to_owned()))
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let signer = Arc::new(Refusing(Mutex::new(0)));
    let setup = Setup { signer: Some(signer.clone()), ..Setup::default() };
    let host = setup.open(Some(folder.path())).await;
    let report = host.runtime.run(&host.flow, request("pay 5")).await.unwrap();
    assert_eq!(report.outcome(), "failed");
    assert!(report.ending.to_string().contains("not today"), "{}", report.ending);
    assert_eq!(*signer.0.lock(), 1, "rejected is never tried again");
}
