//! The environment around a build: what must not leak into it, and the ways to a compiler. A test that needs another
//! environment runs itself again in a child process.

use std::process::{Command, Output};

use anyhow::Result;
use tempfile::tempdir;
use valence_build::{BuildRequest, Progress, Way};

use crate::house::{build_folder, build_telling, greeter_in};

/// Runs the test `name` of this file again, in which `VALENCE_TEST_FLOW` is then set.
fn again(name: &str, flow: &std::path::Path, environment: &[(&str, &str)]) -> Result<Output> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--exact", &format!("compilers::{name}"), "--nocapture"]);
    command.env("VALENCE_TEST_FLOW", flow).envs(environment.iter().copied());
    Ok(command.output()?)
}

/// In the child: builds, prints what came of it, and returns true.
fn built_in_child() -> bool {
    let Some(flow) = std::env::var_os("VALENCE_TEST_FLOW") else { return false };
    match build_telling(&BuildRequest::new(flow)).0 {
        Ok(built) => println!("built {}", built.component.display()),
        Err(error) => println!("refused: {error}"),
    }
    true
}

#[test]
fn settings_of_an_outer_cargo_do_not_leak_in() -> Result<()> {
    if built_in_child() {
        return Ok(());
    }
    let (plain, spoiled) = (tempdir()?, tempdir()?);
    let wanted = build_folder(&greeter_in(plain.path())?)?;
    let flow = greeter_in(spoiled.path())?;
    let environment = [
        ("RUSTFLAGS", "-C no-such-option"),
        ("CARGO_ENCODED_RUSTFLAGS", "-Cno-such-option"),
        ("CARGO_BUILD_TARGET", "no-such-target"),
        ("CARGO_TARGET_DIR", "/dev/null/target"),
        ("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "/dev/null"),
        ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0"),
        ("CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS", "true"),
        ("CARGO_MANIFEST_DIR", "/nowhere"),
        ("CARGO_MAKEFLAGS", "--jobserver-auth=98,99 -j"),
        ("RUSTC_WRAPPER", "/dev/null"),
        ("RUSTC_WORKSPACE_WRAPPER", "/dev/null"),
    ];
    let output = again("settings_of_an_outer_cargo_do_not_leak_in", &flow, &environment)?;
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("built "), "{said}");
    assert!(build_folder(&flow)?.bytes == wanted.bytes, "a setting shows in the bytes");
    Ok(())
}

#[test]
fn a_machine_without_cargo_is_told_to_install_rust() -> Result<()> {
    if built_in_child() {
        return Ok(());
    }
    let home = tempdir()?;
    let flow = greeter_in(home.path())?;
    let environment = [("PATH", "/nowhere"), ("CARGO", "/nowhere/cargo")];
    let output = again("a_machine_without_cargo_is_told_to_install_rust", &flow, &environment)?;
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("refused: cargo was not found on PATH; install Rust"), "{said}");
    Ok(())
}

#[test]
fn an_unknown_way_is_refused_with_the_known_ones() -> Result<()> {
    if built_in_child() {
        return Ok(());
    }
    let home = tempdir()?;
    let flow = greeter_in(home.path())?;
    let output = again("an_unknown_way_is_refused_with_the_known_ones", &flow, &[("VALENCE_BUILD_WAY", "magic")])?;
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("refused: VALENCE_BUILD_WAY=\"magic\" is no way"), "{said}");
    Ok(())
}

#[test]
fn one_line_says_which_compiler_is_taken() -> Result<()> {
    let home = tempdir()?;
    let (built, told) = build_telling(&BuildRequest::new(greeter_in(home.path())?));
    built?;
    let way =
        |progress: &&Progress| matches!(progress, Progress::Toolchain(line) if line.starts_with("compiling with "));
    assert_eq!(told.iter().filter(way).count(), 1, "{told:#?}");
    Ok(())
}

/// Downloads 137 MB and compiles the standard library, in a cache of its own.
#[test]
#[ignore = "minutes and a network; run with --ignored on Debian"]
fn debians_compiler_is_fetched_once_and_gives_the_same_bytes_from_any_cache() -> Result<()> {
    let home = tempdir()?;
    let flow = greeter_in(home.path())?;
    let mut all = Vec::new();
    for cache in ["one", "two"] {
        let mut request = BuildRequest::new(&flow);
        request.cache_dir = Some(home.path().join(cache));
        request.way = Some(Way::Fetched);
        let (built, told) = build_telling(&request);
        let fetched =
            |progress: &Progress| matches!(progress, Progress::Toolchain(line) if line.starts_with("fetching"));
        assert!(told.iter().any(fetched), "{told:#?}");
        all.push(built?.bytes);
        request.force = true;
        request.offline = true;
        let (again, told) = build_telling(&request);
        assert!(!told.iter().any(fetched), "{told:#?}");
        assert!(again?.bytes == all[0], "the cache shows in the bytes");
    }
    Ok(())
}
