//! Conditions and deadlines that read like prose: `token_amount(treasury).above(units)`.
//!
//! Waiting for them lives in `wait`, requiring them of a step in `step`.

use crate::Pubkey;
use crate::types::{ChangeSince, Condition, DataMatch, Deadline, LamportsLimit, Slot, Timestamp, TokenLimit};

/// Holds if the account exists, i.e. has lamports.
pub fn account_exists(key: impl Into<Pubkey>) -> Condition {
    Condition::AccountExists(key.into().into())
}

/// Holds if the account's data has these bytes at this offset.
pub fn data_equals(key: impl Into<Pubkey>, offset: u64, data: impl Into<Vec<u8>>) -> Condition {
    Condition::DataEquals(DataMatch { key: key.into().into(), offset, data: data.into() })
}

/// Holds once the chain has reached this slot.
pub fn slot_reached(slot: Slot) -> Condition {
    Condition::SlotReached(slot)
}

/// Holds once the chain's clock has reached this time, in seconds since 1970.
pub fn time_reached(time: Timestamp) -> Condition {
    Condition::TimeReached(time)
}

/// A balance in lamports: `lamports(owner).above(LAMPORTS_PER_SOL)`.
pub fn lamports(key: impl Into<Pubkey>) -> LamportsOf {
    LamportsOf(key.into())
}

/// The amount of a token account, in the token's smallest units: `token_amount(treasury).above(units)`.
pub fn token_amount(key: impl Into<Pubkey>) -> TokenAmountOf {
    TokenAmountOf(key.into())
}

/// A change of an account: `changed(pool).since(now().slot)`.
pub fn changed(key: impl Into<Pubkey>) -> ChangeOf {
    ChangeOf(key.into())
}

/// How many lamports are one SOL.
pub const LAMPORTS_PER_SOL: u64 = 1_000_000_000;

/// See [`lamports`].
#[must_use = "say `above` or `below`"]
pub struct LamportsOf(Pubkey);

impl LamportsOf {
    /// Strictly more than this; false where the account does not exist.
    pub fn above(self, lamports: u64) -> Condition {
        Condition::LamportsAbove(LamportsLimit { key: self.0.into(), lamports })
    }

    /// Strictly less than this; true where the account does not exist.
    pub fn below(self, lamports: u64) -> Condition {
        Condition::LamportsBelow(LamportsLimit { key: self.0.into(), lamports })
    }
}

/// See [`token_amount`].
#[must_use = "say `above` or `below`"]
pub struct TokenAmountOf(Pubkey);

impl TokenAmountOf {
    /// Strictly more than this; false where it is no token account.
    pub fn above(self, amount: u64) -> Condition {
        Condition::TokenAmountAbove(TokenLimit { key: self.0.into(), amount })
    }

    /// Strictly less than this; false where it is no token account.
    pub fn below(self, amount: u64) -> Condition {
        Condition::TokenAmountBelow(TokenLimit { key: self.0.into(), amount })
    }
}

/// See [`changed`].
#[must_use = "say `since`"]
pub struct ChangeOf(Pubkey);

impl ChangeOf {
    /// In a slot after this one.
    pub fn since(self, slot: Slot) -> Condition {
        Condition::ChangedSince(ChangeSince { key: self.0.into(), slot })
    }
}

/// The deadline at this slot.
pub fn at_slot(slot: Slot) -> Deadline {
    Deadline::Slot(slot)
}

/// The deadline at this time of the chain, in seconds since 1970.
pub fn at_time(time: Timestamp) -> Deadline {
    Deadline::Time(time)
}
