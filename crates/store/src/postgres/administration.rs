//! The tables and the runs between two crawls: each call goes to the module that does it.

use std::time::Duration;

use dragline_core::diff::{DiffAsk, RowChange};
use dragline_core::earlier::BodyHash;
use dragline_core::gone::{GoneAsk, GoneCounts, RowPlace};
use dragline_core::kept_page::KeptRequest;
use dragline_core::lineage::{Lineage, TracedRequest};
use dragline_core::newest_rows::{RowsAsk, RowsFound};
use dragline_core::prune::{BodyBatch, PrunableRun, PruneAsk, PruneBatch, PruneCounts, PrunePart};
use dragline_core::reparse::{PlanAsk, PlanPart, StoredRow};
use dragline_core::run_verdict::EndFigures;
use dragline_core::runs::{Requeue, Requeued, RunAdmin, RunAsk, RunFigures, RunRecord};
use dragline_core::store::{BoxFuture, ItemRow, StoreResult};
use dragline_core::{Fingerprint, ItemRecord, ItemType, KeptListAsk, KeptListed};
use url::Url;

use super::PostgresStore;
use super::export::{self, ItemsOf};
use super::{
    changes, diff, gone, kept_pages, lineage, newest_rows, prune, prune_kept, reparse, run_admin,
    run_figures, schema,
};
use crate::SchemaAdmin;

impl SchemaAdmin for PostgresStore {
    fn ddl(&self, items: &[ItemType]) -> StoreResult<String> {
        schema::ddl(items)
    }

    fn apply<'a>(&'a self, items: &'a [ItemType]) -> BoxFuture<'a, StoreResult<Vec<String>>> {
        Box::pin(schema::apply(&self.connections, items))
    }

    fn check<'a>(&'a self, items: &'a [ItemType]) -> BoxFuture<'a, StoreResult<()>> {
        Box::pin(schema::check(&self.connections, items))
    }
}

impl RunAdmin for PostgresStore {
    fn reach(&self) -> BoxFuture<'_, StoreResult<()>> {
        Box::pin(schema::reach_only(&self.connections))
    }

    fn list_runs<'a>(&'a self, ask: &'a RunAsk) -> BoxFuture<'a, StoreResult<Vec<RunRecord>>> {
        Box::pin(run_admin::list(&self.connections, ask))
    }

    fn inspect_run<'a>(
        &'a self,
        run_id: i64,
        items: &'a [ItemType],
    ) -> BoxFuture<'a, StoreResult<RunFigures>> {
        Box::pin(run_figures::inspect(&self.connections, run_id, items))
    }

    fn trace<'a>(&'a self, run_id: i64, url: &'a Url) -> BoxFuture<'a, StoreResult<Vec<Lineage>>> {
        Box::pin(lineage::trace(&self.connections, run_id, url))
    }

    fn read_page_items<'a>(
        &'a self,
        run: &'a RunRecord,
        item: &'a ItemType,
        page: &'a TracedRequest,
        each: &'a mut (dyn FnMut(ItemRow) -> std::io::Result<()> + Send),
    ) -> BoxFuture<'a, StoreResult<()>> {
        Box::pin(async move {
            if let Some(table) = item.table()
                && !schema::has_table(&self.connections, table).await?
            {
                return Ok(());
            }
            let of = ItemsOf { run_id: run.run_id, spider: &run.spider, item, page: Some(page) };
            export::read_items(&self.connections, &of, each).await
        })
    }

    fn newest_rows<'a>(
        &'a self,
        ask: &'a RowsAsk,
        item: &'a ItemType,
        limit: Duration,
    ) -> BoxFuture<'a, StoreResult<RowsFound>> {
        Box::pin(newest_rows::read(&self.connections, ask, item, limit))
    }

    fn diff_rows<'a>(
        &'a self,
        ask: &'a DiffAsk,
        item: &'a ItemType,
        each: &'a mut (dyn FnMut(RowChange) -> std::io::Result<()> + Send),
    ) -> BoxFuture<'a, StoreResult<()>> {
        Box::pin(diff::rows(&self.connections, ask, item, each))
    }

    fn kept_pages<'a>(&'a self, run_id: i64, url: &'a str) -> BoxFuture<'a, StoreResult<Vec<KeptRequest>>> {
        Box::pin(kept_pages::read(&self.connections, run_id, url))
    }

    fn list_kept<'a>(&'a self, ask: &'a KeptListAsk) -> BoxFuture<'a, StoreResult<KeptListed>> {
        Box::pin(kept_pages::list(&self.connections, ask))
    }

    fn requeue_failed<'a>(&'a self, ask: &'a Requeue) -> BoxFuture<'a, StoreResult<Requeued>> {
        Box::pin(run_admin::requeue(&self.connections, ask))
    }

    fn give_up_run<'a>(&'a self, run_id: i64, reason: &'a str) -> BoxFuture<'a, StoreResult<bool>> {
        Box::pin(run_admin::give_up(&self.connections, run_id, reason))
    }

    fn prunable_runs<'a>(&'a self, ask: &'a PruneAsk) -> BoxFuture<'a, StoreResult<Vec<PrunableRun>>> {
        Box::pin(prune::find(&self.connections, ask))
    }

    fn count_prunable(&self, run_id: i64, with_letters: bool) -> BoxFuture<'_, StoreResult<PruneCounts>> {
        Box::pin(prune::count(&self.connections, run_id, with_letters))
    }

    fn begin_prune<'a>(
        &'a self,
        run_id: i64,
        with_letters: bool,
        figures: Option<&'a EndFigures>,
    ) -> BoxFuture<'a, StoreResult<bool>> {
        Box::pin(prune::begin(&self.connections, run_id, with_letters, figures))
    }

    fn prune_batch<'a>(
        &'a self,
        run_id: i64,
        part: &'a PrunePart,
        max_rows: u32,
    ) -> BoxFuture<'a, StoreResult<PruneBatch>> {
        Box::pin(prune::batch(&self.connections, run_id, part, max_rows))
    }

    fn begin_prune_kept(&self, run_id: i64) -> BoxFuture<'_, StoreResult<bool>> {
        Box::pin(prune_kept::begin(&self.connections, run_id))
    }

    fn kept_bytes(&self) -> BoxFuture<'_, StoreResult<u64>> {
        Box::pin(prune_kept::bytes(&self.connections))
    }

    fn prune_bodies(&self, after: Option<BodyHash>, max: u32) -> BoxFuture<'_, StoreResult<BodyBatch>> {
        Box::pin(prune_kept::bodies(&self.connections, after, max))
    }

    fn end_prune(&self, run_id: i64) -> BoxFuture<'_, StoreResult<()>> {
        Box::pin(prune::end(&self.connections, run_id))
    }

    fn reparse_sources<'a>(&'a self, spider: &'a str) -> BoxFuture<'a, StoreResult<Vec<i64>>> {
        Box::pin(reparse::sources(&self.connections, spider))
    }

    fn plan_reparse<'a>(&'a self, ask: &'a PlanAsk) -> BoxFuture<'a, StoreResult<PlanPart>> {
        Box::pin(reparse::plan(&self.connections, ask))
    }

    fn rows_of_items<'a>(
        &'a self,
        spider: &'a str,
        item: &'a ItemType,
        items: &'a [(Fingerprint, ItemRecord)],
    ) -> BoxFuture<'a, StoreResult<Vec<Option<StoredRow>>>> {
        Box::pin(reparse::rows_of_items(&self.connections, spider, item, items))
    }

    fn children_first<'a>(&'a self, items: &'a [ItemType]) -> BoxFuture<'a, StoreResult<Vec<ItemType>>> {
        Box::pin(gone::children_first(&self.connections, items))
    }

    fn count_gone<'a>(
        &'a self,
        ask: &'a GoneAsk,
        item: &'a ItemType,
        limit: Duration,
    ) -> BoxFuture<'a, StoreResult<GoneCounts>> {
        Box::pin(gone::count(&self.connections, ask, item, limit))
    }

    fn find_gone<'a>(
        &'a self,
        ask: &'a GoneAsk,
        item: &'a ItemType,
        max: usize,
        limit: Duration,
    ) -> BoxFuture<'a, StoreResult<Vec<RowPlace>>> {
        Box::pin(gone::find(&self.connections, ask, item, max, limit))
    }

    fn keys_of_rows<'a>(
        &'a self,
        item: &'a ItemType,
        rows: &'a [RowPlace],
    ) -> BoxFuture<'a, StoreResult<Vec<String>>> {
        Box::pin(gone::keys(&self.connections, item, rows))
    }

    fn end_gone<'a>(
        &'a self,
        ask: &'a GoneAsk,
        item: &'a ItemType,
        rows: &'a [RowPlace],
    ) -> BoxFuture<'a, StoreResult<u64>> {
        Box::pin(gone::end(&self.connections, ask, item, rows))
    }

    fn count_old_changes(&self, older_than: Duration) -> BoxFuture<'_, StoreResult<u64>> {
        Box::pin(changes::count_old(&self.connections, older_than))
    }

    fn prune_changes(&self, older_than: Duration, max: u32) -> BoxFuture<'_, StoreResult<u64>> {
        Box::pin(changes::prune(&self.connections, older_than, max))
    }

    fn freed_space(&self) -> String {
        "Postgres uses the space again for new rows once autovacuum has passed; the tables don't get smaller"
            .to_owned()
    }
}
