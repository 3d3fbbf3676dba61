//! What SQLite and the machine say, in the store's words.

use crate::StoreError;
use rusqlite::{Error, ErrorCode, ffi};
use std::{io, path::Path};

/// SQLite's words in the store's.
pub(super) fn sqlite(path: &Path, error: &Error) -> StoreError {
    let path = path.display().to_string();
    let why = error.to_string();
    let Some(code) = error.sqlite_error() else {
        // A column of another type, or a row that is not there: the schema is ours, so the content is not.
        return StoreError::Damaged { path, what: why };
    };
    match code.code {
        ErrorCode::DiskFull => StoreError::Full { path },
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied => StoreError::ReadOnly { path, why },
        ErrorCode::CannotOpen => StoreError::ReadOnly { path, why: "the file cannot be opened or made".to_owned() },
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => StoreError::Locked { path },
        ErrorCode::NotADatabase => StoreError::NotAStore { path, why },
        // The statements are ours; where they do not fit the file, it is not what we wrote.
        ErrorCode::DatabaseCorrupt
        | ErrorCode::ConstraintViolation
        | ErrorCode::TypeMismatch
        | ErrorCode::SchemaChanged
        | ErrorCode::Unknown => StoreError::Damaged { path, what: why },
        // A write beyond a limit of the process or a quota comes as this.
        ErrorCode::SystemIoFailure if code.extended_code == ffi::SQLITE_IOERR_WRITE => match io::Error::last_os_error()
        {
            e if full(&e) => StoreError::Full { path },
            e => StoreError::Io { path, why: format!("{why} ({e})") },
        },
        _ => StoreError::Io { path, why },
    }
}

fn full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::FileTooLarge | io::ErrorKind::QuotaExceeded)
}

/// The machine's words in the store's.
pub(super) fn machine(path: &Path, error: &io::Error) -> StoreError {
    let (path, why) = (path.display().to_string(), error.to_string());
    match error.kind() {
        _ if full(error) => StoreError::Full { path },
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => StoreError::ReadOnly { path, why },
        _ => StoreError::Io { path, why },
    }
}
