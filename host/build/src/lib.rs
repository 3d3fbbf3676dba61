//! `valence-build`: a source folder becomes a WebAssembly component, and a name becomes a new project.
//!
//! What lives here: finding a compiler for `wasm32-unknown-unknown` (`toolchain`), running cargo (`cargo`),
//! componentizing (`component`), knowing that nothing changed (`inputs`, `stamp`), the cache's layout (`cache`) and the
//! project template (`scaffold`). What does not: anything that knows how a component is run, or Solana.
//!
//! The same source gives the same bytes wherever the folder, the home or the cache lies, given the same compiler and
//! the same way to its standard library (precompiled, or built from source).

mod cache;
mod cargo;
mod component;
mod error;
mod inputs;
mod project;
mod run;
mod scaffold;
mod stamp;
mod toolchain;

use std::path::PathBuf;
use std::time::SystemTime;

pub use cache::default_cache_dir;
pub use error::BuildError;
pub use scaffold::{NewError, new_flow};
pub use toolchain::Way;

/// What to build.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BuildRequest {
    /// The folder that holds the project's Cargo.toml.
    pub source: PathBuf,
    /// Where everything is kept; `None` means [`default_cache_dir`].
    pub cache_dir: Option<PathBuf>,
    /// Use no network: cargo gets `--offline`, and no toolchain is fetched.
    pub offline: bool,
    /// Ask cargo even when no input changed.
    pub force: bool,
    /// Colours in the compiler's messages, for callers that print them on a terminal.
    pub color: bool,
    /// Take this way to a compiler and no other; `None` tries all in order. Also set by `VALENCE_BUILD_WAY`.
    pub way: Option<Way>,
}

impl BuildRequest {
    /// A request with every option at its default.
    #[must_use]
    pub fn new(source: impl Into<PathBuf>) -> Self {
        Self { source: source.into(), cache_dir: None, offline: false, force: false, color: false, way: None }
    }
}

/// What happens during a build, as it happens. Each is one line without its line end.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// The way taken to a compiler, or something being fetched for it.
    Toolchain(String),
    /// Another process holds what this one needs.
    Waiting(String),
    /// Cargo's report of what it does ("   Compiling serde v1.0").
    Status(String),
    /// A line of the compiler's errors and warnings, as it is.
    Diagnostic(String),
}

/// A component and what its project says about it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Built {
    /// Where it lies: `CACHE/components/NAME-PROJECT.wasm`, overwritten by the project's next build.
    pub component: PathBuf,
    /// Its bytes, as they were when it was built or found.
    pub bytes: Vec<u8>,
    /// Nothing had changed and cargo was not run.
    pub fresh: bool,
    /// What `drivers = […]` in `[package.metadata.valence]` names, absolute, in that order: folders (give each to
    /// [`build`]) or `.wasm` files.
    pub drivers: Vec<PathBuf>,
    /// What the author should know about this build, one line each.
    pub notes: Vec<String>,
}

/// Builds a folder to a component, or finds that the one built before still holds.
///
/// Blocks for as long as cargo runs; children are in the caller's process group, so that Ctrl-C ends them too.
///
/// # Errors
/// [`BuildError`], each one line.
pub fn build(request: &BuildRequest, report: &mut dyn FnMut(Progress)) -> Result<Built, BuildError> {
    let dir = project::locate(&request.source)?;
    let cache = cache::Cache::open(request.cache_dir.as_deref())?;
    let key = project::key(&dir);
    if !request.force
        && let Some((stamp, bytes)) = stamp::Stamp::fresh(&cache, &key, &dir)
    {
        return Ok(Built {
            component: cache.component(&key),
            bytes,
            fresh: true,
            drivers: stamp.drivers,
            notes: stamp.notes,
        });
    }

    let project = project::read(dir)?;
    let toolchain = toolchain::find(request, &cache, &project.dir, report)?;
    let started = SystemTime::now();
    let module = cargo::build(request, &cache, &toolchain, &project, report)?;
    let bytes = component::encode(&module.bytes)
        .map_err(|problem| BuildError::NotAComponent { source_dir: project.dir.clone(), problem })?;
    stamp::Stamp::forget_vanished(&cache);
    let component = cache.component(&project.key);
    cache::write_atomically(&component, &bytes)?;
    let notes = Vec::new();
    let stamp =
        stamp::Stamp::take(&project.dir, &bytes, project.drivers.clone(), notes.clone(), module.inputs, started);
    if let Some(stamp) = stamp {
        stamp.save(&cache, &project.key)?;
    }
    Ok(Built { component, bytes, fresh: false, drivers: project.drivers, notes })
}
