//! How an embedded chain's slots move by themselves: [`Pace`], and the thread behind a chain. It also builds the chain, so that
//! whoever starts one need not wait. What a slot does is in `change`.

use super::change::Inner;
use parking_lot::{Condvar, Mutex};
use std::{
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

/// How long a chain that could not be saved stands still before the next try.
const RESPITE: Duration = Duration::from_secs(1);

/// How an embedded chain's slots move besides with each transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// Only when asked ([`Chain::advance`]): a wait of an hour takes no time, and every run is the same.
    #[default]
    Virtual,
    /// One slot after each such span of real time; chain time goes on by 400 ms a slot all the same.
    RealTime {
        /// Real time for each slot; at least a millisecond.
        slot: Duration,
    },
}

/// Tells the real-time thread to end, and wakes it for that.
#[derive(Default)]
pub(super) struct Ticker {
    ended: Mutex<bool>,
    wake: Condvar,
}

impl Ticker {
    /// Ends the thread at its next look.
    pub fn end(&self) {
        *self.ended.lock() = true;
        self.wake.notify_all();
    }
}

/// Builds the chain in a thread, which then ticks if that is the pace. It holds the chain weakly, so that dropping the chain
/// ends it.
pub(super) fn start(inner: &Arc<Inner>, pace: Pace) -> Option<Arc<Ticker>> {
    let ticker = match pace {
        Pace::Virtual => None,
        Pace::RealTime { .. } => Some(Arc::new(Ticker::default())),
    };
    let (weak, strong, own) = (Arc::downgrade(inner), Arc::clone(inner), ticker.clone());
    // Without a thread the chain is built at its first use, but then nothing ticks: `advance` says so.
    let thread = std::thread::Builder::new().name("valence-chain".into());
    let _ = thread.spawn(move || {
        if strong.ready().is_ok() {
            strong.last();
        }
        drop(strong);
        if let (Pace::RealTime { slot }, Some(ticker)) = (pace, own) {
            tick(&weak, slot.max(Duration::from_millis(1)), &ticker);
        }
    });
    ticker
}

fn tick(inner: &Weak<Inner>, slot: Duration, ticker: &Ticker) {
    let mut next = Instant::now();
    loop {
        next += slot;
        let mut ended = ticker.ended.lock();
        while !*ended && !ticker.wake.wait_until(&mut ended, next).timed_out() {}
        if *ended {
            return;
        }
        drop(ended);
        let Some(inner) = inner.upgrade() else {
            return;
        };
        // Subscribers hear of a failed event and of a full disk; a chain that cannot be built says so at every use.
        if inner.step().is_err() {
            next = Instant::now() + RESPITE;
        }
    }
}
