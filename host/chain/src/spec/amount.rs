//! Decimal amounts, exactly: `"2.5"` SOL or tokens to base units, without a float in between.

use serde::{
    Deserialize, Deserializer,
    de::{Error, Visitor},
};
use std::fmt;

/// An amount as it is written in `chain.toml`: a string or a number, kept as text. (A TOML float is taken at its shortest
/// decimal spelling, which is what was written, up to 15 digits.)
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decimal(pub String);

impl Decimal {
    /// This amount in base units of a token with so many decimals.
    pub fn units(&self, decimals: u8) -> Result<u64, String> {
        let text = self.0.trim();
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.chars().all(|c| c.is_ascii_digit() || c == '_');
        let has_digit = |part: &str| part.chars().any(|c| c.is_ascii_digit());
        let dangling = text.contains('.') && !has_digit(fraction);
        if !digits(whole) || !digits(fraction) || !has_digit(whole) || dangling {
            return Err(format!("`{text}` is not an amount: write it like \"2500\" or \"0.25\""));
        }
        let plain = |part: &str| part.chars().filter(char::is_ascii_digit).collect::<String>();
        let fraction = plain(fraction);
        let fraction = fraction.trim_end_matches('0');
        let decimals = usize::from(decimals);
        if fraction.len() > decimals {
            return Err(format!("`{text}` has {} decimals, more than the {decimals} there are", fraction.len()));
        }
        let all = format!("{}{fraction:0<decimals$}", plain(whole));
        all.parse().map_err(|_| format!("`{text}` is more than the {} base units that fit", u64::MAX))
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Amount;
        impl Visitor<'_> for Amount {
            type Value = Decimal;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an amount, such as \"2500\" or 0.25")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Decimal, E> {
                Ok(Decimal(text.into()))
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<Decimal, E> {
                Ok(Decimal(number.to_string()))
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Decimal, E> {
                Ok(Decimal(number.to_string()))
            }
            fn visit_f64<E: Error>(self, number: f64) -> Result<Decimal, E> {
                Ok(Decimal(number.to_string()))
            }
        }
        deserializer.deserialize_any(Amount)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn units(text: &str, decimals: u8) -> Result<u64, String> {
        Decimal(text.into()).units(decimals)
    }

    #[test]
    fn amounts_are_exact_and_nonsense_is_refused() {
        assert_eq!(units("2500", 6), Ok(2_500_000_000));
        assert_eq!(units("0.1", 9), Ok(100_000_000));
        assert_eq!(units("1_000.50", 2), Ok(100_050));
        assert_eq!(units("18446744073.709551615", 9), Ok(u64::MAX));
        assert_eq!(units("7.000", 0), Ok(7));
        for bad in ["", ".", "1.", ".5", "-1", "+1", "1e3", "1.2.3", "0x10", "NaN", "inf", "_", "1 000"] {
            assert!(units(bad, 9).is_err(), "{bad}");
        }
        assert!(units("0.0000001", 6).is_err_and(|e| e.contains("7 decimals")));
        assert!(units("18446744073.709551616", 9).is_err_and(|e| e.contains("more than")));
    }

    proptest! {
        #[test]
        fn every_amount_survives_being_written_with_its_decimals(amount: u64, decimals in 0u8..=19) {
            let digits = usize::from(decimals);
            let text = format!("{amount:0>width$}", width = digits + 1);
            let (whole, fraction) = text.split_at(text.len() - digits);
            let text = if digits == 0 { whole.to_string() } else { format!("{whole}.{fraction}") };
            prop_assert_eq!(units(&text, decimals), Ok(amount));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,40}", decimals: u8) {
            let _ = units(&text, decimals);
        }
    }
}
