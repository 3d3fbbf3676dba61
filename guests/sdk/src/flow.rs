//! What one run is given besides params and roles, and how it ends well.

use crate::bindings::exports::valence::flow::flow::{Context, Outcome};
use crate::error::FlowError;
use crate::params::{Argument, Declaration};

/// What a flow's function returns: [`done`] or [`continue_with`], or an error.
pub type FlowResult = Result<Outcome, FlowError>;

/// The run itself: its instance, its episode, and what the episode before left.
#[derive(Clone, Debug)]
pub struct Flow {
    instance: String,
    episode: u32,
    state: Option<Vec<u8>>,
}

impl Flow {
    /// The instance's id.
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// Counts from 0; grows with each [`continue_with`].
    pub fn episode(&self) -> u32 {
        self.episode
    }

    /// What the episode before left with [`continue_with`]; none in the first.
    pub fn state(&self) -> Option<&[u8]> {
        self.state.as_deref()
    }
}

impl Argument for Flow {
    fn declare(_: &mut Declaration) {}

    fn take(context: &Context) -> Result<Self, FlowError> {
        Ok(Self { instance: context.instance.clone(), episode: context.episode, state: context.state.clone() })
    }
}

/// The flow is finished; the text is for people and for whoever started it.
pub fn done(text: impl Into<String>) -> FlowResult {
    Ok(Outcome::Done(text.into()))
}

/// The episode is finished; the next one starts with this state, which [`Flow::state`] gives it.
pub fn continue_with(state: impl Into<Vec<u8>>) -> FlowResult {
    Ok(Outcome::Continue(state.into()))
}
