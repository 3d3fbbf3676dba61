//! Receipts through the binary: made, checked with the flow, and refused where anything is not so.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod recorded;
mod support;

use base64::{Engine, prelude::BASE64_STANDARD};
use recorded::{edited, example, file, on, scripts};
use serde_json::{Value, json};
use std::{fs, path::Path};
use support::scripted::{Setup, build, script, scripted};
use valence_runtime::{Entry, HostReply, Limits, Retry, RunRequest};

/// The receipt of an instance, as an object.
fn receipt(folder: &Path, id: &str) -> Value {
    let ran = on(folder, &["receipt", id]).expect(0);
    serde_json::from_str(&ran.out).unwrap()
}

/// What `verify` says of this receipt.
fn verify(folder: &Path, receipt: &Value, flow: &Path, code: i32) -> support::Ran {
    let path = file(folder, "claimed.json", receipt.to_string().as_bytes());
    on(folder, &["verify", path.to_str().unwrap(), "--flow", flow.to_str().unwrap()]).expect(code)
}

const SCRIPT: &str = "get; look 4; pay 7; continue; wait 20; get; continue; pay 8; log well";

#[tokio::test]
async fn a_receipt_is_checked_with_nothing_but_the_flow() {
    let (folder, reports) = scripts(&[SCRIPT]).await;
    let made = receipt(folder.path(), "one");
    assert_eq!((&made["version"], &made["outcome"]), (&json!(1), &json!("done")));
    assert_eq!(made["head"], reports[0].head.unwrap().to_string());
    assert_eq!(made["fuel"], reports[0].fuel);
    assert_eq!(made["episodes"].as_array().unwrap().len(), 3);
    assert_eq!(made["params"]["script"], SCRIPT);
    // Elsewhere: no data dir, no chain.
    let elsewhere = tempfile::tempdir().unwrap();
    let ran = verify(elsewhere.path(), &made, scripted(), 0);
    insta::with_settings!({filters => vec![
        (r"head b[a-z2-7]+", "head …"), (r"sha256 [0-9a-f]{16}", "sha256 …"), (r"fuel [0-9,]+", "fuel …"),
        (r"sum [0-9a-f]{16}", "sum …"),
    ]}, { insta::assert_snapshot!("receipt_yes", ran.out) });
    let path = elsewhere.path().join("claimed.json");
    let args = ["verify", path.to_str().unwrap(), "--flow", scripted().to_str().unwrap(), "--output", "json"];
    let objects = on(elsewhere.path(), &args).expect(0).objects();
    assert_eq!((&objects[0]["verified"], &objects[0]["fuel"]), (&json!(true), &made["fuel"]));
}

#[tokio::test]
async fn a_receipt_without_its_journal_is_checked_with_the_exported_one() {
    let (folder, _) = scripts(&[SCRIPT]).await;
    let ran = on(folder.path(), &["receipt", "one", "--without-journal"]).expect(0);
    let made: Value = serde_json::from_str(&ran.out).unwrap();
    assert!(made.get("journal").is_none());
    let ran = verify(folder.path(), &made, scripted(), 2);
    assert!(ran.err.contains("carries no journal") && ran.err.lines().count() == 1, "{}", ran.err);
    let car = folder.path().join("one.car");
    on(folder.path(), &["export", "one", "--car", car.to_str().unwrap()]).expect(0);
    let path = folder.path().join("claimed.json");
    let with = |car: &Path| {
        let [path, flow, car] = [&path, scripted(), car].map(|p| p.to_str().unwrap());
        on(folder.path(), &["verify", path, "--flow", flow, "--car", car])
    };
    with(&car).expect(0);
    // The same bytes as in the receipt, also through a pipe's end.
    let whole = fs::read(&car).unwrap();
    assert_eq!(BASE64_STANDARD.encode(&whole), receipt(folder.path(), "one")["journal"].as_str().unwrap());
    let cut = file(folder.path(), "cut.car", &whole[..whole.len() - 10]);
    let ran = with(&cut).expect(2);
    assert!(ran.err.contains("not a CAR file of a journal") && ran.err.lines().count() == 1, "{}", ran.err);
    let empty = file(folder.path(), "empty.car", b"");
    with(&empty).expect(2);
}

#[tokio::test]
async fn every_claim_that_is_not_so_is_named() {
    let (folder, _) = scripts(&[SCRIPT]).await;
    let made = receipt(folder.path(), "one");
    let claims = [
        ("head", json!("bafyreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"), "the head"),
        ("flow", json!("00".repeat(32)), "the flow's digest"),
        ("drivers", json!(["00"]), "drivers"),
        ("instance", json!("another"), "the instance"),
        ("id", json!("another"), "the flow's id"),
        ("params", json!({}), "params"),
        ("roles", json!({}), "roles"),
        ("limits", json!({}), "limits"),
        ("genesis", json!("11111111111111111111111111111111"), "genesis"),
        ("engine", json!("another"), "the engine"),
        ("episodes", json!([]), "episodes"),
        ("outcome", json!("failed"), "the outcome"),
        ("value", json!("a million"), "the value"),
        ("fuel", json!(1), "the fuel"),
    ];
    let fields: Vec<&str> = made.as_object().unwrap().keys().map(String::as_str).collect();
    for field in fields.iter().filter(|field| !["version", "journal"].contains(field)) {
        assert!(claims.iter().any(|(name, ..)| name == field), "{field} is not tried");
    }
    for (field, value, names) in claims {
        let mut claimed = made.clone();
        claimed[field] = value;
        let ran = verify(folder.path(), &claimed, scripted(), 1);
        assert!(
            ran.out.starts_with("no: ") && ran.out.contains(": the receipt says that ") && ran.out.contains(names),
            "{field}: {}",
            ran.out
        );
        assert_eq!(ran.out.lines().count(), 1);
    }
}

#[tokio::test]
async fn another_component_is_refused_by_its_digest() {
    let (folder, _) = scripts(&[SCRIPT]).await;
    let made = receipt(folder.path(), "one");
    let other = file(folder.path(), "other.wasm", &build(b'D'));
    let ran = verify(folder.path(), &made, &other, 1);
    assert!(ran.out.starts_with("no: one: episode 0 ran the component "), "{}", ran.out);
    let text = file(folder.path(), "text.wasm", b"hello");
    let ran = verify(folder.path(), &made, &text, 1);
    assert!(ran.out.contains("which was not given"), "{}", ran.out);
    let path = folder.path().join("claimed.json");
    let ran = on(folder.path(), &["verify", path.to_str().unwrap()]).expect(2);
    assert!(ran.err.contains("give the component") && ran.err.contains("--flow"), "{}", ran.err);
}

/// A receipt whose journal was written anew, with a right chain and right claims, about another truth.
async fn forged(edit: impl FnMut(&mut Entry)) -> (support::Ran, support::Ran) {
    let (folder, _) = scripts(&["get; until 5; pay 7; get"]).await;
    let copy = edited(folder.path(), "one", edit).await;
    let made = receipt(copy.path(), "one");
    let ran = verify(copy.path(), &made, scripted(), 1);
    (ran, on(copy.path(), &["verify"]))
}

#[tokio::test]
async fn a_forged_journal_does_not_run_as_it_says() {
    // A reply that was never given leads to another sum.
    let lie = |entry: &mut Entry| {
        if let Entry::Call { reply: HostReply::Get(Ok(snapshot)), .. } = entry {
            snapshot.accounts.iter_mut().flatten().for_each(|account| account.lamports += 1);
        }
    };
    let (ran, whole) = forged(lie).await;
    assert!(ran.out.starts_with("no: one: episode 0 does not run as its journal says"), "{}", ran.out);
    assert!(ran.out.contains("another end"), "{}", ran.out);
    // The chain itself was right; only running it tells.
    whole.expect(0);
    // A call that the flow does not make.
    let more = |entry: &mut Entry| {
        if let Entry::Intent { call: valence_runtime::HostCall::Emit { step, .. }, .. } = entry {
            step.description = "Pay somebody else".to_owned();
        }
    };
    let (ran, _) = forged(more).await;
    assert!(
        ran.out.contains("- step pay  Pay somebody else") && ran.out.contains("+ step pay  Pay somebody"),
        "{}",
        ran.out
    );
    // An end that the flow does not come to.
    let rich = |entry: &mut Entry| {
        if let Entry::End { value, .. } = entry {
            *value = serde_json::from_value(json!(b"a million".to_vec())).unwrap();
        }
    };
    let (ran, _) = forged(rich).await;
    assert!(ran.out.contains("on record  done: a million"), "{}", ran.out);
    // Less fuel than it takes.
    let cheap = |entry: &mut Entry| {
        if let Entry::End { fuel, .. } = entry {
            *fuel = 1;
        }
    };
    let (ran, _) = forged(cheap).await;
    assert!(ran.out.contains("with other fuel"), "{}", ran.out);
}

#[tokio::test]
async fn a_flow_with_a_driver_and_one_that_failed_are_proved_as_well() {
    let (folder, report) = example("treasury-sweep", &["drivers/token"]).await;
    let made = receipt(folder.path(), &report.instance);
    assert_eq!(made["drivers"].as_array().unwrap().len(), 1);
    let [flow, driver] = ["examples-treasury-sweep.wasm", "drivers-token.wasm"].map(|name| folder.path().join(name));
    let ran = verify(folder.path(), &made, &flow, 1);
    assert!(ran.out.contains("which was not given"), "{}", ran.out);
    let path = folder.path().join("claimed.json");
    let [path, flow, driver] = [&path, &flow, &driver].map(|p| p.to_str().unwrap());
    on(folder.path(), &["verify", path, "--flow", flow, "--driver", driver]).expect(0);
    // Its folder names its driver.
    on(folder.path(), &["verify", path, "--flow", "examples/treasury-sweep"]).expect(0);
    let (folder, _) = scripts(&["get; fail", "get; panic", "get; pay 99999999999"]).await;
    for (id, outcome) in [("one", json!("failed")), ("two", json!("trapped")), ("three", Value::Null)] {
        let made = receipt(folder.path(), id);
        assert_eq!(made["outcome"], outcome, "{id}");
        verify(folder.path(), &made, scripted(), 0);
    }
}

#[test]
fn a_declared_flow_is_proved_with_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let ran = on(folder.path(), &["run", "examples/declared-payout", "--output", "json"]);
    let id = ran.expect(0).objects()[0]["instance"].as_str().unwrap().to_owned();
    let made = receipt(folder.path(), &id);
    for flow in ["examples/declared-payout/flow.toml", "examples/declared-payout"] {
        verify(folder.path(), &made, Path::new(flow), 0);
    }
    on(folder.path(), &["replay", &id]).expect(0);
    // The same flow with another text for its signers is another flow.
    let text = fs::read_to_string(support::root().join("examples/declared-payout/flow.toml")).unwrap();
    let other = text.replacen("description = \"", "description = \"Also: ", 2);
    assert_ne!(text, other);
    let other = file(folder.path(), "flow.toml", other.as_bytes());
    fs::copy(support::root().join("examples/declared-payout/chain.toml"), folder.path().join("chain.toml")).unwrap();
    let ran = verify(folder.path(), &made, &other, 1);
    assert!(ran.out.contains("which was not given"), "{}", ran.out);
    let ran = on(folder.path(), &["replay", &id, "--with", other.to_str().unwrap()]);
    assert!(ran.code.is_some_and(|code| code < 2), "{} {}", ran.out, ran.err);
}

#[test]
fn what_is_no_receipt_is_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    let cases: [(&str, &[u8]); 6] = [
        ("empty.json", b""),
        ("text.json", b"hello"),
        ("other.json", b"{\"version\":1}"),
        ("list.json", b"[]"),
        ("binary.json", &[0xff, 0xfe, 0]),
        ("deep.json", &[b'['; 100_000]),
    ];
    for (name, bytes) in cases {
        let path = file(folder.path(), name, bytes);
        let ran = on(folder.path(), &["verify", path.to_str().unwrap(), "--flow", "nowhere.wasm"]).expect(2);
        assert!(ran.err.contains("this is not a receipt") && ran.err.lines().count() == 1, "{name}: {}", ran.err);
    }
    let ran = on(folder.path(), &["verify", "nowhere.json", "--flow", "nowhere.wasm"]).expect(2);
    assert!(ran.err.contains("nowhere.json cannot be read"), "{}", ran.err);
    on(folder.path(), &["receipt", "one"]).expect(2);
    on(folder.path(), &["export", "one", "--car", "-"]).expect(2);
    on(folder.path(), &["verify"]).expect(2);
}

#[tokio::test]
async fn verify_names_the_first_bad_entry_of_each_chain() {
    let (folder, _) = scripts(&["get; get; get; pay 3", "get; continue; get", "get"]).await;
    let ran = on(folder.path(), &["verify"]).expect(0);
    assert!(ran.out.contains("all is what was written"), "{}", ran.out);
    let db = rusqlite::Connection::open(folder.path().join("valence.db")).unwrap();
    // One byte of an entry, and one of an entry of a later episode.
    let flip = "UPDATE entry SET block = CAST(substr(block, 1, 70) || X'00' || substr(block, 72) AS BLOB) WHERE instance = ?1 AND episode = ?2 AND seq = ?3";
    assert_eq!(db.execute(flip, [1, 0, 2]).unwrap(), 1);
    assert_eq!(db.execute("DELETE FROM entry WHERE instance = 2 AND episode = 1 AND seq = 1", []).unwrap(), 1);
    drop(db);
    let ran = on(folder.path(), &["verify"]).expect(1);
    insta::assert_snapshot!("verify_damaged", ran.out);
    let objects = on(folder.path(), &["verify", "--output", "json"]).expect(1).objects();
    let bad: Vec<_> = objects.iter().filter(|o| o.contains_key("damage")).collect();
    assert_eq!((&bad[0]["instance"], &bad[0]["episode"], &bad[0]["entry"]), (&json!("one"), &json!(0), &json!(2)));
    assert_eq!((&bad[1]["instance"], &bad[1]["episode"], &bad[1]["entry"]), (&json!("two"), &json!(1), &json!(1)));
    assert_eq!(objects.last().unwrap()["verified"], false);
    // What is whole is told; what is damaged is neither proved nor replayed.
    let ran = on(folder.path(), &["history", "one"]).expect(0);
    assert!(ran.out.contains("damaged: one, episode 0: entry 2"), "{}", ran.out);
    for command in ["replay", "receipt"] {
        let ran = on(folder.path(), &[command, "one"]).expect(1);
        assert!(ran.err.contains("episode 0 of `one` is damaged: entry 2"), "{}", ran.err);
    }
    on(folder.path(), &["replay", "three"]).expect(0);
}

#[tokio::test]
async fn a_journal_that_was_exchanged_as_a_whole_is_found_by_the_host_s_own() {
    let (folder, _) = scripts(&["get; pay 3", "get"]).await;
    let rich = |entry: &mut Entry| {
        if let Entry::Executed { fee, .. } = entry {
            *fee = 1;
        }
    };
    let copy = edited(folder.path(), "one", rich).await;
    on(copy.path(), &["verify"]).expect(0);
    // Every row and every checksum of the other chain is right.
    let db = rusqlite::Connection::open(folder.path().join("valence.db")).unwrap();
    db.execute("ATTACH ?1 AS other", [copy.path().join("valence.db").to_str().unwrap()]).unwrap();
    for (table, of) in [("instance", "id"), ("episode", "instance"), ("entry", "instance")] {
        db.execute(&format!("DELETE FROM main.{table} WHERE {of} = 1"), []).unwrap();
        let moved = format!("INSERT INTO main.{table} SELECT * FROM other.{table} WHERE {of} = 1");
        assert!(db.execute(&moved, []).unwrap() > 0, "{table}");
    }
    drop(db);
    let ran = on(folder.path(), &["verify"]).expect(1);
    assert!(ran.out.contains("damaged: one: the host's journal says that it ended with the head "), "{}", ran.out);
    assert_eq!(ran.out.matches("damaged:").count(), 1, "{}", ran.out);
}

#[tokio::test]
async fn a_run_that_was_retried_with_another_build_is_proved_with_that_one() {
    let folder = tempfile::tempdir().unwrap();
    let host = Setup::default().open(Some(folder.path())).await;
    let request = RunRequest { instance: Some("one".to_owned()), ..script("get; pay 5; continue; get; panic; get") };
    assert_eq!(host.runtime.run(&host.flow, request).await.unwrap().outcome(), "trapped");
    let fixed = build(b'D');
    let loaded = host.runtime.load(&fixed, &[], &Limits::default()).await.unwrap();
    let orchestrator = host.runtime.orchestrator();
    orchestrator.retry("one", &Retry { with: Some(loaded.digest()) }, "ann").await.unwrap();
    assert_eq!(orchestrator.end_of("one").await.unwrap().outcome(), "done");
    host.runtime.stop().await;
    host.die().await;
    let made = receipt(folder.path(), "one");
    let flows: Vec<&str> = made["episodes"].as_array().unwrap().iter().map(|e| e["flow"].as_str().unwrap()).collect();
    assert!(flows.len() == 2 && flows[0] != flows[1] && made["flow"] == flows[1], "{flows:?}");
    let fixed = file(folder.path(), "fixed.wasm", &fixed);
    for alone in [scripted(), &fixed] {
        let ran = verify(folder.path(), &made, alone, 1);
        assert!(ran.out.contains("which was not given"), "{}", ran.out);
    }
    let path = folder.path().join("claimed.json");
    let [path, old, new] = [path.as_path(), scripted(), &fixed].map(|p| p.to_str().unwrap());
    on(folder.path(), &["verify", path, "--flow", old, "--flow", new]).expect(0);
    on(folder.path(), &["replay", "one"]).expect(0);
    let told = on(folder.path(), &["history", "one"]).expect(0).out;
    assert!(told.contains("resumed by ann") && told.contains("it asks anew") && told.contains("trapped:"), "{told}");
}
