//! A store in one SQLite file: the embedded default. What lies in the file is `schema.rs`, the way in `commit.rs`, the way out
//! `read.rs`, what may be wrong with it `open.rs` and `check.rs`. SPEC.md has it all in words.

mod check;
mod columns;
mod commit;
mod high;
mod keeper;
mod log;
mod open;
mod prune;
mod read;
mod schema;
mod trouble;

pub use open::Options;

use crate::{
    Block, Cid, ComponentDigest, Damage, EachEntry, EntryQuery, Episode, Instance, InstanceFilter, JournalId, Loaded,
    ProposalRow, Pruned, Retention, Store, StoreError, Write, name,
};
use commit::Core;
use parking_lot::Mutex;
use read::Trouble;
use rusqlite::Connection;
use std::path::{Path, PathBuf};

/// Connections for readers that are kept when nobody reads.
const READERS: usize = 8;

/// A store in a SQLite file.
///
/// Nothing else in the process that has it open may open and close the file by itself, to copy it, say: that takes away the locks of SQLite,
/// which hold for a process and not for a handle.
pub struct SqliteStore {
    path: PathBuf,
    /// None: for reading only.
    core: Option<Mutex<Core>>,
    readers: Mutex<Vec<Connection>>,
    /// What was found missing just now, where nothing may be written.
    missing: Option<String>,
}

impl SqliteStore {
    /// Opens the file, or makes it, and keeps others from writing it. Beside it lie its log (`-wal`, `-shm`) and its mark (`.high`).
    ///
    /// # Errors
    /// [`StoreError`]: it is locked, damaged, somebody else's, of a newer version, or cannot be made. A missing end is no error: see
    /// [`SqliteStore::damage`].
    pub fn open(path: &Path, options: &Options) -> Result<SqliteStore, StoreError> {
        let core = open::write(path, options)?;
        Ok(SqliteStore {
            path: path.to_owned(),
            core: Some(Mutex::new(core)),
            readers: Mutex::default(),
            missing: None,
        })
    }

    /// Opens the file for reading only, also while another process writes it.
    ///
    /// # Errors
    /// As [`SqliteStore::open`]; commits are refused.
    pub fn open_read_only(path: &Path) -> Result<SqliteStore, StoreError> {
        let (connection, missing) = open::read(path)?;
        Ok(SqliteStore { path: path.to_owned(), core: None, readers: Mutex::new(vec![connection]), missing })
    }

    /// What was ever found missing when the file was opened, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] where it cannot be read.
    pub fn damage(&self) -> Result<Vec<String>, StoreError> {
        let mut all: Vec<String> = self.read(|c| {
            let mut find = c.prepare_cached("SELECT what FROM damage ORDER BY rowid")?;
            Ok(find.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
        })?;
        all.extend(self.missing.clone());
        Ok(all)
    }

    fn read<T>(&self, read: impl FnOnce(&Connection) -> Result<T, Trouble>) -> Result<T, StoreError> {
        let kept = self.readers.lock().pop();
        let connection = match kept {
            Some(connection) => connection,
            None => open::reader(&self.path)?,
        };
        let result = read(&connection).map_err(|trouble| match trouble {
            Trouble::Sqlite(error) => trouble::sqlite(&self.path, &error),
            Trouble::Store(error) => error,
            Trouble::Fault(journal, fault) => {
                self.damaged(format!("instance {}, episode {}: {fault}", journal.instance, journal.episode))
            }
        });
        let mut readers = self.readers.lock();
        if readers.len() < READERS {
            readers.push(connection);
        }
        result
    }

    fn damaged(&self, what: String) -> StoreError {
        StoreError::Damaged { path: self.path.display().to_string(), what }
    }

    fn core(&self) -> Result<&Mutex<Core>, StoreError> {
        let why = || "it was opened for reading only".to_owned();
        self.core.as_ref().ok_or_else(|| StoreError::ReadOnly { path: self.path.display().to_string(), why: why() })
    }
}

impl Store for SqliteStore {
    fn commit(&self, writes: Vec<Write>) -> Vec<Result<(), StoreError>> {
        match self.core() {
            Ok(core) => core.lock().commit(&writes),
            Err(error) => writes.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    fn load(&self, journal: JournalId) -> Result<Loaded, StoreError> {
        self.read(|c| read::load(c, journal))
    }

    fn current(&self, instance: u64) -> Result<Option<(Instance, Loaded)>, StoreError> {
        self.read(|c| read::current(c, instance))
    }

    fn entries(&self, journal: JournalId, from: u64, most: u64) -> Result<Vec<Block>, StoreError> {
        self.read(|c| read::entries(c, journal, from, most))
    }

    fn episodes(&self, instance: u64) -> Result<Vec<Episode>, StoreError> {
        let (row, all) = self.read(|c| Ok((read::instance(c, instance)?, read::episodes(c, instance)?)))?;
        let current = row.map_or(0, |row| row.episode);
        let over = all.into_iter().filter(|(over, _)| over.episode < current);
        let bad = |n| self.damaged(format!("the row of episode {n} of instance {instance} is not what was written"));
        over.map(|(over, whole)| if whole { Ok(over) } else { Err(bad(over.episode)) }).collect()
    }

    fn instance(&self, id: u64) -> Result<Option<Instance>, StoreError> {
        self.read(|c| Ok(read::instance(c, id)?))
    }

    fn instance_named(&self, name: &str) -> Result<Option<Instance>, StoreError> {
        self.read(|c| Ok(read::named(c, name)?))
    }

    fn instances(&self, filter: &InstanceFilter) -> Result<Vec<Instance>, StoreError> {
        self.read(|c| Ok(read::instances(c, filter)?))
    }

    fn last_instance(&self) -> Result<u64, StoreError> {
        self.read(|c| Ok(read::last_instance(c)?))
    }

    fn waiting(&self, chain: &str, each: &mut dyn FnMut(u64, &[u8])) -> Result<(), StoreError> {
        self.read(|c| Ok(read::waiting(c, chain, each)?))
    }

    fn proposals(&self, instance: u64) -> Result<Vec<ProposalRow>, StoreError> {
        let (all, bad) = self.read(|c| Ok(read::proposals(c, instance)?))?;
        match bad {
            Some(id) => Err(self.damaged(format!("proposal {id} of instance {instance} is not what was written"))),
            None => Ok(all),
        }
    }

    fn large(&self, cid: &Cid) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(digest) = name::read(cid, name::RAW) else { return Ok(None) };
        self.read(|c| Ok(read::large(c, &digest)?.map(|large| large.bytes.to_vec())))
    }

    fn put_component(&self, digest: &ComponentDigest, bytes: &[u8]) -> Result<(), StoreError> {
        if self.component(digest)?.is_some() {
            return Ok(());
        }
        let mut core = self.core()?.lock();
        core.transact(|core| {
            let put = "INSERT OR REPLACE INTO component VALUES (?1, ?2)";
            let done = core.connection.execute(put, rusqlite::params![&digest[..], bytes]);
            done.map(drop).map_err(|e| trouble::sqlite(&self.path, &e))
        })
        // The row that names it is synced after it, in the same log.
    }

    fn component(&self, digest: &ComponentDigest) -> Result<Option<Vec<u8>>, StoreError> {
        let found = self.read(|c| Ok(read::component(c, digest)?))?;
        // One that was changed is as good as none: whoever has it puts it again.
        Ok(found.filter(|bytes| read::is(bytes, digest)))
    }

    fn find(&self, query: &EntryQuery, each: &mut EachEntry<'_>) -> Result<(), StoreError> {
        let places = self.read(|c| Ok(read::places(c, query)?))?;
        let mut first = None;
        for place in places {
            // What was pruned in the meantime is no loss; what is damaged is told in the end, after what is whole.
            match self.read(|c| read::at(c, place)) {
                Ok(Some(block)) => {
                    if !each(place.0, block) {
                        break;
                    }
                }
                Ok(None) => {}
                Err(error) => drop(first.get_or_insert(error)),
            }
        }
        first.map_or(Ok(()), Err)
    }

    fn check(&self, each: &mut dyn FnMut(Damage)) -> Result<(), StoreError> {
        check::check(self, each)
    }

    fn prune(&self, retention: Retention) -> Result<Pruned, StoreError> {
        prune::prune(&self.path, self.core()?, retention)
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        if let Some(core) = &mut self.core {
            core.get_mut().close();
        }
    }
}
