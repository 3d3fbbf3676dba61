//! The chained blocks of one journal, which the journal and its worker both extend, one batch after the other.

use crate::{
    Record,
    entry::{Block, EntryError, Stamp},
};
use cid::Cid;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Batches that may wait for the worker; then whoever appends waits, so that memory is bounded.
const WAITING: u32 = 8;

#[derive(Default)]
pub(crate) struct Chain {
    state: Mutex<State>,
    progress: Condvar,
}

#[derive(Default)]
struct State {
    blocks: Vec<Block>,
    /// Batches that the worker has not finished.
    outstanding: u32,
    /// Why a batch could not be encoded. Nothing is chained behind it.
    failed: Option<EntryError>,
}

impl Chain {
    // A panic elsewhere leaves the state as whole as it was: it is only ever replaced as a whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until at most so many batches are outstanding.
    fn wait(&self, most: u32) -> Result<MutexGuard<'_, State>, EntryError> {
        let state = self.progress.wait_while(self.lock(), |state| state.outstanding > most);
        let state = state.unwrap_or_else(PoisonError::into_inner);
        state.failed.clone().map_or(Ok(state), Err)
    }

    /// Announces a batch.
    pub(crate) fn begin(&self) -> Result<(), EntryError> {
        let mut state = self.wait(WAITING)?;
        state.outstanding = state.outstanding.saturating_add(1);
        Ok(())
    }

    /// Chains an announced batch.
    pub(crate) fn finish<R: Record>(&self, batch: impl Iterator<Item = (Stamp, R)>) {
        // Its error is kept for whoever comes next.
        let _ = self.extend(batch);
        let mut state = self.lock();
        state.outstanding = state.outstanding.saturating_sub(1);
        drop(state);
        self.progress.notify_all();
    }

    /// Waits until every announced batch is chained.
    pub(crate) fn settle(&self) -> Result<(), EntryError> {
        self.wait(0).map(drop)
    }

    /// Encodes and chains. Batches come one after the other: from the one worker, or when nothing is outstanding.
    pub(crate) fn extend<R: Record>(&self, batch: impl Iterator<Item = (Stamp, R)>) -> Result<(), EntryError> {
        let mut last = {
            let state = self.lock();
            if let Some(error) = &state.failed {
                return Err(error.clone());
            }
            state.blocks.last().map(Block::link)
        };
        // Not under the lock: whoever appends need not wait for it.
        let mut blocks = Vec::with_capacity(batch.size_hint().0);
        let mut result = Ok(());
        for (stamp, record) in batch {
            match Block::encode(last, stamp, record.kind(), &record) {
                Ok(block) => {
                    last = Some(block.link());
                    blocks.push(block);
                }
                Err(error) => {
                    result = Err(error);
                    break;
                }
            }
        }
        let mut state = self.lock();
        state.blocks.append(&mut blocks);
        state.failed = result.clone().err();
        result
    }

    pub(crate) fn head(&self) -> Option<Cid> {
        self.lock().blocks.last().map(Block::cid)
    }

    pub(crate) fn take(&self) -> Vec<Block> {
        std::mem::take(&mut self.lock().blocks)
    }

    pub(crate) fn blocks(&self) -> Vec<Block> {
        self.lock().blocks.clone()
    }
}
