//! What can go wrong between a data dir, its owner and those who ask it.

use super::DataDirError;
use crate::error::RuntimeError;
use valence_chain::{ChainError, SpecError};

/// Why an owner did not do what it was asked for. Each is one line that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OwnerError {
    /// The folder.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// A runtime.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// A chain's description.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// A request that makes no sense.
    #[error("{0}")]
    Request(String),
    /// The chain of an instance is gone.
    #[error(
        "instance `{instance}` stands on the chain `{chain}`, and {path} is not there any more; bring it back, or cancel the instance"
    )]
    ChainGone {
        /// Whose.
        instance: String,
        /// Its name.
        chain: String,
        /// Its file.
        path: String,
    },
    /// The socket.
    #[error("{path}: {why}")]
    Socket {
        /// Where.
        path: String,
        /// What the machine says, and what to do.
        why: String,
    },
    /// The owner said no: its line and exit code.
    #[error("{message}")]
    Refused {
        /// Its words.
        message: String,
        /// The exit code that goes with them.
        code: u8,
    },
}

impl From<ChainError> for OwnerError {
    fn from(error: ChainError) -> Self {
        OwnerError::Runtime(error.into())
    }
}

impl From<valence_journal::StoreError> for OwnerError {
    fn from(error: valence_journal::StoreError) -> Self {
        OwnerError::Runtime(error.into())
    }
}
