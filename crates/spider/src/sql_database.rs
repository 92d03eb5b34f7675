//! A database that look-ups ask, as a program describes it. Nothing is opened here.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::request::RequestError;

/// A database that look-ups ask in SQL. A step gets it with [`Enrich::with_database`](crate::Enrich::with_database), and its look-up
/// asks with [`Request::sql`](crate::Request::sql).
///
/// The statements stay in the program. A question is the name of a statement and its parameters, so neither SQL nor a password is
/// ever stored with a request.
///
/// ```
/// use dragline_spider::{Request, SqlDatabase};
///
/// let labels = SqlDatabase::from_variable("labels", "LABELS_URL")
///     .statement("of_album", "SELECT label, founded FROM albums JOIN labels USING (label) WHERE album = $1");
/// let question = Request::sql("labels", "of_album", ["Sky"])?;
/// assert_eq!(question.url().as_str(), "sql://labels/of_album");
/// # Ok::<(), dragline_spider::RequestError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
#[must_use = "a database is asked only if a step has it: Enrich::with_database"]
pub struct SqlDatabase {
    name: String,
    address: SqlAddress,
    statements: BTreeMap<String, String>,
    limits: SqlLimits,
}

/// Where a database is.
#[derive(Clone, PartialEq, Eq)]
#[doc(hidden)] // for the runtime
pub enum SqlAddress {
    /// This environment variable has the URL.
    Variable(String),
    /// This is the URL.
    Url(String),
}

/// The limits of each question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(hidden)] // for the store
pub struct SqlLimits {
    /// The database gives a statement up that takes longer.
    pub statement_timeout: Duration,
    /// The rows of an answer.
    pub max_rows: usize,
    /// The bytes of an answer as JSON.
    pub max_bytes: usize,
}

impl Default for SqlLimits {
    fn default() -> Self {
        Self { statement_timeout: Duration::from_secs(10), max_rows: 1_000, max_bytes: 1 << 20 }
    }
}

impl SqlDatabase {
    /// The database whose URL is in this environment variable: `postgres://USER:PASSWORD@HOST/DATABASE` or `sqlite:FILE`.
    pub fn from_variable(name: impl Into<String>, variable: impl Into<String>) -> Self {
        Self::at_address(name.into(), SqlAddress::Variable(variable.into()))
    }

    /// The database of this URL. Take a URL that holds a password from the environment:
    /// [`from_variable`](Self::from_variable).
    pub fn at(name: impl Into<String>, url: impl Into<String>) -> Self {
        Self::at_address(name.into(), SqlAddress::Url(url.into()))
    }

    fn at_address(name: String, address: SqlAddress) -> Self {
        Self { name, address, statements: BTreeMap::new(), limits: SqlLimits::default() }
    }

    /// Adds a query, which a question names. It only reads, and its parameters are `$1`, `$2` and so on.
    pub fn statement(mut self, name: impl Into<String>, sql: impl Into<String>) -> Self {
        self.statements.insert(name.into(), sql.into());
        self
    }

    /// How long a query may take: 10 s unless this says otherwise.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.limits.statement_timeout = timeout;
        self
    }

    /// How many rows an answer may have: 1,000 unless this says otherwise.
    pub fn with_max_rows(mut self, rows: usize) -> Self {
        self.limits.max_rows = rows;
        self
    }

    /// How many bytes an answer may have as JSON: 1 MiB unless this says otherwise.
    pub fn with_max_bytes(mut self, bytes: usize) -> Self {
        self.limits.max_bytes = bytes;
        self
    }

    /// Its name.
    #[doc(hidden)] // for the engine
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it is.
    #[doc(hidden)] // for the runtime
    pub fn address(&self) -> &SqlAddress {
        &self.address
    }

    /// Its statements by their names.
    #[doc(hidden)] // for the store
    pub fn statements(&self) -> &BTreeMap<String, String> {
        &self.statements
    }

    /// The limits of each question.
    #[doc(hidden)] // for the store
    pub fn limits(&self) -> SqlLimits {
        self.limits
    }

    /// What is wrong with it, as far as the program can tell.
    pub(crate) fn check(&self) -> Result<(), String> {
        let Self { name, statements, limits, .. } = self;
        check_name(name).map_err(|error| error.to_string())?;
        if statements.is_empty() {
            return Err(format!("the database {name} has no statement: add one with SqlDatabase::statement"));
        }
        for (statement, sql) in statements {
            check_name(statement).map_err(|error| error.to_string())?;
            let sql = sql.trim();
            if sql.is_empty() || sql.ends_with(';') {
                return Err(format!(
                    "the statement {statement} of the database {name} must be one query without a semicolon at its end"
                ));
            }
        }
        let SqlLimits { statement_timeout, max_rows, max_bytes } = limits;
        if statement_timeout.as_millis() == 0 || *max_rows == 0 || *max_bytes == 0 {
            return Err(format!("the database {name} has a limit of 0: leave it out for the usual limit"));
        }
        Ok(())
    }
}

/// Neither the URL nor the statements: a URL may hold a password.
impl fmt::Debug for SqlDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let statements: Vec<&str> = self.statements.keys().map(String::as_str).collect();
        write!(f, "SqlDatabase({} with {})", self.name, statements.join(", "))
    }
}

/// The longest name of a database or a statement. Both are parts of the URL of a question.
const MAX_NAME_BYTES: usize = 60;

/// The names are parts of a URL, and a host has no capital letters.
pub(crate) fn check_name(name: &str) -> Result<(), RequestError> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    if name.is_empty() || name.len() > MAX_NAME_BYTES || !name.chars().all(is_plain) {
        return Err(RequestError::SqlName { name: name.to_owned() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_can_get_wrong_is_told() {
        let database = || SqlDatabase::at("labels", "postgres://me:hunter2@h/d");
        let wrong = |database: SqlDatabase| database.check().unwrap_err();
        assert!(database().statement("one", "SELECT 1").check().is_ok());
        assert!(wrong(database()).contains("SqlDatabase::statement"));
        assert!(wrong(database().statement("One", "SELECT 1")).contains("\"One\""));
        assert!(wrong(database().statement("one", " SELECT 1 ; ")).contains("without a semicolon"));
        assert!(wrong(database().statement("one", "")).contains("one query"));
        assert!(wrong(database().statement("one", "SELECT 1").with_max_rows(0)).contains("limit of 0"));
        assert!(wrong(SqlDatabase::at("a.b", "sqlite:x").statement("one", "SELECT 1")).contains("\"a.b\""));
        assert!(!format!("{:?}", database()).contains("hunter2"));
    }
}
