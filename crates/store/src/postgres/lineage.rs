//! How a run came to a page, and which rows the page gave.

use std::collections::HashSet;

use dragline_core::lineage::{Lineage, MAX_LINEAGES, TracedRequest};
use dragline_core::store::StoreResult;
use dragline_core::{Fingerprint, PageState, Request};
use tokio_postgres::Row;
use url::Url;

use super::connections::Connections;
use super::runs::shard_rule;
use super::session::Session;
use crate::columns::shard_of_page;

const COLUMNS: &str = "fingerprint, parent, url, tag, depth, state, status, reason, error";

/// Finds requests by their URL as stored, or as the duplicate filter spells it.
const OF_URL: &str = "WHERE run_id = $1 AND shard = $2 AND (url = $3 OR fingerprint = $4)
    ORDER BY depth, discovered_at, fingerprint LIMIT $5";

/// The page may be on any host, and therefore in any shard.
const OF_FINGERPRINT: &str = "WHERE run_id = $1 AND shard = ANY ($2) AND fingerprint = $3";

/// Traces the requests of a URL.
pub(super) async fn trace(connections: &Connections, run_id: i64, url: &Url) -> StoreResult<Vec<Lineage>> {
    let session = connections.session("tracing a page").await?;
    session.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let Some(rule) = shard_rule(connections.target(), &session, run_id).await? else { return Ok(Vec::new()) };
    let plain = Request::from_url(url.clone()).ok().map(|request| Fingerprint::of(&request));
    let plain = plain.as_ref().map(|fingerprint| fingerprint.as_bytes().as_slice());
    let limit = i64::try_from(MAX_LINEAGES).unwrap_or(i64::MAX);
    let sql = format!("SELECT {COLUMNS} FROM crawl_requests {OF_URL}");
    let rows = session
        .rows(&sql, &[&run_id, &shard_of_page(rule, url.as_str()), &url.as_str(), &plain, &limit])
        .await?;
    let shards: Vec<i16> = (0..rule.shards()).collect();
    let mut lineages = Vec::new();
    for row in rows {
        let requests = ancestors(&session, run_id, &shards, request(&row)).await?;
        lineages.push(Lineage { requests });
    }
    session.run("COMMIT").await?;
    session.release();
    Ok(lineages)
}

/// A request and those before it, the first one first.
async fn ancestors(
    session: &Session,
    run_id: i64,
    shards: &[i16],
    last: Option<TracedRequest>,
) -> StoreResult<Vec<TracedRequest>> {
    let sql = format!("SELECT {COLUMNS} FROM crawl_requests {OF_FINGERPRINT}");
    let (mut next, mut requests, mut seen) = (last, Vec::new(), HashSet::new());
    // A circle is possible only if someone has changed the rows.
    while let Some(request) = next.take().filter(|request| seen.insert(request.fingerprint)) {
        if let Some(parent) = &request.parent {
            let row = session.row(&sql, &[&run_id, &shards, &parent.as_bytes().as_slice()]).await?;
            next = row.as_ref().and_then(self::request);
        }
        requests.push(request);
    }
    requests.reverse();
    Ok(requests)
}

fn request(row: &Row) -> Option<TracedRequest> {
    Some(TracedRequest {
        fingerprint: Fingerprint::from_bytes(row.get("fingerprint"))?,
        parent: row.get::<_, Option<&[u8]>>("parent").and_then(Fingerprint::from_bytes),
        url: row.get("url"),
        tag: row.get("tag"),
        depth: row.get::<_, i32>("depth").unsigned_abs(),
        state: PageState::parse(row.get("state")),
        status: row.get::<_, Option<i32>>("status").and_then(|status| u16::try_from(status).ok()),
        reason: row.get("reason"),
        error: row.get("error"),
    })
}
