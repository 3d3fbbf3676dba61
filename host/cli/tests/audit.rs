//! `valence audit`, `logs` and `prune` through the binary, and the views for whoever asks with SQL.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod recorded;
mod support;

use recorded::{file, on, scripts};
use serde_json::{Map, Value, json};
use std::{path::Path, time::Duration};
use support::scripted::{Setup, script, scripted};
use valence_runtime::{Pace, RunRequest};

type Object = Map<String, Value>;

/// What an audit says, as objects.
fn audit(folder: &Path, more: &[&str]) -> Vec<Object> {
    on(folder, &[&["audit", "--output", "json-compact"], more].concat()).expect(0).objects()
}

fn kinds(objects: &[Object]) -> Vec<&str> {
    objects.iter().map(|o| o["kind"].as_str().unwrap()).collect()
}

/// Two that end and one that is paused by its failures, resumed by ann, then cancelled by bob.
async fn busy() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let host = Setup::default().open(Some(folder.path())).await;
    for (text, name) in [("get; pay 3; log paid", "one"), ("get; wait 900; get", "two"), ("pay 99999999999", "three")] {
        let request = RunRequest { instance: Some(name.to_owned()), ..script(text) };
        host.runtime.run(&host.flow, request).await.unwrap();
    }
    let orchestrator = host.runtime.orchestrator();
    orchestrator.resume("three", &valence_runtime::Resume::default(), "ann").await.unwrap();
    orchestrator.end_of("three").await.unwrap();
    orchestrator.cancel("three", "bob").await.unwrap();
    host.runtime.stop().await;
    host.die().await;
    folder
}

#[tokio::test]
async fn an_audit_finds_by_kind_actor_time_and_instance() {
    let folder = busy().await;
    let dir = folder.path();
    let all = audit(dir, &[]);
    let of = |actor: &str| audit(dir, &["--actor", actor]);
    let sum: usize = ["user", "service", "system", "external"].iter().map(|actor| of(actor).len()).sum();
    assert_eq!(sum, all.len());
    for actor in ["user", "service", "system", "external"] {
        assert!(!of(actor).is_empty() && of(actor).iter().all(|o| o["actor"] == actor), "{actor}");
    }
    // People: once in the instance's journal, once in the host's.
    let user = of("user");
    assert!(user.iter().any(|o| o["kind"] == "resumed" && o["by"] == "ann"), "{user:?}");
    assert!(user.iter().any(|o| o["of"] == "host" && o["action"] == "cancel" && o["by"] == "bob"), "{user:?}");
    assert!(of("system").iter().any(|o| o["kind"] == "paused"));
    assert_eq!(kinds(&of("external")), ["executed"]);
    let some = audit(dir, &["--type", "header", "end"]);
    assert_eq!(kinds(&some).iter().filter(|kind| **kind == "header").count(), 3);
    assert!(some.iter().all(|o| o["kind"] == "header" || o["kind"] == "end"));
    let two = audit(dir, &["--instance", "two"]);
    assert!(two.len() == 5 && two.iter().all(|o| o["of"] == "two"), "{two:?}");
    assert_eq!(audit(dir, &["--actor", "external", "--type", "call"]), Vec::<Object>::new());
    // By time: the two halves are the whole.
    let times: Vec<i64> = all.iter().map(|o| o["time"].as_i64().unwrap()).collect();
    assert!(times.is_sorted());
    let middle = times[times.len() / 2].to_string();
    let (before, after) = (audit(dir, &["--until", &middle]), audit(dir, &["--since", &middle]));
    assert_eq!([before.clone(), after].concat(), all);
    assert!(!before.is_empty() && before.iter().all(|o| o["time"].as_i64().unwrap() < middle.parse().unwrap()));
    assert_eq!(audit(dir, &["--since", "2199-01-01"]).len(), 0);
    assert_eq!(audit(dir, &["--since", "1970-01-01T00:00:00Z"]), all);
    let newest = audit(dir, &["--newest-first", "--limit", "3"]);
    let mut last: Vec<Object> = all[all.len() - 3..].to_vec();
    last.reverse();
    assert_eq!(newest, last);
    // A limit counts what is shown, and not what was passed over.
    assert_eq!(audit(dir, &["--actor", "user", "--limit", "1"]).len(), 1);
}

#[tokio::test]
async fn an_audit_reads_like_a_list_of_deeds() {
    let folder = busy().await;
    let args =
        ["audit", "--type", "header", "intent", "built", "executed", "paused", "resumed", "end", "operator", "ended"];
    let ran = on(folder.path(), &args).expect(0);
    insta::with_settings!({filters => vec![
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "[time]"), (r"sum [0-9a-f]{16}", "sum …"),
    ]}, { insta::assert_snapshot!("audit_deeds", ran.out) });
}

#[tokio::test]
async fn the_views_say_the_same_to_whoever_asks_with_sql() {
    let folder = busy().await;
    let db = rusqlite::Connection::open(folder.path().join("valence.db")).unwrap();
    let count = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(usize::try_from(count("SELECT count(*) FROM audit")).unwrap(), audit(folder.path(), &[]).len());
    assert_eq!(count("SELECT count(*) FROM audit WHERE actor = 'external'"), 1);
    assert_eq!(count("SELECT count(*) FROM logs WHERE instance = 'one'"), 1);
    assert_eq!(count("SELECT count(*) FROM waits WHERE instance = 'two'"), 1);
    assert_eq!(count("SELECT count(*) FROM transactions WHERE kind = 'executed' AND step = 'pay'"), 1);
    assert_eq!(count("SELECT count(*) FROM pauses WHERE why_or_by = 'ann'"), 1);
}

#[tokio::test]
async fn a_question_that_means_nothing_is_one_clear_line() {
    let (folder, _) = scripts(&["get"]).await;
    let cases: [(&[&str], &str); 5] = [
        (&["audit", "--type", "calls"], "the kinds are built, call"),
        (&["audit", "--since", "yesterday"], "`--since yesterday` is no time"),
        (&["audit", "--until", "2026-13-01"], "is no time"),
        (&["audit", "--instance", "nobody"], "there is no instance `nobody`"),
        (&["logs", "nobody"], "there is no instance `nobody`"),
    ];
    for (args, says) in cases {
        let ran = on(folder.path(), args).expect(2);
        assert!(ran.err.contains(says) && ran.err.lines().count() == 1, "{args:?}: {}", ran.err);
    }
    for args in [&["audit", "--limit", "0"][..], &["audit", "--actor", "god"], &["prune", "--older-than", "long"]] {
        on(folder.path(), args).expect(2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logs_follow_a_flow_until_it_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let pace = Pace::RealTime { slot: Duration::from_millis(5) };
    let host = Setup { pace, ..Setup::default() }.open(Some(folder.path())).await;
    let text = "log first; wait 100; log second; continue; wait 60; log third";
    host.runtime.start_flow(&host.flow, RunRequest { instance: Some("one".to_owned()), ..script(text) }).await.unwrap();
    let dir = folder.path().to_owned();
    let follow = tokio::task::spawn_blocking(move || {
        // The row comes with the first write; until then there is nobody of this name.
        for _ in 0..500 {
            let ran = on(&dir, &["logs", "one", "-f"]);
            if ran.code == Some(0) {
                return ran;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("it never came");
    });
    let ran = follow.await.unwrap();
    let lines: Vec<&str> = ran.out.lines().collect();
    let says = ["first", "second", "third"];
    assert!(lines.len() == 3 && lines.iter().zip(says).all(|(line, says)| line.ends_with(says)), "{}", ran.out);
    assert_eq!(host.runtime.execution_status("one").unwrap().state, "completed");
    let objects = on(folder.path(), &["logs", "one", "--output", "json"]).expect(0).objects();
    assert_eq!((&objects[2]["episode"], &objects[2]["level"]), (&json!(1), &json!("info")));
}

#[tokio::test]
async fn pruning_forgets_whole_journals_and_what_is_left_verifies() {
    let (folder, reports) = scripts(&["get; pay 1; continue; get", "get", "pay 99999999999"]).await;
    let dir = folder.path();
    let receipt = file(dir, "one.json", on(dir, &["receipt", "one"]).expect(0).out.as_bytes());
    let prune =
        |args: &[&str]| on(dir, &[&["prune", "--output", "json"], args].concat()).expect(0).objects()[0].clone();
    assert_eq!(prune(&[])["instances"], 0, "nothing is a month old");
    assert_eq!(prune(&["--older-than", "0s", "--keep", "1"])["instances"], 1);
    for command in ["history", "replay", "receipt", "logs"] {
        let ran = on(dir, &[command, "one"]).expect(2);
        let says = format!(
            "the journal of `one` was pruned: only its row is left, with the head {}",
            reports[0].head.unwrap()
        );
        assert!(ran.err.contains(&says), "{command}: {}", ran.err);
    }
    on(dir, &["export", "one", "--car", "-"]).expect(2);
    on(dir, &["verify"]).expect(0);
    on(dir, &["replay", "two"]).expect(0);
    // What was taken before is still a proof.
    on(dir, &["verify", receipt.to_str().unwrap(), "--flow", scripted().to_str().unwrap()]).expect(0);
    // One that is paused has not ended.
    assert_eq!(prune(&["--older-than", "0s"])["instances"], 1);
    on(dir, &["history", "three"]).expect(0);
    // Whoever owns the dir keeps it.
    let host = Setup::default().open(Some(dir)).await;
    let ran = on(dir, &["prune"]).expect(2);
    assert!(ran.err.contains("owns this data dir") && ran.err.lines().count() == 1, "{}", ran.err);
    host.runtime.stop().await;
}
