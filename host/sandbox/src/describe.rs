//! What a flow says of itself: its descriptor, checked, and the values that its params take.

use crate::{
    bindings::flow as wit,
    convert::{Words, words},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, fmt};
use valence_door::Key;

/// What a flow is, by its own word.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Descriptor {
    /// Lowercase letters, digits and `-`.
    pub id: String,
    /// For people.
    pub name: String,
    /// A semantic version.
    pub version: String,
    /// One line.
    pub description: String,
    /// What it can be given.
    pub params: Vec<Param>,
    /// Whose addresses it needs.
    pub roles: Vec<Role>,
    /// The steps that it may emit.
    pub steps: Vec<String>,
}

/// One param.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Param {
    /// Its name.
    pub name: String,
    /// What values it takes.
    #[serde(rename = "type")]
    pub kind: ParamType,
    /// Must it be given?
    pub required: bool,
    /// As it would be given on a command line.
    pub default: Option<String>,
    /// One line.
    pub help: String,
}

/// A named seat.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// One line.
    pub help: String,
}

/// What values a param takes.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ParamType {
    /// Text of at most this many bytes.
    Text(u32),
    /// `true` or `false`.
    Boolean,
    /// A whole number in this range, ends included.
    Unsigned(u64, u64),
    /// A whole number in this range, ends included.
    Signed(i64, i64),
    /// An address.
    Pubkey,
    /// A decimal number of at least 0.
    Decimal,
}

/// A value of a param.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Value {
    /// Text.
    Text(String),
    /// Yes or no.
    Boolean(bool),
    /// A whole number.
    Unsigned(u64),
    /// A whole number.
    Signed(i64),
    /// An address.
    Pubkey(Key),
    /// Digits, at most one point.
    Decimal(String),
}

/// As it is given on a command line.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(text) | Value::Decimal(text) => f.write_str(text),
            Value::Boolean(yes) => yes.fmt(f),
            Value::Unsigned(number) => number.fmt(f),
            Value::Signed(number) => number.fmt(f),
            Value::Pubkey(key) => key.fmt(f),
        }
    }
}

impl fmt::Display for ParamType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParamType::Text(most) => write!(f, "text of at most {most} bytes"),
            ParamType::Boolean => write!(f, "`true` or `false`"),
            ParamType::Unsigned(least, most) => write!(f, "a whole number from {least} to {most}"),
            ParamType::Signed(least, most) => write!(f, "a whole number from {least} to {most}"),
            ParamType::Pubkey => write!(f, "an address in base58"),
            ParamType::Decimal => write!(f, "a decimal number of at least 0, such as 12.5"),
        }
    }
}

impl ParamType {
    /// Reads a value as a command line gives it; none where it is not one of this type.
    pub fn parse(&self, text: &str) -> Option<Value> {
        match *self {
            ParamType::Text(most) => {
                (text.len() <= usize::try_from(most).unwrap_or(usize::MAX)).then(|| Value::Text(text.to_owned()))
            }
            ParamType::Boolean => text.parse().ok().map(Value::Boolean),
            ParamType::Unsigned(least, most) => {
                text.parse().ok().filter(|n| (least..=most).contains(n)).map(Value::Unsigned)
            }
            ParamType::Signed(least, most) => {
                text.parse().ok().filter(|n| (least..=most).contains(n)).map(Value::Signed)
            }
            ParamType::Pubkey => text.parse().ok().map(Value::Pubkey),
            ParamType::Decimal => is_decimal(text).then(|| Value::Decimal(text.to_owned())),
        }
    }
}

/// Digits with at most one point between them; 64 characters are more than any amount needs.
fn is_decimal(text: &str) -> bool {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    text.len() <= 64 && digits(whole) && digits(part)
}

/// Longest texts of a descriptor, in bytes: they are shown to people on one line.
const LINE: usize = 512;
/// Most params, roles and steps.
const MANY: usize = 256;

impl Descriptor {
    pub(crate) fn from_wit(d: wit::Descriptor) -> Result<Descriptor, String> {
        let kind = |t| match t {
            wit::ParamType::Text(most) => ParamType::Text(most),
            wit::ParamType::Boolean => ParamType::Boolean,
            wit::ParamType::Unsigned((least, most)) => ParamType::Unsigned(least, most),
            wit::ParamType::Signed((least, most)) => ParamType::Signed(least, most),
            wit::ParamType::Pubkey => ParamType::Pubkey,
            wit::ParamType::Decimal => ParamType::Decimal,
        };
        let param = |p: wit::Param| Param {
            name: p.name,
            kind: kind(p.type_),
            required: p.required,
            default: p.default,
            help: p.help,
        };
        let d = Descriptor {
            id: d.id,
            name: d.name,
            version: d.version,
            description: d.description,
            params: d.params.into_iter().map(param).collect(),
            roles: d.roles.into_iter().map(|r| Role { name: r.name, help: r.help }).collect(),
            steps: d.steps,
        };
        d.check()?;
        Ok(d)
    }

    /// Whether it is one: names, sizes, defaults.
    ///
    /// # Errors
    /// What is wrong, to be read after "the flow's descriptor:".
    pub fn check(&self) -> Result<(), String> {
        let slug = |s: &str| {
            !s.is_empty()
                && s.len() <= 64
                && s.starts_with(|c: char| c.is_ascii_lowercase())
                && s.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
        };
        if !slug(&self.id) {
            return Err(format!("its id `{}` is not lowercase letters, digits and `-`", clip(&self.id)));
        }
        if self.version.split('.').take(3).filter(|n| n.starts_with(|c: char| c.is_ascii_digit())).count() != 3 {
            return Err(format!("its version `{}` is not a semantic version such as 1.0.0", clip(&self.version)));
        }
        for (what, many) in [("params", self.params.len()), ("roles", self.roles.len()), ("steps", self.steps.len())] {
            if many > MANY {
                return Err(format!("it has {many} {what}, and at most {MANY} are allowed"));
            }
        }
        let helps = self.params.iter().map(|p| &p.help).chain(self.roles.iter().map(|r| &r.help));
        for line in [&self.name, &self.description].into_iter().chain(helps) {
            if line.len() > LINE || line.chars().any(char::is_control) {
                return Err(format!("`{}` is not one line of at most {LINE} bytes", clip(line)));
            }
        }
        let names = |kind: &str, names: Vec<&String>| {
            let mut seen = BTreeSet::new();
            for name in names {
                if !slug(name) {
                    return Err(format!(
                        "the {kind} name `{}` is not lowercase letters, digits, `-` and `_`",
                        clip(name)
                    ));
                }
                if !seen.insert(name) {
                    return Err(format!("it has two {kind}s named `{name}`"));
                }
            }
            Ok(())
        };
        names("param", self.params.iter().map(|p| &p.name).collect())?;
        names("role", self.roles.iter().map(|r| &r.name).collect())?;
        names("step", self.steps.iter().collect())?;
        for param in &self.params {
            if let Some(default) = &param.default {
                let ok = param.kind.parse(default).is_some();
                if !ok {
                    return Err(format!(
                        "the default `{}` of param `{}` is not {}",
                        clip(default),
                        param.name,
                        param.kind
                    ));
                }
            }
        }
        Ok(())
    }
}

/// Outside text in a message: short and on one line.
fn clip(text: &str) -> String {
    text.chars().take(80).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

impl From<Value> for wit::Value {
    fn from(v: Value) -> Self {
        match v {
            Value::Text(s) => wit::Value::Text(s),
            Value::Boolean(b) => wit::Value::Boolean(b),
            Value::Unsigned(n) => wit::Value::Unsigned(n),
            Value::Signed(n) => wit::Value::Signed(n),
            Value::Pubkey(k) => wit::Value::Pubkey(words(&k)),
            Value::Decimal(s) => wit::Value::Decimal(s),
        }
    }
}

pub(crate) fn bindings(roles: Vec<(String, Key)>) -> Vec<(String, Words)> {
    roles.into_iter().map(|(name, key)| (name, words(&key))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_by_their_type_and_range() {
        assert_eq!(ParamType::Unsigned(1, 9).parse("9"), Some(Value::Unsigned(9)));
        assert_eq!(ParamType::Unsigned(1, 9).parse("10"), None);
        assert_eq!(ParamType::Signed(-5, 5).parse("-6"), None);
        assert_eq!(ParamType::Text(3).parse("four"), None);
        assert_eq!(ParamType::Boolean.parse("yes"), None);
        assert_eq!(ParamType::Pubkey.parse("11111111111111111111111111111111"), Some(Value::Pubkey(Key([0; 32]))));
        assert_eq!(ParamType::Pubkey.parse("1111"), None);
    }

    #[test]
    fn a_decimal_is_digits_with_at_most_one_point() {
        for good in ["0", "12.5", "007", "0.000000001"] {
            assert!(is_decimal(good), "{good}");
        }
        for bad in ["", ".", "1.", ".5", "-1", "1e3", "1.2.3", "1,000", " 1", "٣"] {
            assert!(!is_decimal(bad), "{bad}");
        }
    }
}
