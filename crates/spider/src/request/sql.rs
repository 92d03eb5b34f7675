//! Questions to databases, which are requests of look-ups.

use serde_json::Value as Json;
use url::Url;

use super::{Request, RequestError};
use crate::link::Link;
use crate::sql_database::check_name;

/// The scheme of questions to databases. No link has it: only [`Request::sql`] makes such a URL.
pub(crate) const SQL: &str = "sql";

/// A question to a database.
#[derive(Clone, Debug, PartialEq)]
#[doc(hidden)] // for the engine
pub struct SqlQuestion {
    /// The name of the database.
    pub database: String,
    /// The name of the statement.
    pub statement: String,
    /// The parameters.
    pub parameters: Vec<Json>,
}

impl Request {
    /// A question to a database, for a look-up: the name of one of its statements, and the parameters. The step has the database:
    /// [`Enrich::with_database`](crate::Enrich::with_database).
    ///
    /// The answer is a JSON array with an object for each row. An empty array means that the database knows nothing about the item.
    ///
    /// ```
    /// use dragline_spider::Request;
    ///
    /// let request = Request::sql("labels", "of_album", ["Sky"])?;
    /// assert_eq!(request.url().as_str(), "sql://labels/of_album");
    /// # Ok::<(), dragline_spider::RequestError>(())
    /// ```
    ///
    /// # Errors
    /// [`RequestError::SqlName`] when a name has other characters than small letters, digits, `-` and `_`.
    pub fn sql<P: Into<Json>>(
        database: &str,
        statement: &str,
        parameters: impl IntoIterator<Item = P>,
    ) -> Result<Self, RequestError> {
        check_name(database)?;
        check_name(statement)?;
        let text = format!("{SQL}://{database}/{statement}");
        let url = Url::parse(&text).map_err(|source| RequestError::Url { text, source })?;
        // The parameters are the body and not a part of the URL, where a rule for equal requests may leave some out.
        let parameters: Vec<Json> = parameters.into_iter().map(Into::into).collect();
        let request = Self::from_link(Link::new(url)).with_body(Json::from(parameters).to_string());
        Ok(request.with_downloader(format!("{SQL}:{database}")))
    }

    /// A GET request for the URL of a request that was stored. Such a URL may be that of a question to a database.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    #[doc(hidden)] // for the stores
    pub fn of_stored_url(text: &str) -> Result<Self, RequestError> {
        match Url::parse(text) {
            Ok(url) if url.scheme() == SQL => Ok(Self::from_link(Link::new(url))),
            _ => Self::get(text),
        }
    }

    /// The statement and the parameters, if it is a question to a database.
    #[doc(hidden)] // for the engine
    pub fn sql_question(&self) -> Option<SqlQuestion> {
        if self.url().scheme() != SQL {
            return None;
        }
        let parameters = self.body().and_then(|body| serde_json::from_slice(body).ok())?;
        let statement = self.url().path().trim_start_matches('/').to_owned();
        Some(SqlQuestion { database: self.url().host_str()?.to_owned(), statement, parameters })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_to_a_database_is_known_by_its_statement_and_parameters() {
        use crate::Fingerprint;
        use crate::queued_request::is_database;
        let ask = |parameters: &[&str]| Request::sql("labels", "of_album", parameters.to_vec()).unwrap();
        let question = ask(&["Sky", "1"]);
        assert_eq!(question.host(), "labels:sql");
        assert!(is_database(question.host()) && !is_database("labels:80"));
        assert_eq!(question.downloader(), Some("sql:labels"));
        let asked = question.sql_question().unwrap();
        assert_eq!((asked.database.as_str(), asked.statement.as_str()), ("labels", "of_album"));
        assert_eq!(asked.parameters, ["Sky", "1"]);
        assert_eq!(Fingerprint::of(&question), Fingerprint::of(&ask(&["Sky", "1"])));
        assert_ne!(Fingerprint::of(&question), Fingerprint::of(&ask(&["Sky", "2"])));
        let stored = Request::of_stored_url(question.url().as_str()).unwrap();
        assert_eq!(
            stored.with_options(question.options().clone()).with_body(question.body().unwrap()),
            question
        );
        // A site cannot make one.
        assert!(matches!(Request::get("sql://labels/of_album"), Err(RequestError::Scheme { .. })));
        assert!(Request::get("http://labels/").unwrap().sql_question().is_none());
        for (database, statement) in
            [("Labels", "x"), ("a.b", "x"), ("labels", "a/b"), ("labels", ""), ("10.0.0.1", "x")]
        {
            assert!(Request::sql(database, statement, ["x"]).is_err(), "{database} {statement}");
        }
    }
}
