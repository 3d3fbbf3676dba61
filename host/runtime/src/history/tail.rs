//! The end of an instance's record, followed: what has come since one last looked, episode after episode.

use valence_journal::{Block, JournalId, Store, StoreError};

/// Entries that are read at once.
const PAGE: u64 = 1000;

/// Where one has read to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tail {
    /// The episode and the entry that come next.
    next: (JournalId, u64),
}

/// What has come.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct More {
    /// Entries, each with its episode.
    pub blocks: Vec<(u32, Block)>,
    /// Whether there may be more at once.
    pub more: bool,
    /// Whether nothing more can come: the instance is over. A retry may begin it again.
    pub over: bool,
}

impl Tail {
    /// From the beginning of an instance.
    pub fn of(instance: u64) -> Tail {
        Tail { next: (JournalId { instance, episode: 0 }, 0) }
    }

    /// What has come since.
    ///
    /// # Errors
    /// [`StoreError`] where it cannot be read, or is not what was written.
    pub fn more(&mut self, store: &dyn Store) -> Result<More, StoreError> {
        let (journal, from) = self.next;
        // The row first: what it says is over has all its entries.
        let row = store.instance(journal.instance)?.ok_or(StoreError::NoSuchInstance(journal.instance))?;
        let blocks = store.entries(journal, from, PAGE)?;
        let Some(last) = blocks.last() else {
            if row.episode > journal.episode {
                let episode = journal.episode.saturating_add(1);
                self.next = (JournalId { episode, ..journal }, 0);
                return Ok(More { more: true, ..More::default() });
            }
            return Ok(More { over: row.ended.is_some() || row.pruned, ..More::default() });
        };
        self.next = (journal, last.seq().saturating_add(1));
        Ok(More { blocks: blocks.into_iter().map(|block| (journal.episode, block)).collect(), more: true, over: false })
    }
}
