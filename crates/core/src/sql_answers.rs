//! The contract of a database that look-ups ask. The stores' crate implements it, because all SQL is there, and the engine asks.

use serde_json::Value as Json;

use crate::store::BoxFuture;

/// A database that answers questions of look-ups. It only reads.
pub trait SqlAnswers: Send + Sync {
    /// Its name in the program.
    fn name(&self) -> &str;

    /// Where it is, without secrets.
    fn location(&self) -> String;

    /// Whether it is there and understands every statement. No statement is executed.
    fn check(&self) -> BoxFuture<'_, Result<(), SqlError>>;

    /// Asks one question.
    ///
    /// # Cancel safety
    /// When the future is dropped, the database is asked to give the statement up.
    fn ask<'a>(
        &'a self,
        statement: &'a str,
        parameters: &'a [Json],
    ) -> BoxFuture<'a, Result<SqlRows, SqlError>>;
}

/// The rows of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlRows {
    /// A JSON array with an object for each row.
    pub json: String,
    /// How many there are.
    pub rows: usize,
}

/// Why a question has no answer. Each text says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SqlError {
    /// The database is away or busy.
    #[error("{0}")]
    Away(String),
    /// The database answers, but gave this question up, for example because of a lock.
    #[error("{0}")]
    GaveUp(String),
    /// The question took too long.
    #[error("{0}")]
    TimedOut(String),
    /// The database refuses the question, and would refuse it again.
    #[error("{0}")]
    Refused(String),
    /// The answer has more rows or bytes than it may have.
    #[error("{0}")]
    TooMuch(String),
}

/// Collects the rows of an answer up to its limits.
#[derive(Debug)]
pub struct SqlRowCollector {
    json: String,
    rows: usize,
    max_rows: usize,
    max_bytes: usize,
}

impl SqlRowCollector {
    /// No rows yet.
    pub fn new(max_rows: usize, max_bytes: usize) -> Self {
        Self { json: String::from("["), rows: 0, max_rows, max_bytes }
    }

    /// Adds a row, which is a JSON object.
    ///
    /// # Errors
    /// [`SqlError::TooMuch`] if the answer would be too large.
    pub fn add(&mut self, row: &str) -> Result<(), SqlError> {
        let Self { json, rows, max_rows, max_bytes } = self;
        if *rows == *max_rows {
            return Err(SqlError::TooMuch(format!(
                "the answer has more than {max_rows} rows: narrow the statement, or allow more with SqlDatabase::with_max_rows"
            )));
        }
        // With the comma and the bracket.
        if json.len() + row.len() + 2 > *max_bytes {
            return Err(SqlError::TooMuch(format!(
                "the answer has more than {max_bytes} bytes: select fewer columns, or allow more with SqlDatabase::with_max_bytes"
            )));
        }
        if *rows > 0 {
            json.push(',');
        }
        json.push_str(row);
        *rows += 1;
        Ok(())
    }

    /// The answer.
    pub fn end(mut self) -> SqlRows {
        self.json.push(']');
        SqlRows { json: self.json, rows: self.rows }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_at_most_its_rows_and_bytes() {
        let mut rows = SqlRowCollector::new(2, 100);
        rows.add(r#"{"a":1}"#).unwrap();
        rows.add(r#"{"a":2}"#).unwrap();
        assert!(matches!(rows.add("{}"), Err(SqlError::TooMuch(told)) if told.contains("2 rows")));
        assert_eq!(rows.end(), SqlRows { json: r#"[{"a":1},{"a":2}]"#.to_owned(), rows: 2 });
        assert_eq!(SqlRowCollector::new(1, 2).end().json, "[]");
        let mut small = SqlRowCollector::new(9, 9);
        assert!(small.add("{}").is_ok() && small.add("{}").is_ok());
        assert!(matches!(small.add("{}"), Err(SqlError::TooMuch(told)) if told.contains("9 bytes")));
        assert_eq!(small.end().json.len(), 7);
    }
}
