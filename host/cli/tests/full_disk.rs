//! A disk that is full: a file may not grow beyond a limit of the kernel's. Whatever was acknowledged by then is there, the line that is
//! said names the file, and with room again the instance goes on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::{process::Command, time::Duration};
use support::{finish, scripted, valence};

/// The same command where no file may be larger than so many blocks of 512 bytes.
fn cramped(command: &Command, blocks: u64) -> Command {
    let mut shell = Command::new("sh");
    // Who writes too much is told so, and not killed.
    shell.arg("-c").arg(format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"")).arg("sh");
    shell.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.current_dir(command.get_current_dir().unwrap());
    shell
}

#[test]
fn with_room_again_an_instance_goes_on_where_the_disk_was_full() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::write(folder.path().join("chain.toml"), scripted::CHAIN).unwrap();
    let patience = Duration::from_secs(120);
    let run = |chain: &str, operations: usize| {
        let mut command = valence(["run".to_owned(), scripted::scripted().display().to_string()]);
        command.args(["--chain", chain, "--role", "payer=payer", "--param", "key=friend", "--param"]);
        command.arg(format!("script={}", "get; pay 1000; ".repeat(operations)));
        command.arg("--chain-file").arg(folder.path().join("chain.toml")).arg("--data-dir").arg(&data);
        command
    };
    // The component and the data dir's files are there; only what follows meets the limit.
    finish(run("first", 1), patience).expect(0);
    let mut stopped = 0;
    for (number, blocks) in [900, 1100, 1400, 1900].into_iter().enumerate() {
        let ran = finish(cramped(&run(&format!("c{number}"), 100), blocks), patience);
        if ran.code == Some(0) {
            continue;
        }
        let said = format!("{}{}", ran.out, ran.err);
        assert_eq!(ran.code, Some(8), "{said}");
        assert!(said.contains("the disk is full") || said.contains("free some space"), "{said}");
        assert!(said.contains(data.to_str().unwrap()), "it names the file: {said}");
        let mut ps = valence(["ps", "--all", "--output", "json-compact", "--data-dir"]);
        ps.arg(&data);
        let unfinished: Vec<String> = finish(ps, patience)
            .expect(0)
            .objects()
            .into_iter()
            .filter(|row| row["state"] != "completed")
            .map(|row| row["instance"].as_str().unwrap().to_owned())
            .collect();
        for name in unfinished {
            stopped += 1;
            let mut resume = valence(["resume", &name, "--data-dir"]);
            resume.arg(&data);
            let ran = finish(resume, patience).expect(0);
            assert!(ran.out.contains("200 operations"), "{}", ran.out);
        }
    }
    assert!(stopped > 0, "no disk was full in the middle of a run");
    let mut verify = valence(["verify", "--data-dir"]);
    verify.arg(&data);
    finish(verify, patience).expect(0);
}
