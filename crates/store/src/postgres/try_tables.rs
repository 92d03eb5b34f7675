//! A trivial transaction, to find out whether the database works while flushes fail.

use std::collections::BTreeSet;

use dragline_core::store::{RunKey, StoreResult};
use dragline_core::{ItemType, PageOutcome};

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
    let mut tables: BTreeSet<String> = OWN.into_iter().map(quoted_path).collect();
    for record in outcomes.iter().flat_map(|outcome| &outcome.items) {
        tables.insert(quoted_path(record.item_type.table().unwrap_or(items::TABLE)));
        tables.extend(record.item_type.history().iter().filter_map(ItemType::table).map(quoted_path));
    }
    let tables: Vec<String> = tables.into_iter().collect();
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
