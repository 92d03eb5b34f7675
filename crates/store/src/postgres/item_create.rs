//! Creates the tables of item types that are missing.

use dragline_core::probe::reach;
use dragline_core::store::StoreResult;
use dragline_core::{ItemType, Reference};

use super::schema::LOCK;
use super::session::Session;
use super::{history_table, item_check, item_table};
use crate::relations;

/// Which missing tables are created.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Only {
    /// Those whose types allow it.
    AutoCreated,
    Any,
}

/// Creates the missing tables of these item types, which have parents first, in one transaction. Returns their names.
pub(super) async fn create_missing<'a>(
    session: &Session,
    order: &[&'a ItemType],
    only: Only,
) -> StoreResult<Vec<&'a str>> {
    if !is_any_missing(session, order, only).await? {
        return Ok(Vec::new());
    }
    session.run("BEGIN").await?;
    session.rows(LOCK, &[]).await?;
    let mut created = Vec::new();
    for (at, item) in order.iter().enumerate() {
        let Some(table) = item.table() else { continue };
        let put_off = relations::put_off(order, at);
        if may_create(session, item, only).await? && has_parents(session, item, &put_off).await? {
            session.run(&item_table::ddl(item, table, &put_off)).await?;
            reach("start: item table made");
            created.push((at, table));
        }
    }
    for (at, table) in &created {
        for reference in relations::put_off(order, *at) {
            if item_check::exists(session, &reference.table).await? {
                session.run(&item_table::add_foreign_key(table, reference)).await?;
            }
        }
    }
    session.run("COMMIT").await?;
    Ok(created.into_iter().map(|(_, table)| table).collect())
}

async fn is_any_missing(session: &Session, items: &[&ItemType], only: Only) -> StoreResult<bool> {
    for item in items {
        if may_create(session, item, only).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether the table of an item type is missing and may be created. A crawl makes no schema: whoever owns the database decides
/// about those. The comparison names the statement.
async fn may_create(session: &Session, item: &ItemType, only: Only) -> StoreResult<bool> {
    let Some(table) = item.table() else { return Ok(false) };
    Ok((only == Only::Any || item.auto_create())
        && !item_check::exists(session, table).await?
        && item_check::has_schema(session, table).await?)
}

/// Whether the tables that a new one refers to are there. One of them may be missing because it is not created automatically. Then
/// the comparison reports both.
async fn has_parents(session: &Session, item: &ItemType, put_off: &[&Reference]) -> StoreResult<bool> {
    let parents = item.references().iter().filter(|reference| !put_off.contains(reference));
    for parent in parents.filter(|reference| Some(&*reference.table) != item.table()) {
        if !item_check::exists(session, &parent.table).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Creates the history of an item type unless it exists, or unless the item's own table is missing. Returns its name if it
/// did.
pub(super) async fn create_history(session: &Session, item: &ItemType) -> StoreResult<Option<String>> {
    let (Some(history), Some(own)) = (item.history(), item.table()) else { return Ok(None) };
    let Some(table) = history.table() else { return Ok(None) };
    if item_check::exists(session, table).await? || !item_check::exists(session, own).await? {
        return Ok(None);
    }
    let ddl = async || history_table::ddl_there(session, item, &history).await;
    Ok(create_by(session, table, ddl).await?.then(|| table.to_owned()))
}

/// Creates a table by these statements, unless another process was faster. Returns whether it did.
async fn create_by(
    session: &Session,
    table: &str,
    ddl: impl AsyncFnOnce() -> StoreResult<String>,
) -> StoreResult<bool> {
    session.run("BEGIN").await?;
    session.rows(LOCK, &[]).await?;
    let missing = !item_check::exists(session, table).await?;
    if missing {
        session.run(&ddl().await?).await?;
        reach("start: item table made");
    }
    session.run("COMMIT").await?;
    Ok(missing)
}
