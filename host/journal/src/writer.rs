//! The one who commits, for all journals of a store. Where the store is quick (memory), that is whoever hands over; else a
//! thread of its own, which takes all that has come while it was busy into one commit: many journals share one sync.

use crate::{
    JournalError, MemoryStore, Store, StoreError, Write,
    tail::{Barrier, Tail},
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread::{self, JoinHandle},
};

/// Writes in one commit, at most.
const GROUP: usize = 4096;
/// And entries, about.
const GROUP_ENTRIES: usize = 16_384;

/// What follows a write: told whether it is durable.
pub(crate) type Then = Box<dyn FnOnce(Result<(), &JournalError>) + Send>;

/// An encoded hand-over.
pub(crate) struct Given {
    pub tail: Arc<Tail>,
    pub write: Write,
    /// Why it is not all of what was handed over.
    pub failed: Option<JournalError>,
    pub then: Vec<Then>,
}

/// The writer of a store; a clone is the same writer. The last one dropped waits until all that was handed over is written.
#[derive(Clone)]
pub struct Writer(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    next: AtomicU64,
    thread: Option<(Sender<Given>, JoinHandle<()>)>,
}

impl Writer {
    /// The writer of this store. There must be no other in any process; a store in files sees to that itself.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read, or there is no thread to be had.
    pub fn new(store: Arc<dyn Store>) -> Result<Writer, StoreError> {
        let next = AtomicU64::new(store.last_instance()?.saturating_add(1));
        let thread = if store.instant() {
            None
        } else {
            let (sender, receiver) = channel();
            let served = store.clone();
            let named = thread::Builder::new().name("valence-writer".into());
            let handle = named.spawn(move || serve(&*served, &receiver));
            let none =
                |e: std::io::Error| StoreError::Io { path: "a thread for the journals".into(), why: e.to_string() };
            Some((sender, handle.map_err(none)?))
        };
        Ok(Writer(Arc::new(Inner { store, next, thread })))
    }

    /// A writer into memory.
    pub fn memory() -> Writer {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        // Memory has no instances yet, and needs no thread.
        Writer(Arc::new(Inner { store, next: AtomicU64::new(1), thread: None }))
    }

    /// Where it writes.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.0.store
    }

    /// The id for a new instance.
    pub fn next_instance(&self) -> u64 {
        self.0.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Writes beside any journal, for a row whose journal nobody has open. Other writes to the same instance keep their order
    /// with it as long as they come from the same thread.
    pub fn write(&self, write: Write) -> Barrier {
        let tail = Arc::new(Tail::default());
        let number = tail.give(false);
        self.put(Given { tail: tail.clone(), write, failed: None, then: Vec::new() });
        Barrier { tail, number }
    }

    pub(crate) fn put(&self, given: Given) {
        match &self.0.thread {
            None => commit(&*self.0.store, vec![given]),
            Some((sender, _)) => {
                if let Err(refused) = sender.send(given) {
                    answer(&refused.0.tail, Err(JournalError::Stopped), refused.0.then);
                }
            }
        }
    }

    pub(crate) fn instant(&self) -> bool {
        self.0.thread.is_none()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some((sender, handle)) = self.thread.take() {
            drop(sender);
            // The last handle may have been dropped by what followed a write: on that thread itself.
            if handle.thread().id() != thread::current().id() {
                let _ = handle.join();
            }
        }
    }
}

fn serve(store: &dyn Store, jobs: &Receiver<Given>) {
    while let Ok(first) = jobs.recv() {
        let mut entries = first.write.blocks.len();
        let mut group = vec![first];
        while group.len() < GROUP && entries < GROUP_ENTRIES {
            let Ok(next) = jobs.try_recv() else { break };
            entries = entries.saturating_add(next.write.blocks.len());
            group.push(next);
        }
        commit(store, group);
    }
}

fn commit(store: &dyn Store, group: Vec<Given>) {
    let (mut writes, mut rest) = (Vec::with_capacity(group.len()), Vec::with_capacity(group.len()));
    for mut given in group {
        let refused = given.tail.refused();
        // Of a batch with a record that cannot be encoded, the entries before it are good; what the row was to become is not.
        if given.failed.is_some() {
            (given.write.change, given.write.proposals) = (None, Vec::new());
        }
        let written = refused.is_none() && (given.failed.is_none() || !given.write.blocks.is_empty());
        if written {
            writes.push(given.write);
        }
        rest.push((given.tail, given.then, refused.or(given.failed), written));
    }
    let mut results = if writes.is_empty() { Vec::new() } else { store.commit(writes) }.into_iter();
    for (tail, then, failed, written) in rest {
        let stored = if written { results.next().unwrap_or(Ok(())) } else { Ok(()) };
        let result = stored.map_err(JournalError::from).and_then(|()| failed.map_or(Ok(()), Err));
        answer(&tail, result, then);
    }
}

fn answer(tail: &Tail, result: Result<(), JournalError>, then: Vec<Then>) {
    let result = tail.settle(result);
    for then in then {
        // Others must be told, and others' entries written, whatever one of those who follow does.
        let _ = catch_unwind(AssertUnwindSafe(|| then(result.as_ref().copied())));
    }
    tail.finish();
}
