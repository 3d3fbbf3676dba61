//! Puts the sources of the SDK and of the contract into the binary, so that `valence new flow` works for somebody who
//! has the binary and nothing else. Writes `sources.rs`: a table of path (as in the repository) and bytes.

use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// What a flow's source needs, as seen from the repository's root.
const FOLDERS: [&str; 3] = ["guests/macros", "guests/sdk", "wit/flow"];

fn main() -> Result<(), Box<dyn Error>> {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let root = here.join("../..").canonicalize()?;
    let mut files = Vec::new();
    for folder in FOLDERS {
        collect(&root.join(folder), &mut files)?;
    }
    files.sort();
    let mut table = String::from("[\n");
    for file in &files {
        let name = file.strip_prefix(&root)?.to_str().ok_or("a source file's name is not UTF-8")?.replace('\\', "/");
        let path = file.to_str().ok_or("the repository's path is not UTF-8")?;
        writeln!(table, "    ({name:?}, include_bytes!({path:?}).as_slice()),")?;
    }
    table.push_str("]\n");
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("sources.rs"), table)?;
    println!("cargo::rerun-if-changed=build.rs");
    Ok(())
}

/// Sources only: no build output, no lock file, nothing hidden, none of the SDK's own tests.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={}", folder.display());
    let entries = fs::read_dir(folder).map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') {
            continue;
        }
        if entry.file_type()?.is_dir() {
            if !["target", "tests", "benches", "examples"].contains(&name.as_ref()) {
                collect(&entry.path(), files)?;
            }
        } else if name != "Cargo.lock" {
            println!("cargo::rerun-if-changed={}", entry.path().display());
            files.push(entry.path());
        }
    }
    Ok(())
}
