//! What a parked instance waits for, and its bytes in the store. Here are no clocks and no accounts: what a condition means
//! is said in `conditions.rs`.

use bincode::Options;
use serde::{Deserialize, Serialize};
use valence_door::{Condition, Deadline, Few};

/// The first byte of the encoding. Bytes of another version are refused; whoever meets them replays the instance, whose
/// journal says the same.
const VERSION: u8 = 1;

/// What an instance waits for: any of the conditions, or the deadline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Waits {
    /// The first that holds wakes.
    pub any_of: Few<Condition>,
    /// The latest moment to wait for.
    pub deadline: Option<Deadline>,
}

/// Bytes that say no [`Waits`].
#[derive(Debug, thiserror::Error)]
#[error("what the instance waits for cannot be read from its row: {0}; it can be read from its journal")]
pub struct WaitsError(String);

impl Waits {
    /// From the arguments of a wait.
    pub fn new(any_of: &[Condition], deadline: Option<&Deadline>) -> Self {
        Waits { any_of: any_of.iter().cloned().collect(), deadline: deadline.cloned() }
    }

    /// A version byte, then bincode with variable-length integers: some 45 bytes for one condition and a deadline.
    ///
    /// # Errors
    /// [`WaitsError`] where memory is short.
    pub fn to_bytes(&self) -> Result<Vec<u8>, WaitsError> {
        let mut bytes = vec![VERSION];
        format().serialize_into(&mut bytes, self).map_err(|e| WaitsError(e.to_string()))?;
        Ok(bytes)
    }

    /// The inverse of [`Waits::to_bytes`].
    ///
    /// # Errors
    /// [`WaitsError`] where these bytes are of another version, cut or damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WaitsError> {
        match bytes.split_first() {
            Some((&VERSION, rest)) => format().deserialize(rest).map_err(|e| WaitsError(e.to_string())),
            Some((other, _)) => Err(WaitsError(format!("version {other} is not version {VERSION}"))),
            None => Err(WaitsError("it is empty".to_owned())),
        }
    }
}

fn format() -> impl Options {
    bincode::options()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use valence_door::{Bytes, Key};

    fn all() -> Waits {
        let key = Key([7; 32]);
        let any_of = [
            Condition::AccountExists(key),
            Condition::DataEquals { key, offset: u64::MAX, data: Bytes::from(vec![1, 2, 3]) },
            Condition::LamportsAbove { key, lamports: 5 },
            Condition::LamportsBelow { key, lamports: u64::MAX },
            Condition::TokenAmountAbove { key, amount: 0 },
            Condition::TokenAmountBelow { key, amount: 1 << 40 },
            Condition::ChangedSince { key, slot: 9 },
            Condition::SlotReached(1000),
            Condition::TimeReached(-1),
        ];
        Waits::new(&any_of, Some(&Deadline::Time(i64::MIN)))
    }

    #[test]
    fn every_condition_is_read_back_as_it_was_written() {
        for waits in [all(), Waits::new(&[], Some(&Deadline::Slot(3))), Waits::new(&[], None)] {
            assert_eq!(Waits::from_bytes(&waits.to_bytes().unwrap()).unwrap(), waits);
        }
    }

    #[test]
    fn the_bytes_of_version_one_stay_readable() {
        let waits =
            Waits::new(&[Condition::LamportsAbove { key: Key([7; 32]), lamports: 300 }], Some(&Deadline::Slot(9)));
        let mut bytes = vec![1, 1, 2, 32];
        bytes.extend([7; 32]);
        bytes.extend([251, 44, 1, 1, 0, 9]);
        assert_eq!(waits.to_bytes().unwrap(), bytes);
    }

    #[test]
    fn cut_longer_and_foreign_bytes_are_errors_that_say_where_else_to_look() {
        let bytes = all().to_bytes().unwrap();
        for length in 0..bytes.len() {
            let error = Waits::from_bytes(&bytes[..length]).unwrap_err().to_string();
            assert!(error.ends_with("it can be read from its journal"), "{error}");
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert!(Waits::from_bytes(&longer).is_err());
        let mut foreign = bytes;
        foreign[0] = 2;
        assert!(Waits::from_bytes(&foreign).unwrap_err().to_string().contains("version 2 is not version 1"));
        // A length that no memory holds is refused before anything is allocated.
        assert!(Waits::from_bytes(&[1, 253, 255, 255, 255, 255, 255, 255, 255, 127]).is_err());
    }
}
