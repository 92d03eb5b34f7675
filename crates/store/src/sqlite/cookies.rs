//! The cookies of a run. They are written with the page that changed them, read when the run is resumed, and deleted when it
//! ends.

use dragline_core::StoredCookie;
use dragline_core::cookies::latest;
use dragline_core::store::MAX_STORED_COOKIES;
use rusqlite::{Connection, params};

use super::fault::Fault;

/// Writes what the pages of a flush have changed. The later state of a cookie wins. A cookie that has ended stays as an empty
/// row.
pub(super) fn write<'a>(
    connection: &Connection,
    run_id: i64,
    cookies: impl IntoIterator<Item = &'a StoredCookie>,
) -> Result<(), Fault> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO crawl_cookies (run_id, session, domain, path, name, cookie, version)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (run_id, session, domain, path, name) DO UPDATE
         SET cookie = excluded.cookie, version = excluded.version WHERE version < excluded.version",
    )?;
    for it in latest(cookies) {
        insert.execute(params![run_id, it.session, it.domain, it.path, it.name, it.cookie, it.version])?;
    }
    Ok(())
}

/// The cookies of a run that is being opened, the newest first. Those that have ended are removed: a site may end any number of
/// them, and they must not take the place of those that live. They are there for flushes of one process, and no flush of an
/// earlier process can apply any more.
pub(super) fn take_up(connection: &Connection, run_id: i64) -> Result<Vec<StoredCookie>, Fault> {
    connection.execute("DELETE FROM crawl_cookies WHERE run_id = ?1 AND cookie IS NULL", [run_id])?;
    let mut select = connection.prepare(
        "SELECT session, domain, path, name, cookie, version FROM crawl_cookies
         WHERE run_id = ?1 ORDER BY version DESC LIMIT ?2",
    )?;
    let cookies = select.query_map(params![run_id, MAX_STORED_COOKIES], |row| {
        Ok(StoredCookie {
            session: row.get("session")?,
            domain: row.get("domain")?,
            path: row.get("path")?,
            name: row.get("name")?,
            cookie: row.get("cookie")?,
            version: row.get("version")?,
        })
    })?;
    Ok(cookies.collect::<rusqlite::Result<_>>()?)
}

/// A run that has ended needs no cookies, and cookies are secrets.
pub(super) fn forget(connection: &Connection, run_id: i64) -> Result<(), Fault> {
    connection.execute("DELETE FROM crawl_cookies WHERE run_id = ?1", [run_id])?;
    Ok(())
}
