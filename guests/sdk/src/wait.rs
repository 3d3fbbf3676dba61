//! Waiting: `wait_until(token_amount(treasury).above(units)).or_after(in_slots(100)).park()?`.

use crate::bindings::valence::flow::account_watch::{self, Reason};
use crate::error::FlowError;
use crate::types::{Condition, Deadline, Moment};

/// Waits until the condition holds; say more with [`Wait::or`] and [`Wait::or_after`], then [`Wait::park`].
pub fn wait_until(condition: Condition) -> Wait {
    Wait { any_of: vec![condition], deadline: None }
}

/// Waits for the deadline alone.
pub fn wait(deadline: Deadline) -> Wait {
    Wait { any_of: Vec::new(), deadline: Some(deadline) }
}

/// A wait that has not begun; [`Wait::park`] begins it.
#[must_use = "a wait begins with `.park()?`"]
#[derive(Clone, Debug)]
pub struct Wait {
    any_of: Vec<Condition>,
    deadline: Option<Deadline>,
}

/// Why and when a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wake {
    /// When.
    pub moment: Moment,
    /// The condition that holds, counted from 0 in the order in which they were given, the lowest if several do;
    /// none: the deadline passed first.
    pub condition: Option<u32>,
}

impl Wake {
    /// Whether the deadline passed before any condition held.
    pub fn timed_out(&self) -> bool {
        self.condition.is_none()
    }
}

impl Wait {
    /// Ends as well when this condition holds.
    pub fn or(mut self, condition: Condition) -> Self {
        self.any_of.push(condition);
        self
    }

    /// Ends at the latest now; [`Wake::timed_out`] says whether it did.
    pub fn or_after(mut self, deadline: Deadline) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Begins to wait. The flow may leave memory meanwhile. A condition that holds already ends the wait at once.
    pub fn park(self) -> Result<Wake, FlowError> {
        let wake = account_watch::wait(&self.any_of, self.deadline)?;
        let condition = match wake.reason {
            Reason::Condition(index) => Some(index),
            Reason::Deadline => None,
        };
        Ok(Wake { moment: wake.moment, condition })
    }
}
