//! A data dir: the folder that holds the journals, the chains and the components of one host. One process owns it at a time.
//!
//! | name | what it is |
//! |---|---|
//! | `valence.db` | journals, instances, proposals, components (`host/journal/SPEC.md`) |
//! | `chains/NAME.db` | an embedded chain that is kept |
//! | `chains/_….db` | a chain that one instance has for itself, until it is over |
//! | `lock` | locked by the process that owns the folder; its id is in it |
//! | `socket` | where the owner takes requests |
//! | `running` | which instances are being run, eight bytes each |

use crate::orchestrator::{HostJournal, InFlight};
use std::{
    fs::{self, File, TryLockError},
    io::{Read, Seek, Write as _},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};
use valence_journal::{Options as StoreOptions, SqliteStore, StoreError, Writer};

/// What the names of chains begin with that belong to one instance.
pub const OWN: &str = "_";

/// Why a data dir cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Somebody else has it.
    #[error("{path}: process {owner} owns this data dir; ask it, wait for its end, or take another with --data-dir")]
    Owned {
        /// The folder.
        path: String,
        /// Who.
        owner: String,
    },
    /// The folder.
    #[error("{path}: {why}; name another folder with --data-dir")]
    Io {
        /// Which file.
        path: String,
        /// What the machine says.
        why: String,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A data dir that this process owns, until it is dropped.
pub struct DataDir {
    path: PathBuf,
    store: Arc<SqliteStore>,
    writer: Writer,
    in_flight: InFlight,
    crashed: Vec<u64>,
    host_journal: Arc<HostJournal>,
    // Last: the lock goes when all else is closed.
    _lock: File,
}

impl DataDir {
    /// The folder that is meant when none is named: `$XDG_DATA_HOME/valence` or `~/.local/share/valence`.
    pub fn default_path() -> Option<PathBuf> {
        let named = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let data = named("XDG_DATA_HOME").or_else(|| named("HOME").map(|home| home.join(".local/share")));
        data.map(|data| data.join("valence"))
    }

    /// Takes ownership of a folder, and makes it where it is not there.
    ///
    /// # Errors
    /// [`DataDirError`]: who owns it, or why it cannot be used.
    pub fn open(path: &Path) -> Result<DataDir, DataDirError> {
        let io = |at: &Path| {
            let path = at.display().to_string();
            move |e: std::io::Error| DataDirError::Io { path, why: e.to_string() }
        };
        DataDir::make(path)?;
        let at = path.join("lock");
        let mut lock =
            File::options().read(true).write(true).create(true).truncate(false).open(&at).map_err(io(&at))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut owner = String::new();
                // Only to say who it is.
                let _ = lock.read_to_string(&mut owner);
                return Err(DataDirError::Owned { path: path.display().to_string(), owner: owner.trim().to_owned() });
            }
            Err(TryLockError::Error(e)) => return Err(io(&at)(e)),
        }
        let says = |lock: &mut File| -> std::io::Result<()> {
            lock.set_len(0)?;
            lock.rewind()?;
            writeln!(lock, "{}", std::process::id())
        };
        says(&mut lock).map_err(io(&at))?;
        let store =
            Arc::new(SqliteStore::open(&path.join("valence.db"), &StoreOptions { views: crate::audit::views() })?);
        let writer = Writer::new(store.clone())?;
        let at = path.join("running");
        let (in_flight, crashed) = InFlight::open(&at).map_err(io(&at))?;
        let host_journal = Arc::new(HostJournal::new(writer.clone()));
        Ok(DataDir { path: path.to_owned(), store, writer, in_flight, crashed, host_journal, _lock: lock })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where embedded chains are kept.
    pub fn chains(&self) -> PathBuf {
        self.path.join("chains")
    }

    /// The file of a chain.
    pub fn chain_file(&self, name: &str) -> PathBuf {
        self.chains().join(format!("{name}.db"))
    }

    /// A name for a chain that one instance is to have for itself: a fresh one, so that the chain can be made before it is known which
    /// instance that will be.
    pub fn own_chain() -> String {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        format!("{OWN}{:x}-{:x}", since.as_nanos(), std::process::id())
    }

    /// Whether one instance has this chain for itself.
    pub fn is_own_chain(name: &str) -> bool {
        name.starts_with(OWN)
    }

    /// Makes the folder where it is not there, for its owner only.
    ///
    /// # Errors
    /// Why it cannot be made.
    pub fn make(path: &Path) -> Result<(), DataDirError> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(|e| DataDirError::Io { path: path.display().to_string(), why: e.to_string() })
    }

    /// The chains in the folder.
    pub(super) fn chain_names(&self) -> Vec<String> {
        let files = fs::read_dir(self.chains()).into_iter().flatten().flatten();
        let names = files.filter_map(|file| Some(file.file_name().to_str()?.strip_suffix(".db")?.to_owned()));
        names.collect()
    }

    /// Removes a chain of a data dir. What cannot be removed is litter, and no trouble.
    pub fn remove_chain(path: &Path, name: &str) {
        // The database last: whoever finds none begins anew.
        for ending in ["db-wal", "db-shm", "db", "lock"] {
            let _ = fs::remove_file(path.join("chains").join(format!("{name}.{ending}")));
        }
    }

    /// Where the owner takes requests.
    pub fn socket(path: &Path) -> PathBuf {
        path.join("socket")
    }

    /// The store.
    pub fn store(&self) -> &Arc<SqliteStore> {
        &self.store
    }

    /// Who writes to it.
    pub fn writer(&self) -> &Writer {
        &self.writer
    }

    pub(crate) fn in_flight(&self) -> &InFlight {
        &self.in_flight
    }

    pub(crate) fn host_journal(&self) -> &Arc<HostJournal> {
        &self.host_journal
    }

    /// Instances in whose company the process before died.
    pub(crate) fn crashed(&self) -> &[u64] {
        &self.crashed
    }
}
