//! A name becomes a project that builds at once, or a clear refusal.

use std::fs;

use crate::house::build_folder;
use anyhow::Result;
use tempfile::tempdir;
use valence_build::new_flow;

#[test]
fn a_new_flow_builds_to_a_component_of_the_flow_world() -> Result<()> {
    let home = tempdir()?;
    let project = new_flow("pay-a-friend", home.path())?;
    assert_eq!(project, home.path().join("pay-a-friend"));
    for file in ["README.md", "chain.toml", "run.toml", ".gitignore", "src/lib.rs", "valence/wit/flow/world.wit"] {
        assert!(project.join(file).is_file(), "{file} is missing");
    }
    let everything = fs::read_to_string(project.join("Cargo.toml"))? + &fs::read_to_string(project.join("src/lib.rs"))?;
    assert!(!everything.contains("{{"), "{everything}");
    assert!(everything.contains("name = \"pay-a-friend\""));
    assert_eq!(fs::read_dir(home.path())?.count(), 1, "no draft is left");

    let built = build_folder(&project)?;
    let names = world_names(&built.bytes)?;
    assert!(names.iter().all(|name| name.starts_with("valence:flow/")), "{names:?}");
    assert!(names.iter().any(|name| name == "valence:flow/flow@0.1.0"), "{names:?}");
    Ok(())
}

/// What a component imports and exports.
fn world_names(component: &[u8]) -> Result<Vec<String>> {
    let wit_component::DecodedWasm::Component(resolve, world) = wit_component::decode(component)? else {
        anyhow::bail!("not a component");
    };
    let world = &resolve.worlds[world];
    Ok(world.imports.keys().chain(world.exports.keys()).map(|key| resolve.name_world_key(key)).collect())
}

#[test]
fn a_name_that_cannot_be_a_package_is_refused_with_the_rule_it_breaks() -> Result<()> {
    let home = tempdir()?;
    let cases = [
        ("", "it is empty"),
        ("Sweep", "does not start with a lowercase letter"),
        ("9lives", "does not start with a lowercase letter"),
        ("../up", "does not start with a lowercase letter"),
        ("my flow", "a letter that is not allowed"),
        ("a/b", "a letter that is not allowed"),
        ("straße", "a letter that is not allowed"),
        ("sweep-", "a '-' stands between two words"),
        ("fn", "the compiler has that word"),
        ("valence-flow", "the compiler has that word"),
    ];
    for (name, problem) in cases {
        let message = new_flow(name, home.path()).unwrap_err().to_string();
        assert!(message.contains(problem), "{name}: {message}");
        assert!(message.contains(&format!("{name:?}")) && !message.contains('\n'), "{message}");
    }
    assert!(new_flow(&"a".repeat(65), home.path()).unwrap_err().to_string().contains("longer than 64"));
    assert_eq!(fs::read_dir(home.path())?.count(), 0, "nothing is left behind");
    Ok(())
}

#[test]
fn an_existing_folder_is_left_alone() -> Result<()> {
    let home = tempdir()?;
    fs::create_dir(home.path().join("mine"))?;
    fs::write(home.path().join("mine/notes"), "keep")?;
    let message = new_flow("mine", home.path()).unwrap_err().to_string();
    assert!(message.contains("mine exists already"), "{message}");
    assert_eq!(fs::read_to_string(home.path().join("mine/notes"))?, "keep");
    Ok(())
}

#[test]
fn a_place_that_cannot_be_written_is_named() -> Result<()> {
    let home = tempdir()?;
    let file = home.path().join("file");
    fs::write(&file, "")?;
    let message = new_flow("mine", &file).unwrap_err().to_string();
    assert!(message.starts_with("cannot write") && message.contains("file"), "{message}");
    Ok(())
}
