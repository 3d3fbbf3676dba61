//! What a run was, for whoever waited for its end.

use std::time::Duration;
use valence_door::Stop;
use valence_journal::Cid;
use valence_sandbox::Ending;

/// What became of an instance: it ended, or it stopped and can go on.
#[derive(Clone, Debug)]
pub struct RunReport {
    /// The instance's id.
    pub instance: String,
    /// How it ended, or why it stopped.
    pub ending: Ending,
    /// Instructions, in all episodes that this process ran.
    pub fuel: u64,
    /// The most linear memory, in bytes.
    pub memory: u64,
    /// The flow's own running time.
    pub running: Duration,
    /// From start to end.
    pub duration: Duration,
    /// Episodes, at least 1.
    pub episodes: u32,
    /// Journal entries, in all episodes that this process ran.
    pub entries: u64,
    /// The journal's head: the last episode's, whose header names the one before it.
    pub head: Option<Cid>,
}

impl RunReport {
    /// One word for how it ended.
    pub fn outcome(&self) -> &'static str {
        outcome(&self.ending)
    }

    /// Whether it is over. If not, it is paused, waits for what cannot come now, or the host stopped.
    pub fn is_over(&self) -> bool {
        matches!(
            self.ending,
            Ending::Done(_) | Ending::Failed(_) | Ending::Trapped(_) | Ending::Stopped(Stop::Cancelled)
        )
    }
}

pub(crate) fn outcome(ending: &Ending) -> &'static str {
    match ending {
        Ending::Done(_) => "done",
        Ending::Continue(_) => "continue",
        Ending::Failed(_) => "failed",
        Ending::Trapped(_) => "trapped",
        Ending::Stopped(Stop::Limit(_)) => "limit",
        Ending::Stopped(Stop::Stalled(_)) => "stalled",
        Ending::Stopped(Stop::Fault(_)) => "fault",
        Ending::Stopped(Stop::Diverged(_)) => "diverged",
        Ending::Stopped(Stop::Exhausted { .. }) => "exhausted",
        Ending::Stopped(Stop::Ahead { .. }) => "ahead",
        Ending::Stopped(Stop::Paused(_)) => "operator",
        Ending::Stopped(Stop::Suspended) => "suspended",
        Ending::Stopped(Stop::Cancelled) => "cancelled",
    }
}
