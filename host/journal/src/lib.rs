//! The journal: an append-only, hash-chained record of one flow instance. It stores what it is given and knows no call
//! by name, neither WebAssembly nor Solana.
//!
//! An entry is a DAG-CBOR block that names the block before it by CID (version 1, codec dag-cbor, sha2-256), so the CID of
//! the last one, the *head*, identifies the whole run. `entry.rs` has the block, `verify.rs` the check of a chain.
//!
//! Appending is cheap on purpose: [`Journal::append`] keeps the record as it is. Encoding and hashing happen on a thread of the
//! journal's own (`worker.rs`), a batch at a time, and at [`Journal::barrier`], which the runtime calls before anything
//! leaves the process. So a flow that reads a million accounts does not wait for a million hashes.

mod chain;
mod entry;
mod verify;
mod worker;

pub use cid::Cid;
pub use entry::{Block, Decoded, EntryError, Stamp};
pub use verify::{Fault, verify};

use chain::Chain;
use serde::Serialize;
use std::sync::{Arc, Mutex, PoisonError};

/// What can be journaled.
pub trait Record: Serialize + Send + 'static {
    /// The entry's kind, a column that people search by: "call", "intent", "landed".
    fn kind(&self) -> &'static str;

    /// About how many bytes it takes, in memory and encoded. It depends on the record alone, so that a limit on it is met
    /// at the same record in every replay.
    fn weight(&self) -> u64;
}

/// Records that are handed to the worker together: enough that waking it is not felt, few enough that little is left to
/// do at the barrier.
const BATCH: usize = 256;
/// And about how many bytes, if that is less.
const BATCH_WEIGHT: u64 = 4 << 20;

/// The journal of one instance, kept in memory.
pub struct Journal<R> {
    chain: Arc<Chain>,
    pending: Vec<(Stamp, R)>,
    pending_weight: u64,
    entries: u64,
    weight: u64,
    /// Where the worker puts empty batches back: a fresh one for each would be as many page faults.
    spare: Arc<Mutex<Vec<(Stamp, R)>>>,
}

impl<R: Record> Default for Journal<R> {
    fn default() -> Self {
        Journal {
            chain: Arc::default(),
            pending: Vec::new(),
            pending_weight: 0,
            entries: 0,
            weight: 0,
            spare: Arc::default(),
        }
    }
}

impl<R: Record> Journal<R> {
    /// An empty journal.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a record; it is part of the chain by the next barrier.
    ///
    /// # Errors
    /// [`EntryError`] where a record before it could not be encoded.
    pub fn append(&mut self, stamp: Stamp, record: R) -> Result<(), EntryError> {
        let weight = record.weight();
        self.weight = self.weight.saturating_add(weight);
        self.pending_weight = self.pending_weight.saturating_add(weight);
        self.pending.push((stamp, record));
        self.entries = self.entries.saturating_add(1);
        if self.pending.len() < BATCH && self.pending_weight < BATCH_WEIGHT { Ok(()) } else { self.hand_over() }
    }

    /// Has the worker chain what is pending.
    fn hand_over(&mut self) -> Result<(), EntryError> {
        self.chain.begin()?;
        let empty = std::mem::take(&mut *self.spare.lock().unwrap_or_else(PoisonError::into_inner));
        let mut batch = std::mem::replace(&mut self.pending, empty);
        self.pending_weight = 0;
        let (chain, spare) = (self.chain.clone(), self.spare.clone());
        worker::submit(Box::new(move || {
            chain.finish(batch.drain(..));
            *spare.lock().unwrap_or_else(PoisonError::into_inner) = batch;
        }));
        Ok(())
    }

    /// Encodes and chains all that was appended.
    ///
    /// # Errors
    /// [`EntryError`] where a record cannot be encoded; it and what follows stay out of the chain.
    pub fn barrier(&mut self) -> Result<(), EntryError> {
        self.chain.settle()?;
        if self.pending.is_empty() {
            return Ok(());
        }
        self.pending_weight = 0;
        self.chain.extend(self.pending.drain(..))
    }

    /// The CID of the last entry: the whole run in one name.
    ///
    /// # Errors
    /// [`EntryError`] where a record cannot be encoded.
    pub fn head(&mut self) -> Result<Option<Cid>, EntryError> {
        self.barrier()?;
        Ok(self.chain.head())
    }

    /// How many records were appended.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// The weight of all records: about how many bytes they take.
    pub fn weight(&self) -> u64 {
        self.weight
    }

    /// Takes the chain out, oldest first. What is appended afterwards starts a new one.
    ///
    /// # Errors
    /// [`EntryError`] where a record cannot be encoded.
    pub fn take_blocks(&mut self) -> Result<Vec<Block>, EntryError> {
        self.barrier()?;
        Ok(self.chain.take())
    }

    /// A copy of the chain so far, oldest first.
    ///
    /// # Errors
    /// [`EntryError`] where a record cannot be encoded.
    pub fn blocks(&mut self) -> Result<Vec<Block>, EntryError> {
        self.barrier()?;
        Ok(self.chain.blocks())
    }
}
