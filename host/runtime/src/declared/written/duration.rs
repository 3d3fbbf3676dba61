//! A duration as `500ms`, `60s`, `5m`, `1h`, `2d`, or a whole number of seconds.

use super::written;
use crate::declared::fault::clip;
use serde::{
    Deserialize, Deserializer, Serializer,
    de::{Error, Visitor},
};
use std::{fmt, time::Duration};

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

written!(Written, "a duration such as \"500ms\", \"60s\", \"5m\", \"1h\" or \"2d\", or a whole number of seconds", {
    fn visit_u64<E: Error>(self, seconds: u64) -> Result<Written, E> {
        Ok(Written(Duration::from_secs(seconds)))
    }
    fn visit_i64<E: Error>(self, seconds: i64) -> Result<Written, E> {
        let seconds =
            u64::try_from(seconds).map_err(|_| E::custom(format!("a duration of {seconds} seconds is negative")))?;
        self.visit_u64(seconds)
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Written, E> {
        parse(text).map(Written).ok_or_else(|| {
            E::custom(format!(
                "`{}` is no duration; write it like \"500ms\", \"60s\", \"5m\", \"1h\" or \"2d\"",
                clip(text)
            ))
        })
    }
});

pub(in super::super) fn serialize<S: Serializer>(time: &Duration, s: S) -> Result<S::Ok, S::Error> {
    match time.subsec_millis() {
        0 => s.collect_str(&format_args!("{}s", time.as_secs())),
        _ => s.collect_str(&format_args!("{}ms", time.as_millis())),
    }
}

pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
    Written::deserialize(d).map(|written| written.0)
}
