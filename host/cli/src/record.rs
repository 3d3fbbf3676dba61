//! Where records are read: the database of a data dir, beside its owner or without one. Nothing here writes.

use crate::{
    args::Source,
    exit::{self, Fail},
    source,
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};
use valence_runtime::{
    ChainSpec, DataDir, ProtocolFlow, RuntimeError,
    history::RecordError,
    journal::{SqliteStore, StoreError},
    replay::Build,
};

/// Which data dir.
#[derive(clap::Args)]
pub struct Home {
    /// The folder with what was recorded
    #[arg(long, value_name = "DIR", env = "VALENCE_DATA_DIR", hide_env_values = true)]
    pub data_dir: Option<PathBuf>,
}

impl Home {
    /// The folder.
    pub fn path(&self) -> Result<PathBuf, Fail> {
        let path = self.data_dir.clone().or_else(DataDir::default_path);
        path.ok_or_else(|| {
            Fail::input("there is no home folder, so nothing is recorded; name a data dir with --data-dir DIR")
        })
    }

    /// Its database, for reading.
    pub fn store(&self) -> Result<SqliteStore, Fail> {
        let path = self.path()?;
        let file = path.join("valence.db");
        if !file.exists() {
            let path = path.display();
            return Err(Fail::input(format!(
                "{path}: nothing was recorded here; `valence run` records, and --data-dir DIR names another folder"
            )));
        }
        Ok(SqliteStore::open_read_only(&file)?)
    }
}

impl From<StoreError> for Fail {
    fn from(error: StoreError) -> Self {
        Fail { code: of_store(&error), error: error.into() }
    }
}

impl From<RecordError> for Fail {
    fn from(error: RecordError) -> Self {
        let code = match &error {
            RecordError::Store(error) => of_store(error),
            RecordError::Load(_) => exit::NOT_A_FLOW,
            RecordError::Damaged { .. } => exit::FAILED,
            RecordError::Past(_) | RecordError::Instance(RuntimeError::Store(_)) => exit::HOST,
            _ => exit::INPUT,
        };
        Fail { code, error: error.into() }
    }
}

pub fn of_store(error: &StoreError) -> u8 {
    match error {
        StoreError::NotAStore { .. } | StoreError::Newer { .. } | StoreError::NoSuchInstance(_) => exit::INPUT,
        _ => exit::HOST,
    }
}

/// Where compiled components are kept.
pub fn compiled() -> Option<PathBuf> {
    valence_build::default_cache_dir().map(|dir| dir.join("compiled"))
}

/// An executor for replays: one thread is enough, for nothing waits.
pub fn executor() -> Result<tokio::runtime::Runtime, Fail> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_time().build()?)
}

/// The bytes of a flow and its drivers, from a folder, a component, or a declared flow's file.
pub fn build(path: &Path, drivers: &[PathBuf], offline: bool) -> Result<Build, Fail> {
    if let Some(file) = declared(path) {
        let beside = file.parent().map(|folder| folder.join("chain.toml")).filter(|file| file.exists());
        let names = match beside {
            Some(file) => ChainSpec::load(file)?.names(),
            None => BTreeMap::new(),
        };
        let flow = ProtocolFlow::load(&file, &names).and_then(|flow| flow.to_bytes()).map_err(Fail::input)?;
        return Ok(Build { flow, drivers: Vec::new() });
    }
    let source = Source { source: path.to_owned(), drivers: drivers.to_vec(), offline };
    let components = source::components(&source)?;
    Ok(Build { flow: components.flow, drivers: components.drivers })
}

/// The file of a declared flow, where this is one or a folder of one.
fn declared(path: &Path) -> Option<PathBuf> {
    let is = |path: &Path| path.extension().is_some_and(|e| e == "toml" || e == "json");
    if path.is_dir() {
        return ["flow.toml", "flow.json"].into_iter().map(|name| path.join(name)).find(|file| file.is_file());
    }
    is(path).then(|| path.to_owned())
}
