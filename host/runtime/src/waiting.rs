//! Waiting until a condition holds. Who waits looks only when one of its accounts changes or when time passes.
//!
//! A chain with virtual time stands still until it is asked to move; it is asked when every running instance waits, and goes to
//! the nearest moment that anybody waits for, or to the next thing that is scheduled.

use crate::{
    conditions::{self, View},
    reading,
};
use parking_lot::Mutex;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::sync::Notify;
use valence_chain::{Advance, Chain, ChainError, Moment, Until, UpdatesError};
use valence_door::{Condition, Deadline, Reason};

/// Who runs and who waits, so that virtual time moves only when nobody would be passed over.
#[derive(Default)]
pub(crate) struct Timeline {
    state: Mutex<State>,
    /// Something happened that lets a waiter look again at whether time may move.
    quiet: Notify,
    next: AtomicU64,
}

#[derive(Default)]
struct State {
    running: u64,
    waiting: BTreeMap<u64, Waiter>,
    /// Counts what may have changed the chain: a waiter that came, or time that moved.
    turn: u64,
}

struct Waiter {
    /// The moments that it waits for by time.
    by_time: Vec<Until>,
    /// The turn at which it last found nothing new.
    looked: u64,
}

/// An instance that counts as running until it is dropped.
pub(crate) struct Running(Arc<Timeline>);

impl Timeline {
    pub(crate) fn run(self: &Arc<Self>) -> Running {
        self.state.lock().running += 1;
        Running(self.clone())
    }

    /// Moves virtual time if everybody waits and has seen all that has happened: a waiter whose condition holds already is
    /// not passed over because it has not had its turn yet. `Nothing` means that no wait can ever end.
    fn advance(&self, chain: &dyn Chain, waiter: u64) -> Result<Advance, ChainError> {
        // Held while the chain moves, so that nobody begins to wait in between.
        let mut state = self.state.lock();
        let turn = state.turn;
        if let Some(waiter) = state.waiting.get_mut(&waiter) {
            waiter.looked = turn;
        }
        if state.running > 0 || state.waiting.values().any(|w| w.looked < turn) {
            return Ok(Advance::Itself);
        }
        let now = chain.moment();
        let by_time = state.waiting.values().flat_map(|w| &w.by_time).copied();
        let nearest = by_time.min_by_key(|until| slots_away(until, &now));
        let moved = chain.advance(nearest)?;
        if let Advance::Moved(_) = moved {
            state.turn = turn.saturating_add(1);
            drop(state);
            self.quiet.notify_waiters();
        }
        Ok(moved)
    }
}

/// How many slots until then, at 400 ms a slot; only for comparing.
fn slots_away(until: &Until, now: &Moment) -> i128 {
    match until {
        Until::Slot(slot) => i128::from(*slot) - i128::from(now.slot),
        Until::Time(time) => (i128::from(*time) - i128::from(now.unix_time)) * 5 / 2,
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.running = state.running.saturating_sub(1);
        state.turn = state.turn.saturating_add(1);
        drop(state);
        self.0.quiet.notify_waiters();
    }
}

/// Counts its instance as waiting until it is dropped.
struct Waiting<'a> {
    timeline: &'a Timeline,
    id: u64,
}

impl<'a> Waiting<'a> {
    fn new(timeline: &'a Timeline, by_time: Vec<Until>) -> Self {
        let id = timeline.next.fetch_add(1, Ordering::Relaxed);
        let mut state = timeline.state.lock();
        state.running = state.running.saturating_sub(1);
        // While this instance ran it may have changed what others wait for.
        state.turn = state.turn.saturating_add(1);
        state.waiting.insert(id, Waiter { by_time, looked: 0 });
        drop(state);
        timeline.quiet.notify_waiters();
        Waiting { timeline, id }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.timeline.state.lock();
        state.waiting.remove(&self.id);
        state.running += 1;
    }
}

/// How a wait ended.
#[derive(Debug)]
pub(crate) enum Woken {
    /// For this reason, at this moment.
    By(Reason, Moment),
    /// Nothing that is still to come can end it.
    Never,
}

/// Reads the accounts of these conditions as they are now.
pub(crate) async fn look(chain: &dyn Chain, conditions: &[Condition]) -> Result<View, ChainError> {
    let keys = conditions::keys(conditions);
    let now = chain.moment();
    let (moment, accounts) = reading::read(chain, &keys).await?;
    let mut view = View { moment: moment.or(Some(now)), accounts, ..View::default() };
    for key in keys {
        if let Some(slot) = chain.last_change(&key) {
            view.changed_at.insert(key, slot);
        }
    }
    Ok(view)
}

/// Waits. The caller counts as running before and after.
pub(crate) async fn wait(
    chain: &dyn Chain,
    timeline: &Timeline,
    any_of: &[Condition],
    deadline: Option<&Deadline>,
) -> Result<Woken, ChainError> {
    // Subscribed before the first look, so that no change falls between the two.
    let mut updates = chain.subscribe(&conditions::keys(any_of));
    let mut view = look(chain, any_of).await?;
    let mut waiting = None;
    loop {
        let moment = view.moment.unwrap_or_else(|| chain.moment());
        if let Some(place) = conditions::first_that_holds(any_of, &view) {
            return Ok(Woken::By(Reason::Condition(place), moment));
        }
        if deadline.is_some_and(|d| conditions::passed(d, &moment)) {
            return Ok(Woken::By(Reason::Deadline, moment));
        }
        let waiter = match &waiting {
            Some(Waiting { id, .. }) => *id,
            None => {
                let new = Waiting::new(timeline, conditions::by_time(any_of, deadline));
                // Whoever is ready gets its turn before time moves: two runs that are started together start together.
                tokio::task::yield_now().await;
                waiting.insert(new).id
            }
        };
        let update = loop {
            // Asked for before looking, so that a notice in between is not lost.
            let quiet = timeline.quiet.notified();
            if let Some(update) = updates.try_next() {
                break update;
            }
            match timeline.advance(chain, waiter)? {
                Advance::Moved(_) => match updates.try_next() {
                    Some(update) => break update,
                    None => tokio::task::yield_now().await,
                },
                Advance::Nothing => return Ok(Woken::Never),
                Advance::Itself => tokio::select! {
                    update = updates.next() => break update,
                    () = quiet => {}
                },
            }
        };
        match update {
            Ok(update) => {
                view.moment = Some(update.moment);
                for (key, account) in update.changed {
                    view.changed_at.insert(key, update.moment.slot);
                    view.accounts.insert(key, account);
                }
            }
            // What was missed is in the state as it is now.
            Err(UpdatesError::Lagged { .. }) => view = look(chain, any_of).await?,
            Err(UpdatesError::Closed) => return Ok(Woken::Never),
        }
    }
}
