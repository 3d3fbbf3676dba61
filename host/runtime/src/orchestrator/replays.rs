//! The replay allowance: what an instance may burn again in an hour to be rebuilt in memory. Without it a flow that burns and
//! waits in turns would have the host burn the sum over and over.

use parking_lot::Mutex;
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

const HOUR: Duration = Duration::from_secs(3600);

/// What instances have burned again.
#[derive(Default)]
pub(crate) struct Replays(Mutex<HashMap<u64, Burned>>);

struct Burned {
    /// By its last attempt: what the next rebuilding will burn again.
    last: u64,
    /// Again, in this hour.
    again: u64,
    hour: Instant,
}

impl Replays {
    /// Charges a rebuilding; false where the allowance is used up.
    pub(crate) fn charge(&self, instance: u64, allowed: u64) -> bool {
        let mut all = self.0.lock();
        let Some(burned) = all.get_mut(&instance) else { return true };
        if burned.hour.elapsed() >= HOUR {
            (burned.again, burned.hour) = (0, Instant::now());
        }
        burned.again = burned.again.saturating_add(burned.last);
        burned.again <= allowed
    }

    /// Says what an attempt used.
    pub(crate) fn used(&self, instance: u64, fuel: u64) {
        let new = || Burned { last: 0, again: 0, hour: Instant::now() };
        self.0.lock().entry(instance).or_insert_with(new).last = fuel;
    }

    /// A new hour: an operator has looked.
    pub(crate) fn forgive(&self, instance: u64) {
        if let Some(burned) = self.0.lock().get_mut(&instance) {
            burned.again = 0;
        }
    }

    /// The instance is over.
    pub(crate) fn forget(&self, instance: u64) {
        self.0.lock().remove(&instance);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn burning_again_is_charged_until_the_allowance_is_used_up() {
        let replays = Replays::default();
        assert!(replays.charge(1, 10), "nothing was burned yet");
        replays.used(1, 6);
        assert!(replays.charge(1, 10));
        replays.used(1, 6);
        assert!(!replays.charge(1, 10), "twelve are more than ten");
        assert!(replays.charge(2, 10), "another instance has its own");
        replays.forgive(1);
        assert!(replays.charge(1, 10));
    }
}
