//! An `SQLite` file that look-ups ask. It is opened for reading, and its questions run on the runtime's threads for work that blocks.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dragline_core::sql_answers::{SqlAnswers, SqlError, SqlRowCollector, SqlRows};
use dragline_core::sql_database::{SqlDatabase, SqlLimits};
use dragline_core::store::BoxFuture;
use rusqlite::types::ValueRef;
use rusqlite::{CachedStatement, Connection, Error, ErrorCode, OpenFlags, Row};
use serde_json::{Map, Value as Json};
use tokio::task::spawn_blocking;

use crate::sqlite_url::url;

/// Connections that are kept for the next questions.
const MAX_IDLE: usize = 4;
/// How long to wait for another process that holds the file's lock.
const BUSY_WAIT: Duration = Duration::from_secs(1);
/// After this many steps of its virtual machine, `SQLite` asks whether it should go on.
const STEPS_BETWEEN_LOOKS: i32 = 10_000;

/// See the module.
pub(crate) struct SqliteAnswers(Arc<Shared>);

struct Shared {
    name: String,
    path: PathBuf,
    statements: BTreeMap<String, String>,
    limits: SqlLimits,
    idle: Mutex<Vec<OpenFile>>,
}

struct OpenFile {
    connection: Connection,
    /// Identifies the opened file. A job that builds it every night puts another one in its place.
    file: (u64, u64),
}

/// Ends a question whose asker is gone.
struct EndOnDrop(Arc<AtomicBool>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl SqliteAnswers {
    /// Opens nothing yet.
    pub(crate) fn new(database: &SqlDatabase, path: PathBuf) -> Self {
        Self(Arc::new(Shared {
            name: database.name().to_owned(),
            path,
            statements: database.statements().clone(),
            limits: database.limits(),
            idle: Mutex::new(Vec::new()),
        }))
    }

    /// Works on a connection, on a thread that may block. The work ends at the time limit, and when nobody waits for it any more.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared, &Connection) -> Result<T, SqlError> + Send + 'static,
    ) -> Result<T, SqlError> {
        let (shared, is_over) = (Arc::clone(&self.0), Arc::new(AtomicBool::new(false)));
        let _end = EndOnDrop(Arc::clone(&is_over));
        let worked = spawn_blocking(move || {
            let deadline = Instant::now() + shared.limits.statement_timeout;
            let mut open = shared.open()?;
            let ends = move || is_over.load(Ordering::Relaxed) || Instant::now() >= deadline;
            open.connection
                .progress_handler(STEPS_BETWEEN_LOOKS, Some(ends))
                .map_err(|error| shared.trouble(&error))?;
            let done = work(&shared, &open.connection);
            shared.keep(open);
            done
        });
        worked
            .await
            .unwrap_or_else(|error| Err(SqlError::Refused(format!("the question ended early: {error}"))))
    }
}

impl Shared {
    fn open(&self) -> Result<OpenFile, SqlError> {
        let file = std::fs::metadata(&self.path).map(|file| identity(&file)).map_err(|error| {
            SqlError::Away(format!("{} cannot be opened: {error}; is the path right?", self.path.display()))
        })?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|open| open.file == file);
        if let Some(open) = idle.pop() {
            return Ok(open);
        }
        drop(idle);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection =
            Connection::open_with_flags(&self.path, flags).map_err(|error| self.trouble(&error))?;
        connection.busy_timeout(BUSY_WAIT).map_err(|error| self.trouble(&error))?;
        Ok(OpenFile { connection, file })
    }

    fn keep(&self, open: OpenFile) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MAX_IDLE {
            idle.push(open);
        }
    }

    fn prepared<'a>(&self, connection: &'a Connection, name: &str) -> Result<CachedStatement<'a>, SqlError> {
        let sql = self.statements.get(name).ok_or_else(|| {
            SqlError::Refused(format!("the program has no statement {name} for this database any more"))
        })?;
        let statement = connection.prepare_cached(sql).map_err(|error| self.trouble(&error))?;
        if statement.readonly() && statement.column_count() > 0 {
            return Ok(statement);
        }
        Err(SqlError::Refused("a look-up only reads: make the statement a SELECT".to_owned()))
    }

    fn rows(&self, connection: &Connection, name: &str, parameters: &[Json]) -> Result<SqlRows, SqlError> {
        let mut statement = self.prepared(connection, name)?;
        bind(&mut statement, parameters)?;
        let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let mut answer = SqlRowCollector::new(self.limits.max_rows, self.limits.max_bytes);
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(|error| self.trouble(&error))? {
            answer.add(&self.json(&columns, row)?.to_string())?;
        }
        Ok(answer.end())
    }

    fn json(&self, columns: &[String], row: &Row<'_>) -> Result<Json, SqlError> {
        let mut fields = Map::new();
        for (at, column) in columns.iter().enumerate() {
            let value = match row.get_ref(at).map_err(|error| self.trouble(&error))? {
                ValueRef::Null => Json::Null,
                ValueRef::Integer(number) => number.into(),
                ValueRef::Real(number) => number.into(),
                ValueRef::Text(text) => match std::str::from_utf8(text) {
                    Ok(text) => text.into(),
                    Err(_) => return Err(unreadable(column, "text that is not UTF-8")),
                },
                ValueRef::Blob(_) => return Err(unreadable(column, "a blob")),
            };
            fields.insert(column.clone(), value);
        }
        Ok(fields.into())
    }

    fn trouble(&self, error: &Error) -> SqlError {
        let told = format!("{}: {error}", url(&self.path));
        match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => SqlError::TimedOut(format!(
                "{told} after {} s; make the statement faster, for example with an index, or allow more with SqlDatabase::with_timeout",
                self.limits.statement_timeout.as_secs_f64()
            )),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => SqlError::GaveUp(told),
            Some(ErrorCode::CannotOpen | ErrorCode::SystemIoFailure | ErrorCode::OutOfMemory) => {
                SqlError::Away(told)
            }
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                SqlError::Refused(format!("{told}; is this the right file?"))
            }
            _ => SqlError::Refused(format!("{told}; mend the statement, or its parameters")),
        }
    }
}

impl SqlAnswers for SqliteAnswers {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn location(&self) -> String {
        url(&self.0.path)
    }

    fn check(&self) -> BoxFuture<'_, Result<(), SqlError>> {
        Box::pin(self.work(|shared, connection| {
            shared.statements.keys().try_for_each(|name| {
                let checked = shared.prepared(connection, name).map(drop);
                checked.map_err(|error| match error {
                    SqlError::Refused(told) => SqlError::Refused(format!("{name}: {told}")),
                    other => other,
                })
            })
        }))
    }

    fn ask<'a>(
        &'a self,
        statement: &'a str,
        parameters: &'a [Json],
    ) -> BoxFuture<'a, Result<SqlRows, SqlError>> {
        let (statement, parameters) = (statement.to_owned(), parameters.to_vec());
        Box::pin(self.work(move |shared, connection| shared.rows(connection, &statement, &parameters)))
    }
}

/// Binds the parameters. `$2` and `?2` are the second one wherever they stand, as in Postgres. For `SQLite`, `$2` is only a name.
fn bind(statement: &mut CachedStatement<'_>, parameters: &[Json]) -> Result<(), SqlError> {
    let places: Vec<usize> = (1..=statement.parameter_count())
        .map(|place| {
            let name = statement.parameter_name(place).map(|name| name.trim_start_matches(['$', '?']));
            name.and_then(|number| number.parse().ok()).unwrap_or(place)
        })
        .collect();
    let (wanted, given) = (places.iter().copied().max().unwrap_or(0), parameters.len());
    if wanted != given {
        return Err(SqlError::Refused(format!(
            "the statement has {wanted} parameters, and the look-up gives {given}"
        )));
    }
    for (at, number) in places.into_iter().enumerate() {
        let value = number.checked_sub(1).and_then(|index| parameters.get(index)).unwrap_or(&Json::Null);
        let bound = match value {
            Json::Null => statement.raw_bind_parameter(at + 1, rusqlite::types::Null),
            Json::Bool(truth) => statement.raw_bind_parameter(at + 1, truth),
            Json::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(whole), _) => statement.raw_bind_parameter(at + 1, whole),
                (None, broken) => statement.raw_bind_parameter(at + 1, broken),
            },
            Json::String(text) => statement.raw_bind_parameter(at + 1, text),
            Json::Array(_) | Json::Object(_) => statement.raw_bind_parameter(at + 1, value.to_string()),
        };
        bound.map_err(|error| SqlError::Refused(format!("parameter {number}: {error}")))?;
    }
    Ok(())
}

fn unreadable(column: &str, what: &str) -> SqlError {
    SqlError::Refused(format!(
        "the column {column} has {what}: make text of it in the statement, for example with hex()"
    ))
}

fn identity(file: &Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ask(database: &SqlDatabase, parameters: &[Json]) -> Result<SqlRows, SqlError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.db");
        Connection::open(&file)
            .unwrap()
            .execute_batch("CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 2.5)")
            .unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(SqliteAnswers::new(database, file).ask("one", parameters))
    }

    fn one(sql: &str) -> SqlDatabase {
        SqlDatabase::at("x", "").statement("one", sql)
    }

    #[test]
    fn parameters_are_bound_by_their_numbers() {
        let all = json!(["x", 7, 1.5, true, null, [1, 2]]);
        let sql = "SELECT $6 AS f, $5 AS e, $4 AS d, $3 AS c, $2 AS b, $1 AS a, $2 AS b2";
        let rows = ask(&one(sql), all.as_array().unwrap()).unwrap();
        let expected = json!([{"a": "x", "b": 7, "b2": 7, "c": 1.5, "d": 1, "e": null, "f": "[1,2]"}]);
        assert_eq!(serde_json::from_str::<Json>(&rows.json).unwrap(), expected);
        let rows = ask(&one("SELECT a, b FROM t WHERE a = ?"), &[json!(1)]).unwrap();
        assert_eq!((rows.json.as_str(), rows.rows), (r#"[{"a":1,"b":2.5}]"#, 1));
        assert_eq!(ask(&one("SELECT a FROM t WHERE a = $1"), &[json!(2)]).unwrap().rows, 0);
    }

    #[test]
    fn what_it_refuses_is_told() {
        let told = |sql: &str, parameters: &[Json]| match ask(&one(sql), parameters) {
            Err(SqlError::Refused(told)) => told,
            other => panic!("{sql}: {other:?}"),
        };
        assert!(told("SELECT $1", &[]).contains("has 1 parameters, and the look-up gives 0"));
        assert!(told("DELETE FROM t RETURNING a", &[]).contains("only reads"));
        assert!(told("SELEC 1", &[]).contains("syntax error"));
        assert!(told("SELECT 1; SELECT 2", &[]).contains("Multiple statements"));
        assert!(told("SELECT x'00' AS x", &[]).contains("the column x has a blob"));
    }

    #[test]
    fn a_question_that_takes_too_long_is_ended() {
        let forever = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
        let begun = Instant::now();
        let answer = ask(&one(forever).with_timeout(Duration::from_millis(200)), &[]);
        assert!(matches!(answer, Err(SqlError::TimedOut(_))), "{answer:?}");
        assert!(begun.elapsed() < Duration::from_secs(20));
        let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
        assert!(matches!(ask(&one(many), &[]), Err(SqlError::TooMuch(_))));
    }
}
