//! How terms, durations and params are written in a file: short strings where a table would be noise. What they mean is in `term.rs`.

use super::{
    flow::{Derivation, FlowParam},
    term::{Address, Data, Field, Flag, Quantity, Seat, Text, scaled},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
    ser::SerializeMap,
};
use std::fmt;
use valence_sandbox::ParamType;

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
                .ok_or_else(|| format!("there is no `{text}`; the programs with a name are {}", names()));
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
        signed.or_else(|_| text.parse::<u64>().map(Quantity::from)).map_err(|_| E::custom(format!("`{text}` is no whole number; give digits, `param:NAME`, or an amount as {{ sol = \"1.5\" }} or {{ tokens = \"2.5\", decimals = 6 }}")))
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
        units.map(Quantity::from).ok_or_else(|| Error::custom(format!("`{amount}` is no amount with at most {decimals} decimals that fits 64 bits; write it like \"2500\" or \"0.25\"")))
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
            .ok_or_else(|| E::custom(format!("`{text}` is neither true, false nor `param:NAME`")))
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

/// Bytes as `0x…` or `base64:…`.
pub(super) mod bytes {
    use super::*;

    pub(in super::super) fn parse(text: &str) -> Result<Vec<u8>, String> {
        if let Some(base64) = text.strip_prefix("base64:") {
            return BASE64_STANDARD.decode(base64).map_err(|e| format!("`{text}` is no base64: {e}"));
        }
        let bad = || format!("`{text}` is no bytes; write them as `0x0a0b`, `base64:Cgs=` or `text:…`");
        let digits = text.strip_prefix("0x").ok_or_else(bad)?;
        let nibbles: Option<Vec<u8>> =
            digits.chars().map(|c| c.to_digit(16).and_then(|n| u8::try_from(n).ok())).collect();
        let nibbles = nibbles.filter(|n| n.len().is_multiple_of(2)).ok_or_else(bad)?;
        Ok(nibbles.chunks_exact(2).map(|pair| pair.iter().fold(0, |byte, nibble| (byte << 4) | nibble)).collect())
    }

    pub(in super::super) fn serialize<S: Serializer>(bytes: &[u8], s: S) -> Result<S::Ok, S::Error> {
        let digits: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        s.collect_str(&format_args!("0x{digits}"))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<u8>, D::Error> {
        parse(&String::deserialize(d)?).map_err(D::Error::custom)
    }
}

/// A duration as `500ms`, `60s`, `5m`, `1h`, `2d`, or a whole number of seconds.
pub(super) mod duration {
    use super::*;
    use std::time::Duration;

    pub(in super::super) fn parse(text: &str) -> Option<Duration> {
        let split = text.find(|c: char| !c.is_ascii_digit())?;
        let (number, unit) = text.split_at(split);
        let number: u64 = number.parse().ok()?;
        let milliseconds = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        number.checked_mul(milliseconds).map(Duration::from_millis)
    }

    struct Written(Duration);

    written!(
        Written,
        "a duration such as \"500ms\", \"60s\", \"5m\", \"1h\" or \"2d\", or a whole number of seconds",
        {
            fn visit_u64<E: Error>(self, seconds: u64) -> Result<Written, E> {
                Ok(Written(Duration::from_secs(seconds)))
            }
            fn visit_i64<E: Error>(self, seconds: i64) -> Result<Written, E> {
                let seconds = u64::try_from(seconds)
                    .map_err(|_| E::custom(format!("a duration of {seconds} seconds is negative")))?;
                self.visit_u64(seconds)
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Written, E> {
                parse(text).map(Written).ok_or_else(|| {
                    E::custom(format!(
                        "`{text}` is no duration; write it like \"500ms\", \"60s\", \"5m\", \"1h\" or \"2d\""
                    ))
                })
            }
        }
    );

    pub(in super::super) fn serialize<S: Serializer>(time: &Duration, s: S) -> Result<S::Ok, S::Error> {
        match time.subsec_millis() {
            0 => s.collect_str(&format_args!("{}s", time.as_secs())),
            _ => s.collect_str(&format_args!("{}ms", time.as_millis())),
        }
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
        Written::deserialize(d).map(|written| written.0)
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

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Text,
    Boolean,
    Unsigned,
    Signed,
    Pubkey,
    Decimal,
}

/// A [`FlowParam`] in a file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct WrittenParam {
    #[serde(rename = "type")]
    kind: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    min: Option<Quantity>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max: Option<Quantity>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_bytes: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    default: Option<Scalar>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    help: String,
}

/// Bytes of a text param unless told.
const TEXT_BYTES: u32 = 256;

impl TryFrom<WrittenParam> for FlowParam {
    type Error = String;
    fn try_from(written: WrittenParam) -> Result<Self, String> {
        let WrittenParam { kind, min, max, max_bytes, default, help } = written;
        let ranged = matches!(kind, Kind::Unsigned | Kind::Signed);
        if !ranged && (min.is_some() || max.is_some()) {
            return Err("`min` and `max` are for params of type unsigned and signed".to_owned());
        }
        if max_bytes.is_some() && !matches!(kind, Kind::Text) {
            return Err("`max-bytes` is for params of type text".to_owned());
        }
        let kind = match kind {
            Kind::Text => ParamType::Text(max_bytes.unwrap_or(TEXT_BYTES)),
            Kind::Boolean => ParamType::Boolean,
            Kind::Unsigned => ParamType::Unsigned(end("min", min, 0)?, end("max", max, u64::MAX)?),
            Kind::Signed => ParamType::Signed(end("min", min, i64::MIN)?, end("max", max, i64::MAX)?),
            Kind::Pubkey => ParamType::Pubkey,
            Kind::Decimal => ParamType::Decimal,
        };
        Ok(FlowParam { kind, default: default.map(Scalar::text), help })
    }
}

/// One end of a param's range.
fn end<N: TryFrom<i128>>(which: &str, given: Option<Quantity>, otherwise: N) -> Result<N, String> {
    match given {
        None => Ok(otherwise),
        Some(Quantity::Number(number)) => {
            N::try_from(number).map_err(|_| format!("`{which}` of {number} does not fit the param's type"))
        }
        Some(Quantity::Param { .. }) => Err(format!("`{which}` is a number, and cannot be a param")),
    }
}

impl From<FlowParam> for WrittenParam {
    fn from(param: FlowParam) -> Self {
        let (mut min, mut max, mut max_bytes) = (None, None, None);
        let kind = match param.kind {
            ParamType::Text(most) => {
                max_bytes = Some(most);
                Kind::Text
            }
            ParamType::Boolean => Kind::Boolean,
            ParamType::Unsigned(least, most) => {
                (min, max) = (Some(least.into()), Some(most.into()));
                Kind::Unsigned
            }
            ParamType::Signed(least, most) => {
                (min, max) = (Some(least.into()), Some(most.into()));
                Kind::Signed
            }
            ParamType::Pubkey => Kind::Pubkey,
            ParamType::Decimal => Kind::Decimal,
        };
        WrittenParam { kind, min, max, max_bytes, default: param.default.map(Scalar), help: param.help }
    }
}
