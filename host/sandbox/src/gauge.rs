//! What an attempt shares with whoever runs it: whether it is being rebuilt from a record, and what it had used when it
//! left memory. What it used when it ended is in `Finished`.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A gauge of one attempt.
#[derive(Debug, Default)]
pub struct Gauge {
    replaying: AtomicBool,
    fuel: AtomicU64,
}

impl Gauge {
    /// Says whether calls are answered from a record. The deadline does not run meanwhile: it is about live time.
    pub fn replaying(&self, yes: bool) {
        self.replaying.store(yes, Ordering::Relaxed);
    }

    pub(crate) fn is_replaying(&self) -> bool {
        self.replaying.load(Ordering::Relaxed)
    }

    /// Instructions used, once the attempt has ended or was dropped.
    pub fn fuel(&self) -> u64 {
        self.fuel.load(Ordering::Relaxed)
    }

    pub(crate) fn used(&self, fuel: u64) {
        self.fuel.store(fuel, Ordering::Relaxed);
    }
}
