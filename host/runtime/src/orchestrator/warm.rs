//! The warm set: instances that wait and are still in memory, so that to wake one costs microseconds. It has a bound; who has
//! waited longest leaves for the next one, and nobody stays longer than the grace.

use super::Active;
use crate::instance::Command;
use parking_lot::Mutex;
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The warm set.
pub(crate) struct Warm {
    room: Arc<Semaphore>,
    grace: Duration,
    active: Arc<Active>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    next: u64,
    /// Those who wait, the longest first.
    order: BTreeMap<u64, (u64, Instant)>,
    of: HashMap<u64, u64>,
}

/// A place in the warm set, until it is dropped.
pub(crate) struct Place {
    warm: Arc<Warm>,
    instance: u64,
    _room: Option<OwnedSemaphorePermit>,
}

impl Warm {
    pub(crate) fn new(most: usize, grace: Duration, active: Arc<Active>) -> Arc<Warm> {
        Arc::new(Warm { room: Arc::new(Semaphore::new(most.max(1))), grace, active, state: Mutex::default() })
    }

    /// A place for an instance that begins to wait. Where the set is full, it first has the one leave that has waited longest.
    pub(crate) async fn enter(self: &Arc<Self>, instance: u64) -> Place {
        let room = match self.room.clone().try_acquire_owned() {
            Ok(room) => Some(room),
            Err(_) => {
                self.evict_oldest();
                // Nobody closes it.
                self.room.clone().acquire_owned().await.ok()
            }
        };
        let mut state = self.state.lock();
        let number = state.next;
        state.next = number.saturating_add(1);
        state.order.insert(number, (instance, Instant::now()));
        state.of.insert(instance, number);
        drop(state);
        Place { warm: self.clone(), instance, _room: room }
    }

    fn evict_oldest(&self) {
        // Taken out of the order, so that two who come at once have two leave.
        let oldest = {
            let mut state = self.state.lock();
            let oldest = state.order.pop_first().map(|(_, (instance, _))| instance);
            if let Some(instance) = oldest {
                state.of.remove(&instance);
            }
            oldest
        };
        if let Some(instance) = oldest {
            self.active.command(instance, Command::Park);
        }
    }

    /// Has those leave who have waited longer than the grace, and says when to look again.
    pub(crate) fn sweep(&self) -> Duration {
        let now = Instant::now();
        loop {
            let oldest = self.state.lock().order.first_key_value().map(|(_, (_, since))| *since);
            match oldest {
                Some(since) if now.saturating_duration_since(since) >= self.grace => self.evict_oldest(),
                Some(since) => return self.grace.saturating_sub(now.saturating_duration_since(since)),
                None => return self.grace,
            }
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.state.lock().order.len()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.warm.state.lock();
        if let Some(number) = state.of.remove(&self.instance) {
            state.order.remove(&number);
        }
    }
}
