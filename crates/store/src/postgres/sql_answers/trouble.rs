//! What an error of the database means for a look-up. It is not the same as for the store: a look-up only reads, its statement is the
//! program's, and its item is stored already.

use dragline_core::StoreError;
use dragline_core::sql_answers::SqlError;
use tokio_postgres::Error;
use tokio_postgres::error::DbError;

use super::super::target::DatabaseTarget;

/// Whether asking again may help, and what a person should do.
enum Remedy {
    Wait,
    AskAgain,
    TookTooLong,
    Person(&'static str),
}

/// What a SQLSTATE means (`PostgreSQL` manual, appendix A).
fn remedy(code: &str) -> Remedy {
    match code {
        // query_canceled: its time limit, or somebody has cancelled it.
        "57014" => Remedy::TookTooLong,
        // lock_not_available.
        "55P03" => Remedy::AskAgain,
        "42501" => Remedy::Person("as its owner: GRANT SELECT on it to the user of the URL"),
        "25006" => Remedy::Person("a look-up only reads: take out what the statement changes"),
        "42P01" | "42703" | "42883" | "3F000" => {
            Remedy::Person("compare the statement with the tables of the database, and search_path")
        }
        "42P18" | "42P08" => Remedy::Person("say the type of the parameter: $1::text"),
        _ => match code.get(..2) {
            Some("40") => Remedy::AskAgain,
            // Connection, resources (too many connections), operator (shutdown, start-up), I/O.
            Some("08" | "53" | "57" | "58") => Remedy::Wait,
            Some("42") => Remedy::Person("mend the statement"),
            Some("22") => Remedy::Person("the statement cannot work with this parameter or row"),
            _ => Remedy::Person("see the log of the database"),
        },
    }
}

/// What went wrong with a question.
pub(super) fn of_driver(target: &DatabaseTarget, error: &Error) -> SqlError {
    match error.as_db_error() {
        Some(answer) => answered(target, answer),
        None => match target.error("a look-up", error) {
            // The answer itself cannot be read.
            StoreError::Broken { source, .. } => SqlError::Refused(format!("{}: {source}", target.location)),
            other => of_store(&other),
        },
    }
}

fn answered(target: &DatabaseTarget, answer: &DbError) -> SqlError {
    let (code, message) = (answer.code().code(), answer.message());
    let told = format!("{message} ({code})");
    match remedy(code) {
        Remedy::Wait => SqlError::Away(format!("{}: {told}", target.location)),
        Remedy::AskAgain => SqlError::GaveUp(told),
        Remedy::TookTooLong => SqlError::TimedOut(format!(
            "{told}; make the statement faster, for example with an index, or allow more with SqlDatabase::with_timeout"
        )),
        Remedy::Person(what) => SqlError::Refused(format!("{told}; {what}")),
    }
}

/// What went wrong on the way to a session.
pub(super) fn of_store(error: &StoreError) -> SqlError {
    match error {
        StoreError::Unavailable { store, source, .. } => {
            let cause = source.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            SqlError::Away(format!("{store} is not available: {source}{cause}"))
        }
        StoreError::GaveUp { source, .. } => SqlError::GaveUp(source.to_string()),
        other => match other.hint() {
            Some(hint) => SqlError::Refused(format!("{other}; {hint}")),
            None => SqlError::Refused(other.to_string()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_go_away_is_asked_again() {
        for code in ["08006", "57P01", "57P03", "53300", "53100"] {
            assert!(matches!(remedy(code), Remedy::Wait), "{code}");
        }
        for code in ["40001", "40P01", "55P03"] {
            assert!(matches!(remedy(code), Remedy::AskAgain), "{code}");
        }
        assert!(matches!(remedy("57014"), Remedy::TookTooLong));
        for code in ["42601", "42P01", "42501", "22P02", "25006", "0A000", "P0001", "XX000", ""] {
            assert!(matches!(remedy(code), Remedy::Person(_)), "{code}");
        }
    }
}
