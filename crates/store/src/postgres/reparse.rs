//! Opens a reparse.

use dragline_core::reparse::{Reparse, ReparseCounts, ReparseOf};
use dragline_core::store::StoreResult;

use super::runs::count;
use super::session::Session;
use crate::reparse::{COUNTS, Dialect, SOURCES, counted, nothing_to_parse};

const DIALECT: Dialect = Dialect { now: "now()", has_shards: true, fence: " OFFSET 0" };

/// Takes the requests of the runs whose pages the reparse `run_id` parses once more. The caller has opened a transaction.
pub(super) async fn fill(session: &Session, run_id: i64, reparse: Reparse, spider: &str) -> StoreResult<()> {
    match reparse.of {
        ReparseOf::Run(of) => {
            session.change(&DIALECT.fill_from_run(), &[&run_id, &of, &spider]).await?;
        }
        ReparseOf::Spider => {
            let rows = session.rows(SOURCES, &[&run_id, &spider]).await?;
            let sources: Vec<i64> = rows.iter().map(|row| row.get("run_id")).collect();
            // The newest answer of a page comes first. What is kept of any run counts more than what is not kept of another.
            for statement in [DIALECT.fill_from_kept(), DIALECT.fill_from_others()] {
                for source in &sources {
                    session.change(&statement, &[&run_id, source, &spider]).await?;
                }
            }
        }
    }
    let counts = counts(session, run_id).await?;
    if counts.pages == 0 {
        return Err(nothing_to_parse(reparse.of, spider, &counts));
    }
    Ok(())
}

/// The requests of a reparse, by what becomes of them.
pub(super) async fn counts(session: &Session, run_id: i64) -> StoreResult<ReparseCounts> {
    let rows = session.rows(COUNTS, &[&run_id]).await?;
    Ok(counted(rows.iter().map(|row| (row.get("fate"), count(row, "requests")))))
}
