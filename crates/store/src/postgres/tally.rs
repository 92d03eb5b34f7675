//! The done pages of a run that is resumed, for limits on the pages of a host and of a URL pattern.

use std::pin::pin;

use dragline_core::store::StoreResult;
use dragline_core::tally::{Tally, TallyOf};
use futures_util::TryStreamExt;

use super::session::Session;

const DONE: &str = "SELECT host, url, depth FROM crawl_requests WHERE run_id = $1 AND state = 'done'";

/// Counts the pages that are done. They are streamed, because a run may have millions.
pub(super) async fn tally(session: &Session, run_id: i64, of: TallyOf) -> StoreResult<Tally> {
    let mut tally = Tally::default();
    if of.is_nothing() {
        return Ok(tally);
    }
    let rows = session.answer(session.query_raw(DONE, [&run_id])).await?;
    let mut rows = pin!(rows);
    while let Some(row) = session.answer(rows.try_next()).await? {
        tally.add(of, row.get("host"), row.get("url"), row.get::<_, i32>("depth").unsigned_abs());
    }
    Ok(tally)
}
