//! The embedded chain: [`LocalChain`]. It runs the real programs in LiteSVM, in this process, without signatures, and its
//! slots move only when a transaction runs, when it is asked to, or at a steady pace. This file holds the locks, the pace
//! and the subscribers; what a transaction does to the chain is in `world`, time in `clock`, files in `kept`.

mod clock;
mod intents;
mod kept;
mod world;

use crate::{
    Advance, Chain, ChainError, ChainSpec, Changes, Execution, Feed, Found, LatestBlockhash, MAX_INTENT, Moment,
    ProgramQuery, Simulation, Slice, Snapshot, Until, Updates,
};
use async_trait::async_trait;
pub(crate) use clock::MAX_SLOT;
use clock::{BLOCKHASHES, FIRST_SLOT, Genesis};
use intents::Intents;
use kept::Kept;
use parking_lot::{Condvar, Mutex, RwLock};
use solana_sdk::{hash::Hash, pubkey::Pubkey, transaction::VersionedTransaction};
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use world::World;

/// The most that one [`Chain::find`] may return, in bytes of account data.
const FIND_LIMIT: u64 = 256 * 1024 * 1024;

/// A kept chain at real pace saves slots in which nothing happened only this often; the rest is saved when it is closed.
const SAVE_IDLE_SLOTS: u64 = 32;

/// How an embedded chain's slots move besides with each transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// Only when asked ([`Chain::advance`]): a wait of an hour takes no time, and every run is the same.
    #[default]
    Virtual,
    /// One slot after each such span of real time; chain time goes on by 400 ms a slot all the same.
    RealTime {
        /// Real time for each slot; at least a millisecond.
        slot: Duration,
    },
}

/// The embedded chain. Dropping it ends it; a kept one can be opened again.
pub struct LocalChain {
    inner: Arc<Inner>,
    ticker: Option<Arc<Ticker>>,
}

struct Inner {
    spec: ChainSpec,
    names: BTreeMap<String, Pubkey>,
    genesis: Genesis,
    kept: Option<Mutex<Kept>>,
    /// What became of the intents of a chain that is not kept.
    intents: Mutex<Intents>,
    /// Built in the background; whoever comes first waits for it.
    world: OnceLock<Result<RwLock<World>, ChainError>>,
    /// The world's slot, readable without its lock.
    slot: AtomicU64,
    feed: Feed,
}

/// Tells the real-time thread to end, and wakes it for that.
#[derive(Default)]
struct Ticker {
    ended: Mutex<bool>,
    wake: Condvar,
}

impl LocalChain {
    /// Starts a chain that is gone with the process. Returns at once; the chain is built in the background, and what is
    /// wrong with its programs shows at the first use or with [`LocalChain::ready`].
    pub fn new(spec: ChainSpec, pace: Pace) -> Self {
        let genesis = Genesis { hash: spec.digest(), time: spec.genesis_time };
        let names = spec.names();
        Self::start(Inner::new(spec, names, genesis, None, FIRST_SLOT), pace)
    }

    /// Opens the chain that is kept as `dir/name`, or starts it there from `spec`. It is saved after each change and
    /// stands where it was left: accounts, slot, time, blockhash and the events still to come. An empty `spec` opens
    /// whatever is kept; any other must be the one that the chain was started from.
    ///
    /// # Errors
    /// [`ChainError::Kept`] if the name is no name, another process has the chain, its files are damaged, or it was
    /// started from another description.
    pub fn open(dir: impl AsRef<Path>, name: &str, spec: ChainSpec, pace: Pace) -> Result<Self, ChainError> {
        let (kept, spec) = Kept::open(dir.as_ref(), name, spec)?;
        let genesis = Genesis { hash: spec.digest(), time: spec.genesis_time };
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
        self.inner.world().map(|_| ())
    }

    fn start(inner: Inner, pace: Pace) -> Self {
        let inner = Arc::new(inner);
        let ticker = match pace {
            Pace::Virtual => None,
            Pace::RealTime { .. } => Some(Arc::new(Ticker::default())),
        };
        let background = Background { inner: Arc::downgrade(&inner), pace, ticker: ticker.clone() };
        // Without a thread the chain is built at its first use, but then nothing ticks: `advance` says so.
        let thread = std::thread::Builder::new().name("valence-chain".into());
        let strong = Arc::clone(&inner);
        let _ = thread.spawn(move || {
            let _ = strong.world();
            drop(strong);
            background.tick();
        });
        Self { inner, ticker }
    }
}

/// The thread behind a chain. It holds the chain weakly, so that dropping the chain ends it.
struct Background {
    inner: std::sync::Weak<Inner>,
    pace: Pace,
    ticker: Option<Arc<Ticker>>,
}

impl Background {
    fn tick(self) {
        let (Pace::RealTime { slot }, Some(ticker)) = (self.pace, self.ticker) else {
            return;
        };
        let slot = slot.max(Duration::from_millis(1));
        let mut next = std::time::Instant::now();
        loop {
            next += slot;
            let mut ended = ticker.ended.lock();
            while !*ended && !ticker.wake.wait_until(&mut ended, next).timed_out() {}
            if *ended {
                return;
            }
            drop(ended);
            let Some(inner) = self.inner.upgrade() else {
                return;
            };
            // Subscribers hear of a failed event; a chain that cannot be built says so at every use.
            let _ = inner.step();
        }
    }
}

impl Inner {
    fn new(spec: ChainSpec, names: BTreeMap<String, Pubkey>, genesis: Genesis, kept: Option<Kept>, slot: u64) -> Self {
        Self {
            spec,
            names,
            genesis,
            kept: kept.map(Mutex::new),
            intents: Mutex::default(),
            world: OnceLock::new(),
            slot: AtomicU64::new(slot),
            feed: Feed::default(),
        }
    }

    fn world(&self) -> Result<&RwLock<World>, ChainError> {
        let built = self.world.get_or_init(|| {
            let mut world = World::build(&self.spec, self.genesis)?;
            if let Some(resumed) = self.kept.as_ref().and_then(|kept| kept.lock().resumed()) {
                world.resume(resumed)?;
            }
            Ok(RwLock::new(world))
        });
        built.as_ref().map_err(Clone::clone)
    }

    fn moment(&self) -> Moment {
        self.genesis.moment(self.slot.load(Ordering::Acquire))
    }

    /// Changes the world, then saves and tells. Subscribers hear of it in slot order because this holds the lock.
    fn change<T>(
        &self,
        change: impl FnOnce(&mut World, &mut Changes) -> Result<T, ChainError>,
    ) -> Result<T, ChainError> {
        let mut world = self.world()?.write();
        let (before, mut changes) = (world.slot(), Changes::default());
        let result = change(&mut world, &mut changes);
        if world.slot() != before {
            // Saved first: what somebody heard of must still be there after a crash. If that fails the change stands all
            // the same, and the next save holds it.
            let saved = self.kept.as_ref().map_or(Ok(()), |kept| kept.lock().save(&world));
            self.tell(&world, &changes);
            saved?;
        }
        result
    }

    fn execute(&self, tx: &VersionedTransaction, intent: Option<&str>) -> Result<Execution, ChainError> {
        if intent.is_some_and(|intent| intent.is_empty() || intent.len() > MAX_INTENT) {
            return Err(world::unavailable("an intent's name has 1 to 256 bytes: take another one"));
        }
        self.change(|world, changes| {
            // Asked under the world's lock: two callers with one intent come one after the other.
            if let Some(known) = intent.and_then(|intent| self.intents.lock().get(intent)) {
                return Ok(known);
            }
            let report = world.execute(tx, changes)?;
            if let Some(intent) = intent {
                self.intents.lock().put(intent, report.recalled());
            }
            Ok(report)
        })
    }

    fn tell(&self, world: &World, changes: &Changes) {
        self.slot.store(world.slot(), Ordering::Release);
        self.feed.publish(self.moment(), changes);
    }

    /// One slot of real time.
    fn step(&self) -> Result<(), ChainError> {
        let mut world = self.world()?.write();
        let (next, mut changes) = (world.slot().saturating_add(1), Changes::default());
        if next > MAX_SLOT {
            return Ok(());
        }
        let events = world.events_left();
        // Nobody asked for this slot, so a failed event is told to all.
        changes.failed = world.move_to(next, &mut changes).err().map(|error| error.to_string());
        if let Some(kept) = &self.kept {
            let mut kept = kept.lock();
            let idle = world.events_left() == events;
            if !idle || next.saturating_sub(kept.saved()) >= SAVE_IDLE_SLOTS {
                // A full disk is met again by the next `execute`, which has somebody to tell.
                let _ = kept.save(&world);
            }
        }
        self.tell(&world, &changes);
        Ok(())
    }

    fn advance(&self, until: Option<Until>) -> Result<Advance, ChainError> {
        let target = match until {
            None => None,
            Some(Until::Slot(slot)) => (slot <= MAX_SLOT).then_some(slot),
            Some(Until::Time(time)) => self.genesis.slot_at(time),
        };
        self.change(|world, changes| {
            let wanted = match (target, world.next_event()) {
                (Some(target), Some(event)) => target.min(event),
                (Some(slot), None) | (None, Some(slot)) => slot,
                (None, None) => return Ok(Advance::Nothing),
            };
            if wanted > world.slot() {
                world.move_to(wanted, changes)?;
            }
            Ok(Advance::Moved(self.genesis.moment(world.slot())))
        })
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
        let read = |world: &RwLock<World>| {
            let world = world.read();
            let account = |key| Some(world.account(key)?.sliced(slice));
            Snapshot { moment: world.moment(), accounts: keys.iter().map(account).collect() }
        };
        Some(self.inner.world().map(read))
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
        let world = self.inner.world()?.read();
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
        self.inner.world().ok()?.read().last_change(key)
    }

    async fn latest_blockhash(&self) -> Result<LatestBlockhash, ChainError> {
        // A pure function of the slot: no lock, and no need for the chain to be built.
        let slot = self.moment().slot;
        let hash = self.inner.genesis.hash_of(slot);
        Ok(LatestBlockhash { hash, last_valid_block_height: slot.saturating_add(BLOCKHASHES), slot })
    }

    async fn simulate(&self, tx: &VersionedTransaction) -> Result<Simulation, ChainError> {
        self.inner.world()?.read().simulate(tx)
    }

    async fn execute(&self, tx: &VersionedTransaction, intent: Option<&str>) -> Result<Execution, ChainError> {
        self.inner.execute(tx, intent)
    }

    async fn executed(&self, intent: &str) -> Result<Option<Execution>, ChainError> {
        Ok(self.inner.intents.lock().get(intent))
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
            *ticker.ended.lock() = true;
            ticker.wake.notify_all();
        }
        if let Some(kept) = &self.inner.kept {
            // The world's lock first, as everywhere: a tick in progress ends before the files are let go.
            let world = self.inner.world.get().and_then(|built| built.as_ref().ok());
            let world = world.map(RwLock::read);
            let mut kept = kept.lock();
            if let Some(world) = world {
                let _ = kept.save(&world);
            }
            kept.close();
        }
    }
}
