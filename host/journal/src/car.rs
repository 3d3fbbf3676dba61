//! A journal as a CAR file (version 1), which IPFS tools read: the roots are the head, then come all entries, episode after episode,
//! each behind its large values where they were not told before.

use crate::{Block, Cid, Fault, JournalId, Large, Store, StoreError, name, verify};
use ipld_core::ipld::Ipld;
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    io::{self, Read, Write},
};

/// Why a CAR file cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum CarError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file.
    #[error("the CAR file cannot be read or written: {0}")]
    Io(#[from] io::Error),
    /// Nothing to write.
    #[error("instance {0} has no entries: they were pruned, or there never were any")]
    Empty(u64),
    /// The journal.
    #[error("episode {episode} is damaged: {fault}")]
    Fault {
        /// Where.
        episode: u32,
        /// What.
        fault: Fault,
    },
    /// The bytes.
    #[error("this is not a CAR file of a journal: {0}")]
    Malformed(String),
}

fn malformed(what: impl Into<String>) -> CarError {
    CarError::Malformed(what.into())
}

/// Writes the journal of an instance, all its episodes, and gives its head.
///
/// # Errors
/// [`CarError`]: nothing is written of a journal that does not verify.
pub fn export(store: &dyn Store, instance: u64, to: &mut dyn Write) -> Result<Cid, CarError> {
    let row = store.instance(instance)?.ok_or(StoreError::NoSuchInstance(instance))?;
    let load = |episode| {
        let loaded = store.load(JournalId { instance, episode })?;
        loaded.damage.map_or(Ok(loaded.blocks), |fault| Err(CarError::Fault { episode, fault }))
    };
    // Twice, for the root comes first and one episode is all that is kept in memory.
    let mut head = None;
    for episode in 0..=row.episode {
        head = load(episode)?.last().map(Block::cid).or(head);
    }
    let head = head.ok_or(CarError::Empty(instance))?;
    let header = BTreeMap::from([
        ("roots".to_owned(), Ipld::List(vec![Ipld::Link(head)])),
        ("version".to_owned(), Ipld::Integer(1)),
    ]);
    let header = serde_ipld_dagcbor::to_vec(&Ipld::Map(header)).map_err(|e| malformed(e.to_string()))?;
    section(to, &[&header])?;
    let mut told = HashSet::new();
    for episode in 0..=row.episode {
        for block in load(episode)? {
            for large in block.large() {
                if told.insert(large.digest) {
                    section(to, &[&large.cid().to_bytes(), large.bytes()])?;
                }
            }
            section(to, &[&block.cid().to_bytes(), block.bytes()])?;
        }
    }
    Ok(head)
}

fn section(to: &mut dyn Write, parts: &[&[u8]]) -> io::Result<()> {
    let length = parts.iter().map(|part| part.len()).sum();
    to.write_all(unsigned_varint::encode::usize(length, &mut unsigned_varint::encode::usize_buffer()))?;
    parts.iter().try_for_each(|part| to.write_all(part))
}

/// A journal read from a CAR file.
#[derive(Clone, Debug, PartialEq)]
pub struct Car {
    /// The heads that the file promises; one, if it is ours.
    pub roots: Vec<Cid>,
    /// The entries of each episode, with their large values.
    pub episodes: Vec<Vec<Block>>,
}

impl Car {
    /// Reads a file. Each block is what its name says, or this is an error; whether they are chains is [`Car::verify`]'s.
    ///
    /// # Errors
    /// [`CarError`].
    pub fn read(mut from: impl Read) -> Result<Car, CarError> {
        let header = take(&mut from)?.ok_or_else(|| malformed("it is empty"))?;
        let header = serde_ipld_dagcbor::from_slice(&header).map_err(|e| malformed(e.to_string()))?;
        let Ipld::Map(header) = header else { return Err(malformed("its header is no map")) };
        if header.get("version") != Some(&Ipld::Integer(1)) {
            return Err(malformed("it is not of version 1"));
        }
        let Some(Ipld::List(roots)) = header.get("roots") else { return Err(malformed("it has no roots")) };
        let roots = roots.iter().map(|root| match root {
            Ipld::Link(cid) => Ok(*cid),
            _ => Err(malformed("a root is no link")),
        });
        let roots = roots.collect::<Result<_, _>>()?;
        let (mut large, mut entries) = (HashMap::new(), Vec::new());
        while let Some(section) = take(&mut from)? {
            let mut bytes = section.as_slice();
            let cid = Cid::read_bytes(&mut bytes).map_err(|e| malformed(e.to_string()))?;
            let unlike = || malformed(format!("the block {cid} is not what its name says"));
            if let Some(digest) = name::read(&cid, name::RAW) {
                let value = Large::new(bytes);
                large.insert(digest, Some(value).filter(|value| value.digest == digest).ok_or_else(unlike)?);
            } else if name::read(&cid, name::DAG_CBOR).is_some() {
                let block = Block::from_bytes(bytes.to_vec()).map_err(|e| malformed(e.to_string()))?;
                entries.push(Some(block).filter(|block| block.cid() == cid).ok_or_else(unlike)?);
            } else {
                return Err(malformed(format!("the block {cid} is neither an entry nor a large value")));
            }
        }
        let mut episodes: Vec<Vec<Block>> = Vec::new();
        for block in entries {
            let named = block.named().iter().filter_map(|digest| large.get(digest)).cloned().collect();
            let block = block.with_large(named);
            match episodes.last_mut() {
                Some(episode) if block.seq() > 0 => episode.push(block),
                _ => episodes.push(vec![block]),
            }
        }
        Ok(Car { roots, episodes })
    }

    /// The head: the last entry of the last episode.
    pub fn head(&self) -> Option<Cid> {
        self.episodes.last().and_then(|episode| episode.last()).map(Block::cid)
    }

    /// Checks that each episode is a chain with all its large values, and that the last one ends at the root. That an episode
    /// names the head before it is in its first record, which only the runtime reads.
    ///
    /// # Errors
    /// [`CarError::Fault`] with the first bad entry.
    pub fn verify(&self) -> Result<(), CarError> {
        for (episode, blocks) in (0u32..).zip(&self.episodes) {
            let last = self.episodes.len() == usize::try_from(episode).unwrap_or(usize::MAX).saturating_add(1);
            let head = if last { self.roots.first().copied() } else { blocks.last().map(Block::cid) };
            verify(blocks, head).map_err(|fault| CarError::Fault { episode, fault })?;
        }
        if self.episodes.is_empty() { Err(malformed("it has no entries")) } else { Ok(()) }
    }
}

/// The next section, if there is one.
fn take(from: &mut impl Read) -> Result<Option<Vec<u8>>, CarError> {
    let mut first = [0];
    if from.read(&mut first)? == 0 {
        return Ok(None);
    }
    let length =
        unsigned_varint::io::read_u64(first.as_slice().chain(&mut *from)).map_err(|e| malformed(e.to_string()))?;
    let mut bytes = Vec::new();
    // What is not there takes no memory, whatever length it was given.
    from.take(length).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) < length {
        return Err(malformed("it ends in the middle of a block"));
    }
    Ok(Some(bytes))
}
