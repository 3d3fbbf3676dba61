//! What went wrong, as one line and an exit code. The codes are listed in `--help` and in the README.

use std::process::ExitCode;
use valence_runtime::{ConfigError, Ending, LoadError, RunReport, RuntimeError, SpecError, Stop};

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
    RuntimeError => |e| match e {
        RuntimeError::Load(e) => load(e),
        RuntimeError::Input(_) | RuntimeError::Limits(_) | RuntimeError::Config(_) => INPUT,
        RuntimeError::Chain(e) => chain(e),
        _ => HOST,
    };
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

/// The exit code of a run.
pub fn of(report: &RunReport) -> ExitCode {
    ExitCode::from(match &report.ending {
        Ending::Done(_) | Ending::Continue(_) => 0,
        Ending::Failed(_) => FAILED,
        Ending::Trapped(_) => TRAPPED,
        Ending::Stopped(Stop::Limit(_)) => LIMIT,
        Ending::Stopped(Stop::Stalled(_)) => STALLED,
        Ending::Stopped(Stop::Fault(_)) => HOST,
        Ending::Stopped(Stop::Exhausted { .. } | Stop::Diverged(_) | Stop::Ahead { .. } | Stop::Paused(_)) => PAUSED,
        Ending::Stopped(Stop::Cancelled | Stop::Suspended) => CANCELLED,
    })
}
