//! Decimal amounts: exact text in, whole units out. No floats.

use std::fmt;
use std::str::FromStr;

/// A decimal number of at least 0, such as `12.5`, kept exactly as digits.
///
/// What it means in units depends on a mint's decimals; see [`Decimal::to_units`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decimal {
    /// Without leading zeros; empty for 0.
    whole: String,
    /// Without trailing zeros.
    fraction: String,
}

/// Why a text is no amount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AmountError {
    /// Not digits with at most one point, such as `12.5`; here is the text, cut to 40 characters.
    NotADecimal(String),
    /// It has more digits after the point than the token has.
    TooPrecise {
        /// How many it has.
        given: usize,
        /// How many the token has.
        decimals: u8,
    },
    /// It is more than 2^64 - 1 units.
    TooLarge,
}

impl fmt::Display for AmountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotADecimal(text) => write!(f, "`{text}` is not a decimal number such as 12.5"),
            Self::TooPrecise { given, decimals } => {
                write!(f, "it has {given} digits after the point, the token has only {decimals}")
            }
            Self::TooLarge => f.write_str("it is more units than a token amount can hold (2^64 - 1)"),
        }
    }
}

impl std::error::Error for AmountError {}

impl Decimal {
    /// The number in a token's smallest units: `1.5` is 1500000 at 6 decimals. Exact, or an error.
    pub fn to_units(&self, decimals: u8) -> Result<u64, AmountError> {
        let given = self.fraction.len();
        let Some(padding) = usize::from(decimals).checked_sub(given) else {
            return Err(AmountError::TooPrecise { given, decimals });
        };
        let digits = self.whole.bytes().chain(self.fraction.bytes());
        let mut units: u64 = 0;
        for digit in digits.chain(std::iter::repeat_n(b'0', padding)) {
            units = units
                .checked_mul(10)
                .and_then(|units| units.checked_add(u64::from(digit.wrapping_sub(b'0'))))
                .ok_or(AmountError::TooLarge)?;
        }
        Ok(units)
    }

    /// The number in lamports, of which a SOL has 10^9.
    pub fn to_lamports(&self) -> Result<u64, AmountError> {
        self.to_units(9)
    }

    /// The number that so many smallest units are.
    pub fn from_units(units: u64, decimals: u8) -> Self {
        let decimals = usize::from(decimals);
        // One digit more than decimals, so that there is always a digit before the point.
        let digits = format!("{units:0>width$}", width = decimals.saturating_add(1));
        let (whole, fraction) = digits.split_at_checked(digits.len().saturating_sub(decimals)).unwrap_or((&digits, ""));
        Self { whole: whole.trim_start_matches('0').to_owned(), fraction: fraction.trim_end_matches('0').to_owned() }
    }
}

/// So many smallest units as text: 1500000 units at 6 decimals are `1.5`.
pub fn format_units(units: u64, decimals: u8) -> String {
    Decimal::from_units(units, decimals).to_string()
}

impl FromStr for Decimal {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
            return Err(AmountError::NotADecimal(text.chars().take(40).collect()));
        }
        Ok(Self {
            whole: whole.trim_start_matches('0').to_owned(),
            fraction: fraction.trim_end_matches('0').to_owned(),
        })
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.whole.is_empty() { "0" } else { &self.whole })?;
        if !self.fraction.is_empty() {
            write!(f, ".{}", self.fraction)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn units(text: &str, decimals: u8) -> Result<u64, AmountError> {
        text.parse::<Decimal>()?.to_units(decimals)
    }

    #[test]
    fn amounts_become_exact_units() {
        assert_eq!(units("1.5", 6), Ok(1_500_000));
        assert_eq!(units("0.000001", 6), Ok(1));
        assert_eq!(units("007", 0), Ok(7));
        assert_eq!(units(".5", 1), Ok(5));
        assert_eq!(units("5.", 1), Ok(50));
        assert_eq!(units("1.5000000", 6), Ok(1_500_000));
        assert_eq!(units("18446744073709551615", 0), Ok(u64::MAX));
        assert_eq!(units("0", 255), Ok(0));
    }

    #[test]
    fn what_does_not_fit_is_an_error_and_never_rounded() {
        assert_eq!(units("0.0000001", 6), Err(AmountError::TooPrecise { given: 7, decimals: 6 }));
        assert_eq!(units("18446744073709551616", 0), Err(AmountError::TooLarge));
        assert_eq!(units("1", 255), Err(AmountError::TooLarge));
        for text in ["", ".", "-1", "+1", "1e3", "1.2.3", "1 ", "٣", "0x10", "1_000", "NaN"] {
            assert!(matches!(text.parse::<Decimal>(), Err(AmountError::NotADecimal(_))), "{text}");
        }
    }

    #[test]
    fn formatting_and_parsing_are_inverse() {
        for decimals in [0, 1, 6, 9, 19, 20, 255] {
            for units in [0, 1, 9, 10, 999_999, 1_000_000, 1_500_000, u64::MAX - 1, u64::MAX] {
                let text = format_units(units, decimals);
                assert_eq!(text.parse::<Decimal>().unwrap().to_units(decimals), Ok(units), "{text}");
            }
        }
        assert_eq!(format_units(1_500_000, 6), "1.5");
        assert_eq!(format_units(0, 6), "0");
        assert_eq!(format_units(42, 0), "42");
    }
}
