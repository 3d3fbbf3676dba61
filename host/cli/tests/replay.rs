//! `valence replay` through the binary: a past run once more, as it was, by another build, and from an edited record.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod recorded;
mod support;

use recorded::{edited, example, file, on, scripts};
use support::scripted::build;
use valence_runtime::{Entry, HostReply};

/// The door's words are the runtime's business; a test edits them where they are.
const SCRIPT: &str = "get; address; log hello; look 5; pay 7; wait 20; get; try-pay 99999999999; pay 8";

#[tokio::test]
async fn a_run_replays_to_the_same_calls_and_the_same_end() {
    let (folder, _) = scripts(&[SCRIPT, "get; pay 1; continue; get; wait 3; loop 2", "get; fail"]).await;
    let one = on(folder.path(), &["replay", "one"]).expect(0);
    insta::assert_snapshot!("replay_the_same", one.out);
    for (id, outcomes) in [("two", &["continue", "continue", "done"][..]), ("3", &["failed"])] {
        let objects = on(folder.path(), &["replay", id, "--output", "json-compact"]).expect(0).objects();
        let ends: Vec<&str> = objects.iter().filter_map(|o| o["end"]["outcome"].as_str()).collect();
        assert!(ends.starts_with(&outcomes[..1]) && ends.last() == outcomes.last(), "{ends:?}");
        for (episode, object) in objects.iter().enumerate() {
            assert_eq!((&object["verdict"], &object["same"]), (&"same".into(), &true.into()), "{object:?}");
            assert_eq!(object["episode"], episode, "{object:?}");
            assert!(object["calls"].as_u64().unwrap() > 0 && object["end"]["fuel"].as_u64().unwrap() > 1000);
        }
        let last = on(folder.path(), &["replay", id, "--episode", "0"]).expect(0);
        assert_eq!(last.out.matches("episode").count(), 1, "{}", last.out);
    }
}

#[tokio::test]
async fn another_build_that_pays_more_shows_the_step_with_what_differs() {
    let (folder, _) = scripts(&[SCRIPT]).await;
    let more = file(folder.path(), "more.wasm", &build(b'E'));
    let ran = on(folder.path(), &["replay", "one", "--with", more.to_str().unwrap()]).expect(1);
    insta::assert_snapshot!("replay_pays_more", ran.out);
    // The same build under another name is the same.
    let same = file(folder.path(), "same.wasm", &build(b'A'));
    on(folder.path(), &["replay", "one", "--with", same.to_str().unwrap()]).expect(0);
    // A build whose calls are the same is another build, and says so.
    let harmless = file(folder.path(), "harmless.wasm", &build(b'D'));
    let args = ["replay", "one", "--with", harmless.to_str().unwrap(), "--output", "json"];
    let objects = on(folder.path(), &args).expect(0).objects();
    assert_eq!((&objects[0]["same"], &objects[0]["same-build"]), (&true.into(), &false.into()));
}

#[tokio::test]
async fn another_build_that_asks_something_else_shows_both_calls() {
    let (folder, _) = scripts(&[SCRIPT]).await;
    let other = file(folder.path(), "other.wasm", &build(b'B'));
    let args = ["replay", "one", "--with", other.to_str().unwrap()];
    insta::assert_snapshot!("replay_asks_something_else", on(folder.path(), &args).expect(1).out);
    let objects = on(folder.path(), &[&args[..], &["--output", "json"]].concat()).expect(1).objects();
    let difference = &objects[0]["difference"];
    assert_eq!((&objects[0]["verdict"], &difference["entry"]), (&"differs".into(), &1.into()));
    assert!(difference["recorded"].as_str().unwrap().starts_with("account-watch.get "), "{difference}");
    assert!(difference["made"].as_str().unwrap().starts_with("tx-build.find-program-address "), "{difference}");
}

#[tokio::test]
async fn an_edited_reply_shows_where_the_flow_goes_another_way() {
    let (folder, report) = example("treasury-sweep", &["drivers/token"]).await;
    let name = report.instance.as_str();
    on(folder.path(), &["replay", name]).expect(0);
    // The flow sweeps all above the reserve: it is told of a treasury that holds one unit more.
    let edit = |entry: &mut Entry| {
        if let Entry::Call { reply: HostReply::Get(Ok(snapshot)), .. } = entry {
            for account in snapshot.accounts.iter_mut().flatten().filter(|account| account.data.len() == 165) {
                let mut data = account.data.to_vec();
                data[64] += 1;
                account.data = data.into();
            }
        }
    };
    let copy = edited(folder.path(), name, edit).await;
    insta::assert_snapshot!("replay_edited_reply", on(copy.path(), &["replay", name]).expect(1).out);
    // The chain itself is right: it was written anew.
    on(copy.path(), &["history", name]).expect(0);
    // What only the end depends on shows at the end.
    let edit = |entry: &mut Entry| {
        if let Entry::End { value, .. } = entry {
            value.push(b'!');
        }
    };
    let copy = edited(folder.path(), name, edit).await;
    let objects = on(copy.path(), &["replay", name, "--output", "json"]).expect(1).objects();
    assert_eq!(objects[0]["verdict"], "other-end");
    let edit = |entry: &mut Entry| {
        if let Entry::End { fuel, .. } = entry {
            *fuel += 1;
        }
    };
    let copy = edited(folder.path(), name, edit).await;
    let objects = on(copy.path(), &["replay", name, "--output", "json"]).expect(1).objects();
    assert_eq!(objects[0]["verdict"], "other-fuel");
}

#[tokio::test]
async fn what_cannot_be_replayed_is_one_clear_line() {
    let (folder, _) = scripts(&["get", "get"]).await;
    let dir = folder.path();
    let text = file(dir, "text.wasm", b"hello");
    let cases: [(&[&str], i32, &str); 5] = [
        (&["replay", "nobody"], 2, "there is no instance `nobody`"),
        (&["replay", "9"], 2, "there is no instance `9`"),
        (&["replay", "one", "--episode", "4"], 2, "`one` has no episode 4"),
        (&["replay", "one", "--with", text.to_str().unwrap()], 3, "this is not WebAssembly"),
        (&["replay", "one", "--with", "nowhere.wasm"], 2, "nowhere.wasm cannot be read"),
    ];
    for (args, code, says) in cases {
        let ran = on(dir, args).expect(code);
        assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
        assert!(ran.err.contains(says), "{args:?}: {}", ran.err);
    }
    let empty = tempfile::tempdir().unwrap();
    let ran = on(empty.path(), &["replay", "one"]).expect(2);
    assert!(ran.err.contains("nothing was recorded here"), "{}", ran.err);
}
