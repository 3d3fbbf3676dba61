//! Names of blocks: CIDs of version 1 over sha2-256. Inside, a block is named by its digest alone, which is a third as long.

use cid::{Cid, multihash::Multihash};
use sha2::{Digest as _, Sha256};

/// A sha2-256 digest.
pub(crate) type Digest = [u8; 32];

/// The multicodec of DAG-CBOR: entries.
pub(crate) const DAG_CBOR: u64 = 0x71;
/// The multicodec of bytes as they are: large values.
pub(crate) const RAW: u64 = 0x55;
/// The multihash code of sha2-256.
const SHA2_256: u64 = 0x12;

pub(crate) fn digest(bytes: &[u8]) -> Digest {
    Sha256::digest(bytes).into()
}

/// The name of an entry.
pub(crate) fn entry(digest: &Digest) -> Cid {
    of(DAG_CBOR, digest)
}

/// The name of a large value.
pub(crate) fn raw(digest: &Digest) -> Cid {
    of(RAW, digest)
}

fn of(codec: u64, digest: &Digest) -> Cid {
    // 32 bytes always fit into a multihash of at most 64.
    Cid::new_v1(codec, Multihash::wrap(SHA2_256, digest).unwrap_or_default())
}

/// The digest behind a name of ours, if it is one of this codec.
pub(crate) fn read(cid: &Cid, codec: u64) -> Option<Digest> {
    let ours = cid.version() == cid::Version::V1 && cid.codec() == codec && cid.hash().code() == SHA2_256;
    ours.then(|| cid.hash().digest().try_into().ok()).flatten()
}
