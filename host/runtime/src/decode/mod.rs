//! Transactions in words that a person reads: program and account names, amounts with decimals, balances before and after.
//! Parsing instructions is solana-transaction-status's work, the same code that explorers show; naming is ours.

mod instruction;
mod names;

pub(crate) use instruction::show;
pub use instruction::{Field, ShownAccount, ShownInstruction};
pub use names::Names;

use crate::reading;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use solana_sdk::pubkey::Pubkey;
use std::collections::BTreeMap;
use valence_chain::{Account, Chain, TxReport, token};

/// A lamport balance that changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShownBalance {
    /// Whose.
    pub address: String,
    /// Its name or role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// In lamports.
    pub before: u64,
    /// In lamports.
    pub after: u64,
}

/// A token balance that changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShownToken {
    /// The token account.
    pub address: String,
    /// Its name or role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The mint's address.
    pub mint: String,
    /// The token's name where it is known, else the mint's address.
    pub token: String,
    /// The owner of the token account.
    pub owner: String,
    /// Of the mint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decimals: Option<u8>,
    /// In smallest units.
    pub before: u64,
    /// In smallest units.
    pub after: u64,
}

/// The lamports that a report changes.
pub(crate) fn balances(report: &TxReport, names: &Names) -> Vec<ShownBalance> {
    let changed = report.balances().into_iter().filter(|b| b.before != b.after);
    changed
        .map(|b| ShownBalance {
            address: b.account.to_string(),
            name: names.name(&b.account),
            before: b.before,
            after: b.after,
        })
        .collect()
}

/// The tokens that a report changes.
pub(crate) fn tokens(report: &TxReport, names: &Names) -> Vec<ShownToken> {
    let show = |t: valence_chain::TokenChange| ShownToken {
        address: t.account.to_string(),
        name: names.name(&t.account),
        mint: t.mint.to_string(),
        token: names.of(&t.mint),
        owner: t.owner.to_string(),
        decimals: t.decimals,
        before: t.before,
        after: t.after,
    };
    report.token_changes().into_iter().map(show).collect()
}

/// Learns from the chain what these token accounts hold, and how their mints are written. What cannot be read is shown as
/// plain numbers, so trouble here is nobody's trouble.
pub(crate) async fn learn(chain: &dyn Chain, names: &Mutex<Names>, keys: Vec<Pubkey>) {
    let unknown: Vec<Pubkey> = {
        let names = names.lock();
        keys.into_iter().filter(|key| !names.knows_token(key)).collect()
    };
    let mut mints = Vec::new();
    for (key, account) in read(chain, &unknown).await {
        if let Some(holding) = token::account(&account) {
            names.lock().add_holding(key, holding.mint);
            mints.push(holding.mint);
        } else if let Some(decimals) = token::decimals(&account) {
            names.lock().add_mint(key, decimals);
        }
    }
    for (key, account) in read(chain, &mints).await {
        if let Some(decimals) = token::decimals(&account) {
            names.lock().add_mint(key, decimals);
        }
    }
}

async fn read(chain: &dyn Chain, keys: &[Pubkey]) -> BTreeMap<Pubkey, Account> {
    let (_, accounts) = reading::read(chain, keys).await.unwrap_or_default();
    accounts.into_iter().filter_map(|(key, account)| Some((key, account?))).collect()
}

/// An amount in smallest units as people write it: `1200.5`.
pub fn units(amount: u64, decimals: u8) -> String {
    let digits = format!("{amount:0>width$}", width = usize::from(decimals).saturating_add(1));
    let (whole, part) = digits.split_at(digits.len().saturating_sub(usize::from(decimals)));
    match part.trim_end_matches('0') {
        "" => whole.to_owned(),
        part => format!("{whole}.{part}"),
    }
}

#[cfg(test)]
mod tests {
    use super::units;

    #[test]
    fn amounts_are_written_exactly_and_without_trailing_zeros() {
        assert_eq!(units(1_200_500_000, 6), "1200.5");
        assert_eq!(units(0, 9), "0");
        assert_eq!(units(1, 9), "0.000000001");
        assert_eq!(units(7, 0), "7");
        assert_eq!(units(u64::MAX, 19), "1.8446744073709551615");
        assert_eq!(units(5, 30), "0.000000000000000000000000000005");
    }
}
