//! The errors of a kept chain, in one line each: what, where, what to do.

use super::{Kept, rows::Bad};
use crate::ChainError;
use rusqlite::ErrorCode;

/// What was being done when it failed.
#[derive(Clone, Copy)]
pub(super) enum Doing {
    Opening,
    Saving,
}

impl Kept {
    pub(super) fn kept(&self, reason: String) -> ChainError {
        ChainError::Kept { name: self.name.clone(), reason }
    }

    pub(super) fn closed(&self) -> ChainError {
        self.kept("it is closed: open it again".into())
    }

    /// What SQLite says, and what a row says that does not fit its seal.
    pub(super) fn error(&self, doing: Doing, bad: Bad) -> ChainError {
        let path = self.path.display();
        let again = self.path.with_extension("*");
        let damaged = |what: &str| {
            format!("{path} is damaged ({what}): restore it, or remove {} to start again", again.display())
        };
        let verb = match doing {
            Doing::Opening => "open",
            Doing::Saving => "save",
        };
        let error = match bad {
            Bad::Damaged(what) => return self.kept(damaged(what)),
            Bad::Sql(error) => error,
        };
        let code = error.sqlite_error_code();
        // SQLite quotes what it cannot read, lines and all.
        let error: String = error.to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).take(160).collect();
        self.kept(match (code, doing) {
            (Some(ErrorCode::DiskFull), _) => format!("cannot {verb} {path}: {error}; free some space"),
            (Some(ErrorCode::SystemIoFailure), _) => {
                format!("cannot {verb} {path}: {error}; free some space, or look after the disk")
            }
            (Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied), _) => {
                format!("cannot {verb} {path}: {error}; make the file and its folder writable")
            }
            (Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked), _) => {
                format!("cannot {verb} {path}: another program writes to it; let that one end")
            }
            (Some(ErrorCode::OutOfMemory), _) => format!("cannot {verb} {path}: {error}"),
            (Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt), _) | (_, Doing::Opening) => damaged(&error),
            (_, Doing::Saving) => format!("cannot save {path}: {error}"),
        })
    }
}
