//! The embedded chain's slots, their times and their hashes. All are pure functions of the genesis and the slot number, so
//! that a chain that is opened again, or run again tomorrow, says the same.

use crate::Moment;
use solana_sdk::hash::{Hash, hashv};
use std::collections::VecDeque;

/// Milliseconds of chain time for each slot, as on the public clusters.
pub(crate) const SLOT_MS: i64 = 400;
/// The slot at which a fresh chain stands.
pub(crate) const FIRST_SLOT: u64 = 1;
/// No chain goes past this slot (three million years), so that slots and times never overflow.
pub(crate) const MAX_SLOT: u64 = 1 << 48;
/// Blockhashes that a transaction may name, as on the public clusters.
pub(crate) const BLOCKHASHES: u64 = 150;
/// Entries of the SlotHashes sysvar.
const SLOT_HASHES: u64 = 512;

/// Where the chain's time starts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Genesis {
    pub hash: Hash,
    /// Time of [`FIRST_SLOT`] in seconds since 1970.
    pub time: i64,
}

impl Genesis {
    pub fn moment(&self, slot: u64) -> Moment {
        let slots = i64::try_from(slot.saturating_sub(FIRST_SLOT)).unwrap_or(i64::MAX);
        let seconds = slots.saturating_mul(SLOT_MS) / 1000;
        Moment { slot, unix_time: self.time.saturating_add(seconds) }
    }

    /// The first slot whose time is not before `time`; `None` if there is none up to [`MAX_SLOT`].
    pub fn slot_at(&self, time: i64) -> Option<u64> {
        let ms = time.saturating_sub(self.time).max(0).checked_mul(1000)?;
        let slots = ms / SLOT_MS + i64::from(ms % SLOT_MS != 0);
        let slot = u64::try_from(slots).ok()?.checked_add(FIRST_SLOT)?;
        (slot <= MAX_SLOT).then_some(slot)
    }

    pub fn hash_of(&self, slot: u64) -> Hash {
        hashv(&[b"valence:slot:", self.hash.as_ref(), &slot.to_le_bytes()])
    }
}

/// The hashes of the newest slots, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct RecentHashes(VecDeque<(u64, Hash)>);

impl RecentHashes {
    /// Brings the hashes up to `slot`, whatever was there before.
    pub fn reach(&mut self, genesis: &Genesis, slot: u64) {
        let oldest = slot.saturating_sub(SLOT_HASHES);
        let next = self.0.back().map_or(0, |(last, _)| last.saturating_add(1));
        self.0.retain(|(known, _)| *known >= oldest);
        self.0.extend((next.max(oldest)..=slot).map(|slot| (slot, genesis.hash_of(slot))));
    }

    pub fn newest(&self) -> Hash {
        self.0.back().map(|(_, hash)| *hash).unwrap_or_default()
    }

    /// Whether a transaction may name this hash.
    pub fn holds(&self, hash: &Hash) -> bool {
        let usable = usize::try_from(BLOCKHASHES).unwrap_or(usize::MAX).saturating_add(1);
        self.0.iter().rev().take(usable).any(|(_, known)| known == hash)
    }

    /// What the SlotHashes sysvar says: the slots before the newest.
    pub fn before_newest(&self) -> Vec<(u64, Hash)> {
        self.0.iter().rev().skip(1).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GENESIS: Genesis = Genesis { hash: Hash::new_from_array([7; 32]), time: 1_767_225_600 };

    proptest! {
        #[test]
        fn slot_at_is_the_first_slot_that_is_not_before_the_time(seconds in 0i64..10_000_000_000) {
            let time = GENESIS.time + seconds;
            let slot = GENESIS.slot_at(time).unwrap_or_default();
            prop_assert!(GENESIS.moment(slot).unix_time >= time);
            prop_assert!(slot == FIRST_SLOT || GENESIS.moment(slot - 1).unix_time < time);
        }

        #[test]
        fn hashes_are_the_same_however_the_slot_was_reached(steps in proptest::collection::vec(1u64..700, 1..6)) {
            let (mut stepwise, mut slot) = (RecentHashes::default(), FIRST_SLOT);
            stepwise.reach(&GENESIS, slot);
            for step in steps {
                slot += step;
                stepwise.reach(&GENESIS, slot);
            }
            let mut at_once = RecentHashes::default();
            at_once.reach(&GENESIS, slot);
            prop_assert_eq!(&stepwise.0, &at_once.0);
            prop_assert_eq!(stepwise.holds(&GENESIS.hash_of(slot.saturating_sub(150))), true);
            prop_assert_eq!(stepwise.holds(&GENESIS.hash_of(slot.wrapping_sub(151))), false);
        }
    }

    #[test]
    fn far_times_are_answered_without_overflow() {
        assert_eq!(GENESIS.slot_at(i64::MIN), Some(FIRST_SLOT));
        assert_eq!(GENESIS.slot_at(i64::MAX), None);
        assert!(GENESIS.moment(u64::MAX).unix_time > GENESIS.time);
        let early = Genesis { time: i64::MIN, ..GENESIS };
        assert_eq!(early.slot_at(i64::MAX), None);
        assert_eq!(early.moment(FIRST_SLOT).unix_time, i64::MIN);
    }
}
