//! Item rows. With a key, there is one row for each key, and the last item of a batch wins. Without a key, there is
//! one row for each item.

use std::collections::BTreeMap;
use std::sync::Arc;

use dragline_core::item_extras::GONE_AT;
use dragline_core::probe::reach;
use dragline_core::store::RunKey;
use dragline_core::value::{decimal_text, timestamp_text, unsigned_zero};
use dragline_core::{ItemRecord, ItemType, PageOutcome, RunKind, StoreError, Value};
use rusqlite::types::{Null, ToSqlOutput};
use rusqlite::{Connection, Statement};

use super::cancel::Ticket;
use super::changes::ChangeStatements;
use super::fault::Fault;
use super::history::{Before, HistoryStatements, Writing};
use super::known_tables::KnownTables;
use super::merge::{self, KeptRow, MergedRows};
use super::{children, parsed_again};
use crate::children::Scopes;
use crate::columns::data_and_hash;
use crate::identifier::{ROW_COLUMNS, SOURCE_FINGERPRINT, check_names, quoted, quoted_list};
use crate::key_digest::{self, KeyDigest, Origin};
use crate::merge::{Folded, FoldedItem, Share};

/// The time of a write by this database's clock, in the format of all stores.
pub(super) const NOW: &str = "strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')";

/// An item, with the page that it was found on.
#[derive(Clone, Copy)]
struct ItemOfPage<'a> {
    page: &'a PageOutcome,
    record: &'a ItemRecord,
    origin: Origin,
}

/// The items of one type: those with a key sorted by it, the others in the order of the batch.
#[derive(Default)]
struct OfType<'a> {
    keyed: BTreeMap<String, ItemOfPage<'a>>,
    keyless: Vec<ItemOfPage<'a>>,
    /// Those of a type with columns with a rule, in the order of the batch.
    to_merge: Vec<(&'a PageOutcome, &'a ItemRecord)>,
    /// The shares that pages take back from rows of such a type.
    taken_back: Vec<Share>,
}

/// What happens to an existing row with the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Conflict {
    /// It is replaced, because the new item is newer.
    Replace,
    /// It is replaced unless a later run has stored it, because a dead letter may be old.
    KeepNewer,
}

/// An item whose JSON is longer than this is written with fewer copies of it. That takes longer for a small one.
const LARGE_BYTES: usize = 4 << 20;

/// The table of item types that have none of their own.
const SHARED: &str = "crawl_items";

/// Writes the items of pages, and returns the number of rows by table. If the items come from dead letters, `letters` has the
/// id for each item.
pub(super) fn write(
    connection: &Connection,
    run: &RunKey,
    pages: &[&PageOutcome],
    conflict: Conflict,
    letters: Option<&[i64]>,
    known: &KnownTables,
    ticket: &Ticket<'_>,
) -> Result<BTreeMap<String, u64>, Fault> {
    if run.kind != RunKind::Reparse {
        return write_of_run(connection, run, pages, conflict, letters, known, ticket);
    }
    let mut rows = BTreeMap::new();
    for (run_id, pages) in parsed_again::by_run(run, pages) {
        let of = RunKey { run_id, ..run.clone() };
        if run_id != run.run_id {
            parsed_again::remove_gone(connection, &of, &pages, known)?;
        }
        // A row that a later run has stored is newer.
        for (table, written) in
            write_of_run(connection, &of, &pages, Conflict::KeepNewer, letters, known, ticket)?
        {
            *rows.entry(table).or_default() += written;
        }
    }
    Ok(rows)
}

fn write_of_run(
    connection: &Connection,
    run: &RunKey,
    pages: &[&PageOutcome],
    conflict: Conflict,
    letters: Option<&[i64]>,
    known: &KnownTables,
    ticket: &Ticket<'_>,
) -> Result<BTreeMap<String, u64>, Fault> {
    let facts = known.now(connection)?;
    // All stores write the tables in the same order. In addition, foreign keys are checked at the end of the transaction, because
    // rows of one table may refer to each other, and so may tables. After this pragma, SQLite compiles every statement again. So it
    // is only set where it is needed.
    if facts.items_refer_to_rows {
        connection.pragma_update(None, "defer_foreign_keys", true)?;
    }
    let mut types: BTreeMap<(Option<&str>, &str), OfType<'_>> = BTreeMap::new();
    for page in pages {
        for (number, record) in page.items.iter().enumerate() {
            let of_type = types.entry((record.item_type.table(), record.item_type.name())).or_default();
            let origin = Origin::of(page, number, letters.unwrap_or_default());
            let item = ItemOfPage { page, record, origin };
            if record.item_type.has_merges() {
                of_type.to_merge.push((page, record));
                continue;
            }
            match record.key_text() {
                Some(key) => drop(of_type.keyed.insert(key, item)),
                None => of_type.keyless.push(item),
            }
        }
    }
    // A dead letter only gives itself.
    let children = if letters.is_some() { Arc::default() } else { known.children() };
    for item in children.iter().filter(|item| !Scopes::of(pages, item).is_empty()) {
        types.entry((item.table(), item.name())).or_default();
    }
    // A dead letter takes nothing back.
    let adding = if letters.is_some() { Arc::default() } else { known.adding() };
    for (item, share) in merge::taken_back(connection, run, pages, &adding)? {
        types.entry((item.table(), item.name())).or_default().taken_back.push(share);
    }
    let mut in_order: Vec<_> = types.into_iter().collect();
    in_order.sort_by_key(|((table, name), _)| (facts.order.rank(table.unwrap_or(SHARED)), *name));
    let mut rows = BTreeMap::new();
    for ((table, name), of_type) in in_order {
        if let Some(item) = children.iter().find(|item| item.table() == table) {
            children::remove_gone(connection, run, pages, item, conflict)?;
        }
        let taken_from = adding.iter().find(|item| item.table() == table && item.name() == name);
        let taken_from = taken_from.filter(|_| !of_type.taken_back.is_empty());
        let Some(item) = of_type.item_type().or_else(|| taken_from.cloned()) else { continue };
        let written = if item.table().is_none() {
            write_shared(connection, run, &of_type, conflict, ticket)?
        } else {
            check_names(&item)?;
            let has_fingerprint = facts.has_fingerprint(item.table().unwrap_or_default());
            let statement =
                conflict.statement(upsert_statement(&item, has_fingerprint, run.leaves_unchanged_rows()));
            let (history, changes) = (HistoryStatements::new(&item), ChangeStatements::new(&item));
            let upsert = Upsert { statement, has_fingerprint, history, changes, conflict };
            if item.has_merges() {
                write_merged(connection, run, &item, &upsert, of_type, ticket)?
            } else {
                write_own(connection, run, &upsert, &of_type, ticket)?
            }
        };
        *rows.entry(table.unwrap_or(SHARED).to_owned()).or_default() += written;
    }
    Ok(rows)
}

impl Conflict {
    /// An upsert with this rule. In its last clause, a column without a prefix is that of the existing row.
    fn statement(self, upsert: String) -> String {
        let Some((insert, set)) = upsert.split_once(" DO UPDATE SET ").filter(|_| self == Self::KeepNewer)
        else {
            return upsert;
        };
        let is_older = "coalesce(run_id, 0) <= excluded.run_id";
        match set.rsplit_once(" WHERE ") {
            Some((set, only_if)) => {
                format!("{insert} DO UPDATE SET {set} WHERE ({only_if}) AND {is_older}")
            }
            None => format!("{upsert} WHERE {is_older}"),
        }
    }
}

impl<'a> OfType<'a> {
    fn item_type(&self) -> Option<ItemType> {
        let to_merge = self.to_merge.first().map(|(_, record)| *record);
        self.rows().next().map(|(_, item)| item.record).or(to_merge).map(|record| record.item_type.clone())
    }

    /// The rows to write, each with its key.
    fn rows(&self) -> impl Iterator<Item = (Option<&str>, ItemOfPage<'a>)> {
        let keyed = self.keyed.iter().map(|(key, item)| (Some(key.as_str()), *item));
        keyed.chain(self.keyless.iter().map(|item| (None, *item)))
    }
}

/// How the items of a type get into its table.
struct Upsert {
    statement: String,
    has_fingerprint: bool,
    history: Option<HistoryStatements>,
    changes: Option<ChangeStatements>,
    conflict: Conflict,
}

/// Into a table of its own.
fn write_own(
    connection: &Connection,
    run: &RunKey,
    upsert: &Upsert,
    of_type: &OfType<'_>,
    ticket: &Ticket<'_>,
) -> Result<u64, Fault> {
    let mut rows = 0;
    for (key, ItemOfPage { page, record, .. }) in of_type.rows() {
        ticket.check()?;
        rows += upsert.write(connection, run, key, record, &RowFrom::Page(page))?;
    }
    reach("flush: after history");
    if upsert.changes.is_some() {
        reach("flush: changes told");
    }
    Ok(rows)
}

/// Into a table of its own that has columns with a rule.
fn write_merged(
    connection: &Connection,
    run: &RunKey,
    item: &ItemType,
    upsert: &Upsert,
    of_type: OfType<'_>,
    ticket: &Ticket<'_>,
) -> Result<u64, Fault> {
    let mut folded = Folded::of(of_type.to_merge)?;
    folded.shares.extend(of_type.taken_back);
    let mut by_digest: BTreeMap<KeyDigest, (Option<FoldedItem<'_>>, Vec<Share>)> = BTreeMap::new();
    for (key, item) in folded.items {
        by_digest.entry(key_digest::of_key(&key)).or_default().0 = Some(item);
    }
    for share in folded.shares {
        by_digest.entry(share.key_digest).or_default().1.push(share);
    }
    let rows = MergedRows::new(item, run, upsert.conflict);
    let mut written = 0;
    for (digest, (item, shares)) in by_digest {
        ticket.check()?;
        let Some(merged) = rows.merge(connection, &digest, item.as_ref(), &shares)? else { continue };
        if let Some(message) = merged.record.refusal() {
            return Err(StoreError::Refused { message, sqlstate: None }.into());
        }
        let from = match (merged.kept, &item) {
            (None, Some(item)) => RowFrom::Page(item.page),
            (Some(kept), _) => RowFrom::Kept(kept),
            (None, None) => continue,
        };
        let key = merged.record.key_text();
        written += upsert.write(connection, run, key.as_deref(), &merged.record, &from)?;
    }
    reach("flush: after merge");
    if upsert.changes.is_some() {
        reach("flush: changes told");
    }
    Ok(written)
}

/// Where the values of a row come from.
enum RowFrom<'a> {
    /// A page of the run.
    Page(&'a PageOutcome),
    /// The row itself, apart from columns with a rule. It keeps its run, its page and its time.
    Kept(KeptRow),
}

impl Upsert {
    /// Writes a row. Returns the number of rows that have changed.
    fn write(
        &self,
        connection: &Connection,
        run: &RunKey,
        key: Option<&str>,
        record: &ItemRecord,
        from: &RowFrom<'_>,
    ) -> Result<u64, Fault> {
        let run_id = match from {
            RowFrom::Page(_) => run.run_id,
            RowFrom::Kept(kept) => kept.changed_by,
        };
        let before = match (&self.history, key) {
            (Some(history), Some(key)) => {
                let writing = Writing { run_id, spider: &run.spider, key, record };
                Some((history, writing, history.keep(connection, writing, self.conflict)?))
            }
            _ => None,
        };
        let change = match &self.changes {
            Some(changes) => changes.look(connection, run_id, record, self.conflict)?,
            None => None,
        };
        let rows = match from {
            RowFrom::Page(page) => {
                let url = page.shown_url();
                let of_row = [ToSqlOutput::from(run_id), ToSqlOutput::from(&*url)];
                let fingerprint =
                    self.has_fingerprint.then(|| ToSqlOutput::from(page.fingerprint.as_bytes().as_slice()));
                let values = record.values.iter().map(to_sql).chain(of_row).chain(fingerprint);
                let mut statement = connection.prepare_cached(&self.statement)?;
                execute_lean(&mut statement, values)?
            }
            RowFrom::Kept(kept) => kept.update(connection, record)? as u64,
        };
        if let Some((history, writing, Before::Nothing)) = before {
            history.made(connection, writing)?;
        }
        // A row that keeps its mark is gone for the readers of the feed.
        let is_gone = matches!(from, RowFrom::Kept(kept) if kept.is_marked);
        if let (Some(changes), Some(change), Some(key), false) = (&self.changes, change, key, is_gone) {
            changes.note(connection, (run.run_id, &run.spider), key, record, &change)?;
        }
        Ok(rows)
    }
}

/// Into `crawl_items`.
fn write_shared(
    connection: &Connection,
    run: &RunKey,
    of_type: &OfType<'_>,
    conflict: Conflict,
    ticket: &Ticket<'_>,
) -> Result<u64, Fault> {
    // The first form does not write a row that has not changed. If the item only comes from another page, the row keeps its run and time.
    let (of_row, only_if) = if run.leaves_unchanged_rows() {
        (
            "run_id = iif(content_hash = excluded.content_hash, run_id, excluded.run_id),
             scraped_at = iif(content_hash = excluded.content_hash, scraped_at, excluded.scraped_at)",
            " WHERE content_hash <> excluded.content_hash OR fingerprint IS NOT excluded.fingerprint",
        )
    } else {
        ("run_id = excluded.run_id, scraped_at = excluded.scraped_at", "")
    };
    let sql = conflict.statement(format!(
        "INSERT INTO crawl_items (spider, item_type, item_key, key_digest, run_id, fingerprint, url, data, content_hash,
                                  scraped_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, {NOW})
         ON CONFLICT (spider, item_type, key_digest) DO UPDATE SET
             {of_row}, fingerprint = excluded.fingerprint, url = excluded.url, data = excluded.data,
             content_hash = excluded.content_hash{only_if}"
    ));
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = 0;
    for (key, ItemOfPage { page, record, origin }) in of_type.rows() {
        ticket.check()?;
        let digest = match key {
            Some(key) => key_digest::of_key(key),
            None => key_digest::of_origin(run.run_id, &page.fingerprint, origin),
        };
        let (data, hash) = data_and_hash(record);
        let (url, is_large) = (page.shown_url(), data.len() > LARGE_BYTES);
        let values = [
            ToSqlOutput::from(&*run.spider),
            ToSqlOutput::from(record.item_type.name()),
            key.map_or(ToSqlOutput::from(Null), ToSqlOutput::from),
            ToSqlOutput::from(digest.to_vec()),
            ToSqlOutput::from(run.run_id),
            ToSqlOutput::from(page.fingerprint.as_bytes().as_slice()),
            ToSqlOutput::from(&*url),
            ToSqlOutput::from(data),
            ToSqlOutput::from(hash),
        ];
        rows += if is_large {
            unchecked(connection, || execute_lean(&mut connection.prepare(&sql)?, values))?
        } else {
            execute_lean(&mut statement, values)?
        };
    }
    Ok(rows)
}

/// Executes a statement that returns no rows. SQLite copies each value as it is bound, and it is freed at once, so that a large one
/// is not in memory twice while the statement runs.
fn execute_lean<'a>(
    statement: &mut Statement<'_>,
    values: impl IntoIterator<Item = ToSqlOutput<'a>>,
) -> Result<u64, Fault> {
    for (number, value) in (1..).zip(values) {
        statement.raw_bind_parameter(number, value)?;
    }
    Ok(statement.raw_execute()? as u64)
}

/// Does something without the CHECK constraints of the tables. The one of `crawl_items` makes three copies of the item's JSON to find out
/// that it is valid. We have just written it, so it is.
fn unchecked<T>(connection: &Connection, work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    const IGNORE: &str = "ignore_check_constraints";
    connection.pragma_update(None, IGNORE, true)?;
    let done = work();
    // A cancelled flush may interrupt it.
    let again = |_| connection.pragma_update(None, IGNORE, false);
    connection.pragma_update(None, IGNORE, false).or_else(again)?;
    done
}

/// The values come in the order of the columns: the item's own, `run_id`, `source_url`, and `source_fingerprint` where the
/// table has it. With `only_changed`, a row that has not changed is not written. If the item only comes from another page, the row
/// keeps its run and its time.
fn upsert_statement(item: &ItemType, has_fingerprint: bool, only_changed: bool) -> String {
    let [run_id, source_url, scraped_at] = ROW_COLUMNS;
    let own = item.columns().iter().map(|column| column.name.as_str()).chain([run_id, source_url]);
    let values: Vec<&str> = own.chain(has_fingerprint.then_some(SOURCE_FINGERPRINT)).collect();
    let holders: Vec<String> = (1..=values.len()).map(|number| format!("?{number}")).collect();
    let columns: Vec<&str> = values.into_iter().chain([scraped_at]).collect();
    let insert = format!(
        "INSERT INTO {} ({}) VALUES ({}, {NOW})",
        quoted(item.table().unwrap_or_default()),
        quoted_list(columns.iter().copied()),
        holders.join(", ")
    );
    if !item.is_keyed() {
        return insert;
    }
    let key = quoted_list(item.key());
    // A row that is seen again is no longer gone.
    let is_back = item.marks_gone().then(|| format!("{GONE_AT} = NULL"));
    let others = || columns.iter().filter(|column| !item.is_key_column(column));
    if !only_changed {
        let set = others().map(|column| format!("{0} = excluded.{0}", quoted(column)));
        let set: Vec<String> = set.chain(is_back).collect();
        return format!("{insert} ON CONFLICT ({key}) DO UPDATE SET {}", set.join(", "));
    }
    let differs = |columns: &mut dyn Iterator<Item = &&str>| {
        let each = columns.map(|column| format!("{0} IS NOT excluded.{0} COLLATE BINARY", quoted(column)));
        std::iter::once("false".to_owned()).chain(each).collect::<Vec<_>>().join(" OR ")
    };
    let is_of_run = |column: &&&str| **column == run_id || **column == scraped_at;
    let is_of_row =
        |column: &&&str| is_of_run(column) || **column == source_url || **column == SOURCE_FINGERPRINT;
    let item_differs = differs(&mut others().filter(|column| !is_of_row(column)));
    let set: Vec<String> = others()
        .map(|column| match (is_of_run(&column), quoted(column)) {
            (true, name) => format!("{name} = iif({item_differs}, excluded.{name}, {name})"),
            (false, name) => format!("{name} = excluded.{name}"),
        })
        .chain(is_back)
        .collect();
    let mut row_differs = differs(&mut others().filter(|column| !is_of_run(column)));
    if item.marks_gone() {
        row_differs = format!("{row_differs} OR {GONE_AT} IS NOT NULL");
    }
    format!("{insert} ON CONFLICT ({key}) DO UPDATE SET {} WHERE {row_differs}", set.join(", "))
}

pub(super) fn to_sql(value: &Value) -> ToSqlOutput<'_> {
    match value {
        Value::Null => ToSqlOutput::from(Null),
        Value::Text(text) => ToSqlOutput::from(text.as_str()),
        Value::Int(number) => ToSqlOutput::from(*number),
        Value::Float(number) => ToSqlOutput::from(unsigned_zero(*number)),
        Value::Bool(truth) => ToSqlOutput::from(*truth),
        Value::Decimal(number) => ToSqlOutput::from(decimal_text(number)),
        Value::Date(date) => ToSqlOutput::from(date.to_string()),
        Value::Timestamp(moment) => ToSqlOutput::from(timestamp_text(moment)),
        Value::Uuid(id) => ToSqlOutput::from(id.to_string()),
        Value::Json(json) => ToSqlOutput::from(json.to_string()),
        Value::TextList(_) => ToSqlOutput::from(value.to_json().to_string()),
    }
}
