//! The downloader of questions to a database. Everything around it is as for other look-ups: pace, retries, limits and outcomes.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dragline_core::sql_answers::{SqlAnswers, SqlError, SqlRows};
use dragline_core::{Reason, Request};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};

use super::{Answer, AnswerBody, DownloadError, DownloadLimits, Downloader, Downloading, Proof};

/// The name of the downloader of a database. [`Request::sql`] names it.
pub(crate) fn name_of(database: &dyn SqlAnswers) -> String {
    format!("sql:{}", database.name())
}

/// See the module.
pub(crate) struct SqlDownloader(pub(crate) Arc<dyn SqlAnswers>);

impl Downloader for SqlDownloader {
    fn download<'a>(&'a self, request: &'a Request, _limits: &'a DownloadLimits) -> Downloading<'a> {
        Box::pin(async move {
            let Some(question) = request.sql_question() else {
                let detail = "the request names no statement of the database".to_owned();
                return Err(DownloadError::new(Reason::Unsendable, detail));
            };
            match self.0.ask(&question.statement, &question.parameters).await {
                Ok(rows) => Ok(answer(rows)),
                Err(error) => Err(failure(&*self.0, &question.statement, &error)),
            }
        })
    }
}

/// No row says that nothing is known, as 404 does.
fn answer(SqlRows { json, rows }: SqlRows) -> Answer {
    let status = if rows == 0 { StatusCode::NOT_FOUND } else { StatusCode::OK };
    let mut answer =
        Answer::new(status.as_u16()).with_header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer.body = AnswerBody::Whole(Bytes::from(json));
    // It may be a database on this machine, so it says nothing about the way to other hosts.
    answer.proof = Proof::Nothing;
    answer
}

fn failure(database: &dyn SqlAnswers, statement: &str, error: &SqlError) -> DownloadError {
    let reason = match error {
        SqlError::Away(_) => Reason::Connect,
        SqlError::TimedOut(_) => Reason::Timeout,
        SqlError::GaveUp(_) | SqlError::Refused(_) => Reason::LookUpRefused,
        SqlError::TooMuch(_) => Reason::LookUpUnusable,
    };
    let failed = DownloadError::new(reason, format!("{}/{statement}: {error}", database.name()));
    match error {
        SqlError::Away(_) => failed.retryable(),
        SqlError::GaveUp(_) | SqlError::TimedOut(_) => failed.retryable().after_an_answer(),
        SqlError::Refused(_) | SqlError::TooMuch(_) => failed,
    }
}

/// The longest time for the check at the start. The crawl does not wait for it.
const CHECK_TIME: Duration = Duration::from_secs(30);

/// Says early that look-ups will fail. The crawl goes on, because its items are stored without them.
pub(crate) async fn check(database: Arc<dyn SqlAnswers>) {
    let (name, location) = (database.name(), database.location());
    match tokio::time::timeout(CHECK_TIME, database.check()).await {
        Ok(Ok(())) => tracing::debug!(database = name, location, "the database of look-ups is there"),
        Ok(Err(error)) => tracing::warn!(
            database = name,
            location,
            %error,
            "look-ups in this database will fail; the items are stored without them"
        ),
        Err(_) => tracing::warn!(
            database = name,
            location,
            "the database of look-ups does not answer; the items are stored without them"
        ),
    }
}
