//! How changes reach those who wait: a bounded queue for each subscriber, in slot order. Every chain publishes through
//! [`Feed`]; whoever falls too far behind is told so and reads again. Not here: what a change means to a condition.

use crate::{Account, Moment};
use parking_lot::Mutex;
use solana_sdk::pubkey::Pubkey;
use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    sync::{Arc, Weak},
};
use tokio::sync::Notify;

/// Updates that one subscriber may leave unread. A slot is 400 ms, so at real pace this is seven minutes.
const QUEUE: usize = 1024;

/// What one slot changed, as far as the subscriber asked. Slots that changed nothing come too: time is news.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// The slot that the chain moved to.
    pub moment: Moment,
    /// The subscribed accounts that changed, sorted by key; `None` for one that is gone.
    pub changed: Vec<(Pubkey, Option<Account>)>,
    /// What went wrong in this slot and was returned to nobody, in one line: an event of `chain.toml` that failed while the
    /// chain moved by itself or for a transaction, or a kept chain that cannot be saved (then the slot is the old one).
    pub failed: Option<String>,
}

/// What one slot changed, for [`Feed::publish`].
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// All accounts that changed; `None` for one that is gone.
    pub accounts: BTreeMap<Pubkey, Option<Account>>,
    /// As [`Update::failed`].
    pub failed: Option<String>,
}

/// Why there is no next update.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpdatesError {
    /// The subscriber was too slow. What is still to come is in order; read the accounts again to learn what was missed.
    #[error("{missed} updates were missed by a slow reader: read the accounts again")]
    Lagged {
        /// How many updates are lost.
        missed: u64,
    },
    /// The chain is gone.
    #[error("the chain is closed")]
    Closed,
}

/// A subscription. Dropping it ends it.
#[derive(Debug)]
pub struct Updates(Arc<Subscriber>);

impl Updates {
    /// The next update. Safe to cancel: nothing is lost.
    ///
    /// # Errors
    /// [`UpdatesError::Lagged`] once for every gap, [`UpdatesError::Closed`] when the chain is gone.
    pub async fn next(&mut self) -> Result<Update, UpdatesError> {
        loop {
            if let Some(next) = self.try_next() {
                return next;
            }
            // A publish in between left a permit, so this does not sleep over it.
            self.0.notify.notified().await;
        }
    }

    /// The next update if one is there already.
    pub fn try_next(&mut self) -> Option<Result<Update, UpdatesError>> {
        let mut queue = self.0.queue.lock();
        if queue.missed > 0 {
            let missed = std::mem::take(&mut queue.missed);
            return Some(Err(UpdatesError::Lagged { missed }));
        }
        match queue.updates.pop_front() {
            Some(update) => Some(Ok(update)),
            None if queue.closed => Some(Err(UpdatesError::Closed)),
            None => None,
        }
    }

    /// A handle that adds and removes accounts while this end reads.
    pub fn watched(&self) -> Watched {
        Watched(Arc::downgrade(&self.0))
    }

    /// Watches these accounts too, from now on. What it costs does not depend on how many are watched.
    pub fn add(&mut self, keys: &[Pubkey]) {
        self.0.add(keys);
    }

    /// Watches these accounts no longer.
    pub fn remove(&mut self, keys: &[Pubkey]) {
        self.0.remove(keys);
    }
}

/// Says which accounts a subscription watches while somebody else reads it. When that is gone it has no effect.
#[derive(Clone, Debug)]
pub struct Watched(Weak<Subscriber>);

impl Watched {
    /// As [`Updates::add`].
    pub fn add(&self, keys: &[Pubkey]) {
        if let Some(subscriber) = self.0.upgrade() {
            subscriber.add(keys);
        }
    }

    /// As [`Updates::remove`].
    pub fn remove(&self, keys: &[Pubkey]) {
        if let Some(subscriber) = self.0.upgrade() {
            subscriber.remove(keys);
        }
    }
}

#[derive(Debug, Default)]
struct Subscriber {
    queue: Mutex<Queue>,
    notify: Notify,
}

impl Subscriber {
    fn add(&self, keys: &[Pubkey]) {
        self.queue.lock().keys.extend(keys);
    }

    fn remove(&self, keys: &[Pubkey]) {
        let mut queue = self.queue.lock();
        for key in keys {
            queue.keys.remove(key);
        }
    }
}

#[derive(Debug, Default)]
struct Queue {
    // Flows choose keys, so the hash is seeded.
    keys: HashSet<Pubkey, foldhash::fast::RandomState>,
    updates: VecDeque<Update>,
    missed: u64,
    closed: bool,
}

/// Where a chain puts its changes. Publish in slot order, under whatever lock guards the slot. Dropping it closes all
/// subscriptions.
#[derive(Debug, Default)]
pub struct Feed(Mutex<Vec<Weak<Subscriber>>>);

impl Feed {
    /// A subscription to these accounts, and to every slot.
    pub fn subscribe(&self, keys: &[Pubkey]) -> Updates {
        let subscriber = Arc::new(Subscriber::default());
        subscriber.queue.lock().keys.extend(keys);
        self.0.lock().push(Arc::downgrade(&subscriber));
        Updates(subscriber)
    }

    /// Tells every subscriber what it asked for. The cost is that of the changes, however many accounts are watched.
    pub fn publish(&self, moment: Moment, changes: &Changes) {
        self.each(|subscriber| {
            let mut queue = subscriber.queue.lock();
            if queue.updates.len() >= QUEUE {
                // One gap, reported before anything newer: what is queued would be stale by then.
                let lost = queue.updates.len().saturating_add(1);
                let lost = u64::try_from(lost).unwrap_or(u64::MAX);
                queue.missed = queue.missed.saturating_add(lost);
                queue.updates.clear();
            } else {
                let wanted = |(key, _): &(&Pubkey, _)| queue.keys.contains(*key);
                let owned = |(key, account): (&Pubkey, &Option<Account>)| (*key, account.clone());
                let changed = changes.accounts.iter().filter(wanted).map(owned).collect();
                queue.updates.push_back(Update { moment, changed, failed: changes.failed.clone() });
            }
        });
    }

    fn each(&self, tell: impl Fn(&Subscriber)) {
        self.0.lock().retain(|subscriber| match subscriber.upgrade() {
            Some(subscriber) => {
                tell(&subscriber);
                subscriber.notify.notify_one();
                true
            }
            None => false,
        });
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.each(|subscriber| subscriber.queue.lock().closed = true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(slot: u64) -> Moment {
        Moment { slot, unix_time: 0 }
    }

    #[tokio::test]
    async fn a_slow_reader_is_told_of_the_gap_before_anything_newer() {
        let feed = Feed::default();
        let mut updates = feed.subscribe(&[]);
        let last = u64::try_from(QUEUE).unwrap_or_default() + 1;
        for slot in 1..=last {
            feed.publish(at(slot), &Changes::default());
        }
        feed.publish(at(last + 1), &Changes::default());
        assert_eq!(updates.next().await, Err(UpdatesError::Lagged { missed: last }));
        assert_eq!(updates.next().await.map(|u| u.moment.slot), Ok(last + 1));
        drop(feed);
        assert_eq!(updates.next().await, Err(UpdatesError::Closed));
    }

    #[test]
    fn only_the_accounts_asked_for_come_and_a_dropped_subscription_is_forgotten() {
        let feed = Feed::default();
        let [a, b] = [Pubkey::from([1; 32]), Pubkey::from([2; 32])];
        let mut one = feed.subscribe(&[a]);
        drop(feed.subscribe(&[b]));
        let both = Changes { accounts: BTreeMap::from([(a, None), (b, None)]), failed: None };
        feed.publish(at(1), &both);
        assert_eq!(feed.0.lock().len(), 1);
        let watched = one.watched();
        watched.add(&[b]);
        one.remove(&[a]);
        feed.publish(at(2), &both);
        let seen: Vec<_> = std::iter::from_fn(|| one.try_next()).flatten().map(|u| u.changed).collect();
        assert_eq!(seen, [vec![(a, None)], vec![(b, None)]]);
    }
}
