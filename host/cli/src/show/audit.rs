//! What was done over all instances, log lines, and what was forgotten, as a person or a program reads it.

use super::{
    json,
    terminal::{BAD, BOLD, DIM, GOOD, ODD, clean, grouped, paint, say},
};
use crate::args::Output;
use serde_json::json;
use std::time::{Duration, UNIX_EPOCH};
use valence_runtime::{Level, history::Line, journal::Pruned};

/// A time of the chain as people write it.
fn time(seconds: i64) -> String {
    let time = u64::try_from(seconds).ok().and_then(|s| UNIX_EPOCH.checked_add(Duration::from_secs(s)));
    match time {
        // The year 9999 is the last that this can be written for.
        Some(time) if seconds < 253_402_300_800 => humantime::format_rfc3339_seconds(time).to_string(),
        _ => seconds.to_string(),
    }
}

/// Something that was done.
pub fn audited(instance: &str, line: &Line, output: Output) {
    if output.is_json() {
        let mut value = json!({ "of": instance });
        if let (Some(value), Ok(serde_json::Value::Object(line))) = (value.as_object_mut(), serde_json::to_value(line))
        {
            value.extend(line);
        }
        return json::line(output, &value);
    }
    let place = paint(DIM, &format!("{}  slot {:<6}", time(line.time), line.slot));
    let entry = paint(DIM, &format!("{}/{}", line.episode, line.entry));
    let who = format!("{:<8}", line.actor.name());
    say(&format!("{place} {} {entry}  {who} {:<8}  {}", paint(BOLD, instance), line.kind, clean(&line.brief())));
}

/// A line that a flow wrote.
pub fn log(
    instance: &str,
    (episode, entry): (u32, u64),
    (slot, at): (u64, i64),
    level: Level,
    message: &str,
    output: Output,
) {
    let (name, style) = match level {
        Level::Debug => ("debug", DIM),
        Level::Info => ("info", DIM),
        Level::Warn => ("warn", ODD),
        Level::Error => ("error", BAD),
    };
    if output.is_json() {
        let value = json!({
            "instance": instance, "episode": episode, "entry": entry, "slot": slot, "time": at,
            "level": name, "message": message,
        });
        return json::line(output, &value);
    }
    say(&format!("{} {} {}", paint(DIM, &format!("slot {slot:<6}")), paint(style, name), clean(message)));
}

/// What was forgotten.
pub fn pruned(pruned: &Pruned, output: Output) {
    let Pruned { instances, entries, large, components } = *pruned;
    if output.is_json() {
        let value = json!({ "instances": instances, "entries": entries, "large": large, "components": components });
        return json::line(output, &value);
    }
    say(&format!(
        "{} {} instances, {} entries, {} large values, {} components",
        paint(GOOD, "forgotten"),
        grouped(instances),
        grouped(entries),
        grouped(large),
        grouped(components)
    ));
}
