//! What went wrong, as one line and an exit code. The codes are listed in `--help` and in the README.

use valence_runtime::{ConfigError, DataDirError, LoadError, OwnerError, RuntimeError, SpecError, Stop};

/// Exit codes.
pub const FAILED: u8 = 1;
pub const INPUT: u8 = 2;
pub const NOT_A_FLOW: u8 = 3;
pub const LIMIT: u8 = 4;
pub const TRAPPED: u8 = 5;
pub const STALLED: u8 = 6;
pub const BUILD: u8 = 7;
pub const HOST: u8 = 8;
pub const PAUSED: u8 = 9;
pub const CANCELLED: u8 = 130;

/// An error with its exit code.
#[derive(Debug)]
pub struct Fail {
    pub code: u8,
    pub error: anyhow::Error,
}

impl Fail {
    pub fn input(message: impl std::fmt::Display) -> Self {
        Fail { code: INPUT, error: anyhow::anyhow!("{message}") }
    }
}

macro_rules! code {
    ($($error:ty => $code:expr;)*) => {$(
        impl From<$error> for Fail {
            fn from(error: $error) -> Self {
                let code: fn(&$error) -> u8 = $code;
                Fail { code: code(&error), error: error.into() }
            }
        }
    )*};
}

code! {
    RuntimeError => runtime;
    OwnerError => of_owner;
    DataDirError => data_dir;
    valence_runtime::ChainError => chain;
    LoadError => load;
    valence_runtime::InputError => |_| INPUT;
    valence_runtime::LimitError => |_| INPUT;
    ConfigError => |_| INPUT;
    SpecError => |_| INPUT;
    valence_build::BuildError => |e| match e {
        valence_build::BuildError::SourceMissing(_) | valence_build::BuildError::SourceNotAFolder(_) => INPUT,
        _ => BUILD,
    };
    valence_build::NewError => |_| INPUT;
    std::io::Error => |_| HOST;
}

fn runtime(error: &RuntimeError) -> u8 {
    match error {
        RuntimeError::Load(e) => load(e),
        RuntimeError::Input(_) | RuntimeError::Limits(_) | RuntimeError::Config(_) | RuntimeError::Declared(_) => INPUT,
        RuntimeError::NoInstance(_) | RuntimeError::State(..) | RuntimeError::NameTaken(_) => INPUT,
        RuntimeError::Chain(e) => chain(e),
        _ => HOST,
    }
}

fn data_dir(error: &DataDirError) -> u8 {
    match error {
        DataDirError::Owned { .. } | DataDirError::Io { .. } => INPUT,
        DataDirError::Store(e) => crate::record::of_store(e),
    }
}

/// The exit code of an owner's error.
pub fn of_owner(error: &OwnerError) -> u8 {
    match error {
        OwnerError::Runtime(e) => runtime(e),
        OwnerError::DataDir(e) => data_dir(e),
        OwnerError::Refused { code, .. } => *code,
        OwnerError::Spec(_) | OwnerError::Request(_) | OwnerError::ChainGone { .. } => INPUT,
        OwnerError::Socket { .. } => HOST,
    }
}

/// The exit code of a run that ended with this word.
pub fn of_outcome(outcome: &str) -> u8 {
    match outcome {
        "done" | "continue" => 0,
        "failed" => FAILED,
        "trapped" => TRAPPED,
        "limit" => LIMIT,
        "stalled" => STALLED,
        "fault" => HOST,
        "cancelled" | "suspended" => CANCELLED,
        _ => PAUSED,
    }
}

/// A flow that describes itself runs already, and may reach its limits.
fn load(error: &LoadError) -> u8 {
    match error {
        LoadError::Stopped(Stop::Limit(_)) => LIMIT,
        _ => NOT_A_FLOW,
    }
}

fn chain(error: &valence_runtime::ChainError) -> u8 {
    match error {
        valence_runtime::ChainError::BadSpec(_) | valence_runtime::ChainError::Kept { .. } => INPUT,
        _ => HOST,
    }
}
