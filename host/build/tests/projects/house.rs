//! Fixtures as projects in temporary folders, and builds of them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use valence_build::{BuildError, BuildRequest, Built, Progress, build};

/// A copy of `tests/fixtures/greeter` below `parent`; returns the flow's folder.
pub fn greeter_in(parent: &Path) -> Result<PathBuf> {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/greeter");
    copy(&fixture, parent)?;
    Ok(parent.join("flow"))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().replace("Cargo.toml.in", "Cargo.toml");
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to.join(name))?;
        } else {
            fs::copy(entry.path(), to.join(name))?;
        }
    }
    Ok(())
}

/// What a build said besides its result.
pub fn build_telling(request: &BuildRequest) -> (Result<Built, BuildError>, Vec<Progress>) {
    let mut told = Vec::new();
    let built = build(request, &mut |progress| told.push(progress));
    (built, told)
}

/// Builds a folder in the cache everybody shares, so that a toolchain is fetched once.
pub fn build_folder(source: &Path) -> Result<Built> {
    let (built, told) = build_telling(&BuildRequest::new(source));
    built.with_context(|| format!("{told:#?}"))
}

/// Replaces a text in a file.
pub fn edit(file: &Path, from: &str, to: &str) -> Result<()> {
    let text = fs::read_to_string(file)?;
    anyhow::ensure!(text.contains(from), "{} holds no {from:?}", file.display());
    fs::write(file, text.replace(from, to))?;
    Ok(())
}
