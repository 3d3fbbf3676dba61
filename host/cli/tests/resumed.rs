//! `valence resume` of an instance that cannot go on: it says why, and does not hang.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::time::Duration;
use support::{finish, scripted, valence};

#[test]
fn who_resumes_what_cannot_go_on_is_told_why() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::write(folder.path().join("chain.toml"), scripted::CHAIN).unwrap();
    let patience = Duration::from_secs(60);
    let mut run = valence(["run".to_owned(), scripted::scripted().display().to_string()]);
    run.args(["--chain", "c", "--role", "payer=payer", "--param", "key=friend", "--param", "script=for-change; get"]);
    run.arg("--chain-file").arg(folder.path().join("chain.toml")).arg("--data-dir").arg(&data);
    finish(run, patience).expect(6);
    let resume = || {
        let mut resume = valence(["resume", "scripted-1", "--data-dir"]);
        resume.arg(&data);
        finish(resume, patience)
    };
    let waits = resume().expect(6);
    assert!(waits.out.contains("stalled: the flow waits for friend changed"), "{}", waits.out);
    for crash in 1..=3 {
        // As a process leaves it that dies with this instance in flight.
        std::fs::write(data.join("running"), 1u64.to_le_bytes()).unwrap();
        let ran = resume().expect(if crash == 3 { 9 } else { 6 });
        assert_eq!(ran.out.contains("quarantine: the host ended 3 times"), crash == 3, "{}", ran.out);
    }
    resume().expect(6);
}
