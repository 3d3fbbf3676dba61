//! What a condition means: which accounts it looks at, whether it holds, and how it is said to a person.

use crate::decode::Names;
use solana_sdk::pubkey::Pubkey;
use std::collections::BTreeMap;
use valence_chain::{Account, Moment, token};
use valence_door::{Condition, Deadline, Key};

/// Conditions in one call; each is looked at again at every change.
pub(crate) const MANY: usize = 64;

/// What conditions are judged by: accounts as of one moment, and in which slot each was last seen to change.
#[derive(Default)]
pub(crate) struct View {
    pub accounts: BTreeMap<Pubkey, Option<Account>>,
    pub changed_at: BTreeMap<Pubkey, u64>,
    /// None: nothing was looked at yet.
    pub moment: Option<Moment>,
}

/// The accounts that these conditions look at.
pub(crate) fn keys(conditions: &[Condition]) -> Vec<Pubkey> {
    let mut keys: Vec<Pubkey> = conditions.iter().filter_map(key_of).map(|k| (*k).into()).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// The account that this condition looks at; none where it is about time.
pub(crate) fn key_of(condition: &Condition) -> Option<&Key> {
    match condition {
        Condition::AccountExists(key)
        | Condition::DataEquals { key, .. }
        | Condition::LamportsAbove { key, .. }
        | Condition::LamportsBelow { key, .. }
        | Condition::TokenAmountAbove { key, .. }
        | Condition::TokenAmountBelow { key, .. }
        | Condition::ChangedSince { key, .. } => Some(key),
        Condition::SlotReached(_) | Condition::TimeReached(_) => None,
    }
}

/// The first condition that holds.
pub(crate) fn first_that_holds(conditions: &[Condition], view: &View) -> Option<u32> {
    (0u32..).zip(conditions).find(|(_, c)| holds(c, view)).map(|(place, _)| place)
}

/// Does it hold?
pub(crate) fn holds(condition: &Condition, view: &View) -> bool {
    match key_of(condition).map(|key| Pubkey::from(*key)) {
        Some(key) => {
            let account = view.accounts.get(&key).and_then(Option::as_ref);
            holds_of(condition, account, || view.changed_at.get(&key).copied())
        }
        None => view.moment.is_some_and(|moment| reached(condition, &moment)),
    }
}

/// Does a condition on an account hold, the account being this? `changed` says in which slot it last changed, if it was
/// seen to; it is asked only where that matters. Conditions on time never hold here.
pub(crate) fn holds_of(
    condition: &Condition,
    account: Option<&Account>,
    changed: impl FnOnce() -> Option<u64>,
) -> bool {
    let amount = || account.and_then(token::account).map(|held| held.amount);
    match condition {
        Condition::AccountExists(_) => account.is_some(),
        Condition::DataEquals { offset, data, .. } => account.is_some_and(|a| {
            let start = usize::try_from(*offset).unwrap_or(usize::MAX);
            let end = start.saturating_add(data.len());
            a.data.get(start..end).is_some_and(|found| found == data.as_slice())
        }),
        Condition::LamportsAbove { lamports, .. } => account.is_some_and(|a| a.lamports > *lamports),
        Condition::LamportsBelow { lamports, .. } => account.is_none_or(|a| a.lamports < *lamports),
        Condition::TokenAmountAbove { amount: bound, .. } => amount().is_some_and(|held| held > *bound),
        Condition::TokenAmountBelow { amount: bound, .. } => amount().is_some_and(|held| held < *bound),
        Condition::ChangedSince { slot, .. } => changed().is_some_and(|changed| changed > *slot),
        Condition::SlotReached(_) | Condition::TimeReached(_) => false,
    }
}

/// Does a condition on time hold at this moment? Conditions on accounts never hold here.
pub(crate) fn reached(condition: &Condition, moment: &Moment) -> bool {
    match condition {
        Condition::SlotReached(slot) => moment.slot >= *slot,
        Condition::TimeReached(time) => moment.unix_time >= *time,
        _ => false,
    }
}

/// Has it passed?
pub(crate) fn passed(deadline: &Deadline, moment: &Moment) -> bool {
    match deadline {
        Deadline::Slot(slot) => moment.slot >= *slot,
        Deadline::Time(time) => moment.unix_time >= *time,
    }
}

/// A condition in words.
pub(crate) fn say(condition: &Condition, names: &Names) -> String {
    let who = |key: &Key| names.of(&Pubkey::from(*key));
    match condition {
        Condition::AccountExists(key) => format!("{} exists", who(key)),
        Condition::DataEquals { key, offset, data } => {
            format!("{} has {} bytes at {offset} equal to {}", who(key), data.len(), hex(data))
        }
        Condition::LamportsAbove { key, lamports } => format!("{} has more than {lamports} lamports", who(key)),
        Condition::LamportsBelow { key, lamports } => format!("{} has fewer than {lamports} lamports", who(key)),
        Condition::TokenAmountAbove { key, amount } => {
            format!("{} holds more than {}", who(key), names.amount_in(&Pubkey::from(*key), *amount))
        }
        Condition::TokenAmountBelow { key, amount } => {
            format!("{} holds less than {}", who(key), names.amount_in(&Pubkey::from(*key), *amount))
        }
        Condition::ChangedSince { key, slot } => format!("{} changed after slot {slot}", who(key)),
        Condition::SlotReached(slot) => format!("slot {slot} is reached"),
        Condition::TimeReached(time) => format!("time {time} is reached"),
    }
}

fn hex(data: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::from("0x");
    for byte in data.iter().take(16) {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    if data.len() > 16 { text + "…" } else { text }
}
