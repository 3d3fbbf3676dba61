//! Reading accounts: one, several at one slot, or those of a program; and token accounts and mints, decoded.

use std::ops::Range;

use crate::Pubkey;
use crate::bindings::valence::flow::account_watch::{self, KeyedAccount, Memcmp, ProgramQuery};
use crate::error::FlowError;
use crate::programs::token;
use crate::token_layout::{Mint, TokenAccount};
use crate::types::{Account, Moment, Slice};

pub use account_watch::{Found, Snapshot};

/// The account, whole; none where there is none.
pub fn get(key: impl Into<Pubkey>) -> Result<Option<Account>, FlowError> {
    let snapshot = account_watch::get(&[key.into().into()], None)?;
    Ok(snapshot.accounts.into_iter().next().flatten())
}

/// The account with only these bytes of its data, cut at the data's end; none where there is none.
pub fn get_slice(key: impl Into<Pubkey>, bytes: Range<u64>) -> Result<Option<Account>, FlowError> {
    let snapshot = account_watch::get(&[key.into().into()], Some(slice(bytes)))?;
    Ok(snapshot.accounts.into_iter().next().flatten())
}

/// Several accounts, at most 100, all at one slot, in this order.
pub fn get_all<K: Into<Pubkey>>(keys: impl IntoIterator<Item = K>) -> Result<Snapshot, FlowError> {
    let keys: Vec<_> = keys.into_iter().map(|key| key.into().into()).collect();
    Ok(account_watch::get(&keys, None)?)
}

/// Finds the accounts of a program: `find(token::ID).size(165).bytes_at(32, owner).all()?`.
pub fn find(program: impl Into<Pubkey>) -> Query {
    Query(ProgramQuery { program: program.into().into(), size: None, memcmp: Vec::new(), slice: None })
}

/// See [`find`].
#[must_use = "a query is asked with `.all()?`"]
#[derive(Clone, Debug)]
pub struct Query(ProgramQuery);

impl Query {
    /// Only accounts with exactly so many bytes of data.
    pub fn size(mut self, bytes: u64) -> Self {
        self.0.size = Some(bytes);
        self
    }

    /// Only accounts whose data has these bytes at this offset.
    pub fn bytes_at(mut self, offset: u64, bytes: impl AsRef<[u8]>) -> Self {
        self.0.memcmp.push(Memcmp { offset, bytes: bytes.as_ref().to_vec() });
        self
    }

    /// Gives only these bytes of each account's data.
    pub fn slice(mut self, bytes: Range<u64>) -> Self {
        self.0.slice = Some(slice(bytes));
        self
    }

    /// All that match, at one slot, ordered by address.
    pub fn all(self) -> Result<Found, FlowError> {
        Ok(account_watch::find(&self.0)?)
    }
}

fn slice(bytes: Range<u64>) -> Slice {
    Slice { offset: bytes.start, length: bytes.end.saturating_sub(bytes.start) }
}

/// What an account says of itself.
pub trait AccountExt {
    /// The program that owns it.
    fn owner_key(&self) -> Pubkey;

    /// Its data as a token account of Token or Token-2022.
    fn token_account(&self) -> Result<TokenAccount, FlowError>;

    /// Its data as a mint of Token or Token-2022.
    fn mint(&self) -> Result<Mint, FlowError>;
}

impl AccountExt for Account {
    fn owner_key(&self) -> Pubkey {
        self.owner.into()
    }

    fn token_account(&self) -> Result<TokenAccount, FlowError> {
        owned_by_a_token_program(self)?;
        Ok(TokenAccount::decode(&self.data)?)
    }

    fn mint(&self) -> Result<Mint, FlowError> {
        owned_by_a_token_program(self)?;
        Ok(Mint::decode(&self.data)?)
    }
}

fn owned_by_a_token_program(account: &Account) -> Result<(), FlowError> {
    let owner = account.owner_key();
    crate::ensure!(
        owner == token::ID || owner == crate::programs::token_2022::ID,
        "bad-account",
        "an account that was taken for a token program's belongs to {owner}"
    );
    Ok(())
}

impl KeyedAccount {
    /// The account's address.
    pub fn address(&self) -> Pubkey {
        self.key.into()
    }
}

impl TokenAccount {
    /// Reads the token account at this address and when that was; an error where there is none.
    pub fn get(key: impl Into<Pubkey>) -> Result<Self, FlowError> {
        let key = key.into();
        match get(key)? {
            Some(account) => account.token_account(),
            None => Err(FlowError::other("no-account", format_args!("no token account exists at {key}"))),
        }
    }
}

impl Mint {
    /// Reads the mint at this address; an error where there is none.
    pub fn get(key: impl Into<Pubkey>) -> Result<Self, FlowError> {
        let key = key.into();
        match get(key)? {
            Some(account) => account.mint(),
            None => Err(FlowError::other("no-account", format_args!("no mint exists at {key}"))),
        }
    }
}

/// The slot and time of a snapshot.
impl From<&Snapshot> for Moment {
    fn from(snapshot: &Snapshot) -> Self {
        snapshot.moment
    }
}
