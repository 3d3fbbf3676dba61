//! The journal of one episode as its run holds it: records go in at the end, and leave for the store in batches.

use crate::{
    Barrier, Change, Cid, EntryError, Instance, JournalError, JournalId, ProposalRow, Record, Stamp, Write, Writer,
    tail::Tail,
    worker,
    writer::{Given, Then},
};
use parking_lot::Mutex;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

/// Records that are handed to the worker together: enough that waking it is not felt, few enough that little is left to
/// do at the barrier.
const BATCH: usize = 256;
/// And about how many bytes, if that is less.
const BATCH_WEIGHT: u64 = 4 << 20;

/// Where a journal is taken up again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resume {
    /// The entries that the store has.
    pub entries: u64,
    /// The last of them.
    pub head: Option<Cid>,
    /// The weight of their records.
    pub weight: u64,
}

/// The journal of one episode of one instance. Whoever holds it owns the instance: there is one handle at a time.
///
/// What was appended and not handed over is lost when it is dropped, as in a crash.
pub struct Journal<R> {
    writer: Writer,
    id: JournalId,
    tail: Arc<Tail>,
    pending: Vec<(Stamp, R)>,
    pending_weight: u64,
    create: Option<Box<Instance>>,
    change: Option<Box<Change>>,
    proposals: Vec<ProposalRow>,
    then: Vec<Then>,
    entries: u64,
    weight: u64,
    /// The last hand-over, and whether it was to be durable.
    given: u64,
    durable: bool,
    /// Where the worker puts empty batches back: a fresh one for each would be as many page faults.
    spare: Arc<Mutex<Vec<(Stamp, R)>>>,
}

impl<R> Drop for Journal<R> {
    fn drop(&mut self) {
        self.tail.encoded();
    }
}

impl<R: Record> Journal<R> {
    /// An empty journal. The row, where the instance is new, is written with the first entries.
    pub fn create(writer: &Writer, id: JournalId, create: Option<Instance>) -> Self {
        let mut journal = Self::resume(writer, id, Resume::default());
        journal.create = create.map(Box::new);
        journal
    }

    /// A journal that goes on behind what is stored.
    pub fn resume(writer: &Writer, id: JournalId, from: Resume) -> Self {
        Journal {
            writer: writer.clone(),
            id,
            tail: Arc::new(Tail::after(from.head, from.entries)),
            pending: Vec::new(),
            pending_weight: 0,
            create: None,
            change: None,
            proposals: Vec::new(),
            then: Vec::new(),
            entries: from.entries,
            weight: from.weight,
            given: 0,
            // What is stored was durable before, or nobody knows that it is there.
            durable: true,
            spare: Arc::default(),
        }
    }

    /// Whose it is.
    pub fn id(&self) -> JournalId {
        self.id
    }

    /// The writer behind it.
    pub fn writer(&self) -> &Writer {
        &self.writer
    }

    /// Appends a record; it is part of the chain and durable by the next barrier. Where much is under way it waits for the store.
    ///
    /// # Errors
    /// [`JournalError`] where something before it could not be written.
    pub fn append(&mut self, stamp: Stamp, record: R) -> Result<(), JournalError> {
        self.tail.check()?;
        let weight = record.weight();
        self.weight = self.weight.saturating_add(weight);
        self.pending_weight = self.pending_weight.saturating_add(weight);
        self.pending.push((stamp, record));
        self.entries = self.entries.saturating_add(1);
        if self.pending.len() >= BATCH || self.pending_weight >= BATCH_WEIGHT {
            self.hand_over(false, true);
        }
        Ok(())
    }

    /// Has something done when all that was appended before it is durable, or cannot become so. What is done must be short,
    /// and must not touch a journal: it may run on the writer's thread, or right here.
    pub fn then(&mut self, then: impl FnOnce(Result<(), &JournalError>) + Send + 'static) {
        self.then.push(Box::new(then));
    }

    /// Changes the row of the instance with the next hand-over, in one step with the entries.
    pub fn change(&mut self, change: Change) {
        match &mut self.change {
            Some(earlier) => earlier.merge(change),
            None => self.change = Some(Box::new(change)),
        }
    }

    /// Writes a proposal with the next hand-over.
    pub fn proposal(&mut self, row: ProposalRow) {
        match self.proposals.iter_mut().find(|earlier| earlier.id == row.id) {
            Some(earlier) => *earlier = row,
            None => self.proposals.push(row),
        }
    }

    /// Hands over what there is, without waiting. It is written with a sync only where something follows it ([`Journal::then`]).
    pub fn flush(&mut self) {
        if self.is_pending() {
            self.hand_over(!self.then.is_empty(), true);
        }
    }

    /// Hands over what there is; the result is ready when all that was appended is written, so that it survives the process,
    /// though perhaps not the machine.
    pub fn written(&mut self) -> Barrier {
        if self.is_pending() {
            self.hand_over(!self.then.is_empty(), false);
        }
        Barrier { tail: self.tail.clone(), number: self.given }
    }

    /// Hands over what there is; the result is ready when all that was appended is durable. In memory it is ready at once.
    pub fn barrier(&mut self) -> Barrier {
        if self.is_pending() || !self.durable {
            self.hand_over(true, false);
        }
        Barrier { tail: self.tail.clone(), number: self.given }
    }

    fn is_pending(&self) -> bool {
        !(self.pending.is_empty()
            && self.then.is_empty()
            && self.change.is_none()
            && self.proposals.is_empty()
            && self.create.is_none())
    }

    fn hand_over(&mut self, durable: bool, patient: bool) {
        let write = Write {
            journal: self.id,
            at: if self.change.is_some() { now() } else { 0 },
            create: self.create.take(),
            blocks: Vec::new(),
            change: self.change.take(),
            proposals: std::mem::take(&mut self.proposals),
            durable,
        };
        let then = std::mem::take(&mut self.then);
        self.pending_weight = 0;
        self.durable = durable;
        if self.writer.instant() && !patient {
            // What is left is less than going to sleep for.
            self.tail.encoded();
        }
        self.given = self.tail.give(patient);
        let full = self.pending.len() >= BATCH || (patient && self.pending.len() > BATCH / 8);
        if full || self.tail.is_encoding() {
            self.at_worker(write, then);
        } else {
            encode(&self.writer, &self.tail, write, then, self.pending.drain(..));
        }
    }

    fn at_worker(&mut self, write: Write, then: Vec<Then>) {
        let empty = std::mem::take(&mut *self.spare.lock());
        let mut batch = std::mem::replace(&mut self.pending, empty);
        let (writer, tail, spare) = (self.writer.clone(), self.tail.clone(), self.spare.clone());
        tail.begin_encoding();
        worker::submit(Box::new(move || {
            let encoded = catch_unwind(AssertUnwindSafe(|| encode(&writer, &tail, write, then, batch.drain(..))));
            if encoded.is_err() {
                // A record that panics must not leave anybody waiting for it.
                let error = EntryError::Encode("a record panicked".to_owned());
                drop(tail.settle(Err(error.into())));
                tail.finish();
            }
            // Whoever drops the journal and then its writer has dropped all of it.
            drop(writer);
            tail.end_encoding();
            *spare.lock() = batch;
        }));
    }

    /// The CID of the last entry that was handed over: the whole run in one name. After a barrier, that is the last one of all.
    pub fn head(&self) -> Option<Cid> {
        self.tail.encoded();
        self.tail.last().map(|link| crate::name::entry(&link.digest))
    }

    /// How many entries there are, with those that were there before.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// The weight of all records: about how many bytes they take.
    pub fn weight(&self) -> u64 {
        self.weight
    }
}

fn encode<R: Record>(
    writer: &Writer,
    tail: &Arc<Tail>,
    mut write: Write,
    then: Vec<Then>,
    batch: impl Iterator<Item = (Stamp, R)>,
) {
    let (blocks, failed) = tail.encode(batch);
    write.blocks = blocks;
    writer.put(Given { tail: tail.clone(), write, failed, then });
}

/// Milliseconds since 1970, by the wall clock.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
