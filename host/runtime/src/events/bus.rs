//! Where events go: a queue for each subscriber, with a bound, and with gaps in their places. What an event is stands in `events.rs`.

use super::{Event, EventClass, EventFilter};
use parking_lot::Mutex;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use tokio::sync::mpsc;

/// Events that a subscriber may have unread: more than one episode's log lines under the default limits.
pub(super) const QUEUE: usize = 100_000;

/// Where events go.
#[derive(Default)]
pub(crate) struct Bus {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    subscribers: Vec<Subscriber>,
    /// Runs that may still have something to say.
    runs: u64,
    /// Subscriptions end once the last run has.
    closing: bool,
}

/// A run that may still have something to say, until it is dropped.
pub(crate) struct Speaking<'a>(&'a Bus);

impl Drop for Speaking<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.runs = state.runs.saturating_sub(1);
        if state.closing && state.runs == 0 {
            state.subscribers.clear();
        }
    }
}

/// What stands in a queue: an event, or how many are missing there.
pub(super) type Told = Result<Arc<Event>, Lagged>;

struct Subscriber {
    queue: mpsc::Sender<Told>,
    filter: EventFilter,
    /// Those that did not fit, since the last gap that was told.
    missed: Arc<AtomicU64>,
    /// Of all that did not fit, those that no entry says.
    lost: Arc<AtomicU64>,
}

/// A subscription. Dropping it ends it.
pub struct Events {
    pub(super) queue: mpsc::Receiver<Told>,
    pub(super) missed: Arc<AtomicU64>,
}

/// A subscriber was too slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} events were lost because they were read too slowly")]
pub struct Lagged(pub u64);

impl Subscriber {
    /// Gives it an event, behind the gap that is before it; false where nobody reads any more.
    fn give(&self, event: &Arc<Event>) -> bool {
        let miss = || {
            self.missed.fetch_add(1, Ordering::Relaxed);
            self.lost.fetch_add(u64::from(event.at.is_none()), Ordering::Relaxed);
            true
        };
        // Only here is it counted up, under the bus's lock; the reader takes it when it has read all else.
        let missed = self.missed.swap(0, Ordering::Relaxed);
        if missed > 0 {
            match self.queue.try_send(Err(Lagged(missed))) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Full(_)) => {
                    self.missed.fetch_add(missed, Ordering::Relaxed);
                    return miss();
                }
                Err(mpsc::error::TrySendError::Closed(_)) => return false,
            }
        }
        match self.queue.try_send(Ok(event.clone())) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Full(_)) => miss(),
            Err(mpsc::error::TrySendError::Closed(_)) => false,
        }
    }
}

impl Bus {
    /// What happens from now on and passes this filter.
    pub(crate) fn subscribe(&self, filter: EventFilter) -> Events {
        self.listen(filter).0
    }

    /// All that happens from now on, and a count of what was lost and no entry says.
    pub(super) fn subscribe_all(&self) -> (Events, Arc<AtomicU64>) {
        self.listen(EventFilter::default())
    }

    fn listen(&self, filter: EventFilter) -> (Events, Arc<AtomicU64>) {
        let (sender, queue) = mpsc::channel(QUEUE);
        let (missed, lost) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let subscriber = Subscriber { queue: sender, filter, missed: missed.clone(), lost: lost.clone() };
        self.state.lock().subscribers.push(subscriber);
        (Events { queue, missed }, lost)
    }

    /// Whether anybody listens: what nobody sees need not be put into words.
    pub(crate) fn heard(&self) -> bool {
        !self.state.lock().subscribers.is_empty()
    }

    /// Whether anybody listens to these.
    pub(crate) fn wants(&self, class: EventClass) -> bool {
        let takes = |s: &Subscriber| s.filter.classes.is_empty() || s.filter.classes.contains(&class);
        self.state.lock().subscribers.iter().any(takes)
    }

    pub(crate) fn publish(&self, event: Event) {
        let event = Arc::new(event);
        self.state.lock().subscribers.retain(|s| {
            if !s.filter.takes(&event) {
                return !s.queue.is_closed();
            }
            s.give(&event)
        });
    }

    /// A run begins to speak.
    pub(crate) fn run(&self) -> Speaking<'_> {
        self.state.lock().runs += 1;
        Speaking(self)
    }

    /// Ends all subscriptions, once those runs that are being cancelled have said so.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        state.closing = true;
        if state.runs == 0 {
            state.subscribers.clear();
        }
    }

    /// Opens again after `close`.
    pub(crate) fn open(&self) {
        self.state.lock().closing = false;
    }
}

impl Events {
    /// The next event; none when the runtime has stopped.
    ///
    /// # Errors
    /// [`Lagged`] once for every gap, in its place.
    pub async fn next(&mut self) -> Option<Result<Arc<Event>, Lagged>> {
        match self.try_next() {
            Some(told) => Some(told),
            None => match self.queue.recv().await {
                Some(told) => Some(told),
                None => self.lagged().map(Err),
            },
        }
    }

    /// The next event, for a thread of its own.
    pub(super) fn next_blocking(&mut self) -> Option<Told> {
        match self.try_next() {
            Some(told) => Some(told),
            None => self.queue.blocking_recv().or_else(|| self.lagged().map(Err)),
        }
    }

    /// The next event if there is one already.
    pub fn try_next(&mut self) -> Option<Result<Arc<Event>, Lagged>> {
        match self.queue.try_recv() {
            Ok(told) => Some(told),
            // A gap with nothing behind it yet.
            Err(_) => self.lagged().map(Err),
        }
    }

    fn lagged(&self) -> Option<Lagged> {
        match self.missed.swap(0, Ordering::Relaxed) {
            0 => None,
            missed => Some(Lagged(missed)),
        }
    }
}
