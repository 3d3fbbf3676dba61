//! Names for addresses: roles, the chain description's names, and the programs that everybody knows.

use super::units;
use solana_sdk::pubkey::Pubkey;
use std::{collections::BTreeMap, sync::Arc};

/// Who is who. The names that a runtime knows are shared by its instances; roles and tokens are each instance's own.
#[derive(Clone, Debug, Default)]
pub struct Names {
    names: Arc<BTreeMap<Pubkey, String>>,
    roles: BTreeMap<Pubkey, String>,
    /// Mints and their decimals.
    mints: BTreeMap<Pubkey, u8>,
    /// Token accounts and their mints.
    holdings: BTreeMap<Pubkey, Pubkey>,
}

/// Programs by the names that explorers give them.
const PROGRAMS: [(&str, &str); 12] = [
    ("11111111111111111111111111111111", "System"),
    ("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA", "Token"),
    ("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb", "Token-2022"),
    ("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL", "Associated Token Account"),
    ("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr", "Memo"),
    ("Memo1UhkJRfHyvLMcVucJwxXeuD728EqVDDwQDxFMNo", "Memo v1"),
    ("ComputeBudget111111111111111111111111111111", "Compute Budget"),
    ("Stake11111111111111111111111111111111111111", "Stake"),
    ("Vote111111111111111111111111111111111111111", "Vote"),
    ("AddressLookupTab1e1111111111111111111111111", "Address Lookup Table"),
    ("SysvarRent111111111111111111111111111111111", "Rent sysvar"),
    ("SysvarC1ock11111111111111111111111111111111", "Clock sysvar"),
];

impl Names {
    /// With the programs that everybody knows, and these.
    pub fn new(names: impl IntoIterator<Item = (Pubkey, String)>) -> Self {
        let known = |(key, name): (&str, &str)| Some((key.parse::<Pubkey>().ok()?, name.to_owned()));
        let all = PROGRAMS.into_iter().filter_map(known).chain(names);
        Names { names: Arc::new(all.collect()), ..Names::default() }
    }

    /// Gives an address a role.
    pub fn add_role(&mut self, key: Pubkey, role: impl Into<String>) {
        self.roles.insert(key, role.into());
    }

    /// Says how a mint's amounts are written.
    pub fn add_mint(&mut self, mint: Pubkey, decimals: u8) {
        self.mints.insert(mint, decimals);
    }

    /// Says what a token account holds.
    pub fn add_holding(&mut self, account: Pubkey, mint: Pubkey) {
        self.holdings.insert(account, mint);
    }

    /// Whether it is known what this token account or mint is.
    pub(crate) fn knows_token(&self, key: &Pubkey) -> bool {
        self.mints.contains_key(key) || self.holdings.contains_key(key)
    }

    /// The role of an address.
    pub fn role(&self, key: &Pubkey) -> Option<String> {
        self.roles.get(key).cloned()
    }

    /// The role or the name of an address.
    pub fn name(&self, key: &Pubkey) -> Option<String> {
        self.roles.get(key).or_else(|| self.names.get(key)).cloned()
    }

    /// The role, the name, or the address itself.
    pub fn of(&self, key: &Pubkey) -> String {
        self.name(key).unwrap_or_else(|| key.to_string())
    }

    /// An amount of a mint's token: `1200.5 usdc`; in smallest units where the decimals are not known.
    pub fn amount_of(&self, mint: &Pubkey, amount: u64) -> String {
        match self.mints.get(mint) {
            Some(decimals) => format!("{} {}", units(amount, *decimals), self.of(mint)),
            None => format!("{amount} units of {}", self.of(mint)),
        }
    }

    /// An amount in a token account: as [`Names::amount_of`] its mint.
    pub fn amount_in(&self, account: &Pubkey, amount: u64) -> String {
        self.holdings.get(account).map_or_else(|| format!("{amount} units"), |mint| self.amount_of(mint, amount))
    }
}
