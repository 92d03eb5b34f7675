//! How a flush writes items: table by table, parents before the tables that refer to them, with sorted keys. All processes have the same
//! order, so no two flushes wait for each other in a circle.

use std::collections::BTreeMap;

use dragline_core::probe::reach;
use dragline_core::store::{RunKey, StoreResult};
use dragline_core::{PageOutcome, RunKind};

use super::children::ChildStatements;
use super::copy_text::CopyText;
use super::flush::{Conflict, ItemOfPage, Transaction};
use super::history::HistoryStatements;
use super::item_table::ItemTable;
use super::session::{NextRow, Params};
use super::{items, parsed_again};
use crate::children::Scopes;
use crate::identifier::quoted_path;
use crate::key_digest::Origin;

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
        }
        Ok(rows)
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
        let mut in_order: Vec<_> = by_table.into_iter().collect();
        in_order.sort_by_key(|(name, _)| self.tables.order.rank(name));
        let mut rows = BTreeMap::new();
        for (name, records) in in_order {
            self.flight.check()?;
            let written = match self.tables.by_name.get(name) {
                Some(table) => self.insert_typed(table, &records, scopes.get(name)).await?,
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

    async fn insert_typed(
        &self,
        table: &ItemTable,
        items: &[ItemOfPage<'_>],
        scopes: Option<&Scopes<'_>>,
    ) -> StoreResult<u64> {
        let mut left = items.iter().enumerate();
        let next_row = |row: &mut CopyText| {
            let Some((place, ItemOfPage { page, record, .. })) = left.next() else { return false };
            row.plain(place);
            record.values.iter().for_each(|value| row.value(value));
            row.text(&page.shown_url());
            if table.has_fingerprint {
                row.bytes(page.fingerprint.as_bytes());
            }
            row.end_row();
            true
        };
        let take = if self.run.leaves_unchanged_rows() { &table.take_changed } else { &table.take };
        let take = self.conflict.statement(take, &quoted_path(&table.name));
        if let (Some(children), Some(scopes)) = (&table.children, scopes) {
            return self.replace_children(table, children, scopes, next_row, &take).await;
        }
        if let Some(history) = &table.history {
            return self.replace_with_history(table, history, next_row, &take, &[]).await;
        }
        self.session.staged_change(&table.copy, next_row, &take, &[&self.run.run_id]).await
    }

    /// See [`children`](super::children) for the steps.
    async fn replace_children(
        &self,
        table: &ItemTable,
        children: &ChildStatements,
        scopes: &Scopes<'_>,
        next_row: impl NextRow,
        take: &str,
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
        if let Some(history) = &table.history {
            return self.replace_with_history(table, history, next_row, take, &steps).await;
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
        let comparing = history.comparing(self.conflict);
        let settle: (&str, Params<'_>) = if self.run.leaves_unchanged_rows() {
            (&history.settle_changed, if history.has_removed { &[&run_id] } else { &[] })
        } else {
            (&history.settle, &[&run_id])
        };
        let of_run: Params<'_> = &[&run_id, &spider];
        let mut steps: Vec<(&str, Params<'_>)> = first.to_vec();
        steps.extend([(history.make.as_str(), of_run), settle, (history.lock.as_str(), &[])]);
        steps.extend(comparing.iter().map(|statement| (statement.as_str(), of_run)));
        let of_take: Params<'_> = &[&run_id];
        steps.push((take, of_take));
        let done = self.session.staged_changes(&table.copy, next_row, &steps).await?;
        reach("flush: after history");
        // The second one removes from the staging table, the third one only reads, and those after it write versions and changes.
        Ok(done.get(first.len()).unwrap_or(&0) + done.last().unwrap_or(&0))
    }
}
