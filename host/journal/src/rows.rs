//! What a store keeps beside the entries: the row of an instance, its proposals, and a write that moves all of them in one step.
//! Words in them (states, steps, results) are the runtime's; the journal does not interpret them.

use crate::{Block, Cid, StoreError};

/// One chain of entries: an episode of an instance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JournalId {
    /// The instance; 0 is the host's own journal, whose row every store has from the start.
    pub instance: u64,
    /// Counts from 0.
    pub episode: u32,
}

/// The host's own journal.
pub const HOST: JournalId = JournalId { instance: 0, episode: 0 };

/// A sha2-256 digest of a component.
pub type ComponentDigest = [u8; 32];

/// The row of one instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instance {
    /// Its number, from 1.
    pub id: u64,
    /// No two have the same.
    pub name: String,
    /// The flow's id.
    pub flow: String,
    /// The chain's name.
    pub chain: String,
    /// The digests of all flows and drivers that its journals name.
    pub components: Vec<ComponentDigest>,
    /// Where it stands.
    pub state: String,
    /// More about that.
    pub detail: String,
    /// The step that it is in.
    pub step: String,
    /// The current episode.
    pub episode: u32,
    /// Entries of this episode. It follows from the blocks; what is given is overwritten.
    pub entries: u64,
    /// The last entry of this episode. It follows from the blocks.
    pub head: Option<Cid>,
    /// Attempts without a new entry.
    pub crashes: u32,
    /// How it ended, in one word.
    pub outcome: String,
    /// What it left.
    pub result: String,
    /// By the wall clock, milliseconds since 1970.
    pub created: i64,
    /// When the row last changed, likewise.
    pub changed: i64,
    /// When it ended, likewise.
    pub ended: Option<i64>,
    /// The digests of flow and drivers that the next episode begins with; empty: the same as now.
    pub upgrade: Vec<ComponentDigest>,
    /// Whether its entries were pruned: count and head are all that is left of them.
    pub pruned: bool,
    /// What is wrong with this row itself, where it is not what was written. Such an instance takes no writes.
    pub damage: Option<String>,
}

/// What becomes of the row of an instance. What is None stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Where it stands.
    pub state: Option<String>,
    /// More about that.
    pub detail: Option<String>,
    /// The step.
    pub step: Option<String>,
    /// The current episode: one more than before. The row then counts the entries of the new one.
    pub episode: Option<u32>,
    /// Attempts without a new entry.
    pub crashes: Option<u32>,
    /// How it ended, in one word.
    pub outcome: Option<String>,
    /// What it left.
    pub result: Option<String>,
    /// When it ended, wall clock, milliseconds since 1970; `Some(None)`: it has not (`retry`). What has ended waits for nothing.
    pub ended: Option<Option<i64>>,
    /// The digests of all flows and drivers that its journals name.
    pub components: Option<Vec<ComponentDigest>>,
    /// The digests of flow and drivers of the next episode; empty: the same as now.
    pub upgrade: Option<Vec<ComponentDigest>>,
    /// What it waits for, in the runtime's encoding; `Some(None)`: nothing any more.
    pub waits: Option<Option<Vec<u8>>>,
}

impl Change {
    /// Lays a later change over this one.
    pub fn merge(&mut self, later: Change) {
        fn over<T>(earlier: &mut Option<T>, later: Option<T>) {
            if later.is_some() {
                *earlier = later;
            }
        }
        over(&mut self.state, later.state);
        over(&mut self.detail, later.detail);
        over(&mut self.step, later.step);
        over(&mut self.episode, later.episode);
        over(&mut self.crashes, later.crashes);
        over(&mut self.outcome, later.outcome);
        over(&mut self.result, later.result);
        over(&mut self.ended, later.ended);
        over(&mut self.components, later.components);
        over(&mut self.upgrade, later.upgrade);
        over(&mut self.waits, later.waits);
    }
}

/// A proposal as its instance's journal knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProposalRow {
    /// Its id.
    pub id: String,
    /// Whose.
    pub instance: u64,
    /// In which episode.
    pub episode: u32,
    /// The entry of its intent.
    pub seq: u64,
    /// The step.
    pub step: String,
    /// Where it stands.
    pub state: String,
    /// The slot of its last change.
    pub slot: u64,
}

/// What one journal has written in one step: all of it, or nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Write {
    /// Whose.
    pub journal: JournalId,
    /// When, by the wall clock, milliseconds since 1970: the row's `changed`.
    pub at: i64,
    /// The row, where it is new.
    pub create: Option<Box<Instance>>,
    /// Entries. They must follow those that the store has.
    pub blocks: Vec<Block>,
    /// What becomes of the row.
    pub change: Option<Box<Change>>,
    /// Proposals that are new or have changed.
    pub proposals: Vec<ProposalRow>,
    /// Whether it must survive the machine; if not, it survives the process.
    pub durable: bool,
}

/// An episode that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Episode {
    /// Its number.
    pub episode: u32,
    /// Its entries.
    pub entries: u64,
    /// The last of them.
    pub head: Option<Cid>,
}

impl Instance {
    /// Moves the row as a write says; what the store does with the blocks and the rest is its own business. Gives the episode that
    /// ended by it.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where the write does not follow the row. The row is not to be used then.
    pub fn apply(&mut self, write: &Write) -> Result<Option<Episode>, StoreError> {
        let next = write.change.as_ref().and_then(|change| change.episode).filter(|next| *next != self.episode);
        let conflict = |seq: u64| StoreError::Conflict {
            instance: self.id,
            episode: write.journal.episode,
            seq,
            has_episode: self.episode,
            has: self.entries,
        };
        let first = write.blocks.first().map_or(0, Block::seq);
        if next.is_some_and(|next| self.episode.checked_add(1) != Some(next)) {
            return Err(conflict(first));
        }
        let mut over = None;
        // The blocks of a new episode come after the change to it, those of the old one before.
        let early = next.is_some_and(|next| write.journal.episode == next);
        if early {
            over = Some(self.turn());
        }
        if !write.blocks.is_empty() {
            let mut head = self.head.as_ref().and_then(|cid| crate::name::read(cid, crate::name::DAG_CBOR));
            let follows = write.journal.episode == self.episode
                && (self.entries..).zip(&write.blocks).all(|(seq, block)| {
                    let follows = block.seq() == seq && block.prev == head;
                    head = Some(block.digest);
                    follows
                });
            if !follows {
                return Err(StoreError::Conflict {
                    instance: self.id,
                    episode: write.journal.episode,
                    seq: first,
                    has_episode: self.episode,
                    has: self.entries,
                });
            }
            self.entries = self.entries.saturating_add(u64::try_from(write.blocks.len()).unwrap_or(u64::MAX));
            self.head = write.blocks.last().map(Block::cid);
        }
        if next.is_some() && !early {
            over = Some(self.turn());
        }
        if let Some(change) = &write.change {
            self.change(change);
            self.changed = write.at;
        }
        Ok(over)
    }

    /// Ends the current episode.
    fn turn(&mut self) -> Episode {
        let over = Episode { episode: self.episode, entries: self.entries, head: self.head.take() };
        self.episode = self.episode.saturating_add(1);
        self.entries = 0;
        over
    }

    fn change(&mut self, change: &Change) {
        fn over<T: Clone>(field: &mut T, change: &Option<T>) {
            if let Some(value) = change {
                field.clone_from(value);
            }
        }
        over(&mut self.state, &change.state);
        over(&mut self.detail, &change.detail);
        over(&mut self.step, &change.step);
        over(&mut self.crashes, &change.crashes);
        over(&mut self.outcome, &change.outcome);
        over(&mut self.result, &change.result);
        over(&mut self.ended, &change.ended);
        over(&mut self.components, &change.components);
        over(&mut self.upgrade, &change.upgrade);
    }
}
