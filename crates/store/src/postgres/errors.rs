//! Decides what an error of the database means for Dragline. Only this module looks at SQLSTATEs, and `sql_answers/trouble.rs` for
//! databases that look-ups ask.
//!
//! There are five meanings. *Try again later*: the store is away, busy or full. *Try again, with less at once*: the store
//! answers, but gave the transaction up. *A row is at fault*: its page becomes dead, and the rest is stored. *Someone must set
//! something up.* *Broken.*

use std::error::Error as _;
use std::fmt;
use std::io;

use deadpool_postgres::{PoolError, TimeoutType};
use dragline_core::StoreError;
use dragline_core::letters::is_missing_parent;
use tokio_postgres::Error;
use tokio_postgres::error::DbError;

use super::handshake;
use super::pooler;
use super::target::DatabaseTarget;

/// Statement was cancelled: by us, or by its own time limit.
const QUERY_CANCELED: &str = "57014";

/// The functions of the server that refuse rows, by a row-level security policy or by the CHECK OPTION of a view.
const ROW_POLICY_CHECK: &str = "ExecWithCheckOptions";

/// How the server begins to say that a user may not look into a schema. The name of the schema follows.
const NO_SCHEMA_PRIVILEGE: &str = "permission denied for schema ";

/// How the server says that only the owner may change a table. It has the same code as a missing privilege, and comes from the
/// same function. A server that speaks another language gets the hint for a missing privilege.
const NOT_THE_OWNER: &str = "must be owner of ";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// The store is away, busy or full.
    Later,
    /// The store answers, but gave the transaction up.
    GaveUp,
    Row,
    Setup,
    Schema,
    Broken,
}

/// How `PgBouncer` refuses a parameter of a connection.
const UNSUPPORTED_PARAMETER: &str = "unsupported startup parameter";

/// A prepared statement that is missing, or that exists already. We name each one once in a session, so the session is not ours.
const NOT_OUR_SESSION: [&str; 2] = ["26000", "42P05"];

/// What a SQLSTATE means (`PostgreSQL` manual, appendix A).
fn meaning(code: &str) -> Meaning {
    match code {
        // A wrong role, database, schema or privilege, or a table that belongs to another user. A session that is not ours.
        "28P01" | "28000" | "3D000" | "3F000" | "42501" | "42P07" | "26000" | "42P05" => Meaning::Setup,
        // A table, a column or a unique index went away after the start-up check.
        "42P01" | "42703" | "42P10" => Meaning::Schema,
        // lock_not_available, object_in_use, and a statement's time limit or a cancel that was not ours.
        "55P03" | "55006" | QUERY_CANCELED => Meaning::GaveUp,
        _ => match code.get(..2) {
            // Rollback: deadlock, serialization.
            Some("40") => Meaning::GaveUp,
            // Connection, transaction state (25006: a standby), resources (too many connections, disk full),
            // operator (shutdown, start-up), I/O.
            Some("08" | "25" | "53" | "57" | "58") => Meaning::Later,
            // Data, constraints, raise in a trigger, limits (index row too large), WITH CHECK, cardinality.
            Some("22" | "23" | "P0" | "54" | "44" | "21" | "09" | "27" | "38" | "39") => Meaning::Row,
            Some("XX") => Meaning::Broken,
            // The SQL standard leaves these classes to implementations. Here, a trigger raised its own code.
            Some(class) if class.starts_with(|first| matches!(first, '5'..='9' | 'I'..='Z')) => Meaning::Row,
            _ => Meaning::Broken,
        },
    }
}

/// Whether a statement was cancelled.
pub(super) fn is_cancel(error: &StoreError) -> bool {
    matches!(error, StoreError::GaveUp { sqlstate: Some(code), .. } if code == QUERY_CANCELED)
}

impl DatabaseTarget {
    /// What went wrong while `what` was tried.
    pub(super) fn error(&self, what: &str, error: &Error) -> StoreError {
        match error.as_db_error() {
            Some(answer) => self.answered(what, answer),
            None if let Some(failure) = handshake::failure(error) => StoreError::Setup {
                problem: format!("{}: {}", self.location, failure.problem),
                hint: failure.hint.to_owned(),
            },
            None if error.is_closed() || io_cause(error).is_some() => self.away(what, one_line(error)),
            None => self.unanswered(what, error),
        }
    }

    /// The error of taking a session from the pool.
    pub(super) fn pool_error(&self, what: &str, error: PoolError) -> StoreError {
        match error {
            PoolError::Backend(error) => self.error(what, &error),
            PoolError::Timeout(TimeoutType::Wait) => self.away(what, "all sessions are busy".to_owned()),
            PoolError::Timeout(_) => self.silent(what),
            PoolError::Closed => self.broken(what, "the store is closed"),
            other => self.broken(what, other.to_string()),
        }
    }

    /// The store is away; `cause` says how that was noticed.
    pub(super) fn away(&self, what: &str, cause: String) -> StoreError {
        StoreError::Unavailable {
            store: self.location.clone(),
            what: what.to_owned(),
            sqlstate: None,
            source: Cause(cause).into(),
        }
    }

    /// The store is away: it did not answer.
    pub(super) fn silent(&self, what: &str) -> StoreError {
        self.away(what, "no answer in time".to_owned())
    }

    /// Something impossible was found in the store.
    pub(super) fn broken(&self, what: &str, cause: impl Into<String>) -> StoreError {
        StoreError::Broken {
            store: self.location.clone(),
            what: what.to_owned(),
            source: Cause(cause.into()).into(),
        }
    }

    fn answered(&self, what: &str, answer: &DbError) -> StoreError {
        let code = answer.code().code();
        let text = format!("{} ({code})", answer.message());
        // A row-level policy has the same code as a missing privilege. The name of the server's function tells them apart,
        // whatever the language of the message.
        let meaning = match answer.routine() {
            Some(ROW_POLICY_CHECK) => Meaning::Row,
            _ if answer.message().starts_with(UNSUPPORTED_PARAMETER) => Meaning::Setup,
            _ => meaning(code),
        };
        match meaning {
            Meaning::Later => StoreError::Unavailable {
                store: self.location.clone(),
                what: what.to_owned(),
                sqlstate: Some(code.to_owned()),
                source: Cause(text).into(),
            },
            Meaning::GaveUp => StoreError::GaveUp {
                store: self.location.clone(),
                what: what.to_owned(),
                sqlstate: Some(code.to_owned()),
                source: Cause(text).into(),
            },
            Meaning::Row => StoreError::Refused { message: refusal(answer), sqlstate: Some(code.to_owned()) },
            Meaning::Setup => StoreError::Setup {
                problem: format!("{}: {}", self.location, answer.message()),
                hint: match answer.message() {
                    text if text.starts_with(NOT_THE_OWNER) => {
                        "run `dragline schema apply` as the owner of the tables; a GRANT is not enough".to_owned()
                    }
                    text if text.starts_with(UNSUPPORTED_PARAMETER) => {
                        "a pooler refuses a parameter of the store's URL, of PGOPTIONS or of another PG… variable: leave it \
                         out, or name it in the pooler's ignore_startup_parameters, which drops it"
                            .to_owned()
                    }
                    text if text.starts_with(NO_SCHEMA_PRIVILEGE) => {
                        self.privileges(&text[NO_SCHEMA_PRIVILEGE.len()..])
                    }
                    _ if NOT_OUR_SESSION.contains(&code) => pooler::DIRECT.to_owned(),
                    _ => self.remedy(code),
                },
            },
            Meaning::Schema => StoreError::Schema {
                problem: format!("{}: {}", self.location, answer.message()),
                remedy:
                    "something changed a table while the crawl was running; `dragline schema check` tells \
                         what is to be mended"
                        .to_owned(),
            },
            Meaning::Broken => self.broken(what, text),
        }
    }

    fn unanswered(&self, what: &str, error: &Error) -> StoreError {
        // The driver has no other way to tell these apart than their text.
        let missing = error.source().is_some_and(|source| source.to_string() == "password missing");
        let hint = match error.to_string().as_str() {
            _ if missing => {
                "the server wants a password: name it in the URL, in PGPASSWORD or in ~/.pgpass, which \
                             nobody else may read (chmod 600)"
                    .to_owned()
            }
            "authentication error" => self.remedy("28P01"),
            "invalid configuration" => "check host, port and options in the URL".to_owned(),
            "unexpected message from server" | "error parsing response from server" => {
                "is it a PostgreSQL server that listens there?".to_owned()
            }
            "timeout waiting for server" => return self.silent(what),
            _ => return self.broken(what, one_line(error)),
        };
        StoreError::Setup { problem: format!("{}: {}", self.location, one_line(error)), hint }
    }

    /// The error if this user may not read, write or, where needed, delete rows of these tables.
    pub(super) fn no_privilege(&self, tables: &str) -> StoreError {
        StoreError::Setup {
            problem: format!("{}: permission denied for {tables}", self.location),
            hint: self.remedy("42501"),
        }
    }

    fn remedy(&self, code: &str) -> String {
        let database = &self.database;
        match code {
            "28P01" => format!(
                "check user and password, and pg_hba.conf on the server; the password comes from {}",
                self.password_from
            ),
            "28000" => "check user and host in the URL, and pg_hba.conf on the server".to_owned(),
            "3D000" => format!("create it: createdb {database}"),
            "3F000" => {
                "create the schema that search_path names (CREATE SCHEMA …), or choose another".to_owned()
            }
            "42P07" => {
                "a table of that name is there already and not Dragline's; choose another schema with \
                        ?options=-csearch_path%3DNAME in the URL"
                    .to_owned()
            }
            _ => self.privileges("public"),
        }
    }

    /// The statements that give this user what it needs in a schema.
    fn privileges(&self, schema: &str) -> String {
        let Self { user, database, .. } = self;
        format!(
            "as its owner: GRANT USAGE, CREATE ON SCHEMA {schema} TO \"{user}\"; GRANT SELECT, INSERT, \
             UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO \"{user}\"; GRANT TEMPORARY ON DATABASE \
             \"{database}\" TO \"{user}\";"
        )
    }
}

/// What the server says about a row, with the place. It never includes the row itself, which is in `detail`.
fn refusal(answer: &DbError) -> String {
    let mut places = Vec::new();
    if let Some(table) = answer.table() {
        places.push(format!("table {table}"));
    }
    if let Some(column) = answer.column().or_else(|| copied_column(answer.where_())) {
        places.push(format!("column {column}"));
    }
    if let Some(constraint) = answer.constraint() {
        places.push(format!("constraint {constraint}"));
    }
    let places = if places.is_empty() { String::new() } else { format!(" ({})", places.join(", ")) };
    let message = first_line(answer.message());
    // It names the key that is not there, and the table of the parent.
    let parent = answer.detail().filter(|_| is_missing_parent(Some(answer.code().code())));
    match parent {
        Some(detail) => format!("{message}{places}: {}", first_line(detail)),
        None => format!("{message}{places}"),
    }
}

/// COPY names the column only in its context: `COPY stage_1, line 3, column author: "…"`.
fn copied_column(context: Option<&str>) -> Option<&str> {
    let (_, rest) = context?.strip_prefix("COPY ")?.split_once(", column ")?;
    rest.split([':', ',', '\n']).next()
}

fn io_cause(error: &Error) -> Option<&io::Error> {
    error.source().and_then(|source| source.downcast_ref())
}

/// The driver's error and its cause in one line, without a number that only helps a programmer.
fn one_line(error: &Error) -> String {
    let text = match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    };
    match text.rfind(" (os error") {
        Some(at) => text[..at].to_owned(),
        None => first_line(&text).to_owned(),
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// The cause, if it is one clear line.
#[derive(Debug)]
struct Cause(String);

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Cause {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sqlstate_decides_what_is_done() {
        for code in ["08006", "57P01", "57P03", "53300", "53100", "25006"] {
            assert_eq!(meaning(code), Meaning::Later, "{code}");
        }
        for code in ["40001", "40P01", "55P03", "57014"] {
            assert_eq!(meaning(code), Meaning::GaveUp, "{code}");
        }
        for code in ["22001", "22P02", "23502", "23505", "23514", "P0001", "54000", "21000", "MY001"] {
            assert_eq!(meaning(code), Meaning::Row, "{code}");
        }
        for code in ["28P01", "28000", "3D000", "42501"] {
            assert_eq!(meaning(code), Meaning::Setup, "{code}");
        }
        assert_eq!(meaning("42P01"), Meaning::Schema);
        assert_eq!(meaning("42601"), Meaning::Broken);
        assert_eq!(meaning("XX000"), Meaning::Broken);
        assert_eq!(meaning(""), Meaning::Broken);
    }

    #[test]
    fn the_column_of_a_copied_row_is_found() {
        let context = "COPY stage_1, line 3, column author: \"a, column b: c\"";
        assert_eq!(copied_column(Some(context)), Some("author"));
        assert_eq!(copied_column(Some("COPY stage_1, line 3, column n, null input")), Some("n"));
        assert_eq!(copied_column(Some("PL/pgSQL function f() line 1")), None);
        assert_eq!(copied_column(None), None);
    }
}
