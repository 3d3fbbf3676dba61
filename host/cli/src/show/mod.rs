//! Events and answers as a person (`terminal.rs`) or a program (`json.rs`) reads them. Results go to stdout, everything
//! else to stderr.

mod audit;
mod history;
mod json;
mod owner;
mod proof;
mod replay;
mod terminal;

pub use audit::{audited, log, pruned};
pub use history::{instance, line, more};
pub use json::{error as json_error, line as json_line};
pub use owner::{Table, bar, detached, done, serving};
pub use proof::{checked, damage, disproved, exported, proved};
pub use replay::replayed;
pub use terminal::{anatomy, built, compiler, created, declared, error, limits, note};

use crate::args::Output;
use std::sync::Arc;
use valence_runtime::{Event, EventKind, Lagged};

/// Prints an event.
pub fn event(event: Result<Arc<Event>, Lagged>, output: Output, verbose: bool) {
    let lost;
    let event = match &event {
        Ok(event) => event.as_ref(),
        Err(lagged) => {
            let kind = EventKind::Warning { message: lagged.to_string() };
            lost = Event { instance: None, flow: None, at: None, slot: 0, time: 0, kind };
            &lost
        }
    };
    if output.is_json() { json::line(output, event) } else { terminal::event(event, verbose) }
}
