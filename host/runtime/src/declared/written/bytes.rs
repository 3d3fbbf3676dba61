//! Bytes as `0x…` or `base64:…`.

use crate::declared::fault::clip;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Deserialize, Deserializer, Serializer, de::Error};

pub(in super::super) fn parse(text: &str) -> Result<Vec<u8>, String> {
    if let Some(base64) = text.strip_prefix("base64:") {
        return BASE64_STANDARD.decode(base64).map_err(|e| format!("`{}` is no base64: {e}", clip(text)));
    }
    let bad = || format!("`{}` is no bytes; write them as `0x0a0b`, `base64:Cgs=` or `text:…`", clip(text));
    let digits = text.strip_prefix("0x").ok_or_else(bad)?;
    let nibbles: Option<Vec<u8>> = digits.chars().map(|c| c.to_digit(16).and_then(|n| u8::try_from(n).ok())).collect();
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
