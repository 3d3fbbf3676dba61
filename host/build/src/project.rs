//! What a source folder's Cargo.toml says that matters here: the package's name, that it is a cdylib, its drivers.
//! Cargo itself reads the rest.

use std::path::{Path, PathBuf};

use crate::BuildError;
use crate::cache::short_digest;
use crate::error::one_line;

/// A Rust project that can become a component.
#[derive(Debug)]
pub(crate) struct Project {
    /// The folder, absolute, links resolved.
    pub(crate) dir: PathBuf,
    /// Its Cargo.toml.
    pub(crate) manifest: PathBuf,
    /// Names the project's files in the cache: the package's name and a digest of its folder.
    pub(crate) key: String,
    /// Folders or `.wasm` files, absolute.
    pub(crate) drivers: Vec<PathBuf>,
}

/// The folder itself, resolved, once it is known to hold a Rust project.
pub(crate) fn locate(source: &Path) -> Result<PathBuf, BuildError> {
    let dir = source.canonicalize().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => BuildError::SourceMissing(source.to_path_buf()),
        _ => BuildError::io("open", source)(error),
    })?;
    if !dir.is_dir() {
        return Err(BuildError::SourceNotAFolder(source.to_path_buf()));
    }
    if !dir.join("Cargo.toml").is_file() {
        return Err(BuildError::NotRust(source.to_path_buf()));
    }
    Ok(dir)
}

/// The name of a project's files in the cache, which needs no look into the project.
pub(crate) fn key(dir: &Path) -> String {
    let name: String = dir
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(40)
        .collect();
    format!("{name}-{}", short_digest(dir.as_os_str().as_encoded_bytes()))
}

/// Reads the manifest in `dir` (as `locate` returned it).
pub(crate) fn read(dir: PathBuf) -> Result<Project, BuildError> {
    let manifest = dir.join("Cargo.toml");
    let text = std::fs::read_to_string(&manifest).map_err(BuildError::io("read", &manifest))?;
    let broken = |problem: String| BuildError::Manifest { manifest: manifest.clone(), problem };
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| broken(toml_problem(&text, &error)))?;
    let Some(package) = table.get("package") else {
        return Err(if table.contains_key("workspace") {
            BuildError::Virtual(manifest)
        } else {
            broken("it has no [package]; add one with a name".into())
        });
    };
    let named = package.get("name").and_then(toml::Value::as_str).is_some();
    if !named {
        return Err(broken("[package] has no name; add `name = \"…\"`".into()));
    }
    let is_cdylib = table
        .get("lib")
        .and_then(|lib| lib.get("crate-type").or_else(|| lib.get("crate_type")))
        .and_then(toml::Value::as_array)
        .is_some_and(|kinds| kinds.iter().any(|kind| kind.as_str() == Some("cdylib")));
    if !is_cdylib {
        return Err(BuildError::NotACdylib(manifest));
    }
    let named_drivers =
        package.get("metadata").and_then(|metadata| metadata.get("valence")).and_then(|valence| valence.get("drivers"));
    let mut drivers = Vec::new();
    if let Some(list) = named_drivers {
        let wrong =
            "`drivers` in [package.metadata.valence] must be a list of paths, such as [\"../../drivers/token\"]";
        for driver in list.as_array().ok_or_else(|| broken(wrong.into()))? {
            let driver = driver.as_str().ok_or_else(|| broken(wrong.into()))?;
            let path = dir
                .join(driver)
                .canonicalize()
                .map_err(|_| BuildError::DriverMissing { manifest: manifest.clone(), driver: driver.into() })?;
            drivers.push(path);
        }
    }
    let key = key(&dir);
    Ok(Project { dir, manifest, key, drivers })
}

/// "line 3: what", in one line.
fn toml_problem(text: &str, error: &toml::de::Error) -> String {
    let line = error
        .span()
        .and_then(|span| text.get(..span.start))
        .map_or(1, |before| before.matches('\n').count().saturating_add(1));
    format!("line {line}: {}; correct it", one_line(error.message()))
}
