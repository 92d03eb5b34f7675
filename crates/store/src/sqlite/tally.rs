//! The done pages of a run that is resumed, for limits on the pages of a host and of a URL pattern.

use dragline_core::tally::{Tally, TallyOf};
use rusqlite::Connection;

use super::fault::Fault;

/// Counts the pages that are done.
pub(super) fn tally(connection: &Connection, run_id: i64, of: TallyOf) -> Result<Tally, Fault> {
    let mut tally = Tally::default();
    if of.is_nothing() {
        return Ok(tally);
    }
    let mut select = connection
        .prepare("SELECT host, url, depth FROM crawl_requests WHERE run_id = ?1 AND state = 'done'")?;
    let mut rows = select.query([run_id])?;
    while let Some(row) = rows.next()? {
        let (host, url): (String, String) = (row.get("host")?, row.get("url")?);
        tally.add(of, &host, &url, row.get("depth")?);
    }
    Ok(tally)
}
