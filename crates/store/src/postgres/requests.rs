//! Requests on their way into the frontier and out of it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use dragline_core::RequestOptions;
use dragline_core::fingerprint::Fingerprint;
use dragline_core::queued_request::QueuedRequest;
use dragline_core::store::{RunKey, StoreResult};
use serde::de::DeserializeOwned;
use tokio::task::yield_now;
use tokio_postgres::Row;
use tokio_postgres::types::Json;

use super::copy_text::CopyText;
use super::session::Session;
use crate::columns::{FoundRequest, RequestRow};

/// The staging table of new requests.
pub(super) const STAGE: &str = "stage_requests";

/// How many requests are worked on at a time. Then other tasks have their turn, for example the end of this one.
const AT_ONCE: usize = 4_096;

/// Creates the staging table.
pub(super) const MAKE_STAGE: &str = "CREATE TEMP TABLE IF NOT EXISTS stage_requests (
    shard smallint, fingerprint bytea, parent bytea, url text, method text, headers json, body bytea, tag text,
    meta json, options json, priority integer, depth integer, host text, redirects json, dont_filter boolean
) ON COMMIT DELETE ROWS";

const COPY: &str =
    "COPY pg_temp.stage_requests (shard, fingerprint, parent, url, method, headers, body, tag, meta,
    options, priority, depth, host, redirects, dont_filter) FROM STDIN";

/// Requests that the run knows already are left out first, because an insert would wait for the flush that is just about
/// to end such a request. All flushes insert in the order of fingerprints. (For `OFFSET 0` see the flush.)
const TAKE: &str = "INSERT INTO crawl_requests (run_id, shard, fingerprint, parent, url, method, headers, body, tag,
        meta, options, priority, depth, host, redirects, dont_filter)
    SELECT $1, shard, fingerprint, parent, url, method, headers, body, tag, meta, options, priority, depth, host,
        redirects, dont_filter
    FROM pg_temp.stage_requests new
    WHERE NOT EXISTS (
        SELECT FROM crawl_requests old
        WHERE old.run_id = $1 AND old.shard = new.shard AND old.fingerprint = new.fingerprint OFFSET 0
    )
    ORDER BY fingerprint
    ON CONFLICT (run_id, shard, fingerprint) DO NOTHING
    RETURNING fingerprint";

/// The same for a run that follows no new links. It still looks items up, in the kept pages.
fn take(is_followed: bool) -> Cow<'static, str> {
    if is_followed {
        return TAKE.into();
    }
    TAKE.replacen("dont_filter)", "dont_filter, state, reason, done_at)", 1)
        .replacen("dont_filter\n", NOT_FOLLOWED, 1)
        .into()
}

const NOT_FOLLOWED: &str = "dont_filter,
        CASE WHEN options -> 'look_up' IS NULL THEN 'skipped' ELSE 'queued' END,
        CASE WHEN options -> 'look_up' IS NULL THEN 'not_followed' END,
        CASE WHEN options -> 'look_up' IS NULL THEN now() END\n";

/// The columns of the table `r` that [`read`] needs.
pub(super) const COLUMNS: &str =
    "r.shard, r.fingerprint, r.parent, r.url, r.method, r.headers, r.body, r.tag, r.meta,
    r.options, r.priority, r.depth, r.host, r.redirects, r.dont_filter";

/// Stores the requests that the run does not know yet, and returns their fingerprints. Of several requests with one
/// fingerprint it stores the first. The caller has opened a transaction and locked the run's row. `may_go_on` is asked now and
/// then, because a page may have a million requests.
pub(super) async fn insert<'a>(
    session: &Session,
    run: &RunKey,
    requests: impl IntoIterator<Item = FoundRequest<'a>>,
    may_go_on: impl Fn() -> StoreResult<()>,
) -> StoreResult<Vec<Fingerprint>> {
    let requests: Vec<FoundRequest<'_>> = requests.into_iter().collect();
    let mut distinct: BTreeMap<Fingerprint, FoundRequest<'_>> = BTreeMap::new();
    for some in requests.chunks(AT_ONCE) {
        may_go_on()?;
        for found in some {
            distinct.entry(found.request.fingerprint).or_insert(*found);
        }
        yield_now().await;
    }
    may_go_on()?;
    if distinct.is_empty() {
        return Ok(Vec::new());
    }
    let take = take(run.follows_links());
    let mut left = distinct.into_values();
    let next_row = |row: &mut CopyText| {
        let Some(found) = left.next() else { return false };
        write(&RequestRow::of(found, run.shards), row);
        true
    };
    let inserted = session.staged(COPY, next_row, &take, &[&run.run_id]).await?;
    Ok(inserted.iter().filter_map(|row| Fingerprint::from_bytes(row.get("fingerprint"))).collect())
}

/// The request of a row that has [`COLUMNS`].
///
/// # Errors
/// A message that names the column that cannot be read.
pub(super) fn read(row: &Row) -> Result<QueuedRequest, String> {
    let columns = RequestRow {
        shard: row.get("shard"),
        fingerprint: row.get("fingerprint"),
        parent: row.get("parent"),
        url: row.get("url"),
        method: row.get("method"),
        headers: json(row, "headers")?,
        body: row.get("body"),
        tag: row.get("tag"),
        meta: json(row, "meta")?,
        options: json::<RequestOptions>(row, "options")?,
        priority: row.get("priority"),
        depth: row.get::<_, i32>("depth").unsigned_abs(),
        host: row.get("host"),
        redirects: json(row, "redirects")?,
        dont_filter: row.get("dont_filter"),
    };
    columns.into_queued()
}

fn json<T: DeserializeOwned>(row: &Row, column: &str) -> Result<T, String> {
    row.try_get::<_, Json<T>>(column)
        .map(|json| json.0)
        .map_err(|_| format!("the request {:?} has an invalid {column}", row.get::<_, &str>("url")))
}

fn write(row: &RequestRow, rows: &mut CopyText) {
    rows.plain(row.shard);
    rows.bytes(&row.fingerprint);
    match &row.parent {
        Some(parent) => rows.bytes(parent),
        None => rows.null(),
    }
    rows.text(&row.url);
    rows.text(&row.method);
    rows.json(&row.headers);
    match &row.body {
        Some(body) => rows.bytes(body),
        None => rows.null(),
    }
    rows.text(&row.tag);
    rows.json(&row.meta);
    rows.json(&row.options);
    rows.plain(row.priority);
    rows.plain(row.depth);
    rows.text(&row.host);
    rows.json(&row.redirects);
    rows.plain(row.dont_filter);
    rows.end_row();
}
