//! An instance's whole record as a store has it: the row, and each episode's entries with the first thing that is wrong behind
//! them. Here is also how people name an instance.

use std::sync::Arc;
use valence_journal::{Block, CarError, Cid, Fault, Instance as Row, JournalId, Store, StoreError};
use valence_sandbox::LoadError;

/// Why a record cannot be read, replayed or proved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No such instance, or more than one.
    #[error(transparent)]
    Instance(#[from] crate::RuntimeError),
    /// Its entries are gone.
    #[error("the journal of `{0}` was pruned: only its row is left, with the head {1}")]
    Pruned(String, String),
    /// No such episode.
    #[error("`{0}` has no episode {1}; its episodes are 0 to {2}")]
    NoEpisode(String, u32, u32),
    /// Its journal is not what was written.
    #[error("episode {episode} of `{instance}` is damaged: {fault}")]
    Damaged {
        /// Whose.
        instance: String,
        /// Which.
        episode: u32,
        /// What.
        fault: Fault,
    },
    /// An entry that cannot be read.
    #[error(transparent)]
    Past(#[from] crate::instance::PastError),
    /// A component that is gone.
    #[error("the component {0} is not kept any more; give its file")]
    NoComponent(String),
    /// A component that is no flow.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A declared flow that is not valid.
    #[error(transparent)]
    Declared(#[from] crate::declared::ProtocolFlowError),
    /// A CAR file.
    #[error(transparent)]
    Car(#[from] CarError),
    /// A receipt.
    #[error("this is not a receipt: {0}")]
    Receipt(String),
}

/// The instance that is meant: by its name, its number, or the beginning of its name where that is nobody else's.
///
/// # Errors
/// [`RecordError::Instance`] where none or more than one is meant.
pub fn find(store: &dyn Store, meant: &str) -> Result<Row, RecordError> {
    Ok(crate::owner::find_instance(store, meant)?)
}

/// One episode.
#[derive(Clone, Debug, PartialEq)]
pub struct Chapter {
    /// Counts from 0.
    pub episode: u32,
    /// Its entries, verified.
    pub blocks: Arc<Vec<Block>>,
    /// The first thing that is wrong behind them.
    pub damage: Option<Fault>,
}

impl Chapter {
    /// The last entry.
    pub fn head(&self) -> Option<Cid> {
        self.blocks.last().map(Block::cid)
    }
}

/// The record of an instance.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Its row.
    pub row: Row,
    /// Its episodes, oldest first.
    pub chapters: Vec<Chapter>,
}

impl Record {
    /// Reads the record of an instance, damaged or not.
    ///
    /// # Errors
    /// [`RecordError`] where there is none, it was pruned, or cannot be read at all.
    pub fn read(store: &dyn Store, meant: &str) -> Result<Record, RecordError> {
        let row = find(store, meant)?;
        if row.pruned {
            let head = row.head.map_or_else(|| "of no entry".to_owned(), |head| head.to_string());
            return Err(RecordError::Pruned(row.name, head));
        }
        let chapter = |episode| {
            let loaded = store.load(JournalId { instance: row.id, episode })?;
            Ok(Chapter { episode, blocks: loaded.blocks.into(), damage: loaded.damage })
        };
        let chapters = (0..=row.episode).map(chapter).collect::<Result<_, StoreError>>()?;
        Ok(Record { row, chapters })
    }

    /// The same, if it is whole.
    ///
    /// # Errors
    /// [`RecordError::Damaged`] with the first thing that is wrong.
    pub fn whole(self) -> Result<Record, RecordError> {
        match self.chapters.iter().find_map(|c| Some((c.episode, c.damage.clone()?))) {
            Some((episode, fault)) => Err(RecordError::Damaged { instance: self.row.name, episode, fault }),
            None => Ok(self),
        }
    }

    /// One episode.
    ///
    /// # Errors
    /// [`RecordError::NoEpisode`].
    pub fn chapter(&self, episode: u32) -> Result<&Chapter, RecordError> {
        let none = || RecordError::NoEpisode(self.row.name.clone(), episode, self.row.episode);
        self.chapters.iter().find(|chapter| chapter.episode == episode).ok_or_else(none)
    }

    /// The last entry of all.
    pub fn head(&self) -> Option<Cid> {
        self.chapters.iter().rev().find_map(Chapter::head)
    }
}
