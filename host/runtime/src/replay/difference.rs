//! Two calls that differ, as a person compares them: each on one line, and where both are steps of the same name, what of the
//! step is new, gone or the same.

use crate::history::{Known, call_in_words, step_lines};
use serde::Serialize;
use similar::{ChangeTag, TextDiff};
use valence_door::{Divergence, HostCall};

/// How a line of a step differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It is on record only.
    Recorded,
    /// It came now only.
    Made,
    /// It is in both.
    Same,
}

/// The first call that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Difference {
    /// The entry that the record has there.
    pub entry: u64,
    /// The call on record; none: on record the flow had ended.
    pub recorded: Option<String>,
    /// The call that came now; none: the flow ended instead.
    pub made: Option<String>,
    /// How the flow ended, where it did so instead.
    pub ended: Option<String>,
    /// The lines of the step, where both calls are about the same one.
    pub step: Vec<(Change, String)>,
}

impl Difference {
    pub(super) fn new(divergence: &Divergence, ended: Option<String>, known: &Known) -> Difference {
        let words = |call: &HostCall| call_in_words(call, known);
        let mut recorded = divergence.recorded.as_ref().map(words);
        let mut made = divergence.made.as_ref().map(words);
        let step = match (&divergence.recorded, &divergence.made) {
            (Some(recorded), Some(made)) => step(recorded, made, known),
            _ => Vec::new(),
        };
        if recorded == made && step.iter().all(|(change, _)| *change == Change::Same) {
            // The words leave out where they differ.
            let all = |call: &HostCall| format!("{}: {call:?}", words(call));
            recorded = divergence.recorded.as_ref().map(all);
            made = divergence.made.as_ref().map(all);
        }
        Difference { entry: divergence.entry, recorded, made, ended, step }
    }
}

/// What differs in a step.
fn step(recorded: &HostCall, made: &HostCall, known: &Known) -> Vec<(Change, String)> {
    let lines = |call: &HostCall| match call {
        HostCall::Emit { step, give_up } => Some((step.name.clone(), step_lines(step, give_up, known))),
        HostCall::Build(step) => Some((step.name.clone(), step_lines(step, &[], known))),
        _ => None,
    };
    let (Some((old, before)), Some((new, after))) = (lines(recorded), lines(made)) else { return Vec::new() };
    if old != new {
        return Vec::new();
    }
    let before: Vec<&str> = before.iter().map(String::as_str).collect();
    let after: Vec<&str> = after.iter().map(String::as_str).collect();
    let diff = TextDiff::from_slices(&before, &after);
    let changes = diff.iter_all_changes().map(|change| {
        let tag = match change.tag() {
            ChangeTag::Delete => Change::Recorded,
            ChangeTag::Insert => Change::Made,
            ChangeTag::Equal => Change::Same,
        };
        (tag, change.value().to_owned())
    });
    changes.collect()
}
