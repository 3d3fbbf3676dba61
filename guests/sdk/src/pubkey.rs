//! Addresses: base58 text, bytes, and the four words in which the contract carries them.
//!
//! Derivation (program-derived and seed-derived addresses) lives in `address`.

use std::fmt;
use std::str::FromStr;

use crate::types;

const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
/// The longest base58 text of 32 bytes.
const LONGEST: usize = 44;

/// A Solana address: 32 bytes, written in base58.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Pubkey([u8; 32]);

/// Why a text is not an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PubkeyError {
    /// The character at this byte is not one of base58's (it has no `0`, `O`, `I` and `l`).
    NotBase58(usize),
    /// The text is base58 but not of 32 bytes.
    WrongLength,
}

impl fmt::Display for PubkeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotBase58(at) => write!(f, "the character at byte {at} is not base58"),
            Self::WrongLength => f.write_str("it is not 32 bytes long"),
        }
    }
}

impl std::error::Error for PubkeyError {}

/// A [`Pubkey`] from base58 text, checked when the flow is compiled: `pubkey!("11111111111111111111111111111111")`.
#[macro_export]
macro_rules! pubkey {
    ($text:expr) => {
        const { $crate::Pubkey::from_base58_or_fail_to_compile($text) }
    };
}

impl Pubkey {
    /// The address of these bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn to_bytes(self) -> [u8; 32] {
        self.0
    }

    /// The bytes, borrowed.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The address in the first 32 of these bytes; none if there are fewer.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        bytes.first_chunk::<32>().map(|chunk| Self(*chunk))
    }

    /// For [`pubkey!`](crate::pubkey): a text that is no address stops the compiler.
    #[doc(hidden)]
    #[allow(clippy::panic)] // in a const block, a panic is a compile error
    pub const fn from_base58_or_fail_to_compile(text: &str) -> Self {
        match decode(text.as_bytes()) {
            Ok(bytes) => Self(bytes),
            Err(_) => panic!("this text is not a base58 address of 32 bytes"),
        }
    }
}

#[allow(clippy::indexing_slicing)] // every index is bounded by its loop; iterators are not const
#[allow(clippy::cast_possible_truncation)] // the low byte is what is wanted
const fn decode(text: &[u8]) -> Result<[u8; 32], PubkeyError> {
    if text.len() > LONGEST {
        return Err(PubkeyError::WrongLength);
    }
    let mut bytes = [0u8; 32];
    let mut leading_ones = 0;
    let mut at = 0;
    while at < text.len() {
        let mut digit = 0;
        while digit < 58 && ALPHABET[digit] != text[at] {
            digit += 1;
        }
        if digit == 58 {
            return Err(PubkeyError::NotBase58(at));
        }
        if digit == 0 && leading_ones == at {
            leading_ones += 1;
        }
        let mut carry = digit as u32;
        let mut place = 32;
        while place > 0 {
            place -= 1;
            carry += bytes[place] as u32 * 58;
            bytes[place] = carry as u8;
            carry >>= 8;
        }
        if carry != 0 {
            return Err(PubkeyError::WrongLength);
        }
        at += 1;
    }
    // Each leading zero byte is written as one `1`; another count is another length.
    let mut leading_zeros = 0;
    while leading_zeros < 32 && bytes[leading_zeros] == 0 {
        leading_zeros += 1;
    }
    if leading_zeros == leading_ones { Ok(bytes) } else { Err(PubkeyError::WrongLength) }
}

impl fmt::Display for Pubkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Base-58 digits, the least first. Each byte multiplies what is there by 256 and adds itself.
        let mut digits: Vec<u8> = Vec::with_capacity(LONGEST);
        for byte in self.0.iter().skip_while(|byte| **byte == 0) {
            let mut carry = u32::from(*byte);
            for digit in &mut digits {
                carry += u32::from(*digit) * 256;
                *digit = u8::try_from(carry % 58).unwrap_or_default();
                carry /= 58;
            }
            while carry > 0 {
                digits.push(u8::try_from(carry % 58).unwrap_or_default());
                carry /= 58;
            }
        }
        let zeros = self.0.iter().take_while(|byte| **byte == 0).count();
        let mut text = "1".repeat(zeros);
        text.extend(digits.iter().rev().filter_map(|d| ALPHABET.get(usize::from(*d))).map(|c| char::from(*c)));
        f.pad(&text)
    }
}

impl fmt::Debug for Pubkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Pubkey {
    type Err = PubkeyError;

    fn from_str(text: &str) -> Result<Self, PubkeyError> {
        decode(text.as_bytes()).map(Self)
    }
}

impl From<[u8; 32]> for Pubkey {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl From<types::Pubkey> for Pubkey {
    fn from(words: types::Pubkey) -> Self {
        let words = [words.0, words.1, words.2, words.3];
        let mut bytes = [0; 32];
        for (chunk, word) in bytes.chunks_exact_mut(8).zip(words) {
            chunk.copy_from_slice(&word.to_le_bytes());
        }
        Self(bytes)
    }
}

impl From<Pubkey> for types::Pubkey {
    fn from(key: Pubkey) -> Self {
        let mut words =
            key.0.chunks_exact(8).map(|chunk| chunk.first_chunk().map_or(0, |eight| u64::from_le_bytes(*eight)));
        let mut next = || words.next().unwrap_or_default();
        (next(), next(), next(), next())
    }
}

impl AsRef<[u8]> for Pubkey {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::cast_possible_truncation)]
    use super::*;

    #[test]
    fn base58_text_agrees_with_the_solana_crate_both_ways() {
        for n in 0..2000u32 {
            let mut bytes = [0u8; 32];
            for (i, byte) in bytes.iter_mut().enumerate() {
                *byte = (n.wrapping_mul(2_654_435_761).rotate_left(i as u32) >> 3) as u8;
            }
            // Leading zeros are the special case of base58.
            bytes[..(n % 33) as usize].fill(0);
            let theirs = solana_pubkey::Pubkey::new_from_array(bytes);
            let ours = Pubkey::new(bytes);
            assert_eq!(ours.to_string(), theirs.to_string());
            assert_eq!(theirs.to_string().parse::<Pubkey>().unwrap(), ours);
        }
    }

    #[test]
    fn the_four_words_carry_every_byte_in_order() {
        let bytes: [u8; 32] = std::array::from_fn(|i| i as u8);
        let words: types::Pubkey = Pubkey::new(bytes).into();
        assert_eq!(words.0.to_le_bytes(), bytes[..8]);
        assert_eq!(words.3.to_le_bytes(), bytes[24..]);
        assert_eq!(Pubkey::from(words).to_bytes(), bytes);
    }

    #[test]
    fn a_text_that_is_no_address_is_refused_with_the_reason() {
        let parse = |text: &str| text.parse::<Pubkey>();
        assert_eq!(parse("0OIl"), Err(PubkeyError::NotBase58(0)));
        assert_eq!(parse("abc"), Err(PubkeyError::WrongLength));
        assert_eq!(parse(""), Err(PubkeyError::WrongLength));
        assert_eq!(parse(&"1".repeat(31)), Err(PubkeyError::WrongLength));
        assert_eq!(parse(&"1".repeat(33)), Err(PubkeyError::WrongLength));
        assert_eq!(parse(&"z".repeat(44)), Err(PubkeyError::WrongLength));
        assert_eq!(parse(&"z".repeat(10_000)), Err(PubkeyError::WrongLength));
        assert_eq!(parse(&"1".repeat(32)), Ok(Pubkey::default()));
    }

    #[test]
    fn the_macro_gives_the_same_as_parsing() {
        const MEMO: Pubkey = pubkey!("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr");
        assert_eq!("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr".parse(), Ok(MEMO));
    }
}
