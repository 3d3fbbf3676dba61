//! The write-ahead log, where the store takes its syncs into its own hands. SQLite runs with `synchronous = NORMAL`, which writes a
//! commit to the log and leaves it to the machine; where a write is to be durable, the store syncs the log itself, with
//! fdatasync, which the bundled SQLite does not use. So what need not be durable costs no sync, and many writes share one.
//!
//! A sync of a file that grows costs twice one of a file that is overwritten, so the log is made longer ahead of its use, with
//! zeros, which end a log for SQLite; and it is never cut while the store is open.

use super::trouble;
use crate::StoreError;
use std::{
    ffi::OsString,
    fs::{File, OpenOptions},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

/// Bytes of a page, and of a page in the log.
pub(super) const PAGE: u64 = 4096;
const FRAME: u64 = PAGE + 24;
const HEADER: u64 = 32;

/// Syncs of a growing log before it is made longer: a short run needs none of it.
const PATIENCE: u32 = 32;
/// By so much.
const AHEAD: usize = 1 << 20;

pub(super) struct Log {
    path: PathBuf,
    file: Option<File>,
    length: u64,
    grown: u32,
}

impl Log {
    pub(super) fn path(database: &Path) -> PathBuf {
        let mut path = OsString::from(database);
        path.push("-wal");
        path.into()
    }

    /// Whether there is anything in the log of a database.
    pub(super) fn is_used(database: &Path) -> bool {
        std::fs::metadata(Self::path(database)).is_ok_and(|data| data.len() > 0)
    }

    pub(super) fn of(database: &Path) -> Log {
        Log { path: Self::path(database), file: None, length: 0, grown: 0 }
    }

    /// Makes all that was committed durable; the log has so many pages now.
    pub(super) fn sync(&mut self, pages: u64) -> Result<(), StoreError> {
        if self.file.is_none() {
            let file = OpenOptions::new().read(true).write(true).open(&self.path);
            let file = file.map_err(|e| trouble::machine(&self.path, &e))?;
            self.length = file.metadata().map_err(|e| trouble::machine(&self.path, &e))?.len();
            self.file = Some(file);
        }
        let Some(file) = &self.file else { return Ok(()) };
        let end = pages.saturating_mul(FRAME).saturating_add(HEADER);
        if end > self.length {
            self.length = end;
            self.grown = self.grown.saturating_add(1);
        }
        file.sync_data().map_err(|e| trouble::machine(&self.path, &e))
    }

    /// Whether the log is nearly used up, again and again.
    pub(super) fn wants(&self, pages: u64) -> bool {
        let end = pages.saturating_mul(FRAME).saturating_add(HEADER);
        self.grown >= PATIENCE && end.saturating_add(16 * FRAME) >= self.length
    }

    /// Makes room for what comes. Nobody may write to the log meanwhile. A failure is none: the log grows by itself, too.
    pub(super) fn ahead(&mut self) {
        let Some(file) = &self.file else { return };
        let Ok(length) = file.metadata().map(|data| data.len()) else { return };
        if file.write_all_at(&vec![0; AHEAD], length).and_then(|()| file.sync_all()).is_ok() {
            self.length = length.saturating_add(AHEAD as u64);
        } else {
            // Not again before the log has grown as often.
            self.grown = 0;
        }
    }
}
