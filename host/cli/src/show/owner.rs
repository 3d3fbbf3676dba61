//! What owners and operators are told.

use super::{json, terminal};
use crate::args::Output;
use indicatif::{ProgressBar, ProgressStyle};
use std::{
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use valence_runtime::{Taken, journal::Instance};

/// A bar where a person waits; nothing where nobody looks.
pub struct Bar {
    bar: ProgressBar,
    what: &'static str,
}

/// A bar that counts these.
pub fn bar(what: &'static str) -> Bar {
    // It draws on stderr, and only where that is a terminal.
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{msg} {bar:32} {pos} of {len}  {elapsed}") {
        bar.set_style(style);
    }
    Bar { bar, what }
}

impl Bar {
    pub fn at(&self, done: usize, all: usize) {
        self.bar.set_message(self.what);
        self.bar.set_length(u64::try_from(all).unwrap_or(u64::MAX));
        self.bar.set_position(u64::try_from(done).unwrap_or(u64::MAX));
    }

    pub fn end(self) {
        self.bar.finish_and_clear();
    }
}

/// An owner serves.
pub fn serving(dir: &Path, taken: &Taken, output: Output) {
    let process = std::process::id();
    if output.is_json() {
        let value = serde_json::json!({
            "serving": dir.display().to_string(), "process": process, "chains": taken.chains,
            "waiting": taken.waiting, "resumed": taken.resumed, "warnings": taken.warnings,
        });
        return json::line(output, &value);
    }
    terminal::line(&format!(
        "serving {} as process {process}: {} chains, {} instances wait, {} go on",
        dir.display(),
        taken.chains,
        taken.waiting,
        taken.resumed
    ));
    taken.warnings.iter().for_each(|warning| terminal::warning(warning));
}

/// An operator's wish is fulfilled.
pub fn done(instance: &str, state: &str, upgraded: bool, output: Output) {
    if output.is_json() {
        return json::line(output, &serde_json::json!({ "instance": instance, "state": state, "upgraded": upgraded }));
    }
    let more = if upgraded { "; its next episode takes up the new version" } else { "" };
    terminal::line(&format!("{instance} is {state}{more}"));
}

/// A run is in the background.
pub fn detached(instance: &str, output: Output) {
    if output.is_json() {
        return json::line(output, &serde_json::json!({ "instance": instance }));
    }
    terminal::line(instance);
}

/// Rows of `ps`.
#[derive(Default)]
pub struct Table {
    rows: Vec<[String; 7]>,
}

const HEAD: [&str; 7] = ["NAME", "FLOW", "STATE", "EPISODE", "ENTRIES", "AGE", "WAITS FOR, OR STEP"];

impl Table {
    pub fn row(&mut self, row: &Instance, output: Output) {
        let age = millis().saturating_sub(row.created);
        let what = match (row.detail.as_str(), row.step.as_str(), row.ended) {
            (_, _, Some(_)) => row.result.clone(),
            ("", "", _) => String::new(),
            ("", step, _) => format!("step {step}"),
            (detail, _, _) => detail.to_owned(),
        };
        if output.is_json() {
            let value = serde_json::json!({
                "instance": row.name, "number": row.id, "flow": row.flow, "chain": row.chain, "state": row.state,
                "detail": row.detail, "step": row.step, "episode": row.episode, "entries": row.entries,
                "head": row.head.map(|head| head.to_string()), "outcome": row.outcome, "result": row.result,
                "created": row.created, "changed": row.changed, "ended": row.ended, "damage": row.damage,
            });
            return json::line(output, &value);
        }
        let state = if row.damage.is_some() { "damaged".to_owned() } else { row.state.clone() };
        self.rows.push([
            row.name.clone(),
            row.flow.clone(),
            state,
            row.episode.to_string(),
            row.entries.to_string(),
            since(age),
            what,
        ]);
    }

    pub fn end(self, output: Output) {
        if output.is_json() {
            return;
        }
        let wide = |place: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(place)).map(|cell| cell.chars().count());
            cells.chain(HEAD.get(place).map(|head| head.len())).max().unwrap_or(0)
        };
        let wides: Vec<usize> = (0..HEAD.len()).map(wide).collect();
        let print = |cells: &[String]| {
            let cells = cells.iter().zip(&wides).map(|(cell, wide)| format!("{cell:<wide$}"));
            terminal::line(cells.collect::<Vec<_>>().join("  ").trim_end());
        };
        print(&HEAD.map(str::to_owned));
        self.rows.iter().for_each(|row| print(row));
    }
}

fn millis() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A span of time, short.
fn since(millis: i64) -> String {
    let seconds = Duration::from_millis(u64::try_from(millis).unwrap_or(0)).as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}
