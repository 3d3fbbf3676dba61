//! What an account must hold to be exempt from rent, as the chain's rent sysvar says.

use crate::account;
use crate::error::FlowError;
use crate::programs::sysvar;

/// What an account costs besides its data, in bytes.
const OVERHEAD: u64 = 128;

/// The lamports that an account with so many bytes of data must hold.
pub fn exempt_minimum(data_len: u64) -> Result<u64, FlowError> {
    let rent =
        account::get(sysvar::RENT)?.ok_or_else(|| FlowError::other("no-rent", "the chain has no rent sysvar"))?;
    minimum(&rent.data, data_len)
        .ok_or_else(|| FlowError::other("bad-rent", "the chain's rent sysvar has another layout"))
}

/// From the sysvar's data: lamports per byte and year, and the years to pay for (a float, as the chain has it).
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
fn minimum(rent: &[u8], data_len: u64) -> Option<u64> {
    let (per_byte_year, rest) = rent.split_first_chunk::<8>()?;
    let years = f64::from_le_bytes(*rest.first_chunk::<8>()?);
    let a_year = OVERHEAD.checked_add(data_len)?.checked_mul(u64::from_le_bytes(*per_byte_year))?;
    // The same arithmetic as the chain's; a cast from float saturates and never panics.
    Some((a_year as f64 * years) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_minimum_is_the_clusters_own() {
        let mut rent = 3480u64.to_le_bytes().to_vec();
        rent.extend(2.0f64.to_le_bytes());
        rent.push(50);
        assert_eq!(minimum(&rent, 0), Some(890_880));
        assert_eq!(minimum(&rent, 165), Some(2_039_280));
        assert_eq!(minimum(&rent, 200), Some(2_282_880));
    }

    #[test]
    fn another_layout_gives_none() {
        assert_eq!(minimum(&[0; 15], 0), None);
        assert_eq!(minimum(&[0xff; 17], u64::MAX), None);
    }
}
