//! Checking a chain of entries: does each name the one before it, and do they end at the head that was promised?

use crate::entry::{Block, Decoded};
use cid::Cid;
use serde::de::IgnoredAny;

/// The first thing that is wrong with a chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The bytes at this place are not an entry.
    #[error("entry {0} cannot be read: {1}")]
    Unreadable(u64, String),
    /// The entry at this place does not follow the one before it.
    #[error("entry {0} does not follow the entry before it: one of the two was changed, removed or moved")]
    Broken(u64),
    /// The chain ends elsewhere than promised.
    #[error("the chain ends at {found}, not at the head {head}")]
    Head {
        /// Promised.
        head: String,
        /// Found.
        found: String,
    },
}

/// Checks that `blocks` are one chain that ends at `head`.
///
/// # Errors
/// The first [`Fault`].
pub fn verify(blocks: &[Block], head: Option<Cid>) -> Result<(), Fault> {
    let mut before: Option<Cid> = None;
    for (place, block) in (0u64..).zip(blocks) {
        let entry: Decoded<IgnoredAny> = block.decode().map_err(|e| Fault::Unreadable(place, e.to_string()))?;
        if entry.prev != before || entry.seq != place {
            return Err(Fault::Broken(place));
        }
        before = Some(block.cid());
    }
    if before == head {
        return Ok(());
    }
    let say = |cid: Option<Cid>| cid.map_or_else(|| "nothing".to_owned(), |c| c.to_string());
    Err(Fault::Head { head: say(head), found: say(before) })
}
