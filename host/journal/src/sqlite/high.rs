//! The high-water mark: a file of 32 bytes beside the database that says how many commits were acknowledged. SQLite drops what
//! stands behind a damaged place of its log without a word; a database with fewer commits than this mark has lost some.
//!
//! It is overwritten in place after each commit that was synced, without a sync of its own: after a power loss it may be
//! older than the database, never newer. Its lock is the lock of the store: one process writes.

use super::trouble;
use crate::StoreError;
use std::{
    fs::{File, OpenOptions, TryLockError},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

const MAGIC: &[u8; 8] = b"VALHIGH1";
const LENGTH: usize = 32;

/// What names a database: other file, other mark.
pub(super) type StoreId = [u8; 8];

pub(super) struct High {
    path: PathBuf,
    file: File,
}

/// What the mark says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// Nothing yet.
    None,
    At {
        store: StoreId,
        commits: u64,
    },
    /// These are not the bytes that were written.
    Damaged,
}

impl High {
    /// Beside which file, and where.
    pub(super) fn beside(database: &Path) -> PathBuf {
        database.with_extension("high")
    }

    /// Opens or makes it, and locks it as long as it is open.
    pub(super) fn open(database: &Path) -> Result<High, StoreError> {
        let path = Self::beside(database);
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(|e| trouble::machine(&path, &e))?;
        match file.try_lock() {
            Ok(()) => Ok(High { path, file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::Locked { path: database.display().to_string() }),
            Err(TryLockError::Error(e)) => Err(trouble::machine(&path, &e)),
        }
    }

    pub(super) fn read(&self) -> Mark {
        let mut bytes = [0; LENGTH];
        match self.file.metadata().map(|m| m.len()) {
            Ok(0) => Mark::None,
            _ if self.file.read_exact_at(&mut bytes, 0).is_err() => Mark::Damaged,
            _ => parse(&bytes),
        }
    }

    /// The mark of a database, for whoever only reads.
    pub(super) fn peek(database: &Path) -> Mark {
        match std::fs::read(Self::beside(database)) {
            Ok(bytes) if bytes.is_empty() => Mark::None,
            Ok(bytes) => bytes.first_chunk().map_or(Mark::Damaged, parse),
            Err(_) => Mark::None,
        }
    }

    pub(super) fn put(&self, store: StoreId, commits: u64) -> Result<(), StoreError> {
        let mut bytes = [0; LENGTH];
        let content = MAGIC.iter().chain(&store).chain(&commits.to_le_bytes()).copied().collect::<Vec<_>>();
        let sum = u64::from(crc32fast::hash(&content)).to_le_bytes();
        for (to, from) in bytes.iter_mut().zip(content.iter().chain(&sum)) {
            *to = *from;
        }
        self.file.write_all_at(&bytes, 0).map_err(|e| trouble::machine(&self.path, &e))
    }
}

fn parse(bytes: &[u8; LENGTH]) -> Mark {
    let part = |at: usize| bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()).copied().unwrap_or_default();
    let (content, sum) = (bytes.get(..24).unwrap_or_default(), u64::from_le_bytes(part(24)));
    if &part(0) != MAGIC || sum != u64::from(crc32fast::hash(content)) {
        return Mark::Damaged;
    }
    Mark::At { store: part(8), commits: u64::from_le_bytes(part(16)) }
}
