//! The chain's time, which is all the time that a flow has.

use crate::bindings::valence::flow::clock;
use crate::types::{Deadline, Moment};

/// The slot and time of the last reply that the flow was given; at first, those of its start.
pub fn now() -> Moment {
    clock::now()
}

/// The deadline so many slots from [`now`].
pub fn in_slots(slots: u64) -> Deadline {
    Deadline::Slot(now().slot.saturating_add(slots))
}

/// The deadline so many seconds of chain time from [`now`].
pub fn in_seconds(seconds: u32) -> Deadline {
    Deadline::Time(now().time.saturating_add(i64::from(seconds)))
}
