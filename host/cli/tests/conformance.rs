//! Every scenario of `guests/conformance`, each in a run of its own. What came of it is in one golden table.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::{collections::BTreeSet, fmt::Write};
use support::{chain, root, run, scenario};

/// Scenarios with their params. One may stand here twice, where two answers are possible.
const SCENARIOS: &[(&str, &str)] = &[
    // Reading.
    ("get", "key=payer"),
    ("get", "key=stranger"),
    ("get", ""),
    ("get-slice", "key=note number=3"),
    ("get-slice", "key=note number=99"),
    ("get-many", "key=payer other=stranger"),
    ("get-too-many", "key=payer"),
    ("get-repeatedly", "key=payer number=1000"),
    ("find", "key=TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA number=82"),
    ("find", "key=TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA number=83"),
    ("find-by-bytes", "key=TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA other=usdc number=0"),
    ("token-account", "key=pot"),
    ("token-account", "key=usdc"),
    ("mint", "key=usdc"),
    ("mint", "key=stranger"),
    ("rent", "number=165"),
    ("clock", ""),
    // Waiting.
    ("wait-account-exists", "key=friend"),
    ("wait-account-exists", "key=payer"),
    ("wait-account-exists", "key=stranger"),
    ("wait-data-equals", "key=note number=1 text=ello"),
    ("wait-data-equals", "key=note number=18446744073709551615 text=ello"),
    ("wait-lamports-above", "key=friend number=1000000000"),
    ("wait-lamports-below", "key=payer number=8000000000"),
    ("wait-token-amount-above", "key=pot number=5000000"),
    ("wait-token-amount-below", "key=pot number=5000000"),
    ("wait-changed-since", "key=pot number=6"),
    ("wait-changed", "key=pot"),
    ("wait-slot", "number=40"),
    ("wait-slot", "number=18446744073709551615"),
    ("wait-time", "signed=1767229200"),
    ("wait-time", "signed=-1"),
    ("wait-time", "signed=9223372036854775807"),
    ("wait-deadline-slot", "key=stranger number=30"),
    ("wait-deadline-slot", "key=friend number=30"),
    ("wait-deadline-time", "key=stranger signed=1767225610"),
    ("wait-only-deadline", "number=12"),
    ("wait-any", "key=stranger other=friend"),
    ("wait-too-many", "number=64"),
    ("wait-too-many", "number=65"),
    ("wait-for-nothing", ""),
    ("wait-often", "number=50"),
    // Steps that work.
    ("build", "key=friend number=1000000"),
    ("build", "key=friend number=1"),
    ("emit", "key=friend number=1000000"),
    ("emit", "key=payer number=18446744073709551615"),
    ("emit-twice", "key=friend number=1000000"),
    ("emit-with-options", "key=friend number=1000000 signed=2000000"),
    ("emit-with-options", "key=friend number=1000000 signed=-1"),
    ("emit-when", "key=friend number=1000000 other=payer"),
    ("emit-when", "key=friend number=1000000 other=stranger"),
    ("emit-unless", "key=friend number=1000000 other=stranger"),
    ("emit-unless", "key=friend number=1000000 other=payer"),
    ("emit-with-retries", "key=friend number=1000000 small=3"),
    ("emit-with-retries", "key=friend number=99000000000 small=3"),
    ("emit-or-pause", "key=friend number=1000000 small=3"),
    ("emit-or-pause", "key=friend number=99000000000 small=2"),
    ("emit-memo", "text=hello"),
    ("create-token-account", "key=usdc"),
    ("create-token-account", "key=note"),
    ("simulate", "key=friend number=1000000"),
    ("simulate-garbage", "text=garbage"),
    ("address", "key=MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr text=seed"),
    ("address-with-seed", "key=payer other=MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr text=seed"),
    ("address-too-many-seeds", "key=MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr"),
    ("address-seed-too-long", "key=MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr"),
    // Steps that are refused.
    ("refused-empty", ""),
    ("refused-locks", ""),
    ("refused-size", ""),
    ("refused-role", ""),
    ("refused-payer", ""),
    ("refused-program", "key=stranger"),
    ("refused-program", "key=payer"),
    ("refused-mint", "key=payer"),
    ("refused-mint", "key=stranger"),
    ("refused-seeds", ""),
    ("refused-long-seed", ""),
    ("refused-no-units", ""),
    ("refused-units", ""),
    ("refused-tries", ""),
    ("refused-backoff", ""),
    ("refused-simulation", ""),
    ("refused-payer-unsaid", ""),
    // Ends.
    ("params", ""),
    (
        "params",
        "key=friend other=7Np41oeYqPefeNQEHSv1UDhYrehxin3NStELsSKCT4K2 number=18446744073709551615 signed=-9223372036854775808 small=10 text=ü=1 flag=true amount=1.50",
    ),
    ("roles", ""),
    ("instance", ""),
    ("episodes", "number=3"),
    ("continue-large", "number=65537"),
    ("log-levels", "text=hello"),
    ("log-many", "number=3"),
    ("log-long", "number=70000"),
    ("fail-param", "text=because"),
    ("fail-step", "text=because"),
    ("fail-other", "text=because"),
    ("panic", "text=because"),
    ("overflow-index", "text=abc"),
    ("done-large", "number=100"),
    ("no-such-scenario", ""),
];

#[test]
fn every_scenario_comes_to_the_end_that_its_description_says() {
    let folder = chain();
    let mut table = String::new();
    for (name, params) in SCENARIOS {
        let mut args = scenario(folder.path(), name, params);
        args.extend(["--output".to_owned(), "json-compact".to_owned()]);
        let ran = run(args);
        let objects = ran.objects();
        let ends = |o: &&serde_json::Map<_, _>| o["event"] == "flow-completed" || o["event"] == "flow-paused";
        let end = objects.iter().find(ends).unwrap_or_else(|| panic!("{name}: {ran:?}"));
        let warned = ran.err.lines().find(|line| !line.starts_with("valence "));
        assert_eq!(warned, None, "{name}");
        assert_eq!(end.get("success").is_some_and(|s| s == true), ran.code == Some(0), "{name}");
        let said = format!("{}: {}", end["outcome"].as_str().unwrap(), end["result"].as_str().unwrap());
        // The frames of a panic are those of the standard library that the guest was built with.
        let said = said.split_once(" (in ").map_or(said.as_str(), |(what, _)| what);
        let space = if params.is_empty() { "" } else { " " };
        writeln!(table, "{name}{space}{params}\n  {} {said}", ran.code.unwrap()).unwrap();
    }
    insta::assert_snapshot!(table);
}

#[test]
fn no_scenario_of_the_guest_is_left_out() {
    let tried: BTreeSet<&str> = SCENARIOS.iter().map(|(name, _)| *name).collect();
    let mut described = BTreeSet::new();
    for file in ["reading", "waiting", "stepping", "refused", "failing"] {
        let text = std::fs::read_to_string(root().join(format!("guests/conformance/src/{file}.rs"))).unwrap();
        for (start, _) in text.match_indices("        \"") {
            let rest = &text[start + 9..];
            let name = &rest[..rest.find('"').unwrap()];
            if !rest[name.len()..].starts_with("\" =>") {
                continue;
            }
            let prefix = match file {
                "waiting" => "wait-",
                "refused" => "refused-",
                _ => "",
            };
            described.insert(format!("{prefix}{name}"));
        }
    }
    assert!(described.len() > 60, "the guest's sources are not read as they are written: {described:?}");
    let missing: Vec<_> = described.iter().filter(|name| !tried.contains(name.as_str())).collect();
    assert!(missing.is_empty(), "scenarios that no run tries: {missing:?}");
}

#[test]
fn the_payer_pays_and_the_balances_of_the_events_say_so() {
    let folder = chain();
    let mut args = scenario(folder.path(), "emit", "key=friend number=1000000");
    args.extend(["--output".to_owned(), "json".to_owned()]);
    let ran = run(args).expect(0);
    let objects = ran.objects();
    let confirmed = objects.iter().find(|o| o["event"] == "transaction-confirmed").unwrap();
    let changes = confirmed["balances"].as_array().unwrap();
    let change = |name: &str| changes.iter().find(|b| b["name"] == name).unwrap();
    let amount = |value: &serde_json::Value| value.as_u64().unwrap();
    let fee = amount(&confirmed["fee"]);
    assert_eq!(amount(&change("payer")["before"]) - amount(&change("payer")["after"]), 1_000_000 + fee);
    assert_eq!((amount(&change("friend")["before"]), amount(&change("friend")["after"])), (0, 1_000_000));
}
