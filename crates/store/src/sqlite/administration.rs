//! The tables and the runs between two crawls: each call goes to the module that does it.

use std::time::Duration;

use dragline_core::diff::{DiffAsk, RowChange};
use dragline_core::earlier::BodyHash;
use dragline_core::gone::{GoneAsk, GoneCounts, ROWS_PER_BATCH, RowPlace};
use dragline_core::kept_page::KeptRequest;
use dragline_core::lineage::{Lineage, TracedRequest};
use dragline_core::newest_rows::{RowsAsk, RowsFound};
use dragline_core::prune::{BodyBatch, PrunableRun, PruneAsk, PruneBatch, PruneCounts, PrunePart};
use dragline_core::reparse::{PlanAsk, PlanPart, StoredRow};
use dragline_core::run_verdict::EndFigures;
use dragline_core::runs::{Requeue, Requeued, RunAdmin, RunAsk, RunFigures, RunRecord};
use dragline_core::store::{BoxFuture, ItemRow, StoreResult};
use dragline_core::{Fingerprint, ItemRecord, ItemType, KeptListAsk, KeptListed};
use rusqlite::TransactionBehavior;
use url::Url;

use super::SqliteStore;
use super::fault::Fault;
use super::reading::ItemsOf;
use super::{
    changes, diff, gone, item_table, kept_pages, lineage, newest_rows, prune, prune_kept, reading, reparse,
    run_admin, run_figures, schema, views,
};
use crate::identifier::check_all_names;
use crate::{SchemaAdmin, relations};

impl SchemaAdmin for SqliteStore {
    fn ddl(&self, items: &[ItemType]) -> StoreResult<String> {
        let mut ddl = schema::DDL.to_owned();
        check_all_names(items)?;
        for item in relations::parents_first(items) {
            if let Some(table) = item_table::ddl(item)? {
                ddl = ddl + "\n" + &table + "\n";
            }
        }
        for declared in crate::views::of(items) {
            ddl = ddl + "\n" + &views::ddl(&declared) + "\n";
        }
        Ok(ddl)
    }

    fn apply<'a>(&'a self, items: &'a [ItemType]) -> BoxFuture<'a, StoreResult<Vec<String>>> {
        Box::pin(async {
            self.database
                .connect(true, |connection| {
                    let mut done = schema::apply(connection, self.database.path())?;
                    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                    done.extend(item_table::create_missing(&transaction, items, true)?);
                    done.extend(item_table::add_fingerprints(&transaction, items)?);
                    done.extend(views::apply(&transaction, items)?);
                    transaction.commit()?;
                    Ok(done)
                })
                .await
        })
    }

    fn check<'a>(&'a self, items: &'a [ItemType]) -> BoxFuture<'a, StoreResult<()>> {
        Box::pin(async {
            self.database
                .connect(false, |connection| {
                    schema::check(connection)?;
                    let mut differences = item_table::compare(connection, items)?;
                    views::compare(connection, items, &mut differences)?;
                    Ok::<_, Fault>(differences.into_result()?)
                })
                .await
        })
    }
}

impl RunAdmin for SqliteStore {
    fn reach(&self) -> BoxFuture<'_, StoreResult<()>> {
        Box::pin(async { self.database.connect(false, |connection| schema::check(connection)).await })
    }

    fn list_runs<'a>(&'a self, ask: &'a RunAsk) -> BoxFuture<'a, StoreResult<Vec<RunRecord>>> {
        Box::pin(async {
            self.database
                .work("reading the runs", |connection| run_admin::list(connection, self.database.path(), ask))
                .await
        })
    }

    fn inspect_run<'a>(
        &'a self,
        run_id: i64,
        items: &'a [ItemType],
    ) -> BoxFuture<'a, StoreResult<RunFigures>> {
        Box::pin(async move {
            self.database
                .work("looking at the run", |connection| run_figures::inspect(connection, run_id, items))
                .await
        })
    }

    fn trace<'a>(&'a self, run_id: i64, url: &'a Url) -> BoxFuture<'a, StoreResult<Vec<Lineage>>> {
        Box::pin(async move {
            self.database.work("tracing a page", |connection| lineage::trace(connection, run_id, url)).await
        })
    }

    fn read_page_items<'a>(
        &'a self,
        run: &'a RunRecord,
        item: &'a ItemType,
        page: &'a TracedRequest,
        each: &'a mut (dyn FnMut(ItemRow) -> std::io::Result<()> + Send),
    ) -> BoxFuture<'a, StoreResult<()>> {
        Box::pin(async move {
            let of = ItemsOf { run_id: run.run_id, spider: &run.spider, item, page: Some(page) };
            self.database
                .work("reading items", |connection| match item.table() {
                    Some(table) if !connection.table_exists(None, table)? => Ok(()),
                    _ => reading::items(connection, &of, each),
                })
                .await
        })
    }

    fn newest_rows<'a>(
        &'a self,
        ask: &'a RowsAsk,
        item: &'a ItemType,
        limit: Duration,
    ) -> BoxFuture<'a, StoreResult<RowsFound>> {
        Box::pin(async move {
            self.database
                .work("reading items", |connection| newest_rows::read(connection, ask, item, limit))
                .await
        })
    }

    fn diff_rows<'a>(
        &'a self,
        ask: &'a DiffAsk,
        item: &'a ItemType,
        each: &'a mut (dyn FnMut(RowChange) -> std::io::Result<()> + Send),
    ) -> BoxFuture<'a, StoreResult<()>> {
        Box::pin(async move {
            self.database.work("comparing rows", |connection| diff::rows(connection, ask, item, each)).await
        })
    }

    fn kept_pages<'a>(&'a self, run_id: i64, url: &'a str) -> BoxFuture<'a, StoreResult<Vec<KeptRequest>>> {
        Box::pin(async move {
            self.database
                .work("reading a kept page", |connection| kept_pages::read(connection, run_id, url))
                .await
        })
    }

    fn list_kept<'a>(&'a self, ask: &'a KeptListAsk) -> BoxFuture<'a, StoreResult<KeptListed>> {
        Box::pin(async {
            self.database.work("listing kept pages", |connection| kept_pages::list(connection, ask)).await
        })
    }

    fn requeue_failed<'a>(&'a self, ask: &'a Requeue) -> BoxFuture<'a, StoreResult<Requeued>> {
        Box::pin(async {
            self.database
                .work("putting failed requests back", |connection| run_admin::requeue(connection, ask))
                .await
        })
    }

    fn give_up_run<'a>(&'a self, run_id: i64, reason: &'a str) -> BoxFuture<'a, StoreResult<bool>> {
        Box::pin(async move {
            self.database
                .work("giving the run up", |connection| run_admin::give_up(connection, run_id, reason))
                .await
        })
    }

    fn prunable_runs<'a>(&'a self, ask: &'a PruneAsk) -> BoxFuture<'a, StoreResult<Vec<PrunableRun>>> {
        Box::pin(async {
            self.database.work("looking for runs to prune", |connection| prune::find(connection, ask)).await
        })
    }

    fn count_prunable(&self, run_id: i64, with_letters: bool) -> BoxFuture<'_, StoreResult<PruneCounts>> {
        Box::pin(async move {
            self.database.work("counting", |connection| prune::count(connection, run_id, with_letters)).await
        })
    }

    fn begin_prune<'a>(
        &'a self,
        run_id: i64,
        with_letters: bool,
        figures: Option<&'a EndFigures>,
    ) -> BoxFuture<'a, StoreResult<bool>> {
        Box::pin(async move {
            self.database
                .work("marking the run as pruned", |connection| {
                    prune::begin(connection, run_id, with_letters, figures)
                })
                .await
        })
    }

    fn prune_batch<'a>(
        &'a self,
        run_id: i64,
        part: &'a PrunePart,
        max_rows: u32,
    ) -> BoxFuture<'a, StoreResult<PruneBatch>> {
        Box::pin(async move {
            let batch = self
                .database
                .work("pruning", |connection| prune::batch(connection, run_id, part, max_rows))
                .await?;
            if batch.next.is_some() {
                // While this transaction lasts, a crawl on the same file waits, and it looks for its end only now and then.
                tokio::time::sleep(prune::PAUSE).await;
            }
            Ok(batch)
        })
    }

    fn begin_prune_kept(&self, run_id: i64) -> BoxFuture<'_, StoreResult<bool>> {
        Box::pin(async move {
            self.database
                .work("marking the run as one that loses its kept pages", |connection| {
                    prune_kept::begin(connection, run_id)
                })
                .await
        })
    }

    fn kept_bytes(&self) -> BoxFuture<'_, StoreResult<u64>> {
        Box::pin(async {
            self.database.work("adding up the kept pages", |connection| prune_kept::bytes(connection)).await
        })
    }

    fn prune_bodies(&self, after: Option<BodyHash>, max: u32) -> BoxFuture<'_, StoreResult<BodyBatch>> {
        Box::pin(async move {
            let batch = self
                .database
                .work("looking for bodies without pages", |connection| {
                    prune_kept::bodies(connection, after, max)
                })
                .await?;
            if batch.next.is_some() && batch.bodies > 0 {
                tokio::time::sleep(prune::PAUSE).await;
            }
            Ok(batch)
        })
    }

    fn end_prune(&self, run_id: i64) -> BoxFuture<'_, StoreResult<()>> {
        Box::pin(async move {
            self.database.work("ending the pruning", |connection| prune::end(connection, run_id)).await
        })
    }

    fn reparse_sources<'a>(&'a self, spider: &'a str) -> BoxFuture<'a, StoreResult<Vec<i64>>> {
        Box::pin(async move {
            self.database
                .work("looking for kept pages", |connection| reparse::sources(connection, spider))
                .await
        })
    }

    fn plan_reparse<'a>(&'a self, ask: &'a PlanAsk) -> BoxFuture<'a, StoreResult<PlanPart>> {
        Box::pin(async move {
            self.database.work("planning a reparse", |connection| reparse::plan(connection, ask)).await
        })
    }

    fn rows_of_items<'a>(
        &'a self,
        spider: &'a str,
        item: &'a ItemType,
        items: &'a [(Fingerprint, ItemRecord)],
    ) -> BoxFuture<'a, StoreResult<Vec<Option<StoredRow>>>> {
        Box::pin(async move {
            self.database
                .work("looking up rows", |connection| reparse::rows_of_items(connection, spider, item, items))
                .await
        })
    }

    fn children_first<'a>(&'a self, items: &'a [ItemType]) -> BoxFuture<'a, StoreResult<Vec<ItemType>>> {
        Box::pin(async {
            self.database
                .work("reading the foreign keys", |connection| gone::children_first(connection, items))
                .await
        })
    }

    fn count_gone<'a>(
        &'a self,
        ask: &'a GoneAsk,
        item: &'a ItemType,
        limit: Duration,
    ) -> BoxFuture<'a, StoreResult<GoneCounts>> {
        Box::pin(async move {
            self.database
                .work("counting rows that are gone", |connection| gone::count(connection, ask, item, limit))
                .await
        })
    }

    fn find_gone<'a>(
        &'a self,
        ask: &'a GoneAsk,
        item: &'a ItemType,
        max: usize,
        limit: Duration,
    ) -> BoxFuture<'a, StoreResult<Vec<RowPlace>>> {
        Box::pin(async move {
            self.database
                .work("looking for rows that are gone", |connection| {
                    gone::find(connection, ask, item, max, limit)
                })
                .await
        })
    }

    fn keys_of_rows<'a>(
        &'a self,
        item: &'a ItemType,
        rows: &'a [RowPlace],
    ) -> BoxFuture<'a, StoreResult<Vec<String>>> {
        Box::pin(async move {
            self.database.work("reading keys", |connection| gone::keys(connection, item, rows)).await
        })
    }

    fn end_gone<'a>(
        &'a self,
        ask: &'a GoneAsk,
        item: &'a ItemType,
        rows: &'a [RowPlace],
    ) -> BoxFuture<'a, StoreResult<u64>> {
        Box::pin(async move {
            let removed = self
                .database
                .work("removing rows that are gone", |connection| gone::end(connection, ask, item, rows))
                .await?;
            if rows.len() >= ROWS_PER_BATCH {
                // While this transaction lasts, a crawl on the same file waits, and it looks for its end only now and then.
                tokio::time::sleep(prune::PAUSE).await;
            }
            Ok(removed)
        })
    }

    fn count_old_changes(&self, older_than: Duration) -> BoxFuture<'_, StoreResult<u64>> {
        Box::pin(async move {
            self.database
                .work("counting changes", |connection| changes::count_old(connection, older_than))
                .await
        })
    }

    fn prune_changes(&self, older_than: Duration, max: u32) -> BoxFuture<'_, StoreResult<u64>> {
        Box::pin(async move {
            let rows = self
                .database
                .work("removing changes", |connection| changes::prune(connection, older_than, max))
                .await?;
            if rows > 0 {
                tokio::time::sleep(prune::PAUSE).await;
            }
            Ok(rows)
        })
    }

    fn freed_space(&self) -> String {
        let file = self.database.path().display();
        format!(
            "the file does not get smaller: later crawls use the space again; to shrink it, stop all crawls and run \
             sqlite3 {file} VACUUM"
        )
    }
}
