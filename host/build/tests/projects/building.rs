//! A folder becomes a component, is found again when nothing changed, and is built again when anything did.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use crate::house::{build_folder, build_telling, edit, greeter_in};
use anyhow::Result;
use tempfile::tempdir;
use valence_build::BuildRequest;

/// Edits must not fall into the tick in which the project was written.
fn a_moment_passes() {
    std::thread::sleep(Duration::from_millis(50));
}

#[test]
fn a_folder_becomes_a_component_that_imports_what_its_world_says() -> Result<()> {
    let home = tempdir()?;
    let flow = greeter_in(home.path())?;
    a_moment_passes();
    let built = build_folder(&flow)?;
    assert!(!built.fresh);
    assert_eq!(built.bytes, fs::read(&built.component)?);
    let decoded = match wit_component::decode(&built.bytes)? {
        wit_component::DecodedWasm::Component(resolve, world) => resolve.worlds[world].clone(),
        wit_component::DecodedWasm::WitPackage(..) => anyhow::bail!("not a component"),
    };
    assert_eq!(decoded.imports.len(), 1, "{:?}", decoded.imports);
    assert_eq!(decoded.exports.len(), 1, "{:?}", decoded.exports);
    Ok(())
}

#[test]
fn an_unchanged_project_is_read_without_cargo_and_an_edited_one_is_built_again() -> Result<()> {
    let home = tempdir()?;
    let flow = greeter_in(home.path())?;
    a_moment_passes();
    let first = build_folder(&flow)?;
    assert!(!first.fresh);

    let before = Instant::now();
    let (second, told) = build_telling(&BuildRequest::new(&flow));
    let took = before.elapsed();
    let second = second?;
    assert!(second.fresh);
    assert_eq!(told, [], "nothing runs, so there is nothing to tell");
    assert_eq!(second.bytes, first.bytes);
    assert!(took < Duration::from_millis(50), "a look at the stamp took {took:?}");

    edit(&flow.join("src/lib.rs"), "too many names", "far too many names")?;
    let edited = build_folder(&flow)?;
    assert!(!edited.fresh);
    assert_ne!(edited.bytes, first.bytes);
    a_moment_passes();

    edit(&home.path().join("words/src/lib.rs"), "good day", "good evening")?;
    let dependency_edited = build_folder(&flow)?;
    assert!(!dependency_edited.fresh);
    assert_ne!(dependency_edited.bytes, edited.bytes);
    a_moment_passes();

    edit(&flow.join("greeter.wit"), "list<string>", "list<string>, loud: bool")?;
    edit(&flow.join("src/lib.rs"), "names: Vec<String>", "names: Vec<String>, _loud: bool")?;
    assert!(!build_folder(&flow)?.fresh);

    fs::create_dir(flow.join(".cargo"))?;
    fs::write(flow.join(".cargo/config.toml"), "[build]\nrustflags = [\"--cfg\", \"loud\"]\n")?;
    a_moment_passes();
    assert!(!build_folder(&flow)?.fresh, "a new cargo configuration is a change");
    assert!(build_folder(&flow)?.fresh);
    Ok(())
}

#[test]
fn a_new_time_on_the_same_content_is_no_change() -> Result<()> {
    let home = tempdir()?;
    let flow = greeter_in(home.path())?;
    a_moment_passes();
    build_folder(&flow)?;
    let source = fs::File::options().write(true).open(flow.join("src/lib.rs"))?;
    source.set_modified(SystemTime::now() + Duration::from_secs(5))?;
    assert!(build_folder(&flow)?.fresh);
    Ok(())
}

#[test]
fn a_damaged_cache_is_built_again() -> Result<()> {
    let home = tempdir()?;
    let flow = greeter_in(home.path())?;
    a_moment_passes();
    let first = build_folder(&flow)?;
    let mut bytes = first.bytes.clone();
    bytes[100] ^= 1;
    fs::write(&first.component, bytes)?;
    let again = build_folder(&flow)?;
    assert!(!again.fresh);
    assert_eq!(again.bytes, first.bytes);
    assert_eq!(fs::read(&again.component)?, first.bytes);
    Ok(())
}

#[test]
fn the_same_source_in_another_folder_gives_the_same_bytes() -> Result<()> {
    let (here, there) = (tempdir()?, tempdir()?);
    let deep = there.path().join("a longer path/with a space");
    let first = build_folder(&greeter_in(here.path())?)?;
    let second = build_folder(&greeter_in(&deep)?)?;
    assert!(first.bytes == second.bytes, "the folder shows in the bytes");
    let text = String::from_utf8_lossy(&first.bytes);
    assert!(!text.contains(here.path().to_str().unwrap()));
    assert!(text.contains("/words-0.1.0/src/lib.rs"), "panics still say where");
    Ok(())
}

#[test]
fn a_member_of_a_workspace_gives_the_same_bytes_as_a_project_on_its_own() -> Result<()> {
    let (alone, together) = (tempdir()?, tempdir()?);
    let first = build_folder(&greeter_in(alone.path())?)?;
    let flow = greeter_in(together.path())?;
    edit(&flow.join("Cargo.toml"), "[workspace]", "")?;
    let root = "[workspace]\nresolver = \"3\"\nmembers = [\"flow\", \"words\"]\n";
    fs::write(together.path().join("Cargo.toml"), root)?;
    let second = build_folder(&flow)?;
    assert!(first.bytes == second.bytes, "the workspace shows in the bytes");
    Ok(())
}

#[test]
fn two_builds_at_once_do_not_disturb_each_other() -> Result<()> {
    let homes = [tempdir()?, tempdir()?];
    let flows = [greeter_in(homes[0].path())?, greeter_in(homes[1].path())?];
    edit(&flows[1].join("src/lib.rs"), "nobody to greet", "no name")?;
    let build = |flow: &Path| build_folder(flow);
    let (first, second) = std::thread::scope(|scope| {
        let first = scope.spawn(|| build(&flows[0]));
        let second = build(&flows[1]);
        (first.join().unwrap(), second)
    });
    let (first, second) = (first?, second?);
    let holds = |bytes: &[u8], text: &str| String::from_utf8_lossy(bytes).contains(text);
    assert!(holds(&first.bytes, "nobody to greet") && !holds(&second.bytes, "nobody to greet"));
    Ok(())
}

#[test]
fn drivers_named_in_the_manifest_are_found_beside_it() -> Result<()> {
    let home = tempdir()?;
    let flow = greeter_in(home.path())?;
    fs::create_dir_all(home.path().join("drivers/token"))?;
    fs::write(home.path().join("drivers/llm.wasm"), "")?;
    let metadata = "[package.metadata.valence]\ndrivers = [\"../drivers/token\", \"../drivers/llm.wasm\"]\n\n[lib]";
    edit(&flow.join("Cargo.toml"), "[lib]", metadata)?;
    a_moment_passes();
    let root = home.path().canonicalize()?;
    let wanted = [root.join("drivers/token"), root.join("drivers/llm.wasm")];
    assert_eq!(build_folder(&flow)?.drivers, wanted);
    let again = build_folder(&flow)?;
    assert!(again.fresh);
    assert_eq!(again.drivers, wanted);
    Ok(())
}
