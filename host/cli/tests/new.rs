//! A stranger's first minutes: a new project runs at once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::fs;
use support::{run, run_building};

#[test]
fn a_new_flow_runs_at_once_and_can_be_changed() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("first-steps");
    let (dir, project) = (folder.path().to_str().unwrap(), project.to_str().unwrap());
    let ran = run(["new", "flow", "first-steps", "--dir", dir]).expect(0);
    assert!(ran.out.contains(&format!("valence run {project}")), "{}", ran.out);

    let ran = run_building(["run", project]).expect(0);
    assert!(ran.out.contains("done: paid 0.5 SOL in slot"), "{}", ran.out);
    assert!(ran.out.contains("friend  0 → 0.5 SOL"), "{}", ran.out);
    run_building(["run", project, "--param", "amount=3"]).expect(1);
    run_building(["inspect", project]).expect(0);

    // A change of the source is seen, and a mistake is the author's to mend.
    let source = format!("{project}/src/lib.rs");
    let text = fs::read_to_string(&source).unwrap();
    let changed = text.replace("\"paid ", "\"gave ");
    assert_ne!(text, changed);
    fs::write(&source, changed).unwrap();
    assert!(run_building(["run", project]).expect(0).out.contains("done: gave 0.5 SOL in slot"));
    fs::write(&source, "fn").unwrap();
    let ran = run_building(["run", project]).expect(7);
    let last = ran.err.lines().last().unwrap();
    assert!(last.starts_with("error: ") && last.contains("does not build"), "{last}");
}

#[test]
fn a_bad_name_makes_no_folder() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    for name in ["", "A", "a b", "a/b", "..", "-a", "1a", "fn", "ü", &"a".repeat(200)] {
        let ran = run(["new", "flow", "--dir", dir, "--", name]);
        assert_eq!(ran.code, Some(2), "{name:?}: {ran:?}");
        assert!(ran.err.starts_with("error: "), "{name:?}: {ran:?}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_folder_that_is_there_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mine = folder.path().join("mine");
    fs::create_dir(&mine).unwrap();
    fs::write(mine.join("notes"), "dear diary").unwrap();
    let ran = run(["new", "flow", "mine", "--dir", folder.path().to_str().unwrap()]).expect(2);
    assert!(ran.err.contains("exists already"), "{}", ran.err);
    assert_eq!(fs::read_dir(&mine).unwrap().count(), 1);
    assert_eq!(fs::read_to_string(mine.join("notes")).unwrap(), "dear diary");
}

#[test]
fn new_and_build_and_the_list_of_limits_speak_json_too() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    let objects = run(["new", "flow", "mine", "--dir", dir, "--output", "json"]).expect(0).objects();
    assert_eq!(objects[0]["created"], format!("{dir}/mine"));
    let objects = run_building(["build", "guests/conformance", "--output", "json-compact"]).expect(0).objects();
    assert_eq!(objects.len(), 1);
    assert_eq!(objects[0]["size"], fs::metadata(objects[0]["component"].as_str().unwrap()).unwrap().len());
    let objects = run(["run", "x", "--limit", "list", "--output", "json"]).expect(0).objects();
    assert_eq!(objects.len(), valence_runtime::Limits::ALL.len());
    assert_eq!(objects[0]["limit"], "fuel");
}
