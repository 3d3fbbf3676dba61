//! How a flow ends badly, and how every error of this crate becomes that, so that `?` works everywhere.

use std::fmt;

use crate::amount::AmountError;
use crate::bindings::exports::valence::flow::flow as exported;
use crate::bindings::valence::flow::account_watch::WatchError;
use crate::bindings::valence::flow::tx_build::{AddressError, BuildError, Failure, Place};
use crate::pubkey::PubkeyError;
use crate::step::StepError;
use crate::token_layout::LayoutError;
use crate::types::ChainError;

/// How a run ends badly, by the flow's own judgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlowError {
    /// A param has a value that the flow cannot take.
    Param {
        /// The param's name.
        name: String,
        /// Why, in one line.
        reason: String,
    },
    /// A step did not land.
    Step {
        /// The step's name.
        name: String,
        /// Why, in one line.
        reason: String,
    },
    /// The state that the episode before left cannot be taken: another version of the flow wrote it.
    State {
        /// Why, in one line.
        reason: String,
    },
    /// Anything else.
    Other {
        /// For programs: lowercase letters and `-`.
        code: String,
        /// For people, in one line.
        message: String,
    },
}

impl FlowError {
    /// Anything: a code for programs, a message for people.
    pub fn other(code: impl Into<String>, message: impl fmt::Display) -> Self {
        Self::Other { code: code.into(), message: message.to_string() }
    }

    /// The state that the episode before left cannot be taken. After an upgrade the instance goes back to the version
    /// before, and is paused.
    pub fn state(reason: impl fmt::Display) -> Self {
        Self::State { reason: reason.to_string() }
    }

    /// The param of this name has a value that the flow cannot take.
    pub fn param(name: impl Into<String>, reason: impl fmt::Display) -> Self {
        Self::Param { name: name.into(), reason: reason.to_string() }
    }
}

impl fmt::Display for FlowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Param { name, reason } => write!(f, "param `{name}`: {reason}"),
            Self::Step { name, reason } => write!(f, "step `{name}`: {reason}"),
            Self::State { reason } => write!(f, "the state of the episode before: {reason}"),
            Self::Other { code, message } => write!(f, "{message} ({code})"),
        }
    }
}

impl std::error::Error for FlowError {}

impl From<FlowError> for exported::FlowError {
    fn from(error: FlowError) -> Self {
        match error {
            FlowError::Param { name, reason } => Self::Param((name, reason)),
            FlowError::Step { name, reason } => Self::Step((name, reason)),
            FlowError::State { reason } => Self::State(reason),
            FlowError::Other { code, message } => Self::Other((code, message)),
        }
    }
}

/// Turns any error, or the lack of a value, into a [`FlowError`].
pub trait OrFail<T>: Sized {
    /// Ends the flow with this code; the message is the error's own.
    fn or_fail(self, code: &str) -> Result<T, FlowError>;

    /// Ends the flow because of the param of this name.
    fn or_blame_param(self, name: &str) -> Result<T, FlowError>;
}

impl<T, E: fmt::Display> OrFail<T> for Result<T, E> {
    fn or_fail(self, code: &str) -> Result<T, FlowError> {
        self.map_err(|error| FlowError::other(code, error))
    }

    fn or_blame_param(self, name: &str) -> Result<T, FlowError> {
        self.map_err(|error| FlowError::param(name, error))
    }
}

impl<T> OrFail<T> for Option<T> {
    fn or_fail(self, code: &str) -> Result<T, FlowError> {
        self.ok_or_else(|| FlowError::other(code, "a value that the flow needs is not there"))
    }

    fn or_blame_param(self, name: &str) -> Result<T, FlowError> {
        self.ok_or_else(|| FlowError::param(name, "what it names is not there"))
    }
}

/// Ends the flow with a code and a message: `fail!("too-late", "slot {slot} has passed")`.
#[macro_export]
macro_rules! fail {
    ($code:expr, $($message:tt)+) => {
        return ::core::result::Result::Err(
            $crate::error::FlowError::other($code, ::std::format!($($message)+)).into()
        )
    };
}

/// Ends the flow with a code and a message unless this holds: `ensure!(n > 0, "empty", "nothing to do")`.
#[macro_export]
macro_rules! ensure {
    ($holds:expr, $code:expr, $($message:tt)+) => {
        if !$holds {
            $crate::fail!($code, $($message)+);
        }
    };
}

impl From<WatchError> for FlowError {
    fn from(error: WatchError) -> Self {
        let code = match &error {
            WatchError::Chain(_) => "chain-unavailable",
            WatchError::TooMany(_) => "too-many",
            WatchError::TooLarge(_) => "too-large",
            WatchError::NothingToWaitFor => "nothing-to-wait-for",
        };
        Self::other(code, explain::watch(&error))
    }
}

impl From<AddressError> for FlowError {
    fn from(error: AddressError) -> Self {
        Self::other("bad-seeds", explain::address(&error))
    }
}

impl From<StepError> for FlowError {
    fn from(error: StepError) -> Self {
        Self::Step { reason: error.reason.to_string(), name: error.step }
    }
}

impl From<AmountError> for FlowError {
    fn from(error: AmountError) -> Self {
        Self::other("bad-amount", format_args!("an amount cannot be used: {error}"))
    }
}

impl From<LayoutError> for FlowError {
    fn from(error: LayoutError) -> Self {
        Self::other("bad-account", format_args!("an account is not what was expected: {error}"))
    }
}

impl From<PubkeyError> for FlowError {
    fn from(error: PubkeyError) -> Self {
        Self::other("bad-address", format_args!("a text is not an address: {error}"))
    }
}

/// The contract's errors in words. Their generated `Display` shows the Rust value instead.
pub mod explain {
    use super::{AddressError, BuildError, ChainError, Failure, Place, WatchError};
    use crate::Pubkey;

    /// Why accounts could not be read, in one line.
    pub fn watch(error: &WatchError) -> String {
        match error {
            WatchError::Chain(error) => chain(error),
            WatchError::TooMany(n) => {
                format!("{} in one call, at most {} are allowed; split the call", n.given, n.allowed)
            }
            WatchError::TooLarge(n) => format!(
                "the reply would have {} bytes, at most {} are given; ask for a slice or narrow the query",
                n.given, n.allowed
            ),
            WatchError::NothingToWaitFor => {
                "a wait without a condition and a deadline would never end; give it one".to_owned()
            }
        }
    }

    /// Why the chain could not be read, in one line.
    pub fn chain(error: &ChainError) -> String {
        let ChainError::Unavailable(said) = error;
        format!("the cluster gave no answer in time: {said}; try again later")
    }

    /// Why an address could not be derived, in one line.
    pub fn address(error: &AddressError) -> String {
        match error {
            AddressError::TooManySeeds(n) => format!("{} seeds, at most {} are allowed", n.given, n.allowed),
            AddressError::SeedTooLong((index, n)) => {
                format!("seed {index} has {} bytes, at most {} are allowed", n.given, n.allowed)
            }
            AddressError::NoAddress => "no bump gives an address off the curve; use other seeds".to_owned(),
        }
    }

    /// Why a transaction did not succeed, in one line: the host's words, which name the instruction.
    pub fn failure(failure: &Failure) -> String {
        failure.message.clone()
    }

    /// Why a step could not be built, in one line.
    pub fn build(error: &BuildError) -> String {
        match error {
            BuildError::Chain(error) => chain(error),
            BuildError::EmptyStep => "it has no instruction; give it one".to_owned(),
            BuildError::UnknownRole(role) => {
                format!("no role `{role}` is bound; declare it and bind it with --role {role}=PUBKEY")
            }
            BuildError::Address((at, error)) => format!("{}: {}", place(at), address(error)),
            BuildError::NotAMint((at, key)) => {
                format!("{}: no mint exists at {}", place(at), Pubkey::from(*key))
            }
            BuildError::NoProgram((at, key)) => {
                format!("{}: no program exists at {}", place(at), Pubkey::from(*key))
            }
            BuildError::TooLarge((at, n)) => format!(
                "{}: the transaction has {} bytes from here on, at most {} are allowed; move it to another step",
                place(at),
                n.given,
                n.allowed
            ),
            BuildError::TooManyLocks((at, n)) => format!(
                "{}: the transaction locks {} accounts from here on, at most {} are allowed; move it to another step",
                place(at),
                n.given,
                n.allowed
            ),
            BuildError::BadComputeLimit(units) => {
                format!("a compute unit limit of {units} is not between 1 and 1400000")
            }
            BuildError::BadRetryPolicy => {
                "the retry policy has at most 100 tries and a backoff of at least 1000".to_owned()
            }
            BuildError::Simulation(why) => format!("its simulation failed: {}", failure(why)),
        }
    }

    fn place(at: &Place) -> String {
        match at.account {
            Some(account) => format!("instruction {}, account {account}", at.instruction),
            None => format!("instruction {}", at.instruction),
        }
    }
}
