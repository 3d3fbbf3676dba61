//! An account as a chain hands it out: cheap to clone, its data shared and never copied. Not here: what the data means.

use solana_account::{AccountSharedData, ReadableAccount};
use solana_sdk::pubkey::Pubkey;
use std::{fmt, ops::Deref, sync::Arc};

/// The part of an account's data that is wanted, in bytes. It is clipped to the data as RPC's `dataSlice` is: an offset
/// past the end gives no bytes, a length that is too long gives what there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slice {
    /// First byte.
    pub offset: u64,
    /// Number of bytes.
    pub length: u64,
}

/// An account, or the wanted slice of it. A clone shares the data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Balance in lamports.
    pub lamports: u64,
    /// The program that owns the account.
    pub owner: Pubkey,
    /// Whether the account is a program.
    pub executable: bool,
    /// The epoch when rent is next due; `u64::MAX` for a rent-exempt account.
    pub rent_epoch: u64,
    /// The account's data, or the slice that was asked for.
    pub data: Data,
}

impl Account {
    /// The same account with its data clipped to `slice`; the bytes stay shared.
    pub fn sliced(mut self, slice: Option<Slice>) -> Self {
        if let Some(slice) = slice {
            self.data = self.data.slice(slice);
        }
        self
    }
}

impl From<&AccountSharedData> for Account {
    fn from(account: &AccountSharedData) -> Self {
        Self {
            lamports: account.lamports(),
            owner: *account.owner(),
            executable: account.executable(),
            rent_epoch: account.rent_epoch(),
            data: Data::from(account.data_clone()),
        }
    }
}

impl From<solana_account::Account> for Account {
    fn from(account: solana_account::Account) -> Self {
        Self {
            lamports: account.lamports,
            owner: account.owner,
            executable: account.executable,
            rent_epoch: account.rent_epoch,
            data: Data::from(account.data),
        }
    }
}

impl From<&Account> for solana_account::Account {
    fn from(account: &Account) -> Self {
        Self {
            lamports: account.lamports,
            data: account.data.to_vec(),
            owner: account.owner,
            executable: account.executable,
            rent_epoch: account.rent_epoch,
        }
    }
}

/// Bytes of an account, shared: a clone or a slice copies nothing.
#[derive(Clone)]
pub struct Data {
    bytes: Arc<Vec<u8>>,
    // Invariant: start <= end <= bytes.len().
    start: usize,
    end: usize,
}

impl Data {
    /// These bytes clipped to `slice`, which counts from the start of these bytes.
    pub fn slice(&self, slice: Slice) -> Self {
        let offset = usize::try_from(slice.offset).unwrap_or(usize::MAX);
        let length = usize::try_from(slice.length).unwrap_or(usize::MAX);
        let start = self.start.saturating_add(offset).min(self.end);
        let end = start.saturating_add(length).min(self.end);
        Self { bytes: Arc::clone(&self.bytes), start, end }
    }
}

impl Deref for Data {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }
}

impl AsRef<[u8]> for Data {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl From<Arc<Vec<u8>>> for Data {
    fn from(bytes: Arc<Vec<u8>>) -> Self {
        let end = bytes.len();
        Self { bytes, start: 0, end }
    }
}

impl From<Vec<u8>> for Data {
    fn from(bytes: Vec<u8>) -> Self {
        Arc::new(bytes).into()
    }
}

impl PartialEq for Data {
    fn eq(&self, other: &Self) -> bool {
        // The same bytes, shared, need no comparing.
        let same = Arc::ptr_eq(&self.bytes, &other.bytes);
        (same && self.start == other.start && self.end == other.end) || **self == **other
    }
}

impl Eq for Data {}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_slice_is_clipped_and_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..40), offset in any::<u64>(), length in any::<u64>()) {
            let small = Slice { offset: offset % 50, length: length % 50 };
            for slice in [Slice { offset, length }, small] {
                let data = Data::from(bytes.clone()).slice(slice);
                let wanted: Vec<u8> = bytes
                    .iter()
                    .copied()
                    .skip(usize::try_from(slice.offset).unwrap_or(usize::MAX))
                    .take(usize::try_from(slice.length).unwrap_or(usize::MAX))
                    .collect();
                prop_assert_eq!(&*data, wanted.as_slice());
            }
        }

        #[test]
        fn a_slice_of_a_slice_counts_from_the_first_one(a in 0u64..20, b in 0u64..20, c in 0u64..20, d in 0u64..20) {
            let bytes: Vec<u8> = (0..16).collect();
            let first = Data::from(bytes).slice(Slice { offset: a, length: b });
            let copied = Data::from(first.to_vec());
            let slice = Slice { offset: c, length: d };
            prop_assert_eq!(first.slice(slice), copied.slice(slice));
        }
    }
}
