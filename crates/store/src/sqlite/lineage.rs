//! How a run came to a page.

use std::collections::HashSet;

use dragline_core::lineage::{Lineage, MAX_LINEAGES, TracedRequest};
use dragline_core::{Fingerprint, PageState, Request};
use rusqlite::{Connection, OptionalExtension, Row, params};
use url::Url;

use super::fault::Fault;

const COLUMNS: &str = "fingerprint, parent, url, tag, depth, state, status, reason, error";

/// Traces the requests of a URL: by the URL as stored, or as the duplicate filter spells it.
pub(super) fn trace(connection: &mut Connection, run_id: i64, url: &Url) -> Result<Vec<Lineage>, Fault> {
    let transaction = connection.transaction()?;
    let plain = Request::from_url(url.clone()).ok().map(|request| Fingerprint::of(&request));
    let plain = plain.as_ref().map(|fingerprint| fingerprint.as_bytes().as_slice());
    let mut select = transaction.prepare(&format!(
        "SELECT {COLUMNS} FROM crawl_requests WHERE run_id = ?1 AND (url = ?2 OR fingerprint = ?3)
         ORDER BY depth, discovered_at, fingerprint LIMIT ?4"
    ))?;
    let mut rows = select.query(params![run_id, url.as_str(), plain, MAX_LINEAGES])?;
    let mut lineages = Vec::new();
    while let Some(row) = rows.next()? {
        lineages.push(Lineage { requests: ancestors(&transaction, run_id, request(row)?)? });
    }
    Ok(lineages)
}

/// A request and those before it, the first one first.
fn ancestors(connection: &Connection, run_id: i64, last: TracedRequest) -> Result<Vec<TracedRequest>, Fault> {
    let mut select = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM crawl_requests WHERE run_id = ?1 AND fingerprint = ?2"
    ))?;
    let (mut next, mut requests, mut seen) = (Some(last), Vec::new(), HashSet::new());
    // A circle is possible only if someone has changed the rows.
    while let Some(found) = next.take().filter(|found| seen.insert(found.fingerprint)) {
        if let Some(parent) = &found.parent {
            let row = select.query_row(params![run_id, parent.as_bytes()], |row| Ok(request(row)));
            next = row.optional()?.transpose()?;
        }
        requests.push(found);
    }
    requests.reverse();
    Ok(requests)
}

fn request(row: &Row<'_>) -> Result<TracedRequest, Fault> {
    let url: String = row.get("url")?;
    let fingerprint = Fingerprint::from_bytes(&row.get::<_, Vec<u8>>("fingerprint")?);
    let parent: Option<Vec<u8>> = row.get("parent")?;
    Ok(TracedRequest {
        fingerprint: fingerprint
            .ok_or_else(|| Fault::Other(format!("the request {url:?} has an invalid fingerprint").into()))?,
        parent: parent.as_deref().and_then(Fingerprint::from_bytes),
        url,
        tag: row.get("tag")?,
        depth: row.get("depth")?,
        state: PageState::parse(&row.get::<_, String>("state")?),
        status: row.get("status")?,
        reason: row.get("reason")?,
        error: row.get("error")?,
    })
}
