//! `valence history` through the binary: what is told of a run, and what is folded.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod recorded;
mod support;

use recorded::{edited, example, on, scripts};
use valence_runtime::Entry;

#[tokio::test]
async fn the_history_of_the_treasury_sweep_reads_like_what_was_seen_live() {
    let (folder, report) = example("treasury-sweep", &["drivers/token"]).await;
    let name = report.instance.as_str();
    let ran = on(folder.path(), &["history", name]).expect(0);
    // Another build of the example has other digests and ids.
    insta::with_settings!({filters => vec![
        (r"sha256 [0-9a-f]{16}", "sha256 …"), (r"head b[a-z2-7]+", "head …"), (r"fuel [0-9,]+", "fuel …"),
        (r"proposal \w{16}", "proposal …"),
    ]}, { insta::assert_snapshot!("history_treasury_sweep", ran.out) });
    // As objects: each entry with all its fields, in order, under its own name.
    let objects = on(folder.path(), &["history", name, "--output", "json-compact"]).expect(0).objects();
    assert_eq!(objects.len() as u64, report.entries);
    for (place, object) in objects.iter().enumerate() {
        assert_eq!((object["episode"].as_u64(), object["entry"].as_u64()), (Some(0), Some(place as u64)));
        for field in ["cid", "kind", "actor", "slot", "time"] {
            assert!(object.contains_key(field), "{field} of {object:?}");
        }
    }
    assert_eq!(objects.last().unwrap()["cid"], report.head.unwrap().to_string());
    let read = objects.iter().filter(|o| o.get("call").is_some_and(|c| c == "account-watch.get")).nth(2).unwrap();
    let accounts = read["accounts"].as_array().unwrap();
    assert!(accounts.iter().any(|a| a["name"] == "treasury" && a["size"] == 165 && a["slot"].is_u64()), "{read:?}");
}

#[tokio::test]
async fn many_equal_calls_are_folded_unless_all_are_asked_for() {
    let gets = vec!["get"; 40].join(";");
    let (folder, _) =
        scripts(&[&format!("{gets}; address; wait 3; log ready; try-pay 99999999999; get; continue; get")]).await;
    let ran = on(folder.path(), &["history", "one"]).expect(0);
    insta::with_settings!({filters => vec![
        (r"sha256 [0-9a-f]{16}", "sha256 …"), (r"head b[a-z2-7]+", "head …"), (r"fuel [0-9,]+", "fuel …"),
        (r"after   b[a-z2-7]+", "after   …"), (r"sum [0-9a-f]{16}", "sum …"), (r"proposal \w{16}", "proposal …"),
    ]}, { insta::assert_snapshot!("history_folded", ran.out) });
    let all = on(folder.path(), &["history", "one", "--calls"]).expect(0).out;
    assert_eq!(all.matches(" account-watch.get ").count(), 42);
    assert!(!all.contains(" more account-watch.get"), "{all}");
    let second = on(folder.path(), &["history", "one", "--episode", "1", "--calls"]).expect(0).out;
    assert_eq!(second.matches(" account-watch.get ").count(), 1);
}

#[tokio::test]
async fn who_paused_and_who_resumed_is_told() {
    let (folder, _) = scripts(&["get; pay 99999999999"]).await;
    // Three tries, then it is paused for its operator.
    let ran = on(folder.path(), &["history", "one"]).expect(0);
    insta::with_settings!({filters => vec![
        (r"sha256 [0-9a-f]{16}", "sha256 …"), (r"proposal \w{16}", "proposal …"),
    ]}, { insta::assert_snapshot!("history_paused", ran.out) });
    // A terminal is not moved by what a flow or a signer writes.
    let edit = |entry: &mut Entry| {
        if let Entry::Paused { reason, message, by } = entry {
            (*reason, *by) = ("operator".to_owned(), "ann".to_owned());
            *message = "\u{1b}[2Jgone\nand more".to_owned();
        }
    };
    let copy = edited(folder.path(), "one", edit).await;
    let ran = on(copy.path(), &["history", "one"]).expect(0);
    assert!(ran.out.contains("paused (operator):  [2Jgone and more"), "{}", ran.out);
    let objects = on(copy.path(), &["history", "one", "--output", "json"]).expect(0).objects();
    let paused = objects.iter().find(|o| o["kind"] == "paused").unwrap();
    assert_eq!((&paused["actor"], &paused["by"]), (&"user".into(), &"ann".into()));
}

#[tokio::test]
async fn an_instance_is_found_by_name_number_or_beginning() {
    let (folder, _) = scripts(&["get", "get", "get"]).await;
    for id in ["two", "2", "tw"] {
        let ran = on(folder.path(), &["history", id]).expect(0);
        assert!(ran.out.starts_with("two "), "{}", ran.out);
    }
    let ran = on(folder.path(), &["history", "t"]).expect(2);
    assert!(ran.err.contains("two") && ran.err.contains("three") && ran.err.lines().count() == 1, "{}", ran.err);
    for id in ["", "four", "0", "99999999999999999999"] {
        let ran = on(folder.path(), &["history", id]).expect(2);
        assert!(ran.err.starts_with("error: there is no instance"), "{}", ran.err);
    }
}
