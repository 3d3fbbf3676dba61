//! An instance that somebody follows: its events, then how it ended.

use crate::{
    error::RuntimeError,
    events::{Event, EventKind, Events, Lagged},
    instance::RunReport,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::sync::oneshot;
use valence_sandbox::Flow;

/// How a run ended, or why it stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Ended {
    /// The instance's id.
    pub instance: String,
    /// One word, as in the events `flow-completed` and `flow-paused`.
    pub outcome: String,
    /// The flow's own words, or why it stopped.
    pub result: String,
}

impl From<RunReport> for Ended {
    fn from(report: RunReport) -> Self {
        let (outcome, result) = (report.outcome().to_owned(), report.ending.to_string());
        Ended { instance: report.instance, outcome, result }
    }
}

/// What a follower is told.
pub enum Told {
    /// Something happened.
    Event(Result<Arc<Event>, Lagged>),
    /// The last word.
    End(Result<Ended, RuntimeError>),
}

/// A run that is followed. Dropping it stops the following, and not the run.
pub struct Run {
    /// The instance's id.
    pub instance: String,
    /// What it runs, where it is a component that was just loaded.
    pub flow: Option<Arc<Flow>>,
    events: Events,
    end: oneshot::Receiver<Result<Ended, RuntimeError>>,
    closed: bool,
    over: Option<Result<Ended, RuntimeError>>,
}

impl Run {
    pub(super) fn new(
        instance: String,
        flow: Option<Arc<Flow>>,
        events: Events,
        end: oneshot::Receiver<Result<Ended, RuntimeError>>,
    ) -> Run {
        Run { instance, flow, events, end, closed: false, over: None }
    }

    /// What happened next. After [`Told::End`] there is nothing more. May be dropped and called again.
    pub async fn next(&mut self) -> Told {
        loop {
            if let Some(over) = self.over.take() {
                // All that was published before the end is there already.
                match self.events.try_next() {
                    Some(event) => {
                        self.over = Some(over);
                        if self.concerns(&event) {
                            return Told::Event(event);
                        }
                    }
                    None => return Told::End(over),
                }
                continue;
            }
            tokio::select! {
                biased;
                event = self.events.next(), if !self.closed => match event {
                    Some(event) if self.concerns(&event) => return Told::Event(event),
                    Some(_) => {}
                    None => self.closed = true,
                },
                end = &mut self.end => {
                    let gone = || Err(RuntimeError::Gone(self.instance.clone()));
                    self.over = Some(end.unwrap_or_else(|_| gone()));
                }
            }
        }
    }

    /// What is odd about the chain itself, and the events of this instance; others on the same chain are not this run's, nor is what
    /// goes on the host's own record.
    fn concerns(&self, event: &Result<Arc<Event>, Lagged>) -> bool {
        event.as_ref().map_or(true, |event| match &event.instance {
            Some(name) => *name == self.instance,
            None => matches!(event.kind, EventKind::Warning { .. } | EventKind::Error { .. }),
        })
    }
}

/// How a run ended, where this event says so.
pub(super) fn end_in(event: &Event, instance: &str) -> Option<Ended> {
    if event.instance.as_deref() != Some(instance) {
        return None;
    }
    match &event.kind {
        EventKind::FlowCompleted { outcome, result, .. } | EventKind::FlowPaused { outcome, result, .. } => {
            Some(Ended { instance: instance.to_owned(), outcome: (*outcome).to_owned(), result: result.clone() })
        }
        _ => None,
    }
}
