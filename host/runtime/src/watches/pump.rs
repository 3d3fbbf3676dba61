//! The pump: the one task that reads the chain's updates, wakes whom they touch, looks at the present state where updates
//! were missed, and moves virtual time.
//!
//! A chain with virtual time stands still until it is asked to move; it is asked when nobody runs and all that has happened
//! is evaluated, and goes to the nearest moment that anybody waits for, or to the next thing that is scheduled.

use super::{State, Watches, Woken, index::Seen};
use crate::reading::{self, KEYS};
use solana_sdk::pubkey::Pubkey;
use std::sync::Arc;
use tokio::{
    sync::oneshot::Sender,
    task::{coop::consume_budget, yield_now},
};
use valence_chain::{Advance, ChainError, Moment, Update, Updates, UpdatesError};

/// Who is to be told of a wake, once the lock is free.
enum Delivery {
    Warm(Sender<Result<Woken, ChainError>>, Result<Woken, ChainError>),
    Parked(u64, Woken),
}

/// What the pump does after it has tried something.
#[derive(PartialEq)]
enum Next {
    /// There may be more to do.
    Again,
    /// Nothing is to be done until something happens.
    Sleep,
    /// The chain is gone.
    End,
}

impl Watches {
    /// Reads and wakes until the chain is gone or the future is dropped; it may then be run again, and goes on. A second one
    /// beside the first waits until that ends.
    pub async fn pump(self: Arc<Self>) {
        let mut updates = self.updates.lock().await;
        let mut readable = true;
        loop {
            let next = match updates.try_next() {
                Some(update) => self.hear(update),
                // Some at a time, so that no more updates pile up meanwhile than are kept.
                None => match self.unseen() {
                    Some(keys) => self.look_at(keys, &mut readable).await,
                    None => self.move_time(&mut updates).await,
                },
            };
            match next {
                Next::Again => consume_budget().await,
                Next::End => return,
                Next::Sleep => tokio::select! {
                    update = updates.next() => {
                        if self.hear(update) == Next::End {
                            return;
                        }
                    }
                    () = self.news.notified() => {}
                },
            }
        }
    }

    fn hear(&self, update: Result<Update, UpdatesError>) -> Next {
        match update {
            Ok(update) => {
                if let Some(failed) = update.failed {
                    self.trouble(update.moment, failed);
                }
                let seen = update.changed.iter().map(|(key, account)| Seen { key, account: account.as_ref() });
                self.wake(&update.moment, seen, |_| Some(update.moment.slot));
                Next::Again
            }
            // What was missed is in the state as it is now.
            Err(UpdatesError::Lagged { .. }) => {
                let mut state = self.state.lock();
                state.unseen = state.index.keys().collect();
                state.look = true;
                Next::Again
            }
            Err(UpdatesError::Closed) => {
                let mut state = self.state.lock();
                state.closed = true;
                let told = self.tell_warm(&mut state, || Ok(Woken::Never));
                drop(state);
                self.deliver(told);
                Next::End
            }
        }
    }

    /// Some accounts to look at as they are now; none if no look is due.
    fn unseen(&self) -> Option<Vec<Pubkey>> {
        let mut state = self.state.lock();
        if !state.look {
            return None;
        }
        let left = state.unseen.len().saturating_sub(KEYS);
        let some = state.unseen.split_off(left);
        if left == 0 {
            state.unseen = Vec::new();
            state.look = false;
        }
        Some(some)
    }

    /// Wakes those for whom these accounts, and the time, are as they wait for.
    async fn look_at(&self, keys: Vec<Pubkey>, readable: &mut bool) -> Next {
        let chain = &*self.chain;
        match reading::read(chain, &keys).await {
            Ok((moment, accounts)) => {
                *readable = true;
                let seen = accounts.iter().map(|(key, account)| Seen { key, account: account.as_ref() });
                self.wake(&moment.unwrap_or_else(|| chain.moment()), seen, |key| chain.last_change(key));
                Next::Again
            }
            Err(error) => {
                // Nobody may be passed over, so this is tried again when the chain moves or somebody comes.
                let mut state = self.state.lock();
                state.unseen.extend(keys);
                state.look = true;
                drop(state);
                if std::mem::replace(readable, false) {
                    let what = format!("accounts that flows wait for cannot be read, which is tried again: {error}");
                    self.trouble(chain.moment(), what);
                }
                Next::Sleep
            }
        }
    }

    /// Moves virtual time if everybody waits and all that has happened is evaluated.
    async fn move_time(&self, updates: &mut Updates) -> Next {
        let activity = {
            let state = self.state.lock();
            if !state.quiet() {
                return Next::Sleep;
            }
            state.activity
        };
        // Whoever is ready gets its turn before time moves: two runs that are started together start together.
        yield_now().await;
        // Held while the chain moves, so that nobody begins to run or to wait in between.
        let mut state = self.state.lock();
        if state.activity != activity || !state.quiet() || state.look {
            return Next::Again;
        }
        if let Some(update) = updates.try_next() {
            drop(state);
            return self.hear(update);
        }
        let now = self.chain.moment();
        let nearest = state.index.nearest(&now);
        let told = match self.chain.advance(nearest) {
            Ok(Advance::Itself) => return Next::Sleep,
            Ok(Advance::Moved(moment)) => {
                drop(state);
                return self.moved(updates, &moment);
            }
            // Parked ones stay: another run may come, and change what they wait for.
            Ok(Advance::Nothing) => self.tell_warm(&mut state, || Ok(Woken::Never)),
            Err(error) => {
                let told = self.tell_warm(&mut state, || Err(error.clone()));
                if told.is_empty() {
                    drop(state);
                    self.trouble(now, error.to_string());
                    // An event that failed has moved the slot; anything else would fail again at once.
                    let moved = matches!(error, ChainError::EventFailed { .. });
                    return if moved { self.moved(updates, &self.chain.moment()) } else { Next::Sleep };
                }
                told
            }
        };
        drop(state);
        let next = if told.is_empty() { Next::Sleep } else { Next::Again };
        self.deliver(told);
        next
    }

    /// Evaluates what a move has changed, and then the moment itself: whatever the chain told of it, nobody is left waiting
    /// for a moment that is past.
    fn moved(&self, updates: &mut Updates, moment: &Moment) -> Next {
        while let Some(update) = updates.try_next() {
            if self.hear(update) == Next::End {
                return Next::End;
            }
        }
        self.wake(moment, [], |_| None);
        Next::Again
    }

    /// Wakes all whom this wakes.
    fn wake<'a>(
        &self,
        moment: &Moment,
        seen: impl IntoIterator<Item = Seen<'a>>,
        changed: impl Fn(&Pubkey) -> Option<u64>,
    ) {
        let mut state = self.state.lock();
        let woken = state.index.woken_by(moment, seen, changed);
        if woken.is_empty() {
            return;
        }
        let mut told = Vec::with_capacity(woken.len());
        for (instance, reason) in woken {
            told.push(match self.take_warm(&mut state, instance) {
                Some(waker) => Delivery::Warm(waker, Ok(Woken::By(reason, *moment))),
                None => Delivery::Parked(instance, Woken::By(reason, *moment)),
            });
            self.disarm(&mut state, instance);
        }
        drop(state);
        self.deliver(told);
    }

    /// Ends all warm waits in the same way.
    fn tell_warm(&self, state: &mut State, result: impl Fn() -> Result<Woken, ChainError>) -> Vec<Delivery> {
        let mut instances: Vec<u64> = state.warm.keys().copied().collect();
        instances.sort_unstable();
        let mut told = Vec::with_capacity(instances.len());
        for instance in instances {
            told.extend(self.take_warm(state, instance).map(|waker| Delivery::Warm(waker, result())));
            self.disarm(state, instance);
        }
        told
    }

    /// Takes a warm wait out, so that it can be woken; its instance runs from now on.
    fn take_warm(&self, state: &mut State, instance: u64) -> Option<Sender<Result<Woken, ChainError>>> {
        let warm = state.warm.remove(&instance)?;
        if warm.rests {
            state.runs();
        }
        Some(warm.waker)
    }

    fn deliver(&self, told: Vec<Delivery>) {
        for delivery in told {
            match delivery {
                // Whoever has dropped its wait meanwhile needs no answer.
                Delivery::Warm(waker, result) => drop(waker.send(result)),
                Delivery::Parked(instance, woken) => {
                    if let Some(call) = self.on_wake.get() {
                        call(instance, woken);
                    }
                }
            }
        }
    }

    fn trouble(&self, moment: Moment, what: String) {
        if let Some(call) = self.on_trouble.get() {
            call(moment, what);
        }
    }
}

impl State {
    /// Somebody waits and nobody runs.
    fn quiet(&self) -> bool {
        self.running <= 0 && self.index.len() > 0
    }
}
