//! What a cluster is: the [`Chain`] trait and the plain values it speaks. No implementation lives here.

use crate::{Account, ChainError, Execution, Simulation, Slice, Updates};
use async_trait::async_trait;
use solana_sdk::{hash::Hash, pubkey::Pubkey, transaction::VersionedTransaction};

/// The longest name of an intent, in bytes.
pub const MAX_INTENT: usize = 256;

/// A Solana cluster as the runtime sees it. Everything is read at the newest slot that the chain knows.
#[async_trait]
pub trait Chain: Send + Sync + 'static {
    /// What the chain is called: `local` for the embedded one.
    fn name(&self) -> &str;

    /// What tells this chain from every other one. An embedded chain derives it from its description, so the same
    /// `chain.toml` gives the same hash.
    fn genesis_hash(&self) -> Hash;

    /// The newest slot and its time. One atomic read; never waits.
    fn moment(&self) -> Moment;

    /// Whether [`Chain::execute`] runs a transaction without its signatures. Only an embedded chain does.
    fn runs_unsigned(&self) -> bool;

    /// Reads accounts without waiting, or says `None` if that cannot be done here. The embedded chain always can (its very
    /// first use waits some milliseconds until it is built). One slot for all keys; a missing account is `None`.
    fn accounts_now(&self, keys: &[Pubkey], slice: Option<Slice>) -> Option<Result<Snapshot, ChainError>>;

    /// Reads accounts, all at one slot that is not older than `min_slot`; a missing account is `None`.
    ///
    /// # Errors
    /// [`ChainError::SlotNotReached`] if the chain is not at `min_slot` yet, [`ChainError::Unavailable`] if it cannot answer.
    async fn accounts(
        &self,
        keys: &[Pubkey],
        slice: Option<Slice>,
        min_slot: Option<u64>,
    ) -> Result<Snapshot, ChainError>;

    /// All accounts of a program that pass every filter, sorted by key.
    ///
    /// # Errors
    /// [`ChainError::TooMuchData`] if the answer would be larger than a chain may send.
    async fn find(&self, query: &ProgramQuery) -> Result<Found, ChainError>;

    /// The newest blockhash and how long a transaction that names it can land.
    ///
    /// # Errors
    /// [`ChainError::Unavailable`].
    async fn latest_blockhash(&self) -> Result<LatestBlockhash, ChainError>;

    /// Runs a transaction without changing anything. It may be unsigned. A blockhash of zeros asks the chain to put its
    /// newest one in place; any other must be recent, or the value of the durable nonce that the transaction advances.
    /// A transaction that fails is an `Ok` report whose `outcome` says why.
    ///
    /// # Errors
    /// [`ChainError::BlockhashUnknown`]; [`ChainError::Unavailable`].
    async fn simulate(&self, tx: &VersionedTransaction) -> Result<Simulation, ChainError>;

    /// Runs a transaction for good and says what came of it. The embedded chain runs an unsigned one as it is, in a new
    /// slot. A transaction that fails is an `Ok` report; if it is `landed`, its fee is paid all the same.
    ///
    /// `intent` names what is meant, in the caller's words (at most [`MAX_INTENT`] bytes). A chain that runs unsigned runs an
    /// intent once: asked again, even with a transaction that was built anew, even after a crash, it runs nothing and says
    /// what came of the intent, as [`Chain::executed`] does. Whoever means to try again takes another name. On a kept chain the intent, its result, what
    /// it changed and the slot are durable together before this returns.
    ///
    /// # Errors
    /// [`ChainError::BlockhashUnknown`] and [`ChainError::AlreadyProcessed`]: nothing has run. [`ChainError::Kept`]: a kept chain
    /// could not be saved; it stands where it stood before. [`ChainError::Unavailable`].
    async fn execute(&self, tx: &VersionedTransaction, intent: Option<&str>) -> Result<Execution, ChainError>;

    /// What became of an intent: its report, or `None` if nothing ran under this name. Such a report has no
    /// [`post_accounts`](crate::TxReport::post_accounts). A chain that does not run unsigned knows no intents and says `None`.
    ///
    /// # Errors
    /// [`ChainError::Kept`] if what was kept of it is damaged; [`ChainError::Unavailable`].
    async fn executed(&self, _intent: &str) -> Result<Option<Execution>, ChainError> {
        Ok(None)
    }

    /// The slot in which an account last changed, as far as the chain knows: `None` for one that it has not seen change.
    /// Never waits for the network.
    fn last_change(&self, key: &Pubkey) -> Option<u64>;

    /// The changes of these accounts from now on, and every slot that the chain moves to, in slot order. Subscribe first,
    /// then read the accounts: what is read may be newer than the first updates, never older than what is missed.
    fn subscribe(&self, keys: &[Pubkey]) -> Updates;

    /// A chain with virtual time moves only when asked: on to the next scheduled event or to `until`, whichever is first. To
    /// be at a slot, ask again until it is reached.
    ///
    /// # Errors
    /// [`ChainError::EventFailed`] if an event of `chain.toml` failed (the slot has moved), [`ChainError::Kept`] if a kept
    /// chain could not be saved.
    fn advance(&self, until: Option<Until>) -> Result<Advance, ChainError>;
}

/// A slot and its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment {
    /// The slot.
    pub slot: u64,
    /// The slot's time in seconds since 1970, as the chain's clock has it.
    pub unix_time: i64,
}

/// How far to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// To this slot.
    Slot(u64),
    /// To the first slot whose time is not before this one, in seconds since 1970.
    Time(i64),
}

/// What came of asking a chain to move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advance {
    /// The chain is here now. (It was already, if what was asked for is past.)
    Moved(Moment),
    /// Nothing is scheduled and no reachable `until` was given: no wait can ever end.
    Nothing,
    /// The chain moves by itself; wait for its updates.
    Itself,
}

/// Accounts at one slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// When all were read.
    pub moment: Moment,
    /// One for each key, in the order of the keys; `None` where there is no account.
    pub accounts: Vec<Option<Account>>,
}

/// Which accounts of a program are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramQuery {
    /// The program that owns the accounts.
    pub program: Pubkey,
    /// All must hold. None: every account of the program.
    pub filters: Vec<Filter>,
    /// The part of the data that is wanted; filters see all of it.
    pub slice: Option<Slice>,
}

/// A test on an account's data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// The data is this many bytes long.
    Size(u64),
    /// The data holds these bytes at this offset.
    Bytes {
        /// Offset in bytes.
        offset: u64,
        /// What must be there.
        bytes: Vec<u8>,
    },
}

impl Filter {
    /// Whether `data` passes.
    pub fn holds(&self, data: &[u8]) -> bool {
        match self {
            Self::Size(size) => u64::try_from(data.len()).is_ok_and(|len| len == *size),
            Self::Bytes { offset, bytes } => usize::try_from(*offset)
                .ok()
                .and_then(|start| data.get(start..start.checked_add(bytes.len())?))
                .is_some_and(|found| found == bytes),
        }
    }
}

/// What a [`ProgramQuery`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// When all were read.
    pub moment: Moment,
    /// The accounts, sorted by key.
    pub accounts: Vec<(Pubkey, Account)>,
}

/// A blockhash and its lifetime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LatestBlockhash {
    /// The newest blockhash.
    pub hash: Hash,
    /// The last block height at which a transaction with this hash can land.
    pub last_valid_block_height: u64,
    /// The slot at which this was read.
    pub slot: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_past_the_end_does_not_hold_and_does_not_panic() {
        let data = [1, 2, 3];
        let at = |offset, bytes: &[u8]| Filter::Bytes { offset, bytes: bytes.to_vec() };
        assert!(at(1, &[2, 3]).holds(&data));
        assert!(!at(1, &[2, 4]).holds(&data));
        assert!(!at(2, &[3, 4]).holds(&data));
        assert!(at(3, &[]).holds(&data));
        assert!(!at(4, &[]).holds(&data));
        assert!(!at(u64::MAX, &[1]).holds(&data));
        assert!(Filter::Size(3).holds(&data));
        assert!(!Filter::Size(4).holds(&data));
    }
}
