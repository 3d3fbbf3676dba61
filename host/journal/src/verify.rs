//! Checking a chain of entries: does each name the one before it, and do they end at the head that was promised?

use crate::{Block, name::Digest};
use cid::Cid;

/// The first thing that is wrong with a chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The bytes at this place are not an entry.
    #[error("entry {0} cannot be read: {1}")]
    Unreadable(u64, String),
    /// The entry at this place was changed, by the checksum beside it.
    #[error("entry {0} is not what was written")]
    Changed(u64),
    /// The entry at this place does not follow the one before it.
    #[error("entry {0} does not follow the entry before it: one of the two was changed, removed or moved")]
    Broken(u64),
    /// A large value of this entry is missing or was changed.
    #[error("entry {0} names the large value {1}, which is missing or was changed")]
    Large(u64, String),
    /// What stands beside the entry for queries is not what is in it.
    #[error("entry {0} is indexed under a {1} that is not its own")]
    Column(u64, &'static str),
    /// The row of the instance was changed, so nothing says where the journal ends.
    #[error("{0}, so nothing says where its journal ends")]
    Row(String),
    /// The journal is shorter or longer than its row says.
    #[error("the journal ends after {found} entries, and its row promises {promised}")]
    Length {
        /// By the row.
        promised: u64,
        /// Found.
        found: u64,
    },
    /// The chain ends elsewhere than promised.
    #[error("the chain ends at {found}, not at the head {head}")]
    Head {
        /// Promised.
        head: String,
        /// Found.
        found: String,
    },
}

impl Fault {
    /// The number of the first bad entry.
    pub fn entry(&self) -> Option<u64> {
        match self {
            Fault::Unreadable(n, _)
            | Fault::Changed(n)
            | Fault::Broken(n)
            | Fault::Large(n, _)
            | Fault::Column(n, _) => Some(*n),
            Fault::Length { promised, found } => Some(*found.min(promised)),
            Fault::Head { .. } | Fault::Row(_) => None,
        }
    }
}

/// Checks that `blocks` are one chain that ends at `head`, with all their large values.
///
/// # Errors
/// The first [`Fault`].
pub fn verify(blocks: &[Block], head: Option<Cid>) -> Result<(), Fault> {
    let mut before: Option<Digest> = None;
    for (place, block) in (0u64..).zip(blocks) {
        follows(place, before, block)?;
        before = Some(block.digest);
    }
    ends(blocks.last(), head)
}

/// Checks one entry of a chain: its place, the one before it, its large values. A [`Block`] computed its own name, so there is
/// nothing to compare it with.
pub(crate) fn follows(place: u64, before: Option<Digest>, block: &Block) -> Result<(), Fault> {
    if block.prev != before || block.seq() != place {
        return Err(Fault::Broken(place));
    }
    for name in block.named() {
        if !block.large.iter().any(|large| large.digest == name) {
            return Err(Fault::Large(place, crate::name::raw(&name).to_string()));
        }
    }
    Ok(())
}

pub(crate) fn ends(last: Option<&Block>, head: Option<Cid>) -> Result<(), Fault> {
    let found = last.map(Block::cid);
    if found == head {
        return Ok(());
    }
    let say = |cid: Option<Cid>| cid.map_or_else(|| "nothing".to_owned(), |c| c.to_string());
    Err(Fault::Head { head: say(head), found: say(found) })
}
