//! Runs of the same call, folded: a flow may read an account a million times, and nobody reads a million lines.

use super::{Line, Said};

/// Calls of one kind that are shown before the rest is counted.
const SHOWN: u64 = 3;

/// What is shown.
#[derive(Clone, Debug, PartialEq)]
pub enum Folded {
    /// An entry.
    Line(Box<Line>),
    /// So many more of this call.
    More {
        /// The call's name.
        call: String,
        /// How many.
        count: u64,
    },
}

/// Folds runs. Give it the lines in their order, then [`Fold::rest`].
#[derive(Default)]
pub struct Fold {
    run: Option<(String, u64)>,
}

impl Fold {
    /// What is to be shown now that this line has come.
    pub fn push(&mut self, line: Line) -> impl Iterator<Item = Folded> {
        let name = match &line.said {
            // What a flow writes for its operator is never folded.
            Said::Call { call, log: None, .. } => Some(call.clone()),
            _ => None,
        };
        let mut show = None;
        let mut before = None;
        match (&mut self.run, name) {
            (Some((running, count)), Some(name)) if *running == name => {
                *count = count.saturating_add(1);
                if *count <= SHOWN {
                    show = Some(line);
                }
            }
            (_, name) => {
                before = self.rest();
                self.run = name.map(|name| (name, 1));
                show = Some(line);
            }
        }
        before.into_iter().chain(show.map(|line| Folded::Line(Box::new(line))))
    }

    /// What is left at the end.
    pub fn rest(&mut self) -> Option<Folded> {
        let (call, count) = self.run.take()?;
        let count = count.saturating_sub(SHOWN);
        (count > 0).then_some(Folded::More { call, count })
    }
}
