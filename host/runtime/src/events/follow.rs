//! A subscription that begins in the past: first what the journals say, then what happens. A thread of its own reads, as fast as
//! its subscriber does; the journals are its memory, so of what is on record nothing is lost however slow that is.
//!
//! Where the past ends is fixed for each journal when the subscription is made, after it began to listen: an entry before that is told
//! from the journal, one after it when it is heard of. What was heard of too fast to be kept is read from the journal as well.

use super::{Event, EventFilter, Events, Lagged, Position, Since, bus::Told, past};
use crate::{
    error::RuntimeError,
    history::{Known, host_line, line},
    runtime::Shared,
};
use std::{
    collections::HashMap,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};
use tokio::sync::mpsc;
use valence_journal::{Block, EntryQuery, HOST, InstanceFilter, JournalId, Store, StoreError};

/// Events that were made and are not yet read.
const AHEAD: usize = 1024;
/// Rows and entries that are read at once.
const PAGE: u64 = 1000;
/// Instances whose names are kept in mind.
const KNOWN: usize = 256;

/// The subscriber has gone.
struct Gone;

/// Where one is in a journal: the episode, and the entry that comes next.
type Place = (u32, u64);

struct Follower {
    shared: Weak<Shared>,
    filter: EventFilter,
    live: Events,
    /// Events without an entry that were lost.
    lost: Arc<AtomicU64>,
    out: mpsc::Sender<Told>,
    places: HashMap<u64, Place>,
    about: HashMap<u64, past::About>,
}

/// Subscribes from a point in the past.
///
/// # Errors
/// Where the store cannot be read.
pub(crate) fn follow(shared: &Arc<Shared>, filter: EventFilter, since: Since) -> Result<Events, RuntimeError> {
    // First listen, then look where the journals end.
    let (live, lost) = shared.bus.subscribe_all();
    let mut places = HashMap::new();
    let store = shared.writer.store();
    rows(&**store, &shared.home, |id, place| {
        places.insert(id, place);
    })?;
    let mut query = EntryQuery::default();
    let mut after = None;
    match since {
        Since::Beginning => {}
        Since::Time(time) => query.since = Some(time),
        Since::Slot(slot) => query.from_slot = Some(slot),
        Since::After(position) => {
            query.instance = Some(position.instance);
            after = Some(position);
        }
    }
    if let Some(name) = &filter.instance {
        let row = store.instance_named(name)?;
        // One that is not there yet has no past.
        query.instance = Some(row.map_or(u64::MAX, |row| row.id));
    }
    let (out, queue) = mpsc::channel(AHEAD);
    let (about, shared) = (HashMap::new(), Arc::downgrade(shared));
    let mut follower = Follower { shared, filter, live, lost, out, places, about };
    let work = move || {
        // Whoever does not read any more needs no word.
        let _ = follower.past(&query, after).and_then(|()| follower.live());
    };
    let io = |e: std::io::Error| StoreError::Io { path: "a thread for events".to_owned(), why: e.to_string() };
    thread::Builder::new().name("valence-events".to_owned()).spawn(work).map_err(io)?;
    Ok(Events { queue, missed: Arc::default() })
}

/// Visits the ends of all journals of a chain, the host's among them.
fn rows(store: &dyn Store, home: &str, mut each: impl FnMut(u64, Place)) -> Result<(), StoreError> {
    if let Some(host) = store.instance(HOST.instance)? {
        each(host.id, (host.episode, host.entries));
    }
    let mut filter = InstanceFilter { chain: Some(home.to_owned()), limit: PAGE, ..InstanceFilter::default() };
    loop {
        let page = store.instances(&filter)?;
        let Some(last) = page.last() else { return Ok(()) };
        filter.after = last.id;
        page.iter().for_each(|row| each(row.id, (row.episode, row.entries)));
    }
}

impl Follower {
    /// What was before the subscription, in the order of time.
    fn past(&mut self, query: &EntryQuery, after: Option<Position>) -> Result<(), Gone> {
        let Some(shared) = self.shared.upgrade() else { return Ok(()) };
        let store = shared.writer.store().clone();
        let mut result = Ok(());
        let found = store.find(query, &mut |journal, block| {
            let place = (journal.episode, block.seq());
            let before = self.places.get(&journal.instance).is_some_and(|end| place < *end);
            let wanted = after.is_none_or(|after| place > (after.episode, after.entry));
            if before && wanted {
                result = self.tell(&shared, journal, &block);
            }
            result.is_ok()
        });
        result?;
        match found {
            Ok(()) => Ok(()),
            Err(error) => self.trouble(&shared, &error),
        }
    }

    /// What happens.
    fn live(&mut self) -> Result<(), Gone> {
        loop {
            match self.live.next_blocking() {
                Some(Ok(event)) => match event.at {
                    None => self.send(event)?,
                    Some(at) => self.heard(event, at)?,
                },
                // What is on record is read from there.
                Some(Err(_)) => {
                    self.catch_up()?;
                    let lost = self.lost.swap(0, Ordering::Relaxed);
                    if lost > 0 {
                        self.out.blocking_send(Err(Lagged(lost))).map_err(|_| Gone)?;
                    }
                }
                None => return self.catch_up(),
            }
        }
    }

    /// An event with an entry: those before it that nobody told come first; one that was told already is not told again.
    fn heard(&mut self, event: Arc<Event>, at: Position) -> Result<(), Gone> {
        let next = self.places.get(&at.instance).copied().unwrap_or_default();
        let place = (at.episode, at.entry);
        if place < next {
            return Ok(());
        }
        if next < place
            && let Some(shared) = self.shared.upgrade()
        {
            self.between(&shared, at.instance, next, place)?;
        }
        self.places.insert(at.instance, (at.episode, at.entry.saturating_add(1)));
        self.send(event)
    }

    /// All journals up to their ends.
    fn catch_up(&mut self) -> Result<(), Gone> {
        let Some(shared) = self.shared.upgrade() else { return Ok(()) };
        let mut behind = Vec::new();
        let read = rows(&**shared.writer.store(), &shared.home, |id, end| {
            let next = self.places.get(&id).copied().unwrap_or_default();
            if next < end {
                behind.push((id, next, end));
            }
        });
        for (id, next, end) in behind {
            self.between(&shared, id, next, end)?;
            self.places.insert(id, end);
        }
        read.or_else(|error| self.trouble(&shared, &error))
    }

    /// The entries of a journal from one place on, before another.
    fn between(&mut self, shared: &Shared, instance: u64, from: Place, to: Place) -> Result<(), Gone> {
        let store = shared.writer.store().clone();
        for episode in from.0..=to.0 {
            let journal = JournalId { instance, episode };
            let mut next = if episode == from.0 { from.1 } else { 0 };
            let end = if episode == to.0 { to.1 } else { u64::MAX };
            while next < end {
                let blocks = match store.entries(journal, next, PAGE.min(end.saturating_sub(next))) {
                    Ok(blocks) => blocks,
                    Err(error) => return self.trouble(shared, &error),
                };
                let Some(last) = blocks.last() else { break };
                next = last.seq().saturating_add(1);
                for block in &blocks {
                    self.tell(shared, journal, block)?;
                }
            }
        }
        Ok(())
    }

    /// The event of an entry, if it has one.
    fn tell(&mut self, shared: &Shared, journal: JournalId, block: &Block) -> Result<(), Gone> {
        // Most entries are calls that nobody hears of.
        if block.kind() == "call" && !matches!(block.key(), Some("log.write" | "account-watch.wait")) {
            return Ok(());
        }
        if self.about.len() > KNOWN {
            self.about.clear();
        }
        let about = self.about.entry(journal.instance).or_insert_with(|| introduce(shared, journal));
        let line = if journal == HOST { host_line(block) } else { line(journal.episode, block, &mut about.known) };
        match line {
            Ok(line) => match past::event(journal, line, about) {
                Some(event) => self.send(Arc::new(event)),
                None => Ok(()),
            },
            Err(error) => self.trouble(shared, &error),
        }
    }

    /// The record cannot be read: that is said, and not passed over.
    fn trouble(&self, shared: &Shared, error: &dyn std::fmt::Display) -> Result<(), Gone> {
        let moment = shared.chain.moment();
        let kind = super::EventKind::Error { message: format!("past events cannot be read: {error}") };
        let event = Event { instance: None, flow: None, at: None, slot: moment.slot, time: moment.unix_time, kind };
        self.out.blocking_send(Ok(Arc::new(event))).map_err(|_| Gone)
    }

    fn send(&self, event: Arc<Event>) -> Result<(), Gone> {
        if self.out.is_closed() {
            return Err(Gone);
        }
        if !self.filter.takes(&event) {
            return Ok(());
        }
        self.out.blocking_send(Ok(event)).map_err(|_| Gone)
    }
}

/// Whose entries these are.
fn introduce(shared: &Shared, journal: JournalId) -> past::About {
    let store = shared.writer.store();
    let row = store.instance(journal.instance).ok().flatten().filter(|row| row.id != HOST.instance);
    let mut known = Known { names: shared.names.clone(), ..Known::default() };
    for episode in 0..=journal.episode {
        let first = store.entries(JournalId { episode, ..journal }, 0, 1).unwrap_or_default();
        if let (Some(Ok(header)), false) = (first.first().map(|block| block.body()), journal == HOST) {
            known.learn(&header);
            break;
        }
    }
    past::About {
        name: row.as_ref().map(|row| row.name.clone()),
        flow: row.map(|row| row.flow.into()),
        chain: shared.chain.name().to_owned(),
        known,
    }
}
