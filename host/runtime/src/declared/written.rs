//! How terms are written in a file: short strings where a table would be noise. What they mean is in `term.rs`.
//!
//! | file | idea |
//! |---|---|
//! | `bytes.rs` | bytes |
//! | `duration.rs` | durations |
//! | `param.rs` | the declaration of a param |

pub(super) mod bytes;
pub(super) mod duration;
mod param;

use super::{
    fault::clip,
    flow::Derivation,
    term::{Address, Data, Field, Flag, Quantity, Seat, Text, scaled},
};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
    ser::SerializeMap,
};
use std::fmt;

pub(super) use param::WrittenParam;

/// Programs that `program:NAME` can name.
const PROGRAMS: [(&str, &str); 7] = [
    ("system", "11111111111111111111111111111111"),
    ("token", "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA"),
    ("token-2022", "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb"),
    ("associated-token", "ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL"),
    ("memo", "MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr"),
    ("stake", "Stake11111111111111111111111111111111111111"),
    ("compute-budget", "ComputeBudget111111111111111111111111111111"),
];

/// A param's name in a text like `param:amount`.
fn param_in(text: &str) -> Option<String> {
    text.strip_prefix("param:").map(str::to_owned)
}

impl fmt::Display for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Seat::Key(key) => key.fmt(f),
            Seat::Role(name) => write!(f, "role:{name}"),
            Seat::Param(name) => write!(f, "param:{name}"),
            Seat::Name(name) => f.write_str(name),
        }
    }
}

impl std::str::FromStr for Seat {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(role) = text.strip_prefix("role:") {
            return Ok(Seat::Role(role.to_owned()));
        }
        if let Some(param) = param_in(text) {
            return Ok(Seat::Param(param));
        }
        if let Some(name) = text.strip_prefix("program:") {
            let key = PROGRAMS.iter().find(|(known, _)| *known == name).and_then(|(_, key)| key.parse().ok());
            let names = || PROGRAMS.map(|(name, _)| name).join(", ");
            return key
                .map(Seat::Key)
                .ok_or_else(|| format!("there is no `{}`; the programs with a name are {}", clip(text), names()));
        }
        Ok(text.parse().map_or_else(|_| Seat::Name(text.to_owned()), Seat::Key))
    }
}

/// Deserializes from a string, a table or a number; each term says which it takes and how.
macro_rules! written {
    ($type:ty, $expecting:literal, { $($visits:tt)* }) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Reader;
                impl<'de> Visitor<'de> for Reader {
                    type Value = $type;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expecting)
                    }
                    $($visits)*
                }
                deserializer.deserialize_any(Reader)
            }
        }
    };
}

use written;

written!(Seat, "an address: base58, `role:NAME`, `param:NAME`, `program:NAME` or a name of chain.toml", {
    fn visit_str<E: Error>(self, text: &str) -> Result<Seat, E> {
        text.parse().map_err(E::custom)
    }
});

impl Serialize for Seat {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct AddressTable {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    program_id: Option<Seat>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seeds: Option<Vec<Field>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wallet: Option<Seat>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mint: Option<Seat>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token_program_of: Option<Seat>,
}

written!(Address, "an address, { program-id, seeds }, { wallet, mint } or { token-program-of }", {
    fn visit_str<E: Error>(self, text: &str) -> Result<Address, E> {
        text.parse().map(Address::Seat).map_err(E::custom)
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Address, A::Error> {
        match AddressTable::deserialize(MapAccessDeserializer::new(map))? {
            AddressTable {
                program_id: Some(program_id),
                seeds: Some(seeds),
                wallet: None,
                mint: None,
                token_program_of: None,
            } => Ok(Address::Derived(Derivation { program_id, seeds })),
            AddressTable {
                program_id: None,
                seeds: None,
                wallet: Some(wallet),
                mint: Some(mint),
                token_program_of: None,
            } => Ok(Address::AssociatedToken { wallet, mint }),
            AddressTable { program_id: None, seeds: None, wallet: None, mint: None, token_program_of: Some(mint) } => {
                Ok(Address::TokenProgramOf(mint))
            }
            _ => Err(Error::custom(
                "an address in a table is `program-id` with `seeds`, `wallet` with `mint`, or `token-program-of`",
            )),
        }
    }
});

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let table = match self.clone() {
            Address::Seat(seat) => return seat.serialize(s),
            Address::Derived(Derivation { program_id, seeds }) => {
                AddressTable { program_id: Some(program_id), seeds: Some(seeds), ..AddressTable::default() }
            }
            Address::AssociatedToken { wallet, mint } => {
                AddressTable { wallet: Some(wallet), mint: Some(mint), ..AddressTable::default() }
            }
            Address::TokenProgramOf(mint) => AddressTable { token_program_of: Some(mint), ..AddressTable::default() },
        };
        table.serialize(s)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QuantityTable {
    sol: Option<Scalar>,
    tokens: Option<Scalar>,
    decimals: Option<u8>,
}

written!(Quantity, "a whole number, `param:NAME`, { sol = \"1.5\" } or { tokens = \"2.5\", decimals = 6 }", {
    fn visit_i64<E: Error>(self, number: i64) -> Result<Quantity, E> {
        Ok(number.into())
    }
    fn visit_u64<E: Error>(self, number: u64) -> Result<Quantity, E> {
        Ok(number.into())
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Quantity, E> {
        if let Some(name) = param_in(text) {
            return Ok(Quantity::param(name));
        }
        let signed = text.parse::<i64>().map(Quantity::from);
        signed.or_else(|_| text.parse::<u64>().map(Quantity::from)).map_err(|_| E::custom(format!("`{}` is no whole number; give digits, `param:NAME`, or an amount as {{ sol = \"1.5\" }} or {{ tokens = \"2.5\", decimals = 6 }}", clip(text))))
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Quantity, A::Error> {
        let (amount, decimals) = match QuantityTable::deserialize(MapAccessDeserializer::new(map))? {
            QuantityTable { sol: Some(amount), tokens: None, decimals: None } => (amount.text(), 9),
            QuantityTable { sol: None, tokens: Some(amount), decimals: Some(decimals) } => (amount.text(), decimals),
            _ => return Err(Error::custom("an amount is { sol = \"1.5\" } or { tokens = \"2.5\", decimals = 6 }")),
        };
        if decimals > MOST_DECIMALS {
            return Err(Error::custom(format!(
                "{decimals} decimals are more than the {MOST_DECIMALS} that a 64-bit amount can have"
            )));
        }
        if let Some(name) = param_in(&amount) {
            return Ok(Quantity::amount_param(name, decimals));
        }
        let units = scaled(&amount, decimals);
        units.map(Quantity::from).ok_or_else(|| Error::custom(format!("`{}` is no amount with at most {decimals} decimals that fits 64 bits; write it like \"2500\" or \"0.25\"", clip(&amount))))
    }
});

/// 10 to this many still fits 64 bits.
pub(super) const MOST_DECIMALS: u8 = 19;

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Quantity::Number(number) => match (u64::try_from(*number), i64::try_from(*number)) {
                (Ok(number), _) => s.serialize_u64(number),
                (_, Ok(number)) => s.serialize_i64(number),
                _ => Err(serde::ser::Error::custom(format!("{number} does not fit 64 bits"))),
            },
            Quantity::Param { name, decimals: None } => s.collect_str(&format_args!("param:{name}")),
            Quantity::Param { name, decimals: Some(decimals) } => {
                let mut map = s.serialize_map(Some(2))?;
                map.serialize_entry("tokens", &format!("param:{name}"))?;
                map.serialize_entry("decimals", decimals)?;
                map.end()
            }
        }
    }
}

written!(Text, "a text", {
    fn visit_str<E: Error>(self, text: &str) -> Result<Text, E> {
        Ok(param_in(text).map_or_else(|| Text::Literal(text.to_owned()), Text::Param))
    }
});

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Text::Literal(text) => s.serialize_str(text),
            Text::Param(name) => s.collect_str(&format_args!("param:{name}")),
        }
    }
}

written!(Flag, "`true`, `false` or `param:NAME`", {
    fn visit_bool<E: Error>(self, flag: bool) -> Result<Flag, E> {
        Ok(Flag::Literal(flag))
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Flag, E> {
        param_in(text)
            .map(Flag::Param)
            .ok_or_else(|| E::custom(format!("`{}` is neither true, false nor `param:NAME`", clip(text))))
    }
});

impl Serialize for Flag {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Flag::Literal(flag) => s.serialize_bool(*flag),
            Flag::Param(name) => s.collect_str(&format_args!("param:{name}")),
        }
    }
}

written!(Field, "a field such as { u64 = 5 }, or a string `0x…`, `base64:…` or `text:…`", {
    fn visit_str<E: Error>(self, text: &str) -> Result<Field, E> {
        match text.strip_prefix("text:") {
            Some(text) => Ok(Field::Text(Text::Literal(text.to_owned()))),
            None => bytes::parse(text).map(Field::Bytes).map_err(E::custom),
        }
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Field, A::Error> {
        // The derived reader of the enum, which the string form stands in front of.
        Field::deserialize(MapAccessDeserializer::new(map))
    }
});

impl Serialize for Field {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        Field::serialize(self, s)
    }
}

written!(
    Data,
    "a list of fields such as [{ u8 = 3 }, { u64 = 5 }], one field, or a string `0x…`, `base64:…` or `text:…`",
    {
        fn visit_str<E: Error>(self, text: &str) -> Result<Data, E> {
            let field: Field = Deserialize::deserialize(serde::de::value::StrDeserializer::new(text))?;
            Ok(Data(vec![field]))
        }
        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Data, A::Error> {
            Field::deserialize(MapAccessDeserializer::new(map)).map(|field| Data(vec![field]))
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Data, A::Error> {
            let mut fields = Vec::new();
            while let Some(field) = seq.next_element()? {
                fields.push(field);
            }
            Ok(Data(fields))
        }
    }
);

impl Serialize for Data {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(s)
    }
}

/// A value as a command line would give it.
struct Scalar(String);

impl Scalar {
    fn text(self) -> String {
        self.0
    }
}

written!(Scalar, "text, a number or a boolean", {
    fn visit_str<E: Error>(self, text: &str) -> Result<Scalar, E> {
        Ok(Scalar(text.to_owned()))
    }
    fn visit_i64<E: Error>(self, number: i64) -> Result<Scalar, E> {
        Ok(Scalar(number.to_string()))
    }
    fn visit_u64<E: Error>(self, number: u64) -> Result<Scalar, E> {
        Ok(Scalar(number.to_string()))
    }
    // The shortest spelling, which is what was written, up to 15 digits.
    fn visit_f64<E: Error>(self, number: f64) -> Result<Scalar, E> {
        Ok(Scalar(number.to_string()))
    }
    fn visit_bool<E: Error>(self, flag: bool) -> Result<Scalar, E> {
        Ok(Scalar(flag.to_string()))
    }
});

impl Serialize for Scalar {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.0)
    }
}
