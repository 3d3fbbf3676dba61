//! What a store is: where journals, the rows of their instances, large values and components are kept. `memory.rs` and
//! `sqlite/` implement it; the suite in `tests/store` says what every store must do.

use crate::{Block, Cid, ComponentDigest, Episode, Fault, Instance, JournalId, ProposalRow, Write};
use std::collections::BTreeSet;

/// Why a store did not do what it was asked for. All but [`StoreError::Conflict`] name what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Somebody else has appended to this journal, or it has moved on.
    #[error(
        "entry {seq} of episode {episode} of instance {instance} does not follow what is stored ({has} entries of episode {has_episode}): another process or run has appended; leave this instance to it"
    )]
    Conflict {
        /// Whose.
        instance: u64,
        /// Where.
        episode: u32,
        /// The first entry that was to be written.
        seq: u64,
        /// The episode that is stored.
        has_episode: u32,
        /// The entries of it.
        has: u64,
    },
    /// No row.
    #[error("there is no instance {0}; `valence ps --all` lists them")]
    NoSuchInstance(u64),
    /// The row is there already.
    #[error("there is already an instance with the {what} {value}; choose another")]
    Taken {
        /// "id" or "name".
        what: &'static str,
        /// Which.
        value: String,
    },
    /// No space.
    #[error("{path}: the disk is full; make room, then start again: nothing that was acknowledged is lost")]
    Full {
        /// The file.
        path: String,
    },
    /// No right to write.
    #[error("{path}: it cannot be written: {why}; check the rights of the folder")]
    ReadOnly {
        /// The file.
        path: String,
        /// More.
        why: String,
    },
    /// Somebody else writes.
    #[error("{path}: another process has it locked; stop that one first")]
    Locked {
        /// The file.
        path: String,
    },
    /// Another file.
    #[error("{path}: this is not a database of valence ({why}); name another data dir")]
    NotAStore {
        /// The file.
        path: String,
        /// More.
        why: String,
    },
    /// From the future.
    #[error("{path}: it is of version {found}, and this build knows version {known}; use a newer valence")]
    Newer {
        /// The file.
        path: String,
        /// Its version.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// What is stored is not what was written.
    #[error("{path}: it is damaged: {what}; `valence verify` names what is whole")]
    Damaged {
        /// The file.
        path: String,
        /// What was found.
        what: String,
    },
    /// Anything else of the machine's.
    #[error("{path}: {why}")]
    Io {
        /// The file.
        path: String,
        /// What the machine says.
        why: String,
    },
}

/// A journal read back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Loaded {
    /// The verified entries from the first one on.
    pub blocks: Vec<Block>,
    /// The first thing that is wrong behind them.
    pub damage: Option<Fault>,
}

/// Which instances. An empty field asks for nothing.
#[derive(Clone, Debug, Default)]
pub struct InstanceFilter {
    /// In one of these states; empty: in any.
    pub states: Vec<String>,
    /// On this chain.
    pub chain: Option<String>,
    /// Of this flow.
    pub flow: Option<String>,
    /// Whether they have ended.
    pub ended: Option<bool>,
    /// Only those with a greater id: the last one of the page before.
    pub after: u64,
    /// At most so many; 0: all.
    pub limit: u64,
}

/// Which entries. An empty field asks for nothing.
#[derive(Clone, Debug, Default)]
pub struct EntryQuery {
    /// Of one of these kinds; empty: of any.
    pub kinds: BTreeSet<String>,
    /// About this.
    pub key: Option<String>,
    /// Of this instance.
    pub instance: Option<u64>,
    /// At or after this time of the chain, seconds since 1970.
    pub since: Option<i64>,
    /// Before this time of the chain.
    pub until: Option<i64>,
    /// At or after this slot.
    pub from_slot: Option<u64>,
    /// At or before this slot.
    pub to_slot: Option<u64>,
    /// Newest first; else oldest first. The order is by time, then instance, episode and entry.
    pub newest_first: bool,
    /// At most so many; 0: all.
    pub limit: u64,
}

/// Which ended instances a pruning takes the journals of.
#[derive(Clone, Copy, Debug, Default)]
pub struct Retention {
    /// Those that ended before this, wall clock, milliseconds since 1970.
    pub ended_before: i64,
    /// But never the newest so many.
    pub keep: u64,
}

/// What a pruning took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Instances whose entries went; their rows stay, with heads and counts.
    pub instances: u64,
    /// Entries.
    pub entries: u64,
    /// Large values that nobody named any more.
    pub large: u64,
    /// Components that nobody named any more.
    pub components: u64,
}

/// Something in a store that is not what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// In which instance, where one can be named.
    pub instance: Option<u64>,
    /// In which episode of it.
    pub episode: Option<u32>,
    /// What.
    pub what: String,
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.instance, self.episode) {
            (Some(instance), Some(episode)) => write!(f, "instance {instance}, episode {episode}: {}", self.what),
            (Some(instance), None) => write!(f, "instance {instance}: {}", self.what),
            _ => f.write_str(&self.what),
        }
    }
}

/// Visits an entry; false ends the visit.
pub type EachEntry<'a> = dyn FnMut(JournalId, Block) -> bool + 'a;

/// A place where journals are kept. One caller at a time commits; any number read.
pub trait Store: Send + Sync + 'static {
    /// Writes, each as a whole or not at all; those that follow one another are one step where the store can. When it returns, all
    /// that went well is visible, and durable if any of the writes asked for it. What stands behind a failed write of the same
    /// instance fails with it.
    fn commit(&self, writes: Vec<Write>) -> Vec<Result<(), StoreError>>;

    /// Whether a commit is so quick that it is done where the entries are handed over.
    fn instant(&self) -> bool {
        false
    }

    /// A journal, up to the first thing that is wrong with it. An empty journal is one that was pruned or never begun.
    ///
    /// # Errors
    /// [`StoreError`] where nothing can be read at all, or there is no such instance.
    fn load(&self, journal: JournalId) -> Result<Loaded, StoreError>;

    /// The row of an instance with the journal of its present episode, as of one moment.
    ///
    /// # Errors
    /// As [`Store::load`].
    fn current(&self, instance: u64) -> Result<Option<(Instance, Loaded)>, StoreError> {
        let Some(row) = self.instance(instance)? else { return Ok(None) };
        let loaded = self.load(JournalId { instance, episode: row.episode })?;
        Ok(Some((row, loaded)))
    }

    /// Entries as they are stored, unverified, from number `from` on, at most so many.
    ///
    /// # Errors
    /// [`StoreError`] where they cannot be read.
    fn entries(&self, journal: JournalId, from: u64, most: u64) -> Result<Vec<Block>, StoreError>;

    /// The episodes of an instance that are over, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] where they cannot be read.
    fn episodes(&self, instance: u64) -> Result<Vec<Episode>, StoreError>;

    /// The row of an instance.
    ///
    /// # Errors
    /// [`StoreError`] where it cannot be read, or is not what was written.
    fn instance(&self, id: u64) -> Result<Option<Instance>, StoreError>;

    /// The row of an instance.
    ///
    /// # Errors
    /// As [`Store::instance`].
    fn instance_named(&self, name: &str) -> Result<Option<Instance>, StoreError>;

    /// Rows by id, without the host's own.
    ///
    /// # Errors
    /// As [`Store::instance`].
    fn instances(&self, filter: &InstanceFilter) -> Result<Vec<Instance>, StoreError>;

    /// The greatest id ever given, 0 if none.
    ///
    /// # Errors
    /// As [`Store::instance`].
    fn last_instance(&self) -> Result<u64, StoreError>;

    /// Visits what the instances on a chain wait for: id and the bytes of [`crate::Change::waits`]. Without bytes: what was written
    /// there was damaged, and a replay of the journal tells it again.
    ///
    /// # Errors
    /// As [`Store::instance`].
    fn waiting(&self, chain: &str, each: &mut dyn FnMut(u64, &[u8])) -> Result<(), StoreError>;

    /// The proposals of an instance, oldest first.
    ///
    /// # Errors
    /// As [`Store::instance`].
    fn proposals(&self, instance: u64) -> Result<Vec<ProposalRow>, StoreError>;

    /// A large value.
    ///
    /// # Errors
    /// [`StoreError`] where it cannot be read, or is not what its name says.
    fn large(&self, cid: &Cid) -> Result<Option<Vec<u8>>, StoreError>;

    /// Keeps a component until nobody names it: call it before the row that names it is written.
    ///
    /// # Errors
    /// [`StoreError`] where it cannot be written.
    fn put_component(&self, digest: &ComponentDigest, bytes: &[u8]) -> Result<(), StoreError>;

    /// A component.
    ///
    /// # Errors
    /// As [`Store::large`].
    fn component(&self, digest: &ComponentDigest) -> Result<Option<Vec<u8>>, StoreError>;

    /// Visits entries of all journals.
    ///
    /// # Errors
    /// As [`Store::entries`].
    fn find(&self, query: &EntryQuery, each: &mut EachEntry<'_>) -> Result<(), StoreError>;

    /// Checks everything that is stored and visits what is not what was written: every entry of every chain, every row, every
    /// large value and component, and what was found when the store was opened.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read at all.
    fn check(&self, each: &mut dyn FnMut(Damage)) -> Result<(), StoreError>;

    /// Forgets the journals of ended instances, whole.
    ///
    /// # Errors
    /// [`StoreError`] where it cannot be written.
    fn prune(&self, retention: Retention) -> Result<Pruned, StoreError>;
}

impl EntryQuery {
    /// Whether an entry is one of those asked for; its instance is not looked at.
    pub fn takes(&self, block: &Block) -> bool {
        let stamp = block.stamp();
        (self.kinds.is_empty() || self.kinds.contains(block.kind()))
            && self.key.as_deref().is_none_or(|key| block.key() == Some(key))
            && self.since.is_none_or(|since| stamp.time >= since)
            && self.until.is_none_or(|until| stamp.time < until)
            && self.from_slot.is_none_or(|slot| stamp.slot >= slot)
            && self.to_slot.is_none_or(|slot| stamp.slot <= slot)
    }
}
