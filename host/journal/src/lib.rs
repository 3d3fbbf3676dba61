//! The journal: append-only, hash-chained records of flow instances, and the stores that keep them. It stores what it is given
//! and knows no call by name, neither WebAssembly nor Solana.
//!
//! An entry is a DAG-CBOR block that names the block before it by CID (version 1, codec dag-cbor, sha2-256), so the CID of
//! the last one, the *head*, identifies the whole run. `SPEC.md` beside this crate's manifest is the format, byte by byte.
//!
//! Appending is cheap on purpose: [`Journal::append`] keeps the record as it is. Encoding and hashing happen on a thread of the
//! journal's own (`worker.rs`), a batch at a time, and at [`Journal::barrier`], which the runtime calls before anything
//! leaves the process. The [`Writer`] then commits what has come, from many journals at once.

mod car;
mod cbor;
mod entry;
mod journal;
mod large;
mod memory;
mod name;
mod rows;
mod sqlite;
mod store;
mod tail;
mod verify;
mod worker;
mod writer;

pub use car::{Car, CarError, export};
pub use cid::Cid;
pub use entry::{Block, Decoded, EntryError, Stamp, VERSION};
pub use journal::{Journal, Resume};
pub use large::{LARGE, Large};
pub use memory::MemoryStore;
pub use rows::{Change, ComponentDigest, Episode, HOST, Instance, JournalId, ProposalRow, Write};
pub use sqlite::{Options, SqliteStore};
pub use store::{Damage, EachEntry, EntryQuery, InstanceFilter, Loaded, Pruned, Retention, Store, StoreError};
pub use tail::{Barrier, JournalError};
pub use verify::{Fault, verify};
pub use writer::Writer;

use serde::Serialize;
use std::borrow::Cow;

/// What can be journaled.
pub trait Record: Serialize + Send + 'static {
    /// The entry's kind, a column that people search by: "call", "intent", "landed".
    fn kind(&self) -> &'static str;

    /// What the entry is about, a column that people search by: a proposal, an account. Most entries need none.
    fn key(&self) -> Option<Cow<'_, str>> {
        None
    }

    /// About how many bytes it takes, in memory and encoded. It depends on the record alone, so that a limit on it is met
    /// at the same record in every replay.
    fn weight(&self) -> u64;
}
