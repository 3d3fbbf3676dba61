//! The way in: many writes in one transaction, then one sync, then the mark. One caller at a time.

use super::{
    columns::{self, int},
    high::{High, StoreId},
    keeper::Keeper,
    log::Log,
    trouble,
};
use crate::{Block, Episode, Instance, StoreError, Write};
use rusqlite::{CachedStatement, Connection, params};
use std::{
    collections::{HashMap, HashSet},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// Rows that are kept at hand, at most.
const ROWS: usize = 4096;
/// Pages that a closed store leaves in its log: SQLite reads them all when it is opened again.
const LEFT: u64 = 256;
/// The row of `meta` that counts commits.
pub(super) const COMMITS: &str = "commits";

/// The one who writes.
pub(super) struct Core {
    pub path: PathBuf,
    pub connection: Connection,
    pub high: High,
    pub store: StoreId,
    /// Commits so far.
    pub commits: u64,
    pub log: Log,
    /// Pages in the log after the last commit.
    pub pages: Arc<AtomicU64>,
    pub keeper: Keeper,
    pub rows: HashMap<u64, Instance>,
    /// Whether the database itself, with its tables, is on the disk.
    pub synced: bool,
    /// A sync failed: what the machine kept is not known, so nothing more is written before the file is opened again.
    pub broken: Option<StoreError>,
}

/// Why a write was not made.
enum Refusal {
    /// It is no good; the others of its commit are.
    This(StoreError),
    /// Nothing can be written.
    All(StoreError),
}

impl Core {
    pub(super) fn commit(&mut self, writes: &[Write]) -> Vec<Result<(), StoreError>> {
        let all = |error: &StoreError| writes.iter().map(|_| Err(error.clone())).collect();
        if let Some(error) = &self.broken {
            return all(error);
        }
        match self.transact(|core| core.put_all(writes)) {
            Ok(results) => match self.harden(writes.iter().any(|write| write.durable)) {
                Ok(()) => results,
                Err(error) => all(&error),
            },
            Err(error) => all(&error),
        }
    }

    /// Does something in one transaction, which counts as one commit.
    pub(super) fn transact<T>(
        &mut self,
        work: impl FnOnce(&mut Core) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let path = self.path.clone();
        let failed = |e: rusqlite::Error| trouble::sqlite(&path, &e);
        self.connection.prepare_cached("BEGIN IMMEDIATE").and_then(|mut s| s.execute([])).map_err(failed)?;
        let commits = self.commits.saturating_add(1);
        let done = work(self).and_then(|value| {
            let count = "UPDATE meta SET value = ?1, sum = ?2 WHERE name = 'commits'";
            let values = [int(commits), columns::sum_meta(COMMITS, &commits.to_le_bytes())];
            self.connection.prepare_cached(count).and_then(|mut s| s.execute(values)).map_err(failed)?;
            self.connection.prepare_cached("COMMIT").and_then(|mut s| s.execute([])).map_err(failed)?;
            Ok(value)
        });
        match done {
            Ok(value) => {
                self.commits = commits;
                Ok(value)
            }
            Err(error) => {
                // Where SQLite has rolled back by itself this is an error that says nothing new.
                if !self.connection.is_autocommit() {
                    let _ = self.connection.execute_batch("ROLLBACK");
                }
                self.rows.clear();
                Err(error)
            }
        }
    }

    /// Makes the last commit durable, and says so to whoever opens the file next; and sees to the log.
    pub(super) fn harden(&mut self, durable: bool) -> Result<(), StoreError> {
        let pages = self.pages.load(Ordering::Relaxed);
        if durable {
            let hard = self.settle().and_then(|()| self.log.sync(pages));
            let hard = hard.and_then(|()| self.high.put(self.store, self.commits));
            if let Err(error) = hard {
                self.broken = Some(error.clone());
                return Err(error);
            }
            // Only whoever holds the database may touch its log: a person with `sqlite3` may write, too.
            if self.log.wants(pages) && self.connection.execute_batch("BEGIN IMMEDIATE").is_ok() {
                self.log.ahead();
                let _ = self.connection.execute_batch("ROLLBACK");
            }
        }
        if self.keeper.see(pages) {
            // Not everything where somebody reads an old page; then the next one does it.
            let _ = self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        }
        if self.rows.len() > ROWS {
            self.rows.clear();
        }
        Ok(())
    }

    /// Once, before the first durable commit: SQLite syncs the database when it has moved all pages to it.
    fn settle(&mut self) -> Result<(), StoreError> {
        if !self.synced {
            let moved = self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
            });
            let (busy, pages, moved) = moved.map_err(|e| trouble::sqlite(&self.path, &e))?;
            // Somebody who reads an old page keeps it for the next time.
            self.synced = busy == 0 && pages == moved;
        }
        Ok(())
    }

    fn put_all(&mut self, writes: &[Write]) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        let Core { connection, rows, path, .. } = self;
        let failed = |e: rusqlite::Error| trouble::sqlite(path, &e);
        let mut put = Put { statements: Statements::of(connection).map_err(failed)?, connection, path, rows };
        let (mut results, mut dirty, mut bad) = (Vec::with_capacity(writes.len()), Dirty::default(), HashMap::new());
        for write in writes {
            let id = write.journal.instance;
            let result = match bad.get(&id) {
                Some(error) => Err(Refusal::This(StoreError::clone(error))),
                None => put.one(write, &mut dirty),
            };
            results.push(match result {
                Ok(()) => Ok(()),
                Err(Refusal::This(error)) => {
                    bad.insert(id, error.clone());
                    Err(error)
                }
                Err(Refusal::All(error)) => return Err(error),
            });
        }
        // Once for all writes to it in this commit.
        for row in dirty.rows.iter().filter_map(|id| put.rows.get(id)) {
            columns::write_instance(&mut put.statements.row, row, false).map_err(failed)?;
        }
        for row in dirty.ends.iter().filter_map(|id| put.rows.get(id)) {
            let end = Episode { episode: row.episode, entries: row.entries, head: row.head };
            columns::write_episode(&mut put.statements.episode, row.id, &end).map_err(failed)?;
        }
        Ok(results)
    }
}

/// Instances whose rows have changed, and those whose chains have another end.
#[derive(Default)]
struct Dirty {
    rows: HashSet<u64>,
    ends: HashSet<u64>,
}

/// Prepared once, for all writes of a commit.
struct Statements<'c> {
    entry: CachedStatement<'c>,
    row: CachedStatement<'c>,
    episode: CachedStatement<'c>,
}

impl<'c> Statements<'c> {
    fn of(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Statements {
            entry: connection.prepare_cached("INSERT INTO entry VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?,
            row: connection.prepare_cached(columns::SET_INSTANCE)?,
            episode: connection.prepare_cached(columns::PUT_EPISODE)?,
        })
    }
}

struct Put<'c> {
    connection: &'c Connection,
    path: &'c PathBuf,
    rows: &'c mut HashMap<u64, Instance>,
    statements: Statements<'c>,
}

impl Put<'_> {
    fn failed(&self) -> impl Fn(rusqlite::Error) -> Refusal {
        |e| Refusal::All(trouble::sqlite(self.path, &e))
    }

    fn one(&mut self, write: &Write, dirty: &mut Dirty) -> Result<(), Refusal> {
        let id = write.journal.instance;
        if let Some(row) = &write.create {
            self.create(id, row, write)?;
        }
        if let Err(error) = self.advance(id, write, dirty) {
            if let (Refusal::This(_), true) = (&error, write.create.is_some()) {
                self.connection.execute("DELETE FROM instance WHERE id = ?1", [int(id)]).map_err(self.failed())?;
                self.rows.remove(&id);
            }
            return Err(error);
        }
        if write.create.is_some() {
            dirty.ends.insert(id);
        }
        for block in &write.blocks {
            self.entry(write, block).map_err(self.failed())?;
        }
        for row in &write.proposals {
            let sql = "INSERT OR REPLACE INTO proposal VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
            let put = self.connection.prepare_cached(sql).and_then(|mut s| columns::write_proposal(&mut s, row));
            put.map_err(self.failed())?;
        }
        Ok(())
    }

    /// Moves the row, and what hangs on it.
    fn advance(&mut self, id: u64, write: &Write, dirty: &mut Dirty) -> Result<(), Refusal> {
        let row = self.row(id)?;
        let Some(change) = &write.change else {
            // Without a change a row moves on in whole or not at all, and needs no copy.
            row.apply(write).map_err(Refusal::This)?;
            dirty.ends.insert(id);
            return Ok(());
        };
        let mut moved = row.clone();
        let over = moved.apply(write).map_err(Refusal::This)?;
        if let Some(over) = over {
            let put = self.connection.prepare_cached(columns::PUT_EPISODE);
            put.and_then(|mut s| columns::write_episode(&mut s, id, &over)).map_err(self.failed())?;
        }
        if moved.ended.is_some() || change.waits.is_some() {
            let waits = change.waits.as_ref().and_then(Option::as_ref).filter(|_| moved.ended.is_none());
            self.waits(&moved, waits).map_err(self.failed())?;
        }
        dirty.rows.insert(id);
        dirty.ends.insert(id);
        self.rows.insert(id, moved);
        Ok(())
    }

    fn create(&mut self, id: u64, row: &Instance, write: &Write) -> Result<(), Refusal> {
        let taken =
            |what, value: &dyn std::fmt::Display| Refusal::This(StoreError::Taken { what, value: value.to_string() });
        let there = |sql: &str, value: &dyn rusqlite::ToSql| {
            self.connection.prepare_cached(sql).and_then(|mut s| s.exists([value])).map_err(self.failed())
        };
        if row.id != id || there("SELECT 1 FROM instance WHERE id = ?1", &int(id))? {
            return Err(taken("id", &row.id));
        }
        if there("SELECT 1 FROM instance WHERE name = ?1", &row.name)? {
            return Err(taken("name", &row.name));
        }
        let mut row = Instance { episode: 0, entries: 0, head: None, pruned: false, damage: None, ..row.clone() };
        if row.changed == 0 {
            row.changed = write.at;
        }
        let put = self.connection.prepare_cached(columns::PUT_INSTANCE);
        put.and_then(|mut s| columns::write_instance(&mut s, &row, true)).map_err(self.failed())?;
        self.rows.insert(id, row);
        Ok(())
    }

    fn row(&mut self, id: u64) -> Result<&mut Instance, Refusal> {
        if !self.rows.contains_key(&id) {
            let sql = row_by_id();
            let read = self.connection.prepare_cached(&sql).and_then(|mut s| {
                let mut rows = s.query([int(id)])?;
                rows.next()?.map(columns::read_instance).transpose()
            });
            let row = read.map_err(self.failed())?.ok_or(Refusal::This(StoreError::NoSuchInstance(id)))?;
            if let Some(what) = &row.damage {
                let what = format!("instance {id}: {what}");
                return Err(Refusal::This(StoreError::Damaged { path: self.path.display().to_string(), what }));
            }
            self.rows.insert(id, row);
        }
        self.rows.get_mut(&id).ok_or(Refusal::This(StoreError::NoSuchInstance(id)))
    }

    fn entry(&mut self, write: &Write, block: &Block) -> rusqlite::Result<()> {
        let stamp = block.stamp();
        let (instance, episode) = (int(write.journal.instance), write.journal.episode);
        let (seq, slot) = (int(block.seq()), int(stamp.slot));
        self.statements.entry.execute(params![
            instance,
            episode,
            seq,
            block.kind(),
            block.key(),
            slot,
            stamp.time,
            block.bytes(),
            columns::sum_entry(write.journal, block.seq(), block.bytes())
        ])?;
        for large in block.large() {
            let known = {
                let mut find = self.connection.prepare_cached("SELECT id FROM block WHERE digest = ?1")?;
                let mut rows = find.query([&large.digest[..]])?;
                rows.next()?.map(|row| row.get::<_, i64>(0)).transpose()?
            };
            let id = match known {
                Some(id) => id,
                None => {
                    let mut put =
                        self.connection.prepare_cached("INSERT INTO block (digest, bytes) VALUES (?1, ?2)")?;
                    put.insert(params![&large.digest[..], large.bytes()])?
                }
            };
            let mut put = self.connection.prepare_cached("INSERT OR IGNORE INTO named VALUES (?1, ?2)")?;
            put.execute([instance, id])?;
        }
        Ok(())
    }

    fn waits(&self, row: &Instance, waits: Option<&Vec<u8>>) -> rusqlite::Result<()> {
        let id = int(row.id);
        match waits {
            Some(waits) => {
                let sum = columns::sum_waits(row.id, &row.chain, waits);
                let mut put =
                    self.connection.prepare_cached("INSERT OR REPLACE INTO waiting VALUES (?1, ?2, ?3, ?4)")?;
                put.execute(params![id, row.chain, waits, sum]).map(drop)
            }
            None => self.connection.prepare_cached("DELETE FROM waiting WHERE instance = ?1")?.execute([id]).map(drop),
        }
    }
}

pub(super) fn row_by_id() -> String {
    format!("{} WHERE i.id = ?1", columns::INSTANCE)
}

impl Core {
    /// Leaves the file as the next one finds it quickly: a long log is moved to the database and cut, a short one stays.
    pub(super) fn close(&mut self) {
        self.keeper.stop();
        if self.pages.load(Ordering::Relaxed) > LEFT {
            let _ = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        }
    }
}
