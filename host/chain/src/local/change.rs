//! Everything that changes an embedded chain: done under one lock, saved, then told. What somebody heard of is still there after a
//! crash; what could not be saved has not happened.

use super::{
    clock::{Genesis, MAX_SLOT},
    intents::Intents,
    kept::Kept,
    world::{self, World},
};
use crate::{Advance, ChainError, ChainSpec, Changes, Execution, Feed, MAX_INTENT, Moment, Until};
use parking_lot::{Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};
use solana_sdk::{pubkey::Pubkey, transaction::VersionedTransaction};
use std::{
    collections::BTreeMap,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

pub(super) struct Inner {
    spec: ChainSpec,
    pub names: BTreeMap<String, Pubkey>,
    pub genesis: Genesis,
    kept: Option<Mutex<Kept>>,
    /// What became of the intents of a chain that is not kept.
    intents: Mutex<Intents>,
    /// Built in the background; whoever comes first waits for it.
    world: OnceLock<Result<RwLock<World>, ChainError>>,
    /// Why the world is not what the file says; then nobody may see it.
    broken: OnceLock<ChainError>,
    /// The world's slot, readable without its lock.
    slot: AtomicU64,
    pub feed: Feed,
    /// Why the last slot of real time could not be saved: told once, not at every try.
    stuck: Mutex<Option<String>>,
}

impl Inner {
    pub fn new(
        spec: ChainSpec,
        names: BTreeMap<String, Pubkey>,
        genesis: Genesis,
        kept: Option<Kept>,
        slot: u64,
    ) -> Self {
        Self {
            spec,
            names,
            genesis,
            kept: kept.map(Mutex::new),
            intents: Mutex::default(),
            world: OnceLock::new(),
            broken: OnceLock::new(),
            slot: AtomicU64::new(slot),
            feed: Feed::default(),
            stuck: Mutex::default(),
        }
    }

    /// Waits until the chain is built.
    pub fn ready(&self) -> Result<&RwLock<World>, ChainError> {
        if let Some(broken) = self.broken.get() {
            return Err(broken.clone());
        }
        self.world.get_or_init(|| self.build().map(RwLock::new)).as_ref().map_err(Clone::clone)
    }

    /// The chain as it is now.
    pub fn read(&self) -> Result<RwLockReadGuard<'_, World>, ChainError> {
        let world = self.ready()?.read();
        // It may have broken while this waited.
        self.broken.get().map_or(Ok(world), |broken| Err(broken.clone()))
    }

    fn write(&self) -> Result<RwLockWriteGuard<'_, World>, ChainError> {
        let world = self.ready()?.write();
        self.broken.get().map_or(Ok(world), |broken| Err(broken.clone()))
    }

    /// The chain as its description and its file say.
    fn build(&self) -> Result<World, ChainError> {
        let mut world = World::build(&self.spec, self.genesis)?;
        if let Some(kept) = &self.kept {
            world.resume(kept.lock().load()?)?;
        }
        Ok(world)
    }

    /// Makes the file of a chain that was just started last, so that its first execution need not.
    pub fn last(&self) {
        if let Some(kept) = &self.kept {
            // What is wrong is met again by whoever executes.
            let _ = kept.lock().last();
        }
    }

    pub fn moment(&self) -> Moment {
        self.genesis.moment(self.slot.load(Ordering::Acquire))
    }

    pub fn execute(&self, tx: &VersionedTransaction, intent: Option<&str>) -> Result<Execution, ChainError> {
        if intent.is_some_and(|intent| intent.is_empty() || intent.len() > MAX_INTENT) {
            return Err(world::unavailable("an intent's name has 1 to 256 bytes: take another one"));
        }
        let mut world = self.write()?;
        // Asked under the world's lock: two callers with one intent come one after the other.
        if let Some(intent) = intent
            && let Some(known) = self.recall(intent)?
        {
            return Ok(known);
        }
        let (before, mut changes) = (world.slot(), Changes::default());
        let result = world.execute(tx, &mut changes);
        if world.slot() != before {
            match &result {
                Ok(report) => self.settle(&mut world, &changes, true, intent.zip(Some(report)))?,
                // The SVM gave up on it. A chain in memory has nowhere to go back to.
                Err(_) if self.kept.is_none() => self.tell(&world, &changes),
                Err(error) => self.undo(&mut world, error),
            }
        }
        result
    }

    pub fn executed(&self, intent: &str) -> Result<Option<Execution>, ChainError> {
        // An execution that is under way comes first.
        let _world = self.read()?;
        self.recall(intent)
    }

    fn recall(&self, intent: &str) -> Result<Option<Execution>, ChainError> {
        match &self.kept {
            Some(kept) => kept.lock().recall(intent),
            None => Ok(self.intents.lock().get(intent)),
        }
    }

    pub fn advance(&self, until: Option<Until>) -> Result<Advance, ChainError> {
        let target = match until {
            None => None,
            Some(Until::Slot(slot)) => (slot <= MAX_SLOT).then_some(slot),
            Some(Until::Time(time)) => self.genesis.slot_at(time),
        };
        let mut world = self.write()?;
        let wanted = match (target, world.next_event()) {
            (Some(target), Some(event)) => target.min(event),
            (Some(slot), None) | (None, Some(slot)) => slot,
            (None, None) => return Ok(Advance::Nothing),
        };
        if wanted > world.slot() {
            let mut changes = Changes::default();
            let result = world.move_to(wanted, &mut changes);
            self.settle(&mut world, &changes, false, None)?;
            result?;
        }
        Ok(Advance::Moved(self.genesis.moment(world.slot())))
    }

    /// One slot of real time. Nobody asked for it, so what goes wrong is told to all.
    pub fn step(&self) -> Result<(), ChainError> {
        let mut world = self.write()?;
        let (next, mut changes) = (world.slot().saturating_add(1), Changes::default());
        if next > MAX_SLOT || self.kept.as_ref().is_some_and(|kept| kept.lock().is_closed()) {
            return Ok(());
        }
        let idle = world.next_event().is_none_or(|event| event > next);
        let moved = match &self.kept {
            // Written first: a disk that stays full costs no rebuilding.
            Some(kept) if idle => kept.lock().save_slot(next).map(|()| {
                let _ = world.move_to(next, &mut changes);
                self.tell(&world, &changes);
            }),
            _ => {
                changes.failed = world.move_to(next, &mut changes).err().map(|error| error.to_string());
                self.settle(&mut world, &changes, false, None)
            }
        };
        let mut stuck = self.stuck.lock();
        match &moved {
            Ok(()) => *stuck = None,
            Err(error) if stuck.is_none() => {
                *stuck = Some(error.to_string());
                self.feed.publish(self.moment(), &Changes { failed: stuck.clone(), ..Changes::default() });
            }
            Err(_) => {}
        }
        moved
    }

    /// Saves what has happened, then tells it. If it cannot be saved it has not happened.
    fn settle(
        &self,
        world: &mut World,
        changes: &Changes,
        durable: bool,
        done: Option<(&str, &Execution)>,
    ) -> Result<(), ChainError> {
        match (&self.kept, done) {
            (Some(kept), _) => {
                let saved = kept.lock().save(world, changes, durable, done);
                if let Err(error) = &saved {
                    self.undo(world, error);
                    return saved;
                }
            }
            (None, Some((intent, report))) => self.intents.lock().put(intent, report.recalled()),
            (None, None) => {}
        }
        self.tell(world, changes);
        Ok(())
    }

    /// Takes a kept chain back to what its file says: built again, as after a crash.
    fn undo(&self, world: &mut World, error: &ChainError) {
        match self.build() {
            Ok(saved) => *world = saved,
            Err(again) => {
                let reason = format!("{error}; and what is there cannot be read again ({again}): open the chain again");
                let ChainError::Kept { name, .. } = again else {
                    let _ = self.broken.set(again);
                    return;
                };
                let _ = self.broken.set(ChainError::Kept { name, reason });
            }
        }
    }

    fn tell(&self, world: &World, changes: &Changes) {
        self.slot.store(world.slot(), Ordering::Release);
        self.feed.publish(self.moment(), changes);
    }

    /// Lets go of the file of a kept chain. A slot that is under way ends first.
    pub fn close(&self) {
        let Some(kept) = &self.kept else {
            return;
        };
        // The world's lock first, as everywhere.
        let world = self.world.get().and_then(|built| built.as_ref().ok());
        let _world = world.map(RwLock::read);
        kept.lock().close();
    }
}
