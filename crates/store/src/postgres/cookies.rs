//! The cookies of a run. They are written with the page that changed them, read when the run is resumed, and deleted when it
//! ends.

use dragline_core::StoredCookie;
use dragline_core::cookies::latest;
use dragline_core::outcome::clean;
use dragline_core::store::{MAX_STORED_COOKIES, StoreResult};

use super::session::Session;

/// If two flushes change a cookie, the later state wins, whichever commits first. A cookie that has ended stays as an empty
/// row. It keeps an earlier state that arrives late from bringing the cookie back.
const WRITE: &str = "INSERT INTO crawl_cookies AS old (run_id, session, domain, path, name, cookie, version)
    SELECT $1, new.session, new.domain, new.path, new.name, new.cookie::json, new.version
    FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[])
         AS new (session, domain, path, name, cookie, version)
    ORDER BY new.session COLLATE \"C\", new.domain COLLATE \"C\", new.path COLLATE \"C\", new.name COLLATE \"C\"
    ON CONFLICT (run_id, session, domain, path, name) DO UPDATE
    SET cookie = EXCLUDED.cookie, version = EXCLUDED.version
    WHERE old.version < EXCLUDED.version";

/// Only flushes of one process compete. When a run is opened, no flush of an earlier process can apply any more.
const FORGET_ENDED: &str = "DELETE FROM crawl_cookies WHERE run_id = $1 AND cookie IS NULL";

const READ: &str = "SELECT session, domain, path, name, cookie::text AS cookie, version FROM crawl_cookies
    WHERE run_id = $1 ORDER BY version DESC LIMIT $2";

/// Writes what the pages of a flush have changed. No deadlock is possible, because a flush that waits here holds only pages and
/// cookies, and all flushes write them in the same order.
pub(super) async fn write<'a>(
    session: &Session,
    run_id: i64,
    cookies: impl IntoIterator<Item = &'a StoredCookie>,
) -> StoreResult<()> {
    let cookies = latest(cookies);
    if cookies.is_empty() {
        return Ok(());
    }
    let texts =
        |part: fn(&StoredCookie) -> &str| cookies.iter().map(|it| clean(part(it))).collect::<Vec<_>>();
    let values: Vec<Option<String>> = cookies.iter().map(|it| it.cookie.as_deref().map(clean)).collect();
    let versions: Vec<i64> = cookies.iter().map(|it| it.version).collect();
    let (sessions, domains) = (texts(|it| &it.session), texts(|it| &it.domain));
    let (paths, names) = (texts(|it| &it.path), texts(|it| &it.name));
    session.change(WRITE, &[&run_id, &sessions, &domains, &paths, &names, &values, &versions]).await?;
    Ok(())
}

/// The cookies of a run that is being opened, the newest first. Those that have ended are removed: a site may end any number of
/// them, and they must not take the place of those that live.
pub(super) async fn take_up(session: &Session, run_id: i64) -> StoreResult<Vec<StoredCookie>> {
    session.change(FORGET_ENDED, &[&run_id]).await?;
    let rows = session.rows(READ, &[&run_id, &i64::from(MAX_STORED_COOKIES)]).await?;
    let cookies = rows.iter().map(|row| StoredCookie {
        session: row.get("session"),
        domain: row.get("domain"),
        path: row.get("path"),
        name: row.get("name"),
        cookie: row.get("cookie"),
        version: row.get("version"),
    });
    Ok(cookies.collect())
}
