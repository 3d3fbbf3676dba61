//! What `--help` teaches, and completions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use support::{root, run};

#[test]
fn the_help_teaches() {
    insta::assert_snapshot!("help", run(["--help"]).expect(0).out);
    insta::assert_snapshot!("run_help", run(["run", "--help"]).expect(0).out);
}

#[test]
fn the_exit_codes_of_the_help_are_those_of_the_readme() {
    let help = run(["--help"]).expect(0).out;
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let codes: Vec<(&str, &str)> = help
        .lines()
        .skip_while(|line| *line != "Exit codes:")
        .skip(1)
        .map(|line| line.trim().split_once(' ').unwrap())
        .map(|(code, meaning)| (code, meaning.trim()))
        .collect();
    assert_eq!(codes.len(), 11);
    for (code, meaning) in codes {
        assert!(readme.contains(&format!("| {code} | {meaning} |")), "README.md lacks {code}: {meaning}");
    }
}

#[test]
fn the_version_is_the_package_s() {
    assert_eq!(run(["--version"]).expect(0).out, format!("valence {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn completions_come_for_each_shell() {
    for (shell, sign) in [("bash", "_valence()"), ("zsh", "#compdef valence"), ("fish", "complete -c valence")] {
        let out = run(["completions", shell]).expect(0).out;
        assert!(out.contains(sign), "{shell}");
        assert!(out.contains("inspect") && out.contains("chain-file"), "{shell}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn no_command_panics_when_nobody_can_read_what_it_says() {
    let commands: [&[&str]; 5] = [
        &["completions", "zsh"],
        &["run", "x", "--limit", "list"],
        &["run", "examples/stake-split", "-v"],
        &["run", "examples/stake-split", "--output", "json"],
        &["run", "nowhere"],
    ];
    for args in commands {
        let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let status = support::valence(args).stdout(full()).stderr(full()).status().unwrap();
        assert!(matches!(status.code(), Some(0 | 2)), "{args:?}: {status}");
    }
}
