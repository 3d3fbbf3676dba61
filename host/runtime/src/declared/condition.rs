//! What a step waits for, and how it is named in a file. What a condition means once its terms are known is the door's.

use super::{
    term::{Address, Data, Quantity},
    written,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A condition of a step. In a file: a table with one key, e.g. `{ balance-greater-than = { pubkey = "role:owner", lamports = 5 } }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum Condition {
    /// The account exists.
    AccountExists(Address),
    /// Its data has these bytes there.
    AccountDataEquals {
        /// The account.
        pubkey: Address,
        /// First byte.
        offset: u64,
        /// The bytes, at least one.
        data: Data,
    },
    /// Strictly more lamports.
    BalanceGreaterThan {
        /// The account.
        pubkey: Address,
        /// In lamports.
        lamports: Quantity,
    },
    /// Strictly fewer lamports; an account that does not exist has none.
    BalanceLessThan {
        /// The account.
        pubkey: Address,
        /// In lamports.
        lamports: Quantity,
    },
    /// Strictly more of the token.
    TokenAmountGreaterThan {
        /// The token account.
        pubkey: Address,
        /// In the token's smallest units.
        amount: Quantity,
    },
    /// Strictly less of the token.
    TokenAmountLessThan {
        /// The token account.
        pubkey: Address,
        /// In the token's smallest units.
        amount: Quantity,
    },
    /// The account changed.
    AccountChanged {
        /// The account.
        pubkey: Address,
        /// In a slot after this one; none: after the slot in which the flow came to this step.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<Quantity>,
    },
    /// The chain reached this slot.
    SlotReached(Quantity),
    /// The chain's clock reached this time, in seconds since 1970.
    TimeReached(Quantity),
    /// So much chain time passed since the flow came to this step, in whole seconds.
    #[serde(with = "written::duration")]
    After(Duration),
    /// A condition of this name that only a program could judge. No host knows any: it fails closed, and so does its step.
    Custom(String),
}
