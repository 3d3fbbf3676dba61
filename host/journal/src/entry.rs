//! One entry as a block: its fields, its encoding, its name. The format is version 1 of SPEC.md.

use crate::{
    Record,
    cbor::{self, LINK, LIST, Reader, TAG, UNSIGNED},
    large::{self, Large},
    name::{self, Digest},
};
use cid::Cid;
use serde::{Serialize, de::DeserializeOwned};
use std::borrow::Cow;

/// The version of the format that is written.
pub const VERSION: u64 = 1;
/// Fields of an entry.
const FIELDS: u64 = 8;
/// What stands before the digest in the link to the entry before: tag 42, and the name as a byte string.
const PREV: [u8; 9] = [0xd8, 0x2a, 0x58, 0x25, 0x00, 0x01, 0x71, 0x12, 0x20];

/// Why an entry cannot be written or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// The record has something that DAG-CBOR cannot say.
    #[error("a journal entry cannot be encoded: {0}")]
    Encode(String),
    /// The bytes are not an entry.
    #[error("these bytes are not a journal entry: {0}")]
    Decode(String),
    /// The entry is of a version that this build does not know.
    #[error(
        "this journal entry is of version {0}, and this build reads version {VERSION} at most; use a newer valence"
    )]
    Newer(u64),
    /// A large value of the entry is not there.
    #[error("the large value {0} of a journal entry is missing")]
    Missing(String),
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
    /// What it is about, in the record's words.
    pub key: Option<String>,
    /// The slot at which it was appended.
    pub slot: u64,
    /// The chain's time then, in seconds since 1970.
    pub time: i64,
    /// The record.
    pub body: R,
}

/// An encoded entry with its name and its large values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    pub(crate) digest: Digest,
    pub(crate) prev: Option<Digest>,
    seq: u64,
    kind: Cow<'static, str>,
    key: Option<Box<str>>,
    stamp: Stamp,
    /// Where the body begins.
    body: usize,
    bytes: Vec<u8>,
    pub(crate) large: Vec<Large>,
}

/// What the next entry says of this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub digest: Digest,
    pub seq: u64,
}

impl Block {
    pub(crate) fn link(&self) -> Link {
        Link { digest: self.digest, seq: self.seq }
    }

    pub(crate) fn encode<R: Record>(before: Option<Link>, stamp: Stamp, record: &R) -> Result<Block, EntryError> {
        let (kind, key) = (record.kind(), record.key());
        let seq = before.map_or(0, |b| b.seq.saturating_add(1));
        let prev = before.map(|b| b.digest);
        let mut bytes = Vec::with_capacity(384);
        cbor::put(LIST, FIELDS, &mut bytes);
        cbor::put(UNSIGNED, VERSION, &mut bytes);
        match &prev {
            Some(prev) => {
                bytes.extend(PREV);
                bytes.extend(prev);
            }
            None => cbor::put_null(&mut bytes),
        }
        cbor::put(UNSIGNED, seq, &mut bytes);
        cbor::put_text(Some(kind), &mut bytes);
        cbor::put_text(key.as_deref(), &mut bytes);
        cbor::put(UNSIGNED, stamp.slot, &mut bytes);
        cbor::put_signed(stamp.time, &mut bytes);
        let key = key.map(|key| Box::from(&*key));
        let body = bytes.len();
        write(&mut bytes, record)?;
        let mut large = Vec::new();
        if let Some((short, taken)) = large::split(bytes.get(body..).unwrap_or_default())? {
            bytes.truncate(body);
            bytes.extend(short);
            large = taken;
        }
        Ok(Block { digest: name::digest(&bytes), prev, seq, kind: kind.into(), key, stamp, body, bytes, large })
    }

    /// A block from bytes that somebody else kept; its name is computed, so it cannot lie about it. It has no large values yet:
    /// [`Block::names`] tells which it needs, [`Block::with_large`] takes them.
    ///
    /// # Errors
    /// [`EntryError::Decode`] where the bytes are not an entry, [`EntryError::Newer`] where they are one of a later version.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Block, EntryError> {
        let mut reader = Reader(&bytes);
        let broken = |what: &str| EntryError::Decode(what.to_owned());
        if reader.list() != Some(FIELDS) {
            return Err(broken("it is no list of eight fields"));
        }
        let version = reader.unsigned().ok_or_else(|| broken("it has no version"))?;
        if version > VERSION {
            return Err(EntryError::Newer(version));
        }
        let prev =
            if reader.null() { None } else { Some(prev(&mut reader).ok_or_else(|| broken("its prev is no link"))?) };
        let seq = reader.unsigned().ok_or_else(|| broken("it has no seq"))?;
        let kind = reader.text().ok_or_else(|| broken("it has no kind"))?.to_owned();
        let key =
            if reader.null() { None } else { Some(reader.text().ok_or_else(|| broken("its key is no text"))?.into()) };
        let slot = reader.unsigned().ok_or_else(|| broken("it has no slot"))?;
        let time = reader.signed().ok_or_else(|| broken("it has no time"))?;
        let body = bytes.len().saturating_sub(reader.0.len());
        if reader.skip().is_none() || !reader.0.is_empty() {
            return Err(broken("its body is not one DAG-CBOR item"));
        }
        let digest = name::digest(&bytes);
        let (kind, stamp) = (kind.into(), Stamp { slot, time });
        Ok(Block { digest, prev, seq, kind, key, stamp, body, bytes, large: Vec::new() })
    }

    /// The large values that the entry names.
    pub fn names(&self) -> Vec<Cid> {
        self.named().iter().map(name::raw).collect()
    }

    pub(crate) fn named(&self) -> Vec<Digest> {
        // The body is DAG-CBOR: it was written by us or checked when it was read.
        large::named(self.raw_body()).unwrap_or_default()
    }

    /// The same block with its large values, which may be in any order.
    pub fn with_large(mut self, large: Vec<Large>) -> Block {
        self.large = large;
        self
    }

    /// The block's name.
    pub fn cid(&self) -> Cid {
        name::entry(&self.digest)
    }

    /// The entry before it.
    pub fn prev(&self) -> Option<Cid> {
        self.prev.as_ref().map(name::entry)
    }

    /// Its number, from 0.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Its kind.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// What it is about.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// When it was appended.
    pub fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// The block.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its large values.
    pub fn large(&self) -> &[Large] {
        &self.large
    }

    fn raw_body(&self) -> &[u8] {
        self.bytes.get(self.body..).unwrap_or_default()
    }

    /// Reads the record back.
    ///
    /// # Errors
    /// [`EntryError::Decode`] where it is of another shape, [`EntryError::Missing`] where a large value is not there.
    pub fn body<R: DeserializeOwned>(&self) -> Result<R, EntryError> {
        match large::join(self.raw_body(), &self.large)? {
            Some(whole) => read(&whole),
            None => read(self.raw_body()),
        }
    }

    /// Reads the entry back.
    ///
    /// # Errors
    /// As [`Block::body`].
    pub fn decode<R: DeserializeOwned>(&self) -> Result<Decoded<R>, EntryError> {
        Ok(Decoded {
            prev: self.prev(),
            seq: self.seq,
            kind: self.kind.clone().into_owned(),
            key: self.key.as_deref().map(str::to_owned),
            slot: self.stamp.slot,
            time: self.stamp.time,
            body: self.body()?,
        })
    }
}

fn write<R: Serialize>(bytes: &mut Vec<u8>, record: &R) -> Result<(), EntryError> {
    serde_ipld_dagcbor::to_writer(bytes, record).map_err(|e| EntryError::Encode(e.to_string()))
}

fn read<R: DeserializeOwned>(body: &[u8]) -> Result<R, EntryError> {
    serde_ipld_dagcbor::from_slice(body).map_err(|e| EntryError::Decode(e.to_string()))
}

fn prev(reader: &mut Reader<'_>) -> Option<Digest> {
    let before = reader.0;
    let tag = reader.head()?;
    reader.bytes()?;
    let digest = before.strip_prefix(&PREV)?.first_chunk::<32>().copied()?;
    (tag.major == TAG && tag.argument == LINK).then_some(digest)
}
