//! The hosts at which a run begins.

use rusqlite::Connection;

use super::fault::Fault;

/// Pages that a sitemap lists have the depth of start requests, but their hosts do not belong to the run because of that.
const START_HOSTS: &str = "SELECT DISTINCT host FROM crawl_requests
    WHERE run_id = ?1 AND depth = 0 AND coalesce(options ->> '$.sitemap', 'named') IN ('named', 'robots')
    ORDER BY host";

/// The hosts of the start requests, and of their redirect targets.
pub(super) fn start_hosts(connection: &Connection, run_id: i64) -> Result<Vec<String>, Fault> {
    let mut select = connection.prepare(START_HOSTS)?;
    let hosts = select.query_map([run_id], |row| row.get("host"))?;
    Ok(hosts.collect::<rusqlite::Result<_>>()?)
}
