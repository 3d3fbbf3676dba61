//! One entry as a block: its fields, its encoding, its name.
//!
//! A block is a DAG-CBOR list: `prev` (a link to the entry before it, or null), `seq` (its number, from 0), `kind` (text), `slot`
//! (of the chain), `time` (seconds since 1970, of the chain) and `body` (whatever was appended). A list, because the keys of
//! a map would have to be sorted for every entry.

use cid::{Cid, multihash::Multihash};
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

/// The multicodec of DAG-CBOR.
const DAG_CBOR: u64 = 0x71;
/// The multihash code of sha2-256.
const SHA2_256: u64 = 0x12;

/// Why an entry cannot be written or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// The record has something that DAG-CBOR cannot say.
    #[error("a journal entry cannot be encoded: {0}")]
    Encode(String),
    /// The bytes are not an entry.
    #[error("these bytes are not a journal entry: {0}")]
    Decode(String),
}

/// When an entry was appended, by the chain's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// The slot.
    pub slot: u64,
    /// Seconds since 1970.
    pub time: i64,
}

/// An entry read back.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded<R> {
    /// The entry before it.
    pub prev: Option<Cid>,
    /// Its number, from 0.
    pub seq: u64,
    /// Its kind.
    pub kind: String,
    /// The slot at which it was appended.
    pub slot: u64,
    /// The chain's time then, in seconds since 1970.
    pub time: i64,
    /// The record.
    pub body: R,
}

impl<'de, R: Deserialize<'de>> Deserialize<'de> for Decoded<R> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let (prev, seq, kind, slot, time, body) = Deserialize::deserialize(d)?;
        Ok(Decoded { prev, seq, kind, slot, time, body })
    }
}

/// An encoded entry with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    cid: Cid,
    seq: u64,
    bytes: Vec<u8>,
}

/// What the next entry says of this one.
#[derive(Clone, Copy)]
pub(crate) struct Link {
    cid: Cid,
    seq: u64,
}

impl Block {
    pub(crate) fn link(&self) -> Link {
        Link { cid: self.cid, seq: self.seq }
    }

    pub(crate) fn encode<R: Serialize>(
        before: Option<Link>,
        stamp: Stamp,
        kind: &str,
        body: &R,
    ) -> Result<Block, EntryError> {
        let seq = before.map_or(0, |b| b.seq.saturating_add(1));
        let wire = (before.map(|b| b.cid), seq, kind, stamp.slot, stamp.time, body);
        let bytes = serde_ipld_dagcbor::to_vec(&wire).map_err(|e| EntryError::Encode(e.to_string()))?;
        Ok(Block { cid: name(&bytes)?, seq, bytes })
    }

    /// A block from bytes that somebody else kept; its name is computed, so it cannot lie about it.
    ///
    /// # Errors
    /// [`EntryError::Decode`] where the bytes are not an entry.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Block, EntryError> {
        let head: Decoded<serde::de::IgnoredAny> = decode(&bytes)?;
        Ok(Block { cid: name(&bytes)?, seq: head.seq, bytes })
    }

    /// The block's name.
    pub fn cid(&self) -> Cid {
        self.cid
    }

    /// The block.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Reads the entry back.
    ///
    /// # Errors
    /// [`EntryError::Decode`] where the record is of another shape.
    pub fn decode<R: DeserializeOwned>(&self) -> Result<Decoded<R>, EntryError> {
        decode(&self.bytes)
    }
}

fn decode<R: DeserializeOwned>(bytes: &[u8]) -> Result<Decoded<R>, EntryError> {
    serde_ipld_dagcbor::from_slice(bytes).map_err(|e| EntryError::Decode(e.to_string()))
}

fn name(bytes: &[u8]) -> Result<Cid, EntryError> {
    let digest = Sha256::digest(bytes);
    let hash = Multihash::wrap(SHA2_256, &digest).map_err(|e| EntryError::Encode(e.to_string()))?;
    Ok(Cid::new_v1(DAG_CBOR, hash))
}
