//! Why a flow is refused, and where in it the fault lies: from the inside out, so that a check needs to know only its own place.

use super::flow::ProtocolFlow;
use std::fmt;

/// Why a declared flow was refused: where, what, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ProtocolFlowError {
    /// The file, or the flow where it was made in code.
    pub place: String,
    /// The line, counted from 1, where it is known.
    pub line: Option<usize>,
    /// What is wrong and what to do.
    pub what: String,
}

impl fmt::Display for ProtocolFlowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}: {}", self.place, self.line.map(|line| format!(":{line}")).unwrap_or_default(), self.what)
    }
}

/// A step towards the place of a fault, from the flow inwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// A field, as a file names it.
    Key(String),
    /// An element of a list.
    Index(usize),
}

impl From<&str> for Segment {
    fn from(key: &str) -> Self {
        Segment::Key(key.to_owned())
    }
}

impl From<usize> for Segment {
    fn from(index: usize) -> Self {
        Segment::Index(index)
    }
}

/// What is wrong, and where in the flow.
#[derive(Debug)]
pub(super) struct Fault {
    /// Innermost first.
    path: Vec<Segment>,
    what: String,
}

pub(super) type Checked = Result<(), Fault>;

/// A fault here.
pub(super) fn fault(what: impl Into<String>) -> Checked {
    Err(Fault { path: Vec::new(), what: what.into() })
}

/// Says where a fault is, from the inside out.
pub(super) trait At {
    fn at(self, segment: impl Into<Segment>) -> Self;
}

impl At for Checked {
    fn at(self, segment: impl Into<Segment>) -> Self {
        self.map_err(|mut fault| {
            fault.path.push(segment.into());
            fault
        })
    }
}

impl Fault {
    /// From the flow inwards.
    pub(super) fn path(&self) -> impl Iterator<Item = &Segment> {
        self.path.iter().rev()
    }

    /// What is wrong, with its place in words.
    pub(super) fn say(&self, flow: &ProtocolFlow) -> String {
        let mut words = Vec::new();
        let path: Vec<_> = self.path().collect();
        for pair in path.windows(2) {
            if let [Segment::Key(list), place] = pair {
                let word = match (list.as_str(), place) {
                    ("steps", Segment::Index(i)) => match flow.steps.get(*i) {
                        Some(step) if !step.name.is_empty() => format!("step `{}`", clip(&step.name)),
                        _ => format!("step {i}"),
                    },
                    ("instructions", Segment::Index(i)) => format!("instruction {i}"),
                    ("accounts", Segment::Index(i)) => format!("account {i}"),
                    ("conditions", Segment::Index(i)) => format!("condition {i}"),
                    ("seeds", Segment::Index(i)) => format!("seed {i}"),
                    ("params", Segment::Key(name)) => format!("param `{}`", clip(name)),
                    _ => continue,
                };
                words.push(word);
            }
        }
        if words.is_empty() { self.what.clone() } else { format!("{}: {}", words.join(", "), self.what) }
    }
}

/// A whole message on one line, however long a text a parser repeats in it.
pub(super) fn one_line(what: &str) -> String {
    const MOST: usize = 1000;
    let line = what.lines().collect::<Vec<_>>().join(", ");
    line.chars().take(MOST).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Outside text in a message: short and on one line.
pub(super) fn clip(text: &str) -> String {
    text.chars().take(80).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
