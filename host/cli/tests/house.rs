//! The rules of the house: who may name whom, what nothing is called, and how long a file may be.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use support::root;

/// The packages of the workspace with the names that they depend on, dev-dependencies apart.
fn packages() -> BTreeMap<String, Package> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let args = ["metadata", "--format-version", "1", "--no-deps", "--offline"];
    let output = Command::new(cargo).args(args).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut packages = BTreeMap::new();
    for package in metadata["packages"].as_array().unwrap() {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let named = |dev: bool| {
            let all = package["dependencies"].as_array().unwrap().iter();
            all.filter(|d| (d["kind"] == "dev") == dev).map(|d| text(&d["name"])).collect()
        };
        let folder = Path::new(package["manifest_path"].as_str().unwrap()).parent().unwrap().to_owned();
        let folder = folder.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
        packages.insert(text(&package["name"]), Package { folder, names: named(false), dev: named(true) });
    }
    packages
}

struct Package {
    folder: String,
    names: BTreeSet<String>,
    dev: BTreeSet<String>,
}

/// Crates of this house that each host crate may name. The bench is no room of the house: it measures all of them.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("valence", &["valence-build", "valence-runtime"]),
    ("valence-runtime", &["valence-chain", "valence-door", "valence-journal", "valence-sandbox"]),
    ("valence-sandbox", &["valence-door"]),
    ("valence-door", &[]),
    ("valence-chain", &[]),
    ("valence-journal", &[]),
    ("valence-build", &[]),
];
const BENCH: &str = "valence-bench";

#[test]
fn host_crates_name_only_those_below_them() {
    let packages = packages();
    let allowed: BTreeMap<&str, &[&str]> = MAY_NAME.iter().copied().collect();
    let ours: BTreeSet<&String> = packages.keys().collect();
    for (name, package) in packages.iter().filter(|(name, p)| p.folder.starts_with("host/") && *name != BENCH) {
        let allowed = allowed
            .get(name.as_str())
            .unwrap_or_else(|| panic!("{name} has no rule; give it one here and in README.md"));
        let named: Vec<_> = package.names.iter().filter(|n| ours.contains(n)).collect();
        let too_many: Vec<_> = named.iter().filter(|n| !allowed.contains(&n.as_str())).collect();
        assert!(too_many.is_empty(), "{name} names {too_many:?}");
    }
    // The rules are about crates that are there.
    for (name, below) in MAY_NAME {
        assert!(packages.contains_key(*name), "{name} is gone");
        assert!(below.iter().all(|b| packages.contains_key(*b)), "{name}: {below:?}");
    }
    assert!(packages.values().all(|p| !p.names.contains("valence")), "nobody names the binary");
    assert!(packages.values().all(|p| !p.names.contains(BENCH)), "nobody names the bench");
}

#[test]
fn each_engine_has_one_home() {
    let homes: &[(&[&str], &str)] = &[
        (&["wasmtime", "wac-", "wasmparser", "cap-std"], "valence-sandbox"),
        (&["litesvm", "solana-client", "solana-rpc-client"], "valence-chain"),
    ];
    for (name, package) in packages() {
        if name == BENCH {
            continue;
        }
        for (engines, home) in homes {
            // To make a component, and to read what is in one, is the builder's work too.
            let builder = |engine: &str| name == "valence-build" && engine == "wasmparser";
            let named = package.names.iter().find(|n| engines.iter().any(|e| n.starts_with(e) && !builder(e)));
            assert!(name == *home || named.is_none(), "{name} names {named:?}, which is {home}'s");
        }
    }
}

#[test]
fn guests_drivers_and_examples_see_the_sdk_and_nothing_of_the_host() {
    let packages = packages();
    let host: BTreeSet<&str> =
        packages.iter().filter(|(_, p)| p.folder.starts_with("host/")).map(|(n, _)| n.as_str()).collect();
    let mut checked = 0;
    for (name, package) in packages.iter().filter(|(_, p)| !p.folder.starts_with("host/")) {
        checked += 1;
        // What the SDK's own tests compare templates with runs on this machine and is not part of a flow.
        let named: BTreeSet<&String> = if package.folder.starts_with("guests/") {
            package.names.iter().collect()
        } else {
            package.names.union(&package.dev).collect()
        };
        let of_host: Vec<_> = named.iter().filter(|n| host.contains(n.as_str())).collect();
        assert!(of_host.is_empty(), "{name} names {of_host:?}");
        if package.folder.starts_with("examples/") || package.folder.starts_with("drivers/") {
            // A driver makes the bindings of its own interface.
            let other = package.names.iter().find(|n| !["valence-flow", "wit-bindgen"].contains(&n.as_str()));
            assert_eq!(other, None, "{name}");
        }
    }
    assert!(checked >= 7, "{checked}");
}

/// Files of the tree by extension, without what is built or hidden.
fn files(extension: &str) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![root()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if name == "target" || name.starts_with('.') {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == extension) {
                found.push(path);
            }
        }
    }
    assert!(found.len() > 5, "where is the source tree?");
    found
}

#[test]
fn nothing_is_called_by_a_name_that_says_nothing() {
    const EMPTY: [&str; 5] = ["util", "utils", "common", "core", "misc"];
    for name in packages().keys() {
        assert!(name.split('-').all(|part| !EMPTY.contains(&part)), "crate {name}");
    }
    for path in files("rs") {
        let parts = path.strip_prefix(root()).unwrap().with_extension("");
        let bad = parts.iter().find(|part| EMPTY.contains(&part.to_str().unwrap()));
        assert!(bad.is_none(), "{}", path.display());
        let text = fs::read_to_string(&path).unwrap();
        for line in text.lines().map(str::trim_start) {
            let module = line.trim_start_matches("pub ").trim_start_matches("pub(crate) ").strip_prefix("mod ");
            let module = module.map(|m| m.trim_end_matches([';', ' ', '{']));
            assert!(module.is_none_or(|m| !EMPTY.contains(&m)), "{}: {line}", path.display());
        }
    }
}

#[test]
fn a_file_is_a_room_and_says_at_its_door_what_lives_there() {
    for path in files("rs") {
        let text = fs::read_to_string(&path).unwrap();
        let lines = text.lines().count();
        assert!(lines <= 600, "{} has {lines} lines; find its two ideas", path.display());
        assert!(text.starts_with("//!"), "{} does not begin by saying what lives there", path.display());
    }
}
