//! The embedded chain: [`LocalChain`]. It runs the real programs in LiteSVM, in this process, without signatures, and its
//! slots move only when a transaction runs, when it is asked to, or at a steady pace. This file is its face; what a
//! transaction does is in `world`, how a change is saved and told in `change`, time in `clock` and `pace`, the file of a kept chain in `kept`.

mod change;
mod clock;
mod intents;
mod kept;
mod pace;
mod world;

use crate::{
    Advance, Chain, ChainError, ChainSpec, Execution, Found, LatestBlockhash, Moment, ProgramQuery, Simulation, Slice,
    Snapshot, Until, Updates,
};
use async_trait::async_trait;
use change::Inner;
pub(crate) use clock::MAX_SLOT;
use clock::{BLOCKHASHES, FIRST_SLOT, Genesis};
use kept::Kept;
pub use pace::Pace;
use pace::Ticker;
use parking_lot::RwLockReadGuard;
use solana_sdk::{hash::Hash, pubkey::Pubkey, transaction::VersionedTransaction};
use std::{collections::BTreeMap, path::Path, sync::Arc};
use world::World;

/// The most that one [`Chain::find`] may return, in bytes of account data.
const FIND_LIMIT: u64 = 256 * 1024 * 1024;

/// The embedded chain. Dropping it ends it; a kept one can be opened again.
pub struct LocalChain {
    inner: Arc<Inner>,
    ticker: Option<Arc<Ticker>>,
}

impl LocalChain {
    /// Starts a chain that is gone with the process. Returns at once; the chain is built in the background, and what is
    /// wrong with its programs shows at the first use or with [`LocalChain::ready`].
    pub fn new(spec: ChainSpec, pace: Pace) -> Self {
        let genesis = Genesis { hash: spec.digest(), time: spec.genesis_time };
        let names = spec.names();
        Self::start(Inner::new(spec, names, genesis, None, FIRST_SLOT), pace)
    }

    /// Opens the chain that is kept in the file `dir/NAME.db`, or starts it there from `spec`. It is saved with each change and
    /// stands where it was left: accounts, slot, time, blockhash, what became of intents, and the events still to come. An
    /// empty `spec` opens whatever is kept; any other must be the one that the chain was started from.
    ///
    /// An execution is synced to the disk before it returns, and whoever calls it waits for that on its own thread, some hundred
    /// microseconds on a good disk. Moves of time are written, not synced: after a crash of the machine the chain may stand at an earlier slot, not
    /// before its last execution; [`Chain::advance`] takes it on, and what is scheduled happens as it did.
    ///
    /// The accounts are read and checked in the background: damage there shows at the first use, or with [`LocalChain::ready`].
    ///
    /// # Errors
    /// [`ChainError::Kept`] if the name is no name, another process has the chain, its file is damaged, or it was
    /// started from another description.
    pub fn open(dir: impl AsRef<Path>, name: &str, spec: ChainSpec, pace: Pace) -> Result<Self, ChainError> {
        let (kept, spec, hash) = Kept::open(dir.as_ref(), name, spec)?;
        let genesis = Genesis { hash, time: spec.genesis_time };
        let (names, slot) = (spec.names(), kept.slot());
        Ok(Self::start(Inner::new(spec, names, genesis, Some(kept), slot), pace))
    }

    /// The addresses that the description's names stand for.
    pub fn names(&self) -> BTreeMap<String, Pubkey> {
        self.inner.names.clone()
    }

    /// Waits until the chain is built.
    ///
    /// # Errors
    /// What is wrong with the description's accounts and programs.
    pub fn ready(&self) -> Result<(), ChainError> {
        self.inner.ready().map(|_| ())
    }

    fn start(inner: Inner, pace: Pace) -> Self {
        let inner = Arc::new(inner);
        let ticker = pace::start(&inner, pace);
        Self { inner, ticker }
    }
}

#[async_trait]
impl Chain for LocalChain {
    fn name(&self) -> &str {
        "local"
    }

    fn genesis_hash(&self) -> Hash {
        self.inner.genesis.hash
    }

    fn moment(&self) -> Moment {
        self.inner.moment()
    }

    fn runs_unsigned(&self) -> bool {
        true
    }

    fn accounts_now(&self, keys: &[Pubkey], slice: Option<Slice>) -> Option<Result<Snapshot, ChainError>> {
        let read = |world: RwLockReadGuard<'_, World>| {
            let account = |key| Some(world.account(key)?.sliced(slice));
            Snapshot { moment: world.moment(), accounts: keys.iter().map(account).collect() }
        };
        Some(self.inner.read().map(read))
    }

    async fn accounts(
        &self,
        keys: &[Pubkey],
        slice: Option<Slice>,
        min_slot: Option<u64>,
    ) -> Result<Snapshot, ChainError> {
        let slot = self.moment().slot;
        if let Some(wanted) = min_slot.filter(|wanted| *wanted > slot) {
            return Err(ChainError::SlotNotReached { wanted, slot });
        }
        let unavailable = || Err(world::unavailable("it was not built"));
        self.accounts_now(keys, slice).unwrap_or_else(unavailable)
    }

    async fn find(&self, query: &ProgramQuery) -> Result<Found, ChainError> {
        let world = self.inner.read()?;
        let holds = |data: &[u8]| query.filters.iter().all(|filter| filter.holds(data));
        let all = world.of_program(&query.program);
        let mut accounts: Vec<_> = all
            .filter(|(_, account)| holds(&account.data))
            .map(|(key, account)| (key, account.sliced(query.slice)))
            .collect();
        let bytes = accounts.iter().map(|(_, account)| account.data.len()).sum::<usize>();
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        if bytes > FIND_LIMIT {
            let what = format!("what was found of program {}", query.program);
            return Err(ChainError::TooMuchData { what, bytes, limit: FIND_LIMIT });
        }
        accounts.sort_unstable_by_key(|(key, _)| *key);
        Ok(Found { moment: world.moment(), accounts })
    }

    fn last_change(&self, key: &Pubkey) -> Option<u64> {
        self.inner.read().ok()?.last_change(key)
    }

    async fn latest_blockhash(&self) -> Result<LatestBlockhash, ChainError> {
        // A pure function of the slot: no lock, and no need for the chain to be built.
        let slot = self.moment().slot;
        let hash = self.inner.genesis.hash_of(slot);
        Ok(LatestBlockhash { hash, last_valid_block_height: slot.saturating_add(BLOCKHASHES), slot })
    }

    async fn simulate(&self, tx: &VersionedTransaction) -> Result<Simulation, ChainError> {
        self.inner.read()?.simulate(tx)
    }

    async fn execute(&self, tx: &VersionedTransaction, intent: Option<&str>) -> Result<Execution, ChainError> {
        self.inner.execute(tx, intent)
    }

    async fn executed(&self, intent: &str) -> Result<Option<Execution>, ChainError> {
        self.inner.executed(intent)
    }

    fn subscribe(&self, keys: &[Pubkey]) -> Updates {
        self.inner.feed.subscribe(keys)
    }

    fn advance(&self, until: Option<Until>) -> Result<Advance, ChainError> {
        match self.ticker {
            Some(_) => Ok(Advance::Itself),
            None => self.inner.advance(until),
        }
    }
}

impl Drop for LocalChain {
    fn drop(&mut self) {
        if let Some(ticker) = &self.ticker {
            ticker.end();
        }
        self.inner.close();
    }
}
