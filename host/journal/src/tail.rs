//! The end of one chain, which its journal, the worker and the writer share: the last entry, what is under way, and why it
//! went no further.

use crate::{
    EntryError, Record, Stamp, StoreError,
    entry::{Block, Link},
    name,
};
use cid::Cid;
use parking_lot::{Condvar, Mutex};
use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
};

/// Why a journal went no further. It stays that way: later appends and barriers are the same error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// A record could not be encoded.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The writer is gone.
    #[error("the writer of the journals has stopped; start the runtime again")]
    Stopped,
}

/// Hand-overs of one journal that may be under way; then whoever appends waits, so that memory is bounded.
const WAITING: u64 = 8;

#[derive(Default)]
pub(crate) struct Tail {
    state: Mutex<State>,
    progress: Condvar,
    broken: AtomicBool,
}

#[derive(Default)]
struct State {
    last: Option<Link>,
    /// Batches at the worker. What comes later must go through it too.
    encoding: u64,
    /// Hand-overs so far, and how many of them the store has answered.
    given: u64,
    done: u64,
    /// Why nothing more can be appended.
    failed: Option<JournalError>,
    /// Why nothing more can be written: hand-overs before the one that failed are good.
    refused: Option<JournalError>,
    wakers: Vec<Waker>,
}

impl Tail {
    pub(crate) fn after(head: Option<Cid>, entries: u64) -> Tail {
        let link = |digest| Link { digest, seq: entries.saturating_sub(1) };
        let last = head.as_ref().and_then(|cid| name::read(cid, name::DAG_CBOR)).map(link);
        Tail { state: Mutex::new(State { last, ..State::default() }), ..Tail::default() }
    }

    /// Cheap, for every append.
    pub(crate) fn check(&self) -> Result<(), JournalError> {
        if self.broken.load(Ordering::Acquire) { self.failed().map_or(Ok(()), Err) } else { Ok(()) }
    }

    fn failed(&self) -> Option<JournalError> {
        self.state.lock().failed.clone()
    }

    /// Announces a hand-over and gives its number, waiting while too many are under way.
    pub(crate) fn give(&self, patient: bool) -> u64 {
        let mut state = self.state.lock();
        if patient {
            self.progress.wait_while(&mut state, |s| s.given.saturating_sub(s.done) > WAITING);
        }
        state.given = state.given.saturating_add(1);
        state.given
    }

    pub(crate) fn begin_encoding(&self) {
        let mut state = self.state.lock();
        state.encoding = state.encoding.saturating_add(1);
    }

    pub(crate) fn end_encoding(&self) {
        let mut state = self.state.lock();
        state.encoding = state.encoding.saturating_sub(1);
        drop(state);
        self.progress.notify_all();
    }

    pub(crate) fn is_encoding(&self) -> bool {
        self.state.lock().encoding > 0
    }

    /// Waits for the worker.
    pub(crate) fn encoded(&self) {
        self.progress.wait_while(&mut self.state.lock(), |s| s.encoding > 0);
    }

    /// Encodes and chains. Batches come one after the other: from the one worker, or when it has none of this chain.
    /// The blocks before a record that cannot be encoded are good.
    pub(crate) fn encode<R: Record>(
        &self,
        batch: impl Iterator<Item = (Stamp, R)>,
    ) -> (Vec<Block>, Option<JournalError>) {
        let (mut last, mut failed) = {
            let state = self.state.lock();
            (state.last, state.failed.clone())
        };
        let mut blocks = Vec::with_capacity(batch.size_hint().0);
        // Not under the lock: whoever appends need not wait for it.
        if failed.is_none() {
            for (stamp, record) in batch {
                match Block::encode(last, stamp, &record) {
                    Ok(block) => {
                        last = Some(block.link());
                        blocks.push(block);
                    }
                    Err(error) => {
                        failed = Some(error.into());
                        break;
                    }
                }
            }
        }
        let mut state = self.state.lock();
        state.last = last;
        if failed.is_some() {
            self.broken.store(true, Ordering::Release);
            state.failed.clone_from(&failed);
        }
        (blocks, failed)
    }

    /// The store has answered the next hand-over. Gives what its followers are told.
    pub(crate) fn settle(&self, result: Result<(), JournalError>) -> Result<(), JournalError> {
        let mut state = self.state.lock();
        if let Err(error) = result {
            self.broken.store(true, Ordering::Release);
            state.failed.get_or_insert_with(|| error.clone());
            state.refused.get_or_insert(error);
        }
        state.refused.clone().map_or(Ok(()), Err)
    }

    /// Why nothing more is to be written.
    pub(crate) fn refused(&self) -> Option<JournalError> {
        if self.broken.load(Ordering::Acquire) { self.state.lock().refused.clone() } else { None }
    }

    /// And its followers were told.
    pub(crate) fn finish(&self) {
        let mut state = self.state.lock();
        state.done = state.done.saturating_add(1);
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        self.progress.notify_all();
        wakers.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn last(&self) -> Option<Link> {
        self.state.lock().last
    }
}

/// Ready when all that was appended before it is durable, or cannot become so. It borrows nothing, and may be dropped.
#[must_use = "nothing is known to be durable before this is ready"]
pub struct Barrier {
    pub(crate) tail: Arc<Tail>,
    pub(crate) number: u64,
}

impl Barrier {
    fn now(&self, state: &State) -> Option<Result<(), JournalError>> {
        (state.done >= self.number).then(|| state.failed.clone().map_or(Ok(()), Err))
    }

    /// Waits on this thread.
    ///
    /// # Errors
    /// [`JournalError`]: why it is not durable.
    pub fn wait(self) -> Result<(), JournalError> {
        let mut state = self.tail.state.lock();
        self.tail.progress.wait_while(&mut state, |state| state.done < self.number);
        state.failed.clone().map_or(Ok(()), Err)
    }
}

impl Future for Barrier {
    type Output = Result<(), JournalError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.tail.state.lock();
        match self.now(&state) {
            Some(result) => Poll::Ready(result),
            None => {
                if !state.wakers.iter().any(|waker| waker.will_wake(context.waker())) {
                    state.wakers.push(context.waker().clone());
                }
                Poll::Pending
            }
        }
    }
}
