//! Large values: a byte string of [`LARGE`] bytes or more inside an entry is a block of its own (codec raw, sha2-256), named
//! in its place by a link, so that it is stored once however often it is read. This is done to the encoded entry, so no record
//! has to know of it; for the same reason a record must not hold raw links of its own.

use crate::{
    Cid,
    cbor::{self, BYTES, LINK, Reader, TAG, TEXT},
    entry::EntryError,
    name::{self, Digest},
};
use memchr::memmem::Finder;
use std::sync::{Arc, LazyLock};

/// From this length on a byte string is a block of its own.
pub const LARGE: usize = 4096;

/// What stands before the digest of a link to a large value: tag 42, a byte string of 37, the identity prefix of CIDs in
/// DAG-CBOR, version 1, codec raw, sha2-256, 32 bytes.
const MARK: [u8; 9] = [0xd8, 0x2a, 0x58, 0x25, 0x00, 0x01, 0x55, 0x12, 0x20];

/// Whether the mark may be somewhere in there.
fn marked(body: &[u8]) -> bool {
    static MARKED: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(&MARK));
    MARKED.find(body).is_some()
}

/// A large value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Large {
    pub(crate) digest: Digest,
    pub(crate) bytes: Arc<[u8]>,
}

impl Large {
    pub(crate) fn new(bytes: &[u8]) -> Large {
        Large { digest: name::digest(bytes), bytes: bytes.into() }
    }

    /// Its name.
    pub fn cid(&self) -> Cid {
        name::raw(&self.digest)
    }

    /// The value.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// A body without its large values, and those.
pub(crate) type Split = (Vec<u8>, Vec<Large>);

/// Takes the large values out of an encoded body.
///
/// # Errors
/// [`EntryError::Encode`] where the body holds a link of this kind already.
pub(crate) fn split(body: &[u8]) -> Result<Option<Split>, EntryError> {
    if body.len() < LARGE && !marked(body) {
        return Ok(None);
    }
    let (mut out, mut large) = (Vec::with_capacity(1024), Vec::new());
    let mut kept = body;
    let walked = items(body, |item| {
        match item {
            Item::Link(_) => return Err(EntryError::Encode("a record must not hold raw links of its own".to_owned())),
            Item::Bytes { head, bytes, rest } if bytes.len() >= LARGE => {
                // All up to here as it is, then the link.
                out.extend(kept.get(..kept.len().saturating_sub(head.len())).unwrap_or_default());
                let value = Large::new(bytes);
                out.extend(MARK);
                out.extend(value.digest);
                large.push(value);
                kept = rest;
            }
            Item::Bytes { .. } => {}
        }
        Ok(())
    })?;
    if walked.is_none() {
        return Err(EntryError::Encode("the record is not DAG-CBOR".to_owned()));
    }
    if large.is_empty() {
        return Ok(None);
    }
    out.extend(kept);
    Ok(Some((out, large)))
}

/// The large values that a body names, in order, as often as it names them.
pub(crate) fn named(body: &[u8]) -> Option<Vec<Digest>> {
    let mut all = Vec::new();
    if marked(body) {
        let walked: Result<_, std::convert::Infallible> = items(body, |item| {
            if let Item::Link(digest) = item {
                all.push(digest);
            }
            Ok(())
        });
        let Ok(walked) = walked;
        walked?;
    }
    Some(all)
}

/// Puts the large values back into a body.
pub(crate) fn join(body: &[u8], large: &[Large]) -> Result<Option<Vec<u8>>, EntryError> {
    let names = named(body).ok_or_else(|| EntryError::Decode("its body is not DAG-CBOR".to_owned()))?;
    if names.is_empty() {
        return Ok(None);
    }
    let mut out = Vec::with_capacity(body.len().saturating_add(large.iter().map(|l| l.bytes.len()).sum()));
    let mut rest = Reader(body);
    let broken = || EntryError::Decode("its body is not DAG-CBOR".to_owned());
    while !rest.0.is_empty() {
        let before = rest.0;
        let head = rest.head().ok_or_else(broken)?;
        match (head.major, link(before)) {
            (TAG, Some(digest)) if head.argument == LINK => {
                let missing = || EntryError::Missing(name::raw(&digest).to_string());
                let value = large.iter().find(|l| l.digest == digest).ok_or_else(missing)?;
                cbor::put(BYTES, value.bytes.len().try_into().unwrap_or(u64::MAX), &mut out);
                out.extend(&*value.bytes);
                rest.take(LINKED).ok_or_else(broken)?;
            }
            (major, _) => {
                if major == BYTES || major == TEXT {
                    rest.take(head.argument).ok_or_else(broken)?;
                }
                let length = before.len().saturating_sub(rest.0.len());
                out.extend(before.get(..length).unwrap_or_default());
            }
        }
    }
    Ok(Some(out))
}

/// The bytes of a link behind its tag.
const LINKED: u64 = 39;

fn link(at: &[u8]) -> Option<Digest> {
    at.strip_prefix(&MARK)?.first_chunk::<32>().copied()
}

enum Item<'a> {
    Bytes { head: &'a [u8], bytes: &'a [u8], rest: &'a [u8] },
    Link(Digest),
}

/// Visits the byte strings and the links to large values. None where the bytes are not DAG-CBOR.
///
/// Nesting needs no care: what is in a list or map stands behind its head.
fn items<'a, E>(body: &'a [u8], mut each: impl FnMut(Item<'a>) -> Result<(), E>) -> Result<Option<()>, E> {
    let mut rest = Reader(body);
    while !rest.0.is_empty() {
        let before = rest.0;
        let Some(head) = rest.head() else { return Ok(None) };
        match head.major {
            TAG if head.argument == LINK => {
                if let Some(digest) = link(before) {
                    each(Item::Link(digest))?;
                }
            }
            BYTES | TEXT => {
                // From the head on: that is what is left out where the value is taken out.
                let Some(bytes) = rest.take(head.argument) else { return Ok(None) };
                if head.major == BYTES {
                    each(Item::Bytes { head: before, bytes, rest: rest.0 })?;
                }
            }
            _ => {}
        }
    }
    Ok(Some(()))
}
