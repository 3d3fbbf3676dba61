//! Terms: what stands in a flow for a value that is known only when a run begins, because a param or a role gives it. How
//! they are written is in `written.rs`, how they get their value in `bind.rs`.

use super::flow::Derivation;
use serde::{Deserialize, Serialize};
use solana_sdk::pubkey::Pubkey;

/// An address that is known, or that the run's inputs give. In a file: base58, `role:NAME`, `param:NAME`, `program:NAME` of a
/// well-known program, or a name of `chain.toml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seat {
    /// This address.
    Key(Pubkey),
    /// The role's.
    Role(String),
    /// The value of this pubkey param.
    Param(String),
    /// A name of the chain's description; a flow with one cannot be registered before it is resolved.
    Name(String),
}

/// An account. In a file: a string as for a [`Seat`], or a table.
#[derive(Clone, Debug, PartialEq)]
pub enum Address {
    /// An address that is known, or that the run's inputs give.
    Seat(Seat),
    /// A program-derived address: `{ program-id = "…", seeds = [ … ] }`.
    Derived(Derivation),
    /// The associated token account: `{ wallet = "…", mint = "…" }`. The mint says under which token program.
    AssociatedToken {
        /// Whose.
        wallet: Seat,
        /// Of which mint.
        mint: Seat,
    },
    /// The token program that owns this mint: `{ token-program-of = "…" }`.
    TokenProgramOf(Seat),
}

/// A whole number. In a file: a number, digits in quotes, `param:NAME`, `{ sol = "1.5" }` or `{ tokens = "2.5", decimals = 6 }`;
/// in the last two `param:NAME` may stand for the amount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// This one.
    Number(i128),
    /// The value of this param.
    Param {
        /// Which.
        name: String,
        /// None: a whole number as it is. Some: an amount with this many decimals, in smallest units.
        decimals: Option<u8>,
    },
}

/// A text. In a file: a string; `param:NAME` is that param's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    /// This one.
    Literal(String),
    /// The value of this param, as it would be given on a command line.
    Param(String),
}

/// Yes or no. In a file: `true`, `false` or `param:NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flag {
    /// This one.
    Literal(bool),
    /// The value of this boolean param.
    Param(String),
}

/// One field of an instruction's data, of an account's data, or one seed. Numbers are little-endian. In a file: a table with one key,
/// e.g. `{ u64 = 5 }`; a string `0x…`, `base64:…` or `text:…` is the field of those bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "kebab-case")]
pub enum Field {
    /// These bytes: `{ bytes = "0x0a0b" }` or `{ bytes = "base64:Cgs=" }`.
    #[serde(with = "super::written::bytes")]
    Bytes(Vec<u8>),
    /// The text's UTF-8 and nothing else.
    Text(Text),
    /// The text as Borsh has it: its length as u32, then its UTF-8.
    String(Text),
    /// One byte, 0 or 1.
    Bool(Flag),
    /// One byte.
    U8(Quantity),
    /// Two bytes.
    U16(Quantity),
    /// Four bytes.
    U32(Quantity),
    /// Eight bytes.
    U64(Quantity),
    /// One byte.
    I8(Quantity),
    /// Two bytes.
    I16(Quantity),
    /// Four bytes.
    I32(Quantity),
    /// Eight bytes.
    I64(Quantity),
    /// 32 bytes.
    Pubkey(Seat),
    /// Anchor's discriminator of an instruction of this name: the first 8 bytes of sha256("global:NAME").
    Anchor(String),
    /// Anchor's discriminator of an account type of this name: the first 8 bytes of sha256("account:NAME").
    AnchorAccount(String),
}

/// Bytes, as fields one after the other. In a file: a list of fields, or one field.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Data(pub Vec<Field>);

impl Data {
    /// No field.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Pubkey> for Seat {
    fn from(key: Pubkey) -> Self {
        Seat::Key(key)
    }
}

impl From<Pubkey> for Address {
    fn from(key: Pubkey) -> Self {
        Address::Seat(key.into())
    }
}

impl From<Seat> for Address {
    fn from(seat: Seat) -> Self {
        Address::Seat(seat)
    }
}

impl From<Derivation> for Address {
    fn from(derivation: Derivation) -> Self {
        Address::Derived(derivation)
    }
}

impl From<u64> for Quantity {
    fn from(number: u64) -> Self {
        Quantity::Number(number.into())
    }
}

impl From<i64> for Quantity {
    fn from(number: i64) -> Self {
        Quantity::Number(number.into())
    }
}

impl Quantity {
    /// The value of a whole-number param.
    pub fn param(name: impl Into<String>) -> Self {
        Quantity::Param { name: name.into(), decimals: None }
    }

    /// The value of an amount param, in smallest units of something with so many decimals.
    pub fn amount_param(name: impl Into<String>, decimals: u8) -> Self {
        Quantity::Param { name: name.into(), decimals: Some(decimals) }
    }
}

impl From<Vec<u8>> for Data {
    fn from(bytes: Vec<u8>) -> Self {
        if bytes.is_empty() { Data::default() } else { Data(vec![Field::Bytes(bytes)]) }
    }
}

impl From<&[u8]> for Data {
    fn from(bytes: &[u8]) -> Self {
        bytes.to_vec().into()
    }
}

impl From<Vec<Field>> for Data {
    fn from(fields: Vec<Field>) -> Self {
        Data(fields)
    }
}

/// An amount such as `12.5` in smallest units of something with so many decimals; none where it is no such amount, or more than fits.
pub(super) fn scaled(text: &str, decimals: u8) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    let width = usize::from(decimals);
    if fraction.len() > width {
        return None;
    }
    format!("{whole}{fraction:0<width$}").parse().ok()
}
