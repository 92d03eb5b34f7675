//! How a flush writes items: table by table, parents before the tables that refer to them, with sorted keys. All processes have the same
//! order, so no two flushes wait for each other in a circle.

use std::collections::{BTreeMap, BTreeSet};

use dragline_core::probe::reach;
use dragline_core::store::{RunKey, StoreResult};
use dragline_core::{ItemRecord, PageOutcome, RunKind};
use serde_json::Value as Json;

use super::children::ChildStatements;
use super::copy_text::CopyText;
use super::flush::{Conflict, ItemOfPage, Transaction};
use super::history::HistoryStatements;
use super::item_table::ItemTable;
use super::merge::{self as postgres_merge, MergeStatements};
use super::session::{NextRow, Params};
use super::{items, parsed_again};
use crate::children::Scopes;
use crate::identifier::quoted_path;
use crate::key_digest::Origin;
use crate::merge::{self, Folded, Share};

impl Transaction<'_> {
    /// Stores items, and returns the number of rows by table.
    pub(super) async fn insert_items(&self, outcomes: &[&PageOutcome]) -> StoreResult<BTreeMap<String, u64>> {
        if self.run.kind != RunKind::Reparse {
            return self.insert_items_of_run(outcomes).await;
        }
        let mut rows = BTreeMap::new();
        for (run_id, pages) in parsed_again::by_run(self.run, outcomes) {
            let run = RunKey { run_id, ..self.run.clone() };
            // A row that a later run has stored is newer.
            let of_run = Transaction { run: &run, conflict: Conflict::KeepNewer, ..*self };
            if run_id != self.run.run_id {
                of_run.remove_gone(&pages).await?;
            }
            for (table, written) in of_run.insert_items_of_run(&pages).await? {
                *rows.entry(table).or_default() += written;
            }
            self.empty_stages(outcomes).await?;
        }
        Ok(rows)
    }

    /// Empties the staging tables of items, for the pages of another run.
    async fn empty_stages(&self, outcomes: &[&PageOutcome]) -> StoreResult<()> {
        let mut stages = BTreeSet::new();
        for page in outcomes {
            stages.extend(self.item_stages(std::slice::from_ref(page))?.into_keys());
        }
        let empty: String = stages.iter().map(|stage| format!("DELETE FROM pg_temp.{stage};")).collect();
        self.session.run(&empty).await
    }

    async fn insert_items_of_run(&self, outcomes: &[&PageOutcome]) -> StoreResult<BTreeMap<String, u64>> {
        let mut by_table: BTreeMap<&str, Vec<ItemOfPage<'_>>> = BTreeMap::new();
        for page in outcomes {
            for (number, record) in page.items.iter().enumerate() {
                let table = record.item_type.table().unwrap_or(items::TABLE);
                let origin = Origin::of(page, number, self.letters);
                by_table.entry(table).or_default().push(ItemOfPage { page, record, origin });
            }
        }
        let scopes = self.scopes(outcomes);
        for name in scopes.keys() {
            by_table.entry(*name).or_default();
        }
        let saying = self.saying(outcomes);
        for name in self.losing_shares(&saying).await? {
            by_table.entry(name).or_default();
        }
        let mut in_order: Vec<_> = by_table.into_iter().collect();
        in_order.sort_by_key(|(name, _)| self.tables.order.rank(name));
        let mut rows = BTreeMap::new();
        for (name, records) in in_order {
            self.flight.check()?;
            let written = match self.tables.by_name.get(name) {
                Some(table) => self.insert_typed(table, &records, scopes.get(name), &saying).await?,
                None => items::insert(self.session, self.run, &records, self.conflict).await?,
            };
            if written > 0 || !records.is_empty() {
                rows.insert(name.to_owned(), written);
            }
        }
        Ok(rows)
    }

    /// The parents that the pages give, by the tables of their children. A dead letter only gives itself.
    pub(super) fn scopes<'o>(&self, outcomes: &[&'o PageOutcome]) -> BTreeMap<&str, Scopes<'o>> {
        if self.is_retry {
            return BTreeMap::new();
        }
        let tables = self.tables.by_name.values().filter(|table| table.children.is_some());
        let scopes = tables.map(|table| (table.name.as_str(), Scopes::of(outcomes, &table.item)));
        scopes.filter(|(_, scopes)| !scopes.is_empty()).collect()
    }

    /// The pages that take back their shares of rows that they no longer give. A dead letter only gives itself.
    fn saying<'o>(&self, outcomes: &[&'o PageOutcome]) -> Vec<&'o [u8]> {
        if self.is_retry || !self.adds_up() {
            return Vec::new();
        }
        let pages = merge::that_say_everything(self.run.kind, outcomes);
        pages.map(|page| page.fingerprint.as_bytes().as_slice()).collect()
    }

    /// The tables in which these pages have shares. They may have lost their items of such a table.
    async fn losing_shares(&self, saying: &[&[u8]]) -> StoreResult<Vec<&str>> {
        if saying.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self.session.rows(postgres_merge::SHARING, &[&&*self.run.spider, &saying]).await?;
        let known = rows.iter().filter_map(|row| self.tables.by_name.get(row.get::<_, &str>("table_name")));
        Ok(known.filter(|table| table.item.adds_up()).map(|table| table.name.as_str()).collect())
    }

    /// Whether pages are added up in a table of the spider.
    pub(super) fn adds_up(&self) -> bool {
        self.tables.by_name.values().any(|table| table.item.adds_up())
    }

    async fn insert_typed(
        &self,
        table: &ItemTable,
        items: &[ItemOfPage<'_>],
        scopes: Option<&Scopes<'_>>,
        saying: &[&[u8]],
    ) -> StoreResult<u64> {
        let items = items.iter().map(|item| (item.page, item.record));
        let Some(statements) = &table.merge else {
            return self.insert_rows(table, typed_rows(table, items), scopes, None).await;
        };
        let folded = Folded::of(items)?;
        let merging = Merging { statements, shares: &folded.shares, saying };
        let rows = folded.items.values().map(|item| (item.page, &item.record));
        self.insert_rows(table, typed_rows(table, rows), scopes, Some(merging)).await
    }

    async fn insert_rows(
        &self,
        table: &ItemTable,
        next_row: impl NextRow,
        scopes: Option<&Scopes<'_>>,
        merging: Option<Merging<'_>>,
    ) -> StoreResult<u64> {
        let take = if self.run.leaves_unchanged_rows() { &table.take_changed } else { &table.take };
        let take = self.conflict.statement(take, &quoted_path(&table.name));
        if let (Some(children), Some(scopes)) = (&table.children, scopes) {
            return self.replace_children(table, children, scopes, next_row, &take, merging).await;
        }
        match (&table.history, merging) {
            (Some(history), Some(merging)) => {
                self.merge_rows(table, history, merging, next_row, &take, &[]).await
            }
            (Some(history), None) => self.replace_with_history(table, history, next_row, &take, &[]).await,
            (None, _) => self.session.staged_change(&table.copy, next_row, &take, &[&self.run.run_id]).await,
        }
    }

    /// See [`children`](super::children) for the steps.
    async fn replace_children(
        &self,
        table: &ItemTable,
        children: &ChildStatements,
        scopes: &Scopes<'_>,
        next_row: impl NextRow,
        take: &str,
        merging: Option<Merging<'_>>,
    ) -> StoreResult<u64> {
        let pages: Vec<&[u8]> = scopes.pages.iter().map(|page| page.as_bytes().as_slice()).collect();
        let parents = scopes.parent_texts();
        let (run_id, spider) = (self.run.run_id, &*self.run.spider);
        let (replaces_newer, knows_pages) =
            (self.conflict == Conflict::Replace, self.run.leaves_unchanged_rows());
        let gone: Params<'_> = &[&run_id, &spider, &pages, &parents, &replaces_newer, &knows_pages];
        let mut steps: Vec<(&str, Params<'_>)> = vec![(&children.lock, gone)];
        if knows_pages {
            steps.push((&children.pass_on, gone));
        }
        steps.extend(children.end_versions.iter().map(|sql| (sql.as_str(), gone)));
        steps.push((&children.delete, gone));
        match (&table.history, merging) {
            (Some(history), Some(merging)) => {
                return self.merge_rows(table, history, merging, next_row, take, &steps).await;
            }
            (Some(history), None) => {
                return self.replace_with_history(table, history, next_row, take, &steps).await;
            }
            (None, _) => {}
        }
        let of_run: Params<'_> = &[&run_id];
        steps.push((take, of_run));
        let done = self.session.staged_changes(&table.copy, next_row, &steps).await?;
        reach("flush: after children");
        Ok(done.last().copied().unwrap_or_default())
    }

    /// See [`history`](super::history) for the steps. `first` comes before them.
    async fn replace_with_history(
        &self,
        table: &ItemTable,
        history: &HistoryStatements,
        next_row: impl NextRow,
        take: &str,
        first: &[(&str, Params<'_>)],
    ) -> StoreResult<u64> {
        let (run_id, spider) = (self.run.run_id, &*self.run.spider);
        let of_run: Params<'_> = &[&run_id, &spider];
        let comparing = history.comparing(self.conflict);
        let mut steps: Vec<(&str, Params<'_>)> = first.to_vec();
        steps.extend([
            (history.make.as_str(), of_run),
            self.settle(history, &of_run[..1]),
            (history.lock.as_str(), &[]),
        ]);
        steps.extend(comparing.iter().map(|statement| (statement.as_str(), of_run)));
        steps.push((take, &of_run[..1]));
        let done = self.session.staged_changes(&table.copy, next_row, &steps).await?;
        reach("flush: after history");
        // The second one removes from the staging table, the third one only reads, and those after it write versions and changes.
        Ok(done.get(first.len()).unwrap_or(&0) + done.last().unwrap_or(&0))
    }

    /// The step that removes from the staging table what needs no write.
    fn settle<'s>(&self, history: &'s HistoryStatements, of_run: Params<'s>) -> (&'s str, Params<'s>) {
        if !self.run.leaves_unchanged_rows() {
            (&history.settle, of_run)
        } else if history.has_removed {
            (&history.settle_changed, of_run)
        } else {
            (&history.settle_changed, &[])
        }
    }

    /// See [`merge`](super::merge) for the steps. `gone` removes children.
    async fn merge_rows(
        &self,
        table: &ItemTable,
        history: &HistoryStatements,
        merging: Merging<'_>,
        next_row: impl NextRow,
        take: &str,
        gone: &[(&str, Params<'_>)],
    ) -> StoreResult<u64> {
        let Merging { statements: merge, shares, saying } = merging;
        let (run_id, spider) = (self.run.run_id, &*self.run.spider);
        let keeps_newer = self.conflict == Conflict::KeepNewer;
        let digests: Vec<&[u8]> = shares.iter().map(|share| share.key_digest.as_slice()).collect();
        let keys: Vec<&str> = shares.iter().map(|share| share.key.as_str()).collect();
        let pages: Vec<&[u8]> = shares.iter().map(|share| share.page.as_bytes().as_slice()).collect();
        let numbers: Vec<String> =
            shares.iter().map(|share| Json::Object(share.shares.clone()).to_string()).collect();
        let of_batch: Params<'_> = &[&spider, &digests, &keys, &pages, &numbers, &saying];
        let of_run: Params<'_> = &[&run_id, &spider];
        let of_merge: Params<'_> = &[&run_id, &keeps_newer, &spider];
        let comparing = history.comparing(self.conflict);
        let mut steps: Vec<(&str, Params<'_>)> = Vec::new();
        if let Some(sums) = &merge.sums {
            // Before rows are locked: this waits for other flushes that insert the same rows.
            steps.extend([(sums.collect.as_str(), of_batch), (sums.purge.as_str(), &[])]);
        }
        steps.extend(gone);
        let make = steps.len();
        steps.push((&history.make, of_run));
        if let Some(sums) = &merge.sums {
            steps.extend([
                (sums.take_back.as_str(), &[] as Params<'_>),
                (&history.lock, &[]),
                (&sums.leave_out, &[]),
            ]);
            if keeps_newer {
                steps.push((&sums.leave_newer, of_run));
            }
            steps.extend([(merge.merge.as_str(), of_merge), (&sums.share, of_run)]);
            steps.extend(sums.empty.iter().map(|sql| (sql.as_str(), &[] as Params<'_>)));
        } else {
            steps.extend([(history.lock.as_str(), &[] as Params<'_>), (&merge.merge, of_merge)]);
        }
        steps.push(self.settle(history, &of_run[..1]));
        steps.extend(comparing.iter().map(|statement| (statement.as_str(), of_run)));
        steps.push((take, &of_run[..1]));
        let done = self.session.staged_changes(&table.copy, next_row, &steps).await?;
        reach("flush: after merge");
        Ok(done.get(make).unwrap_or(&0) + done.last().unwrap_or(&0))
    }
}

/// What a type with columns with a rule needs in addition.
#[derive(Clone, Copy)]
struct Merging<'m> {
    statements: &'m MergeStatements,
    shares: &'m [Share],
    /// The pages that take back their shares of rows that they no longer give.
    saying: &'m [&'m [u8]],
}

/// The rows of a COPY into the staging table of an item type.
fn typed_rows<'r>(
    table: &'r ItemTable,
    rows: impl Iterator<Item = (&'r PageOutcome, &'r ItemRecord)> + Send,
) -> impl NextRow {
    let mut left = rows.enumerate();
    move |row: &mut CopyText| {
        let Some((place, (page, record))) = left.next() else { return false };
        row.plain(place);
        record.values.iter().for_each(|value| row.value(value));
        row.text(&page.shown_url());
        if table.has_fingerprint {
            row.bytes(page.fingerprint.as_bytes());
        }
        row.end_row();
        true
    }
}
