//! Whether a receipt is so, and whether what is stored is whole, as a person or a program reads it.

use super::{
    json,
    replay::{object, replayed},
    terminal::{BAD, BOLD, DIM, GOOD, clean, grouped, paint, say, short},
};
use crate::args::Output;
use serde_json::json;
use std::path::Path;
use valence_runtime::receipt::{Mismatch, Proved, Receipt};

/// It is so.
pub fn proved(receipt: &Receipt, proof: &Proved, output: Output) {
    if output.is_json() {
        let episodes: Vec<_> = proof.episodes.iter().map(object).collect();
        let value = json!({
            "verified": true, "instance": receipt.instance, "flow": receipt.flow, "head": receipt.head,
            "outcome": receipt.outcome, "fuel": receipt.fuel, "episodes": episodes,
        });
        return json::line(output, &value);
    }
    let entries: u64 = receipt.episodes.iter().map(|episode| episode.entries).sum();
    let head = paint(DIM, &format!("{} entries, head {}", grouped(entries), receipt.head));
    say(&format!("{} {}  {head}", paint(GOOD.bold(), "yes:"), paint(BOLD, &receipt.instance)));
    say(&format!("  flow {}, sha256 {}, run again:", clean(&receipt.id), short(&receipt.flow)));
    proof.episodes.iter().for_each(|episode| replayed(episode, output));
}

/// It is not so.
pub fn disproved(receipt: &Receipt, mismatch: &Mismatch, output: Output) {
    let why = mismatch.to_string();
    if output.is_json() {
        let mut value = json!({ "verified": false, "instance": receipt.instance, "why": why });
        if let (Mismatch::Replay(replayed), Some(value)) = (mismatch, value.as_object_mut()) {
            value.insert("replay".to_owned(), object(replayed));
        }
        return json::line(output, &value);
    }
    say(&format!("{} {}: {}", paint(BAD.bold(), "no:"), paint(BOLD, &receipt.instance), clean(&why)));
    if let Mismatch::Replay(episode) = mismatch {
        replayed(episode, output);
    }
}

/// Something that is not what was written.
pub fn damage(instance: Option<&str>, episode: Option<u32>, entry: Option<u64>, what: &str, output: Output) {
    if output.is_json() {
        let value = json!({ "damage": what, "instance": instance, "episode": episode, "entry": entry });
        return json::line(output, &value);
    }
    let place = match (instance, episode) {
        (Some(instance), Some(episode)) => format!("{instance}, episode {episode}: "),
        (Some(instance), None) => format!("{instance}: "),
        _ => String::new(),
    };
    say(&format!("{} {}{}", paint(BAD.bold(), "damaged:"), clean(&place), clean(what)));
}

/// What was checked, and how much of it is damaged.
pub fn checked((instances, episodes, entries): (u64, u64, u64), damaged: usize, output: Output) {
    if output.is_json() {
        let value = json!({
            "verified": damaged == 0, "instances": instances, "episodes": episodes, "entries": entries, "damaged": damaged,
        });
        return json::line(output, &value);
    }
    let said =
        format!("{} instances, {} episodes, {} entries:", grouped(instances), grouped(episodes), grouped(entries));
    match damaged {
        0 => say(&format!("{said} {}", paint(GOOD, "all is what was written"))),
        n => say(&format!("{said} {}", paint(BAD, &format!("{n} found damaged")))),
    }
}

/// A journal was written.
pub fn exported(instance: &str, file: &Path, head: &str, output: Output) {
    if output.is_json() {
        return json::line(output, &json!({ "exported": instance, "car": file.display().to_string(), "head": head }));
    }
    say(&format!("{} {}  {}", paint(GOOD, "written"), file.display(), paint(DIM, &format!("{instance}, head {head}"))));
}
