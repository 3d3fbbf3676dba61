//! Every command of the README, run as it stands there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::{fs, time::Duration};
use support::{finish, root, valence};

/// Commands that are not run, each with its reason.
const SKIPPED: &[(&str, &str)] = &[
    ("cargo test", "it is this"),
    ("cargo bench", "it takes minutes and changes nothing"),
    (
        "cargo run -p valence-runtime --example quick_start",
        "host/runtime/tests/embedding.rs runs the same, and cargo builds the example with the tests",
    ),
];

/// Lines of code blocks, indented or fenced as `sh`, that are commands of ours.
fn commands(readme: &str) -> Vec<String> {
    let mut fence: Option<String> = None;
    let mut found = Vec::new();
    for line in readme.lines() {
        if let Some(language) = line.strip_prefix("```") {
            fence = if fence.is_some() { None } else { Some(language.trim().to_owned()) };
            continue;
        }
        let code = match &fence {
            Some(language) => (language == "sh").then_some(line),
            None => line.strip_prefix("    "),
        };
        let code = code.map(|c| c.trim_start_matches("$ ").trim());
        found.extend(code.filter(|c| c.starts_with("valence ") || c.starts_with("cargo ")).map(str::to_owned));
    }
    found
}

#[test]
fn every_command_of_the_readme_does_what_it_should() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let commands = commands(&readme);
    assert!(commands.len() >= 5, "{commands:?}");
    // Commands write where they stand, so they stand in a folder of their own, from which the sources are seen.
    let folder = tempfile::tempdir().unwrap();
    for part in ["examples", "drivers", "guests", "wit", "host"] {
        std::os::unix::fs::symlink(root().join(part), folder.path().join(part)).unwrap();
    }
    let mut ran = 0;
    for line in &commands {
        if SKIPPED.iter().any(|(skipped, _)| line.starts_with(skipped)) {
            continue;
        }
        let args = line.strip_prefix("valence ").or_else(|| line.strip_prefix("cargo run -- "));
        let args = args.unwrap_or_else(|| panic!("README.md: `{line}` is neither run nor skipped for a reason"));
        let mut command = valence(args.split_whitespace());
        command.current_dir(folder.path()).env("VALENCE_DATA_DIR", folder.path().join("data"));
        let said = finish(command, Duration::from_secs(30 * 60));
        assert_eq!(said.code, Some(0), "README.md: `{line}`: {said:?}");
        ran += 1;
    }
    assert!(ran >= 5, "{ran} of {commands:?}");
    // The owner that `--detach` has started ends with the test.
    let owner = fs::read_to_string(folder.path().join("data/lock")).unwrap();
    std::process::Command::new("kill").arg(owner.trim()).status().unwrap();
    // A command that is gone needs no reason any more; `cargo bench` may come.
    for (skipped, reason) in SKIPPED.iter().filter(|(skipped, _)| *skipped != "cargo bench") {
        assert!(commands.iter().any(|c| c.starts_with(skipped)), "{skipped} ({reason}) is not in README.md");
    }
}

#[test]
fn what_the_readme_shows_of_the_first_run_is_what_is_printed() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let said = finish(valence(["run", "examples/treasury-sweep"]), Duration::from_secs(30 * 60)).expect(0);
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let printed: Vec<Vec<String>> = said.out.lines().map(words).collect();
    let mut shown = 0;
    let block = readme
        .lines()
        .skip_while(|l| !l.starts_with("    slot "))
        .take_while(|l| l.is_empty() || l.starts_with("    "));
    for line in block.filter(|l| !matches!(l.trim(), "" | "…")) {
        // What is too long is cut short with a `…`.
        let fits = |printed: &Vec<String>| {
            let shown = words(line);
            shown.len() == printed.len()
                && shown
                    .iter()
                    .zip(printed)
                    .all(|(s, p)| s == p || s.strip_suffix('…').is_some_and(|start| p.starts_with(start)))
        };
        assert!(printed.iter().any(fits), "README.md shows `{line}`, which is not printed: {}", said.out);
        shown += 1;
    }
    assert!(shown >= 10, "{shown}");
}
