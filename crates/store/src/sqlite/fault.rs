//! Errors inside this store, and how they look outside.

use dragline_core::StoreError;
use rusqlite::ErrorCode;

/// An error on its way out of the store. The outermost call adds where the store is and what was tried.
#[derive(Debug)]
pub(super) enum Fault {
    /// An error of `SQLite`.
    Sqlite(rusqlite::Error),
    /// An error of this store.
    Store(StoreError),
    /// A stored value cannot be read, or a row cannot be passed on.
    Other(dragline_core::store::Source),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Self::Other(error.into())
    }
}

impl Fault {
    /// The error of an operation on an open database.
    ///
    /// A database that is locked, full or read-only may work again later, so the crawl waits. If a constraint
    /// fails, one row is at fault. Trying again helps with nothing else.
    pub(super) fn into_error(self, store: &str, what: &str) -> StoreError {
        let error = match self {
            Self::Store(error) => return error,
            Self::Other(source) => return broken(store, what, source),
            Self::Sqlite(error) => error,
        };
        let code = error.sqlite_error().map(|failure| failure.extended_code.to_string());
        match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => StoreError::Cancelled,
            Some(ErrorCode::ConstraintViolation | ErrorCode::TooBig | ErrorCode::TypeMismatch) => {
                StoreError::Refused { message: error.to_string(), sqlstate: code }
            }
            Some(
                ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::DiskFull
                | ErrorCode::ReadOnly
                | ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::FileLockingProtocolFailed
                | ErrorCode::OutOfMemory,
            ) => StoreError::Unavailable {
                store: store.to_owned(),
                what: what.to_owned(),
                sqlstate: code,
                source: error.into(),
            },
            _ => broken(store, what, error.into()),
        }
    }

    /// The error of opening a database. Here, the user must fix a wrong path or privilege, and waiting does not
    /// help.
    pub(super) fn at_open(self, store: &str) -> StoreError {
        let Self::Sqlite(error) = &self else { return self.into_error(store, "opening the database") };
        let setup = |problem: &str, hint: &str| StoreError::Setup {
            problem: format!("{store}: {problem} ({error})"),
            hint: hint.to_owned(),
        };
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => {
                setup("the file is not an SQLite database", "name another file with --store sqlite:FILE")
            }
            Some(ErrorCode::CannotOpen) => setup(
                "the database cannot be opened",
                "does its folder exist, and may this user read and write there?",
            ),
            Some(
                ErrorCode::ReadOnly
                | ErrorCode::PermissionDenied
                | ErrorCode::AuthorizationForStatementDenied,
            ) => setup("the database cannot be written", "may this user write the file and its folder?"),
            Some(ErrorCode::DatabaseCorrupt) => setup(
                "the database is damaged",
                "restore it from a copy, or recover what is there with `sqlite3 FILE .recover`",
            ),
            _ => self.into_error(store, "opening the database"),
        }
    }
}

fn broken(store: &str, what: &str, source: dragline_core::store::Source) -> StoreError {
    StoreError::Broken { store: store.to_owned(), what: what.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::ffi;

    fn error(code: i32) -> StoreError {
        Fault::from(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None))
            .into_error("sqlite:x", "a test")
    }

    #[test]
    fn who_can_mend_it_decides_the_name() {
        for code in [ffi::SQLITE_BUSY, ffi::SQLITE_FULL, ffi::SQLITE_READONLY, ffi::SQLITE_IOERR_FSYNC] {
            assert!(error(code).is_retryable(), "{code}");
        }
        let busy = error(ffi::SQLITE_BUSY);
        assert!(busy.hint().is_some_and(|hint| hint.contains("another process is writing")), "{busy:?}");
        assert!(matches!(error(ffi::SQLITE_INTERRUPT), StoreError::Cancelled));
        assert!(matches!(error(ffi::SQLITE_CORRUPT), StoreError::Broken { .. }));
        let refused = error(ffi::SQLITE_CONSTRAINT_NOTNULL);
        assert!(matches!(refused, StoreError::Refused { sqlstate: Some(code), .. } if code == "1299"));
    }
}
