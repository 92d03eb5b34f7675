//! A session on loan from the pool.
//!
//! It goes back to the pool only when its user says that nothing is under way. If it is dropped earlier, it is
//! closed, and the server is asked to give up what it was doing. So no session comes back in the middle of a
//! transaction.

use std::ops::Deref;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use deadpool_postgres::{ClientWrapper, Object};
use dragline_core::StoreError;
use dragline_core::probe::reach;
use dragline_core::store::StoreResult;
use futures_util::SinkExt;
use futures_util::future::try_join_all;
use tokio::time::timeout;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row, Statement};

use super::connections::{ANSWER_MARGIN, Dialer};
use super::copy_text::CopyText;
use super::tasks::{Canceller, cancel};

/// A COPY is sent in messages of this size, so that a large batch is not a single message.
const COPY_MESSAGE_BYTES: usize = 1024 * 1024;

/// Parameters of a statement.
pub(super) type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// Writes the next row of a COPY. Returns `false` after the last row.
pub(super) trait NextRow: FnMut(&mut CopyText) -> bool + Send {}

impl<F: FnMut(&mut CopyText) -> bool + Send> NextRow for F {}

/// A session on loan.
pub(super) struct Session {
    /// `None` only after the session was dropped.
    client: Option<Object>,
    dialer: Arc<Dialer>,
    what: &'static str,
    at_rest: bool,
}

impl Session {
    pub(super) fn new(client: Object, dialer: Arc<Dialer>, what: &'static str) -> Self {
        Self { client: Some(client), dialer, what, at_rest: false }
    }

    /// Gives the session back. No transaction may be open, and nothing may be under way.
    pub(super) fn release(mut self) {
        self.at_rest = true;
    }

    /// A handle that asks the server to give up what it does for this session.
    pub(super) fn canceller(&self) -> Canceller {
        Canceller { token: self.cancel_token(), tls: self.dialer.target.tls.clone() }
    }

    /// The answer of this session, or its error. If the server stays silent, that is an error too.
    pub(super) async fn answer<T>(&self, asked: impl Future<Output = Result<T, Error>>) -> StoreResult<T> {
        self.dialer.answer(self.what, asked).await
    }

    /// The error of a transaction that others have kept from ending. It can be tried again.
    pub(super) fn gave_up(&self, why: &str) -> StoreError {
        StoreError::GaveUp {
            store: self.dialer.target.location.clone(),
            what: self.what.to_owned(),
            sqlstate: None,
            source: why.into(),
        }
    }

    /// The error of something that can't be. Trying again does not help.
    pub(super) fn broken(&self, problem: &str) -> StoreError {
        self.dialer.target.broken(self.what, problem)
    }

    /// Rows of a statement.
    pub(super) async fn rows(&self, sql: &str, params: Params<'_>) -> StoreResult<Vec<Row>> {
        let rows = async { self.query(&self.prepare_cached(sql).await?, params).await };
        self.answer(rows).await
    }

    /// Rows of a statement that may run until this moment, however long others may. The caller has opened a transaction.
    pub(super) async fn rows_until(
        &self,
        until: Instant,
        sql: &str,
        params: Params<'_>,
    ) -> StoreResult<Vec<Row>> {
        // 0 would mean no limit.
        let left = until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        self.run(&format!("SET LOCAL statement_timeout = {}", left.as_millis())).await?;
        match timeout(left + ANSWER_MARGIN, self.query(sql, params)).await {
            Ok(rows) => rows.map_err(|error| self.dialer.target.error(self.what, &error)),
            Err(_) => Err(self.dialer.target.silent(self.what)),
        }
    }

    /// The only row of a statement, if there is one.
    pub(super) async fn row(&self, sql: &str, params: Params<'_>) -> StoreResult<Option<Row>> {
        Ok(self.rows(sql, params).await?.into_iter().next())
    }

    /// Runs a statement. Returns the number of rows that it changed.
    pub(super) async fn change(&self, sql: &str, params: Params<'_>) -> StoreResult<u64> {
        let changed = async { self.execute(&self.prepare_cached(sql).await?, params).await };
        self.answer(changed).await
    }

    /// Runs statements without parameters.
    pub(super) async fn run(&self, sql: &str) -> StoreResult<()> {
        self.answer(self.batch_execute(sql)).await
    }

    /// Runs statements without parameters that may take longer than the limit on one statement. The caller has opened a
    /// transaction.
    pub(super) async fn run_unhurried(&self, sql: &str) -> StoreResult<()> {
        self.run("SET LOCAL statement_timeout = 0").await?;
        self.batch_execute(sql).await.map_err(|error| self.dialer.target.error(self.what, &error))
    }

    /// Copies rows in. Returns how many.
    pub(super) async fn copy(&self, sql: &str, next_row: impl NextRow) -> StoreResult<u64> {
        let copied = async { self.send_copy(&self.prepare_cached(sql).await?, next_row).await };
        self.answer(copied).await
    }

    /// Copies rows into a staging table, and runs the statement that takes them from there. The statement is sent
    /// right after the rows, without waiting for an answer in between.
    pub(super) async fn staged(
        &self,
        copy: &str,
        next_row: impl NextRow,
        take: &str,
        params: Params<'_>,
    ) -> StoreResult<Vec<Row>> {
        self.behind_copy(copy, next_row, take, async |take| self.query(&take, params).await).await
    }

    /// The same for a statement that returns no rows. Returns the number of rows that it changed.
    pub(super) async fn staged_change(
        &self,
        copy: &str,
        next_row: impl NextRow,
        take: &str,
        params: Params<'_>,
    ) -> StoreResult<u64> {
        self.behind_copy(copy, next_row, take, async |take| self.execute(&take, params).await).await
    }

    /// The same for several statements, each of which sees what those before it did. Returns the number of rows that each
    /// changed.
    pub(super) async fn staged_changes(
        &self,
        copy: &str,
        next_row: impl NextRow,
        steps: &[(&str, Params<'_>)],
    ) -> StoreResult<Vec<u64>> {
        let done = async {
            let copy = self.prepare_cached(copy).await?;
            let mut prepared = Vec::new();
            for (sql, params) in steps {
                prepared.push((self.prepare_cached(sql).await?, *params));
            }
            // Both poll in order, and the first poll sends.
            let all = try_join_all(prepared.iter().map(|(step, params)| self.execute(step, params)));
            let (_, changed) = tokio::try_join!(biased; self.send_copy(&copy, next_row), all)?;
            Ok(changed)
        };
        self.answer(done).await
    }

    async fn behind_copy<T>(
        &self,
        copy: &str,
        next_row: impl NextRow,
        take: &str,
        run: impl AsyncFnOnce(Statement) -> Result<T, Error>,
    ) -> StoreResult<T> {
        let taken = async {
            let (copy, take) = (self.prepare_cached(copy).await?, self.prepare_cached(take).await?);
            let (_, taken) = tokio::try_join!(biased; self.send_copy(&copy, next_row), run(take))?;
            Ok(taken)
        };
        self.answer(taken).await
    }

    /// Writes and sends message by message, so that the rows of a large batch are never in memory once more.
    async fn send_copy(&self, copy: &Statement, mut next_row: impl NextRow) -> Result<u64, Error> {
        let mut sink = pin!(self.copy_in::<_, Bytes>(copy).await?);
        let mut rows = CopyText::default();
        let mut has_more = true;
        while has_more {
            while has_more && rows.len() < COPY_MESSAGE_BYTES {
                has_more = next_row(&mut rows);
            }
            let mut message = rows.take();
            while !message.is_empty() {
                sink.feed(message.split_to(message.len().min(COPY_MESSAGE_BYTES))).await?;
            }
        }
        reach("COPY: under way");
        sink.finish().await
    }
}

impl Deref for Session {
    type Target = ClientWrapper;

    fn deref(&self) -> &ClientWrapper {
        match &self.client {
            Some(client) => client,
            None => unreachable!("a session keeps its client until it is dropped"),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let Some(client) = self.client.take() else { return };
        if self.at_rest {
            return;
        }
        let client = Object::take(client);
        if !client.is_closed() {
            let tls = self.dialer.target.tls.clone();
            self.dialer.tasks.spawn(cancel(Canceller { token: client.cancel_token(), tls }));
        }
    }
}
