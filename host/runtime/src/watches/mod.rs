//! Who waits for what, and who runs. One index holds all waiters of a runtime; one task, the pump, reads the chain's
//! updates, wakes those whom an update touches, and moves virtual time when nobody runs.
//!
//! | file | idea |
//! |---|---|
//! | `mod.rs` | [`Watches`]: waiting, parking, counting who runs |
//! | `index.rs` | who is woken by what |
//! | `pump.rs` | the task that reads the chain and moves virtual time |
//! | `waits.rs` | what one instance waits for, and its bytes in the store |
//!
//! A *warm* wait is a future that somebody holds; a *parked* one is a row of the index, and its wake is a call of
//! [`OnWake`]. Both are woken by the same code, in the order of the instances, so that runs on the same chain are the same
//! whoever was parked.

mod index;
mod pump;
#[cfg(test)]
mod scripted;
#[cfg(test)]
mod tests;
mod waits;

pub use waits::{Waits, WaitsError};

use crate::{
    conditions::{self, View},
    reading,
};
use foldhash::fast::RandomState;
use index::Index;
use parking_lot::Mutex;
use solana_sdk::pubkey::Pubkey;
use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};
use tokio::sync::{Notify, oneshot};
use valence_chain::{Chain, ChainError, Moment, Updates, Watched};
use valence_door::{Condition, Deadline, Reason};

/// How a wait ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Woken {
    /// For this reason, at this moment.
    By(Reason, Moment),
    /// Nothing that is still to come can end it. Only warm waits are told so: others may run later, and wake parked ones.
    Never,
}

/// Called for each parked instance that is woken, which is then no longer in the index. The pump calls it, and moves virtual
/// time only afterwards: so it takes a [`Running`] for the instance before it returns, hands over, and does not block.
pub type OnWake = dyn Fn(u64, Woken) + Send + Sync;

/// Called for what went wrong on the chain and concerns no single waiter, in one line.
pub type OnTrouble = dyn Fn(Moment, String) + Send + Sync;

/// All waiters of a runtime.
pub struct Watches {
    chain: Arc<dyn Chain>,
    state: Mutex<State>,
    /// The pump's while it runs.
    updates: tokio::sync::Mutex<Updates>,
    /// Which accounts `updates` brings.
    watched: Watched,
    /// Something happened that lets the pump look again at whether time may move.
    news: Notify,
    on_wake: OnceLock<Box<OnWake>>,
    on_trouble: OnceLock<Box<OnTrouble>>,
}

#[derive(Default)]
struct State {
    index: Index,
    warm: HashMap<u64, Warm, RandomState>,
    /// Instances that run. Signed: a guard may be dropped before a wait of the same instance is.
    running: i64,
    /// Counts whatever may let others have their turn before time moves.
    activity: u64,
    /// Tells a wait from a later one of the same instance.
    ticket: u64,
    /// Accounts that the pump is to look at as they are now, and whether also the time.
    unseen: Vec<Pubkey>,
    look: bool,
    closed: bool,
}

/// A wait that somebody holds.
struct Warm {
    ticket: u64,
    waker: oneshot::Sender<Result<Woken, ChainError>>,
    /// It has looked at the present state and does not count as running.
    rests: bool,
}

/// An instance that counts as running until this is dropped.
pub struct Running(Arc<Watches>);

/// Removes a warm wait when it is dropped, unless it has been woken or parked.
struct Armed<'a> {
    watches: &'a Watches,
    instance: u64,
    ticket: u64,
}

impl Watches {
    /// Nobody waits and nobody runs. Nothing is woken until [`Watches::pump`] runs.
    pub fn new(chain: Arc<dyn Chain>) -> Arc<Self> {
        let updates = chain.subscribe(&[]);
        Arc::new(Watches {
            chain,
            state: Mutex::default(),
            watched: updates.watched(),
            updates: tokio::sync::Mutex::new(updates),
            news: Notify::new(),
            on_wake: OnceLock::new(),
            on_trouble: OnceLock::new(),
        })
    }

    /// Who is told that a parked instance is woken; set it before anything is parked. Whether it was the first.
    pub fn on_wake(&self, call: impl Fn(u64, Woken) + Send + Sync + 'static) -> bool {
        self.on_wake.set(Box::new(call)).is_ok()
    }

    /// Who is told of trouble that is nobody's own. Whether it was the first.
    pub fn on_trouble(&self, call: impl Fn(Moment, String) + Send + Sync + 'static) -> bool {
        self.on_trouble.set(Box::new(call)).is_ok()
    }

    /// An instance begins to run; virtual time stands still until the guard is dropped or the instance waits.
    pub fn run(self: &Arc<Self>) -> Running {
        self.state.lock().runs();
        Running(self.clone())
    }

    /// Waits until one of the conditions holds or the deadline passes. What holds already ends it at once, the conditions
    /// in their order and then the deadline. The caller counts as running before and after, and not while it waits.
    ///
    /// Dropping the future ends the wait, unless [`Watches::park`] has made it a parked one: then the future never
    /// resolves. An instance waits once at a time; a newer wait takes the place of an older one, which then never resolves.
    ///
    /// # Errors
    /// [`ChainError`] where the accounts cannot be read, or moving virtual time went wrong.
    pub async fn wait(
        &self,
        instance: u64,
        any_of: &[Condition],
        deadline: Option<&Deadline>,
    ) -> Result<Woken, ChainError> {
        let (waker, woken) = oneshot::channel();
        // In the index and subscribed before the first look, so that no change falls between the two.
        let Some(armed) = self.arm(instance, Waits::new(any_of, deadline), waker) else { return Ok(Woken::Never) };
        let view = look(&*self.chain, any_of).await?;
        let moment = view.moment.unwrap_or_else(|| self.chain.moment());
        if let Some(reason) = holds_now(any_of, deadline, &view, &moment) {
            return Ok(Woken::By(reason, moment));
        }
        armed.rest();
        self.news.notify_one();
        match woken.await {
            Ok(result) => result,
            // Parked: whoever parked it drops this.
            Err(_) => std::future::pending().await,
        }
    }

    /// Makes the present warm wait of an instance a parked one. False if there is none: it has been woken already. From
    /// then on the instance counts as running until its [`Running`] is dropped, which is to happen soon, after the wait's
    /// future.
    pub fn park(&self, instance: u64) -> bool {
        let mut state = self.state.lock();
        let Some(warm) = state.warm.remove(&instance) else { return false };
        if warm.rests {
            state.runs();
        } else if let Some(waits) = state.index.waits_of(instance) {
            // It has not seen the present state, so the pump does that for it.
            let keys = conditions::keys(&waits.any_of);
            state.unseen.extend(keys);
            state.look = true;
        }
        drop(state);
        self.news.notify_one();
        true
    }

    /// Adds parked instances, as a store remembers them, which may be done in many calls; the pump then looks once at all that
    /// these wait for, and wakes those for whom it holds already.
    pub fn restore(&self, all: impl IntoIterator<Item = (u64, Waits)>) {
        /// Added under one lock.
        const SOME: usize = 1024;
        let mut all = all.into_iter().peekable();
        let expected = all.size_hint().0;
        self.state.lock().index.reserve(expected);
        while all.peek().is_some() {
            let mut state = self.state.lock();
            let since = self.chain.moment().slot;
            for (instance, waits) in all.by_ref().take(SOME) {
                self.remove(&mut state, instance);
                let keys = waits.any_of.iter().filter_map(conditions::key_of).map(|key| Pubkey::from(*key));
                state.unseen.extend(keys);
                self.watched.add(&state.index.arm(instance, since, waits));
            }
            state.look = true;
            state.activity += 1;
        }
        self.news.notify_one();
    }

    /// Removes a parked instance. False if it is not parked: a wake may be on its way. A warm wait ends by being dropped.
    pub fn forget(&self, instance: u64) -> bool {
        let mut state = self.state.lock();
        !state.warm.contains_key(&instance) && self.disarm(&mut state, instance)
    }

    /// What an instance waits for, warm or parked.
    pub fn waits_of(&self, instance: u64) -> Option<Waits> {
        self.state.lock().index.waits_of(instance).cloned()
    }

    /// How many instances wait out of memory.
    pub fn parked(&self) -> usize {
        let state = self.state.lock();
        state.index.len().saturating_sub(state.warm.len())
    }

    /// How many waits somebody holds.
    pub fn warm(&self) -> usize {
        self.state.lock().warm.len()
    }

    /// How many accounts anybody waits for.
    pub fn accounts(&self) -> usize {
        self.state.lock().index.accounts()
    }

    fn arm(&self, instance: u64, waits: Waits, waker: oneshot::Sender<Result<Woken, ChainError>>) -> Option<Armed<'_>> {
        let mut state = self.state.lock();
        if state.closed {
            return None;
        }
        self.remove(&mut state, instance);
        state.ticket += 1;
        let ticket = state.ticket;
        let fresh = state.index.arm(instance, self.chain.moment().slot, waits);
        self.watched.add(&fresh);
        state.warm.insert(instance, Warm { ticket, waker, rests: false });
        Some(Armed { watches: self, instance, ticket })
    }

    /// Makes room for a new wait of an instance.
    fn remove(&self, state: &mut State, instance: u64) {
        if state.warm.remove(&instance).is_some_and(|warm| warm.rests) {
            state.runs();
        }
        self.disarm(state, instance);
    }

    fn disarm(&self, state: &mut State, instance: u64) -> bool {
        let gone = state.index.disarm(instance);
        if let Some(gone) = &gone {
            self.watched.remove(gone);
        }
        gone.is_some()
    }
}

impl State {
    /// One more runs.
    fn runs(&mut self) {
        self.running += 1;
        self.activity += 1;
    }

    /// One fewer runs. While it ran it may have changed what others wait for.
    fn rests(&mut self) {
        self.running -= 1;
        self.activity += 1;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.state.lock().rests();
        self.0.news.notify_one();
    }
}

impl Armed<'_> {
    /// It has looked and found nothing: from now on it does not count as running, unless it has been woken meanwhile.
    fn rest(&self) {
        let mut state = self.watches.state.lock();
        if let Some(warm) = state.warm.get_mut(&self.instance).filter(|warm| warm.ticket == self.ticket) {
            warm.rests = true;
            state.rests();
        }
    }
}

impl Drop for Armed<'_> {
    fn drop(&mut self) {
        let mut state = self.watches.state.lock();
        // Whoever took the entry, to wake or to park it, has counted the instance as running again.
        if state.warm.get(&self.instance).is_some_and(|warm| warm.ticket == self.ticket) {
            self.watches.remove(&mut state, self.instance);
        }
    }
}

/// The first condition that holds, or else the deadline, if it has passed.
fn holds_now(any_of: &[Condition], deadline: Option<&Deadline>, view: &View, moment: &Moment) -> Option<Reason> {
    let passed = || deadline.is_some_and(|deadline| conditions::passed(deadline, moment));
    match conditions::first_that_holds(any_of, view) {
        Some(place) => Some(Reason::Condition(place)),
        None => passed().then_some(Reason::Deadline),
    }
}

/// Reads the accounts of these conditions as they are now.
pub(crate) async fn look(chain: &dyn Chain, any_of: &[Condition]) -> Result<View, ChainError> {
    let keys = conditions::keys(any_of);
    let now = chain.moment();
    let (moment, accounts) = reading::read(chain, &keys).await?;
    let mut view = View { moment: moment.or(Some(now)), accounts, ..View::default() };
    for condition in any_of {
        if let Condition::ChangedSince { key, .. } = condition {
            let key = Pubkey::from(*key);
            view.changed_at.extend(chain.last_change(&key).map(|slot| (key, slot)));
        }
    }
    Ok(view)
}
