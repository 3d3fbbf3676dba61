//! Calls and replies on one line, for people. Steps line by line are in `step.rs`.

use super::names::Known;
use crate::{conditions, decode::units};
use solana_sdk::pubkey::Pubkey;
use valence_door::{Account, Condition, Deadline, HostCall, HostReply, Key, Level, Outcome, Reason, Slice, Step};

/// Names that stand on one line; of more, the count is told.
const MANY: usize = 6;

pub(crate) fn who(key: &Key, known: &Known) -> String {
    known.names.of(&Pubkey::from(*key))
}

/// A few of them, and how many more there are.
fn some<T>(all: &[T], say: impl Fn(&T) -> String) -> String {
    let mut said: Vec<String> = all.iter().take(MANY).map(say).collect();
    if all.len() > MANY {
        said.push(format!("and {} more", all.len() - MANY));
    }
    said.join(", ")
}

fn part(slice: Option<&Slice>) -> String {
    slice.map_or_else(String::new, |s| format!(" (bytes {} to {})", s.offset, s.offset.saturating_add(s.length)))
}

fn step(step: &Step) -> String {
    let count = step.instructions.len();
    format!("step `{}`, {count} instruction{}", step.name, if count == 1 { "" } else { "s" })
}

pub(crate) fn deadline(deadline: &Deadline) -> String {
    match deadline {
        Deadline::Slot(slot) => format!("slot {slot}"),
        Deadline::Time(time) => format!("time {time}"),
    }
}

pub(crate) fn level(level: Level) -> &'static str {
    match level {
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Error => "error",
    }
}

/// What was asked.
pub(crate) fn call(call: &HostCall, known: &Known) -> String {
    let name = call.name();
    match call {
        HostCall::Get { keys, slice } => format!("{name} {}{}", some(keys, |k| who(k, known)), part(slice.as_ref())),
        HostCall::Find(query) => {
            let size = query.size.map_or_else(String::new, |size| format!(", {size} bytes long"));
            let filters = match query.memcmp.len() {
                0 => String::new(),
                n => format!(", by {n} filter{}", if n == 1 { "" } else { "s" }),
            };
            format!("{name} accounts of {}{size}{filters}{}", who(&query.program, known), part(query.slice.as_ref()))
        }
        HostCall::Wait { any_of, deadline: latest } => {
            let mut all: Vec<String> = any_of.iter().map(|c| conditions::say(c, &known.names)).collect();
            all.extend(latest.as_ref().map(|d| format!("{} has come", deadline(d))));
            format!("{name} until {}", all.join(", or "))
        }
        HostCall::FindProgramAddress { program, seeds } => {
            format!("{name} of {} from {}", who(program, known), some(seeds, |seed| seed_words(seed, known)))
        }
        HostCall::Build(s) => format!("{name} {}", step(s)),
        HostCall::Emit { step: s, give_up } => {
            let give_up = match give_up.is_empty() {
                true => String::new(),
                false => {
                    let all: Vec<String> = give_up.iter().map(|c| conditions::say(c, &known.names)).collect();
                    format!(", until {}", all.join(", or "))
                }
            };
            format!("{name} {}{give_up}", step(s))
        }
        HostCall::Simulate { wire } => format!("{name} a transaction of {} bytes", wire.len()),
        HostCall::Log { level: l, message } => format!("{name} {} {message:?}", level(*l)),
    }
}

/// A seed as people wrote it, where that can be seen.
pub(crate) fn seed_words(seed: &[u8], known: &Known) -> String {
    if let Ok(key) = <[u8; 32]>::try_from(seed) {
        return who(&Key(key), known);
    }
    match std::str::from_utf8(seed) {
        Ok(text) if !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic()) => format!("{text:?}"),
        _ => format!("0x{}", hex(seed)),
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn account(account: Option<&Account>) -> String {
    match account {
        Some(a) => format!("{} SOL, {} bytes", units(a.lamports, 9), a.data.len()),
        None => "not there".to_owned(),
    }
}

fn or_error<T>(result: &Result<T, impl std::fmt::Display>, say: impl Fn(&T) -> String) -> String {
    match result {
        Ok(value) => say(value),
        Err(error) => format!("error: {error}"),
    }
}

/// What was told.
pub(crate) fn reply(asked: &HostCall, reply: &HostReply, known: &Known) -> String {
    match reply {
        HostReply::Get(got) => or_error(got, |snapshot| {
            let keys: &[Key] = if let HostCall::Get { keys, .. } = asked { keys } else { &[] };
            let pairs: Vec<(&Key, Option<&Account>)> =
                keys.iter().zip(snapshot.accounts.iter().map(Option::as_ref)).collect();
            let each = |(key, found): &(&Key, Option<&Account>)| format!("{} {}", who(key, known), account(*found));
            format!("as of slot {}: {}", snapshot.moment.slot, some(&pairs, each))
        }),
        HostReply::Find(found) => or_error(found, |found| {
            let bytes: usize = found.accounts.iter().map(|(_, a)| a.data.len()).sum();
            format!("as of slot {}: {} accounts, {bytes} bytes", found.moment.slot, found.accounts.len())
        }),
        HostReply::Wait(woken) => or_error(woken, |wake| {
            let conditions = if let HostCall::Wait { any_of, .. } = asked { any_of.as_slice() } else { &[] };
            let why = why(&wake.reason, conditions, known);
            format!("woken at slot {}: {why}", wake.moment.slot)
        }),
        HostReply::FindProgramAddress(found) => {
            or_error(found, |(key, bump)| format!("{} with bump {bump}", who(key, known)))
        }
        HostReply::Build(built) => or_error(built, |tx| {
            format!("{} bytes, limit {} CU, fee {} lamports", tx.wire.len(), tx.compute_unit_limit, tx.fee)
        }),
        HostReply::Emit(outcome) => or_error(outcome, self::outcome),
        HostReply::Simulate(simulated) => or_error(simulated, |s| {
            let how = match &s.outcome {
                Ok(()) => "it would succeed".to_owned(),
                Err(failure) => format!("it would fail: {failure}"),
            };
            format!("as of slot {}: {how}, {} CU, fee {} lamports", s.moment.slot, s.compute_units, s.fee)
        }),
        HostReply::Log => "written".to_owned(),
    }
}

/// What ended a wait.
pub(crate) fn why(reason: &Reason, conditions: &[Condition], known: &Known) -> String {
    match reason {
        Reason::Deadline => "the deadline passed".to_owned(),
        Reason::Condition(place) => usize::try_from(*place)
            .ok()
            .and_then(|place| conditions.get(place))
            .map_or_else(|| format!("condition {place}"), |c| conditions::say(c, &known.names)),
    }
}

/// How an offer ended.
pub(crate) fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Landed(landed) => format!("landed in slot {}", landed.slot),
        Outcome::Failed(failure) => format!("failed: {failure}"),
        Outcome::Withdrawn(place) => format!("withdrawn: give-up condition {place} holds"),
        Outcome::Rejected(why) => format!("rejected: {why}"),
    }
}
