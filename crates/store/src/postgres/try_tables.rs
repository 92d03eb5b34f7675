//! A trivial transaction, to find out whether the database works while flushes fail.

use std::collections::BTreeSet;

use dragline_core::PageOutcome;
use dragline_core::store::{RunKey, StoreResult};

use super::connections::Connections;
use super::flush::EPOCH;
use super::items;
use super::runs::not_ours;
use crate::identifier::quoted_path;

/// The tables into which every flush may write.
const OWN: [&str; 3] = ["crawl_requests", "crawl_dead_letters", "crawl_cookies"];

/// Tries a transaction on the tables of these outcomes, and writes nothing.
pub(super) async fn try_tables(
    connections: &Connections,
    run: &RunKey,
    outcomes: &[PageOutcome],
) -> StoreResult<()> {
    let session = connections.session("trying the tables").await?;
    let items = outcomes.iter().flat_map(|outcome| &outcome.items);
    let mut tables: BTreeSet<&str> =
        items.map(|record| record.item_type.table().unwrap_or(items::TABLE)).collect();
    tables.extend(OWN);
    let tables: Vec<String> = tables.into_iter().map(quoted_path).collect();
    session.run("BEGIN").await?;
    if session.row(EPOCH, &[&run.run_id, &run.epoch]).await?.is_none() {
        return Err(not_ours(&session, run).await);
    }
    // The mode in which an INSERT locks them.
    session.run(&format!("LOCK TABLE {} IN ROW EXCLUSIVE MODE", tables.join(", "))).await?;
    session.run("COMMIT").await?;
    session.release();
    Ok(())
}
