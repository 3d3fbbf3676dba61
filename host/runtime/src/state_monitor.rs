//! Account subscriptions for Rust programs: a callback for every change of an account.

use crate::{
    events::{Event, EventKind},
    runtime::Shared,
};
use parking_lot::Mutex;
use solana_sdk::pubkey::Pubkey;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::task::JoinHandle;
use valence_chain::{ChainError, UpdatesError};

/// A change of an account. What is gone has no lamports, no data, and the system program as owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateUpdate {
    /// The account.
    pub account: Pubkey,
    /// The slot that changed it.
    pub slot: u64,
    /// Balance in lamports.
    pub lamports: u64,
    /// Its data.
    pub data: Vec<u8>,
    /// The program that owns it.
    pub owner: Pubkey,
    /// Whether it is a program.
    pub executable: bool,
    /// The epoch when rent is next due.
    pub rent_epoch: u64,
}

/// Names a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriptionId(u64);

/// The account subscriptions of a runtime.
pub struct StateMonitor {
    shared: Arc<Shared>,
    next: AtomicU64,
    tasks: Mutex<BTreeMap<SubscriptionId, JoinHandle<()>>>,
}

impl StateMonitor {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        StateMonitor { shared, next: AtomicU64::new(0), tasks: Mutex::default() }
    }

    /// Calls back with the account as it is now, if it exists, and at every change from then on, in slot order.
    ///
    /// # Errors
    /// [`ChainError`] where the account cannot be read.
    pub async fn subscribe_account(
        &self,
        account: Pubkey,
        mut callback: impl FnMut(StateUpdate) + Send + 'static,
    ) -> Result<SubscriptionId, ChainError> {
        // Subscribed before the first read, so that no change falls between the two.
        let mut updates = self.shared.chain.subscribe(&[account]);
        let read = self.shared.chain.accounts(&[account], None, None).await?;
        let mut seen = read.moment.slot;
        if let Some(found) = read.accounts.into_iter().next().flatten() {
            callback(update(account, seen, Some(found)));
        }
        let shared = self.shared.clone();
        let task = tokio::spawn(async move {
            loop {
                let changed = match updates.next().await {
                    // A change that the first read has seen already is no news.
                    Ok(news) if news.moment.slot <= seen => continue,
                    Ok(news) => news.changed.into_iter().next().map(|(_, now)| (news.moment, now)),
                    // What was missed is in the state as it is now.
                    Err(UpdatesError::Lagged { .. }) => match shared.chain.accounts(&[account], None, None).await {
                        Ok(read) => read.accounts.into_iter().next().map(|now| (read.moment, now)),
                        Err(_) => None,
                    },
                    Err(UpdatesError::Closed) => return,
                };
                let Some((moment, now)) = changed else { continue };
                seen = moment.slot;
                shared.bus.publish(Event {
                    instance: None,
                    flow: None,
                    at: None,
                    slot: moment.slot,
                    time: moment.unix_time,
                    kind: EventKind::StateUpdate {
                        account: account.to_string(),
                        lamports: now.as_ref().map(|a| a.lamports),
                    },
                });
                callback(update(account, seen, now));
            }
        });
        let id = SubscriptionId(self.next.fetch_add(1, Ordering::Relaxed));
        self.tasks.lock().insert(id, task);
        Ok(id)
    }

    /// Ends a subscription; whether there was one.
    pub fn unsubscribe(&self, id: SubscriptionId) -> bool {
        self.tasks.lock().remove(&id).map(|task| task.abort()).is_some()
    }

    pub(crate) fn stop(&self) {
        for (_, task) in std::mem::take(&mut *self.tasks.lock()) {
            task.abort();
        }
    }
}

impl Drop for StateMonitor {
    fn drop(&mut self) {
        self.stop();
    }
}

fn update(account: Pubkey, slot: u64, now: Option<valence_chain::Account>) -> StateUpdate {
    let Some(now) = now else {
        let owner = Pubkey::default();
        return StateUpdate { account, slot, lamports: 0, data: Vec::new(), owner, executable: false, rent_epoch: 0 };
    };
    StateUpdate {
        account,
        slot,
        lamports: now.lamports,
        data: now.data.to_vec(),
        owner: now.owner,
        executable: now.executable,
        rent_epoch: now.rent_epoch,
    }
}
