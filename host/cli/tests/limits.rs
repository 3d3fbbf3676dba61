//! Limits, traps, stalls and cancelling, as whoever runs a flow sees them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    time::{Duration, Instant},
};
use support::{Ran, chain, run, scenario, valence};

fn with(name: &str, params: &str, more: &[&str]) -> Ran {
    let folder = chain();
    let mut args = scenario(folder.path(), name, params);
    args.extend(more.iter().map(|&m| m.to_owned()));
    run(args)
}

#[test]
fn a_flow_that_hits_a_limit_stops_with_4_and_is_told_which_and_how_to_raise_it() {
    for (name, params, limit) in [
        ("get-repeatedly", "key=payer number=100000", "fuel=300K"),
        ("get-repeatedly", "key=payer number=100", "calls=50"),
        // Entries are encoded some thousand at a time.
        ("get-repeatedly", "key=payer number=5000", "journal-bytes=1K"),
        ("wait-often", "number=100", "waits=5"),
        ("emit-twice", "key=friend number=1000000", "proposals=1"),
        ("log-many", "number=1000", "log-bytes=100"),
        ("log-long", "number=9000", "call-bytes=8K"),
        ("continue-large", "number=2000", "state=1000"),
        ("done-large", "number=9000000", "memory=4M"),
    ] {
        let ran = with(name, params, &["--limit", limit]).expect(4);
        let (limit, _) = limit.split_once('=').unwrap();
        let last = ran.out.lines().find(|l| l.starts_with("limit: ")).unwrap_or_else(|| panic!("{ran:?}"));
        assert!(last.contains(&format!("`{limit}`")), "{last}");
        assert!(last.contains(&format!("--limit {limit}=N")), "{last}");
        assert_eq!(ran.err.lines().count(), 1, "{ran:?}");
        assert!(ran.err.contains(&format!("valence resume conformance-1 --limit {limit}=N")), "{ran:?}");
    }
}

#[test]
fn a_flow_that_hits_a_limit_already_in_describe_stops_with_4_too() {
    let ran = with("clock", "", &["--limit", "fuel=1000"]).expect(4);
    assert!(ran.err.contains("limit `fuel` of 1000 instructions"), "{}", ran.err);
    assert!(ran.err.contains("--limit fuel=N"), "{}", ran.err);
    let ran = run(["inspect", support::conformance().to_str().unwrap(), "--limit", "fuel=1000"]).expect(4);
    assert!(ran.out.contains("limit `fuel` of 1000 instructions"), "{}", ran.out);
}

#[test]
fn the_icn_profile_runs_small_flows_and_stops_large_ones() {
    with("clock", "", &["--limits", "icn"]).expect(0);
    let ran = with("get-repeatedly", "key=payer number=100000", &["--limits", "icn"]).expect(4);
    assert!(ran.out.contains("`fuel` of 1000000"), "{}", ran.out);
    // A flag changes one number of the profile.
    with("get-repeatedly", "key=payer number=2000", &["--limits", "icn", "--limit", "fuel=1G"]).expect(0);
}

#[test]
fn the_list_of_limits_names_each_with_its_numbers_and_its_reason() {
    let ran = run(["run", "x", "--limit", "list"]).expect(0);
    for &limit in valence_runtime::Limits::ALL {
        let line = ran.out.lines().find(|l| l.split_whitespace().next() == Some(limit.name()));
        let line = line.unwrap_or_else(|| panic!("{} is not listed", limit.name()));
        assert!(line.contains(&valence_runtime::Limits::DEFAULT.get(limit).to_string()), "{line}");
        assert!(line.contains(limit.why()), "{line}");
    }
}

#[test]
fn a_flow_that_waits_for_what_cannot_come_ends_with_6_and_says_for_what() {
    let ran = with("wait-account-exists", "key=stranger", &[]).expect(6);
    assert!(ran.out.contains("stalled: the flow waits for stranger exists"), "{}", ran.out);
}

#[test]
fn what_chain_toml_schedules_and_cannot_be_is_its_author_s_trouble_and_not_the_flow_s() {
    let folder = chain();
    let text = std::fs::read_to_string(folder.path().join("chain.toml")).unwrap();
    std::fs::write(folder.path().join("chain.toml"), text.replace(r#"sol = "3""#, r#"sol = "300""#)).unwrap();
    let ran = run(scenario(folder.path(), "wait-slot", "number=20")).expect(8);
    assert!(ran.out.contains("fault: "), "{}", ran.out);
    assert!(ran.out.contains("the transfer of 300 SOL from payer to friend at slot 8 failed"), "{}", ran.out);
}

#[test]
fn a_flow_that_panics_ends_with_5_and_its_words_are_in_the_log() {
    let ran = with("panic", "text=because", &[]).expect(5);
    assert!(ran.out.contains("because"), "{}", ran.out);
    let trapped = ran.out.lines().find(|l| l.starts_with("trapped: ")).unwrap_or_else(|| panic!("{ran:?}"));
    // Functions are named as their author wrote them.
    assert!(trapped.contains("::") && !trapped.contains("_ZN") && !trapped.contains("_R"), "{trapped}");
}

#[test]
fn a_flow_that_fails_ends_with_1_and_its_own_words() {
    let ran = with("fail-other", "text=because", &[]).expect(1);
    assert!(ran.out.contains("failed: because (by-request)"), "{}", ran.out);
}

#[cfg(unix)]
#[test]
fn control_c_suspends_a_busy_flow_at_once_with_130_and_a_last_event() {
    let folder = chain();
    let mut args = scenario(folder.path(), "wait-often", "number=1000000000");
    let more = [
        "--limit",
        "waits=2G",
        "--limit",
        "calls=2G",
        "--limit",
        "fuel=999G",
        "--limit",
        "journal-bytes=8G",
        "--limit",
        "deadline=10M",
    ];
    args.extend(more.map(str::to_owned));
    args.extend(["--output", "json-compact"].map(str::to_owned));
    let mut child = valence(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // It runs: the first event is there.
    assert!(lines.next().unwrap().unwrap().contains("flow-started"));
    let begun = Instant::now();
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let last = lines.map(Result::unwrap).last().unwrap();
    let status = child.wait().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!(status.code(), Some(130));
    let last: serde_json::Value = serde_json::from_str(&last).unwrap();
    assert_eq!((&last["event"], &last["outcome"]), (&"flow-paused".into(), &"suspended".into()));
}
