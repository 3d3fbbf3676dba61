//! What cannot be built is refused with one line that says what, where and what to do.

use std::fs;
use std::path::Path;

use anyhow::Result;
use tempfile::tempdir;
use valence_build::{BuildError, BuildRequest, Progress, Way};

use crate::house::{build_telling, edit, greeter_in};

fn refusal(source: &Path) -> BuildError {
    let error = build_telling(&BuildRequest::new(source)).0.expect_err("it must be refused");
    assert!(!error.to_string().contains('\n'), "{error}");
    error
}

#[test]
fn a_path_that_holds_no_project_is_refused_for_what_it_is() -> Result<()> {
    let home = tempdir()?;
    let missing = home.path().join("missing");
    assert!(matches!(refusal(&missing), BuildError::SourceMissing(path) if path == missing));
    let file = home.path().join("notes.txt");
    fs::write(&file, "")?;
    assert!(matches!(refusal(&file), BuildError::SourceNotAFolder(_)));
    fs::write(home.path().join("app.js"), "")?;
    assert!(matches!(refusal(home.path()), BuildError::NotRust(_)));
    Ok(())
}

#[test]
fn a_manifest_that_cannot_make_a_component_is_refused_with_the_line_to_change() -> Result<()> {
    let home = tempdir()?;
    let manifest = home.path().join("Cargo.toml");
    let message = |text: &str| -> Result<String> {
        fs::write(&manifest, text)?;
        Ok(refusal(home.path()).to_string())
    };
    assert!(message("[package]\nname = \n")?.contains("line 2"));
    assert!(message("\u{0}")?.contains("line 1"));
    assert!(message("[dependencies]\n")?.contains("no [package]"));
    assert!(message("[package]\nversion = \"1.0.0\"\n")?.contains("no name"));
    assert!(message("[workspace]\n")?.contains("is a workspace without a [package]"));
    assert!(message("[package]\nname = \"x\"\n")?.contains("add `[lib]` with `crate-type = [\"cdylib\"]`"));
    assert!(message("[package]\nname = \"x\"\n[lib]\ncrate-type = [\"rlib\"]\n")?.contains("add `[lib]`"));
    let drivers = "[package]\nname = \"x\"\n[lib]\ncrate-type = [\"cdylib\"]\n[package.metadata.valence]\ndrivers = ";
    assert!(message(&format!("{drivers}\"token\"\n"))?.contains("must be a list of paths"));
    assert!(message(&format!("{drivers}[1]\n"))?.contains("must be a list of paths"));
    assert!(message(&format!("{drivers}[\"../nowhere/token\"]\n"))?.contains("\"../nowhere/token\" is not there"));
    assert!(message("")?.contains(manifest.to_str().unwrap()), "the file is named");
    fs::write(&manifest, [0xff, 0xfe])?;
    assert!(refusal(home.path()).to_string().contains("cannot read"));
    Ok(())
}

#[test]
fn what_the_compiler_says_reaches_the_author_as_it_is() -> Result<()> {
    let home = tempdir()?;
    let flow = greeter_in(home.path())?;
    edit(&flow.join("src/lib.rs"), "Ok(words::pick", "Ok(missing::pick")?;
    let (built, told) = build_telling(&BuildRequest::new(&flow));
    let Err(BuildError::Compile { output, .. }) = built else { anyhow::bail!("{built:?}") };
    let said: Vec<&str> = told
        .iter()
        .filter_map(|progress| match progress {
            Progress::Diagnostic(line) => Some(line.as_str()),
            _ => None,
        })
        .collect();
    assert!(said.iter().any(|line| line.starts_with("error[E0433]")), "{told:#?}");
    assert!(said.iter().any(|line| line.contains("--> src/lib.rs:")), "the path is the author's own: {said:#?}");
    assert!(output.contains("error[E0433]"));

    edit(&flow.join("src/lib.rs"), "Ok(missing::pick", "Ok(words::pick")?;
    edit(&home.path().join("words/src/lib.rs"), "\"hi\".into()", "3")?;
    let (_, told) = build_telling(&BuildRequest::new(&flow));
    let path = home.path().canonicalize()?.join("words/src/lib.rs");
    let place = format!("--> {}", path.display());
    let names = |progress: &Progress| matches!(progress, Progress::Diagnostic(line) if line.contains(&place));
    assert!(told.iter().any(names), "a path dependency's messages name its file: {told:#?}");
    Ok(())
}

#[test]
fn a_library_without_a_world_is_refused() -> Result<()> {
    let home = tempdir()?;
    fs::create_dir(home.path().join("src"))?;
    fs::write(
        home.path().join("Cargo.toml"),
        "[package]\nname = \"plain\"\nedition = \"2024\"\n[lib]\ncrate-type = [\"cdylib\"]\n[workspace]\n",
    )?;
    fs::write(home.path().join("src/lib.rs"), "#[unsafe(no_mangle)] pub extern \"C\" fn run() {}\n")?;
    let error = refusal(home.path());
    assert!(matches!(&error, BuildError::NotAComponent { problem, .. } if problem == "no component-type section"));
    Ok(())
}

#[test]
fn without_any_compiler_the_error_says_what_to_install() -> Result<()> {
    let home = tempdir()?;
    let flow = greeter_in(home.path())?;
    let mut request = BuildRequest::new(&flow);
    request.cache_dir = Some(home.path().join("cache"));
    request.offline = true;
    request.way = Some(Way::Fetched);
    let (built, _) = build_telling(&request);
    let message = built.unwrap_err().to_string();
    assert!(message.contains("Debian: not in the cache, and offline"), "{message}");
    assert!(message.contains("`rustup target add wasm32-unknown-unknown`"), "{message}");
    assert!(message.contains("`apt-get install rustc-web rust-web-src`"), "{message}");
    Ok(())
}

#[test]
fn a_cache_that_cannot_be_made_is_named() -> Result<()> {
    let home = tempdir()?;
    let flow = greeter_in(home.path())?;
    let mut request = BuildRequest::new(&flow);
    request.cache_dir = Some(flow.join("Cargo.toml/cache"));
    let message = build_telling(&request).0.unwrap_err().to_string();
    assert!(message.starts_with("cannot create") && message.contains("Cargo.toml/cache"), "{message}");
    Ok(())
}
