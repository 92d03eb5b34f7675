//! A Postgres database that look-ups ask. Its sessions only read.

mod parameter;
mod trouble;

use std::collections::BTreeMap;
use std::pin::pin;

use dragline_core::StoreError;
use dragline_core::sql_answers::{SqlAnswers, SqlError, SqlRowCollector, SqlRows};
use dragline_core::sql_database::{SqlDatabase, SqlLimits};
use dragline_core::store::BoxFuture;
use futures_util::TryStreamExt;
use serde_json::Value as Json;
use tokio::time::timeout;
use tokio_postgres::Statement;

use self::parameter::Parameter;
use self::trouble::{of_driver, of_store};
use super::connections::{ANSWER_MARGIN, Connections};
use super::session::Session;
use super::target::DatabaseTarget;
use crate::StoreSettings;

/// Sessions at most. The concurrency of the database as a host decides how many are used.
const MAX_SESSIONS: usize = 32;

/// The database refuses to change anything, whatever a statement or a function in it does.
const ONLY_READ: &str = "SET default_transaction_read_only = on; SET application_name = 'dragline look-ups'";

/// See the module.
pub(crate) struct PostgresAnswers {
    name: String,
    connections: Connections,
    /// The statements as they are sent.
    statements: BTreeMap<String, String>,
    limits: SqlLimits,
}

impl PostgresAnswers {
    /// Reads the URL, and reaches nothing.
    pub(crate) fn new(database: &SqlDatabase, url: &str) -> Result<Self, StoreError> {
        let limits = database.limits();
        let settings = StoreSettings {
            connections: MAX_SESSIONS,
            statement_timeout: limits.statement_timeout,
            ..StoreSettings::default()
        };
        let target = DatabaseTarget::parse(url, &settings)?;
        let statements = database.statements().iter();
        Ok(Self {
            name: database.name().to_owned(),
            connections: Connections::with_session_setup(target, ONLY_READ)?,
            statements: statements.map(|(name, sql)| (name.clone(), as_json(sql, limits.max_rows))).collect(),
            limits,
        })
    }

    fn target(&self) -> &DatabaseTarget {
        self.connections.target()
    }

    async fn session(&self) -> Result<Session, SqlError> {
        self.connections.session("a look-up").await.map_err(|error| of_store(&error))
    }

    /// Waits for an answer a little longer than the server lets the statement run.
    async fn in_time<T>(&self, asked: impl Future<Output = Result<T, SqlError>>) -> Result<T, SqlError> {
        let patience = self.target().limits.statement_timeout + ANSWER_MARGIN;
        timeout(patience, asked)
            .await
            .unwrap_or_else(|_| Err(SqlError::Away(format!("{}: no answer in time", self.target().location))))
    }

    async fn prepared(&self, session: &Session, name: &str) -> Result<Statement, SqlError> {
        let sql = self.statements.get(name).ok_or_else(|| {
            SqlError::Refused(format!("the program has no statement {name} for this database any more"))
        })?;
        session.prepare_cached(sql).await.map_err(|error| of_driver(self.target(), &error))
    }

    async fn rows(&self, session: &Session, name: &str, parameters: &[Json]) -> Result<SqlRows, SqlError> {
        let statement = self.prepared(session, name).await?;
        let (wanted, given) = (statement.params().len(), parameters.len());
        if wanted != given {
            return Err(SqlError::Refused(format!(
                "the statement has {wanted} parameters, and the look-up gives {given}"
            )));
        }
        let trouble = |error| of_driver(self.target(), &error);
        let parameters = parameters.iter().map(Parameter);
        let rows = session.query_raw(&statement, parameters).await.map_err(trouble)?;
        let mut rows = pin!(rows);
        let mut answer = SqlRowCollector::new(self.limits.max_rows, self.limits.max_bytes);
        while let Some(row) = rows.try_next().await.map_err(trouble)? {
            answer.add(row.try_get(0).map_err(trouble)?)?;
        }
        Ok(answer.end())
    }
}

impl SqlAnswers for PostgresAnswers {
    fn name(&self) -> &str {
        &self.name
    }

    fn location(&self) -> String {
        self.target().location.clone()
    }

    fn check(&self) -> BoxFuture<'_, Result<(), SqlError>> {
        Box::pin(async move {
            let session = self.session().await?;
            let mut checked = Ok(());
            for name in self.statements.keys() {
                let prepared = self.in_time(self.prepared(&session, name)).await;
                checked = checked.and(prepared.map(drop).map_err(|error| about(name, error)));
            }
            session.release();
            checked
        })
    }

    fn ask<'a>(
        &'a self,
        statement: &'a str,
        parameters: &'a [Json],
    ) -> BoxFuture<'a, Result<SqlRows, SqlError>> {
        Box::pin(async move {
            let session = self.session().await?;
            let answer = self.in_time(self.rows(&session, statement, parameters)).await;
            // Rows may still be on their way after the other errors. Then the session is closed.
            if matches!(
                answer,
                Ok(_) | Err(SqlError::Refused(_) | SqlError::GaveUp(_) | SqlError::TimedOut(_))
            ) {
                session.release();
            }
            answer
        })
    }
}

/// The error of a check, with the statement.
fn about(statement: &str, error: SqlError) -> SqlError {
    match error {
        SqlError::Refused(told) => SqlError::Refused(format!("{statement}: {told}")),
        other => other,
    }
}

/// The query whose rows are JSON. One row more than may come shows that there are too many. The line break ends a comment.
fn as_json(sql: &str, max_rows: usize) -> String {
    let limit = max_rows.saturating_add(1);
    format!("SELECT pg_catalog.row_to_json(answer)::text FROM ({sql}\n) AS answer LIMIT {limit}")
}

#[cfg(test)]
mod tests;
