//! How rows changed from one run to another. Each kind of change is one statement, whose rows are streamed.

use std::io;
use std::pin::pin;

use dragline_core::ItemType;
use dragline_core::diff::{DiffAsk, RowChange, RowFields};
use dragline_core::store::StoreResult;
use futures_util::TryStreamExt;
use serde_json::Value as Json;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::connections::Connections;
use super::export::{order, text_of, typed_fields};
use super::item_check;
use super::seen::digest_of_key;
use super::session::Session;
use crate::identifier::{check_names, quoted, quoted_list, quoted_path};

const WHAT: &str = "comparing rows";

/// The comparison takes as long as its reader. All statements see the same state of the rows.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = 0";

/// The runs after the first one, up to the last one.
const RUNS: &str = "SELECT run_id FROM crawl_runs WHERE name = $3 AND run_id > $1 AND run_id <= $2";

/// The function that takes a change.
pub(super) type ChangeSink<'a> = &'a mut (dyn FnMut(RowChange) -> io::Result<()> + Send);

/// Gives every row that differs to `each`: new ones, changed ones, and those that are gone, each by key.
pub(super) async fn rows(
    connections: &Connections,
    ask: &DiffAsk,
    item: &ItemType,
    each: ChangeSink<'_>,
) -> StoreResult<()> {
    check_names(item)?;
    let session = connections.session(WHAT).await?;
    if !is_there(&session, item).await? {
        session.release();
        return Ok(());
    }
    session.run(BEGIN).await?;
    let statements = Statements::of(ask, item);
    let streams = [
        (statements.new_rows(), Kind::New),
        (statements.changed_rows(), Kind::Changed),
        (statements.gone_rows(), Kind::Gone),
        (statements.removed_rows(), Kind::Gone),
    ];
    for (sql, kind) in streams {
        let Some(sql) = sql else { continue };
        let mut params: Vec<&(dyn ToSql + Sync)> = vec![&ask.from, &ask.to, &ask.name, &ask.spider];
        params.extend(ask.gone_since.iter().map(|since| since as &(dyn ToSql + Sync)));
        let found = session.answer(session.query_raw(&sql, params)).await?;
        let mut found = pin!(found);
        while let Some(row) = session.answer(found.try_next()).await? {
            let change =
                kind.read(item, &row).map_err(|problem| connections.target().broken(WHAT, problem))?;
            if !change.is_none() {
                each(change)
                    .map_err(|error| connections.target().broken("writing a change", error.to_string()))?;
            }
        }
    }
    session.run("COMMIT").await?;
    session.release();
    Ok(())
}

/// Whether the tables are there. A spider that never ran has none.
async fn is_there(session: &Session, item: &ItemType) -> StoreResult<bool> {
    let history = item.history();
    let tables = [item.table(), history.as_ref().and_then(ItemType::table)];
    for table in tables.into_iter().flatten() {
        if !item_check::exists(session, table).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

#[derive(Clone, Copy)]
enum Kind {
    New,
    Changed,
    Gone,
}

impl Kind {
    fn read(self, item: &ItemType, row: &Row) -> Result<RowChange, String> {
        Ok(match self {
            Self::New => RowChange::New(typed_fields(item, row, 0)?),
            Self::Changed => RowChange::Changed {
                before: typed_fields(item, row, 0)?,
                after: typed_fields(item, row, item.columns().len())?,
            },
            Self::Gone if item.table().is_some() => RowChange::Gone(typed_fields(item, row, 0)?),
            Self::Gone => RowChange::Gone(shared_fields(row)?),
        })
    }
}

fn shared_fields(row: &Row) -> Result<RowFields, String> {
    match row.get("data") {
        Json::Object(fields) => Ok(fields),
        _ => Err("a row of crawl_items has data that is not a JSON object".to_owned()),
    }
}

/// The statements of an item type. Their parameters are the two runs, the name of the runs, their spider and, if some rows may be
/// gone, the run since which they are.
struct Statements<'a> {
    item: &'a ItemType,
    with_gone: bool,
    /// The condition for its rows in Dragline's own tables.
    of_item: String,
}

impl<'a> Statements<'a> {
    fn of(ask: &DiffAsk, item: &'a ItemType) -> Self {
        let of_item = format!("spider = $4 AND item_type = '{}'", item.name().replace('\'', "''"));
        Self { item, with_gone: ask.gone_since.is_some(), of_item }
    }

    /// The item's own table and its history.
    fn tables(&self) -> Option<[String; 2]> {
        Some([quoted_path(self.item.table()?), quoted_path(self.item.history()?.table()?)])
    }

    /// The digests of rows that the runs made, as `"#key"`.
    fn made(&self) -> String {
        format!(
            "(SELECT key_digest AS \"#key\" FROM crawl_item_keys WHERE {} AND made_by IN ({RUNS}))",
            self.of_item
        )
    }

    /// The rows with `"#digest"` that are not gone.
    fn not_gone(&self) -> Option<String> {
        if !self.with_gone {
            return Some(String::new());
        }
        let (from, digest) = self.rows()?;
        Some(format!(
            " AND NOT EXISTS (SELECT FROM (SELECT {digest} AS \"#key\" {}) gone WHERE gone.\"#key\" = \"#digest\")",
            self.unseen(&from, digest)
        ))
    }

    /// The rows as they are now, as `old`, and the expression for their digest.
    fn rows(&self) -> Option<(String, &'static str)> {
        match self.item.table() {
            Some(table) => {
                let digest = digest_of_key(self.item)?;
                let rows = format!("(SELECT *, {digest} AS \"#digest\" FROM {}) old", quoted_path(table));
                Some((rows, "old.\"#digest\""))
            }
            None if self.item.is_keyed() => {
                Some((format!("(SELECT * FROM crawl_items WHERE {}) old", self.of_item), "old.key_digest"))
            }
            None => None,
        }
    }

    /// The rows that a run saw, and that the last run did not see. A run that is not incremental writes its id into each row. An
    /// incremental one visits pages, and notes what they no longer have.
    fn unseen(&self, rows: &str, digest: &str) -> String {
        let of_item = &self.of_item;
        format!(
            "FROM {rows}
             LEFT JOIN (
                 SELECT key_digest AS \"#key\", max(run_id) AS \"#run\"
                 FROM crawl_page_items JOIN crawl_page_visits USING (spider, fingerprint)
                 WHERE {of_item} GROUP BY key_digest
             ) seen ON seen.\"#key\" = {digest}
             LEFT JOIN (
                 SELECT key_digest AS \"#key\", left_by AS \"#run\" FROM crawl_item_keys WHERE {of_item}
             ) known ON known.\"#key\" = {digest}
             CROSS JOIN LATERAL (SELECT greatest(old.run_id, seen.\"#run\") AS \"#run\") last
             WHERE last.\"#run\" < $2 AND (
                 known.\"#run\" IN (SELECT run_id FROM crawl_runs WHERE name = $3 AND run_id > $5 AND run_id <= $2)
                 OR last.\"#run\" IN (SELECT run_id FROM crawl_runs WHERE name = $3 AND run_id >= $5 AND run_id < $2)
             )"
        )
    }

    /// The rows that a run made. If a later run has replaced one, its version has the values.
    fn new_rows(&self) -> Option<String> {
        let (item, [table, history]) = (self.item, self.tables()?);
        let (columns, key) = (columns(item), quoted_list(item.key()));
        Some(format!(
            "SELECT {texts} FROM (
                 SELECT DISTINCT ON ({key}) {columns}, \"#digest\" FROM (
                     SELECT *, {digest} AS \"#digest\" FROM (
                         SELECT {columns}, NULL::bigint AS \"#by\" FROM {table}
                         UNION ALL SELECT {columns}, replaced_by_run FROM {history} WHERE replaced_by_run > $2
                     ) states
                 ) states JOIN {made} made ON made.\"#key\" = \"#digest\"
                 ORDER BY {key}, \"#by\" NULLS LAST
             ) fresh WHERE true{not_gone} ORDER BY {order}",
            texts = texts(item, "fresh"),
            digest = digest_of_key(item)?,
            made = self.made(),
            not_gone = self.not_gone()?,
            order = order(item),
        ))
    }

    /// The rows whose first version after the first run differs from what was there at the end of the last run. New rows are not
    /// among them.
    fn changed_rows(&self) -> Option<String> {
        let (item, [table, history]) = (self.item, self.tables()?);
        let (columns, key) = (columns(item), quoted_list(item.key()));
        let same_key = |other: &str| {
            let equal = item.key().iter().map(quoted).map(|name| format!("{other}.{name} = before.{name}"));
            equal.collect::<Vec<_>>().join(" AND ")
        };
        let order = item.key().iter().map(|name| {
            let column = &item.columns()[item.position(name).unwrap_or_default()];
            format!("({}) COLLATE \"C\"", text_of(&format!("before.{}", quoted(name)), column.kind))
        });
        Some(format!(
            "SELECT {before}, {after} FROM (
                 SELECT *, {digest} AS \"#digest\" FROM (
                     SELECT DISTINCT ON ({key}) {columns} FROM {history}
                     WHERE replaced_by_run IN ({RUNS}) AND changed IS NOT NULL ORDER BY {key}, replaced_by_run
                 ) first
             ) before
             CROSS JOIN LATERAL (
                 SELECT {columns} FROM (
                     SELECT {columns}, NULL::bigint AS \"#by\" FROM {table} now WHERE {now_key}
                     UNION ALL SELECT {columns}, replaced_by_run FROM {history} later
                     WHERE {later_key} AND replaced_by_run > $2
                 ) states ORDER BY \"#by\" NULLS LAST LIMIT 1
             ) \"after\"
             WHERE NOT EXISTS (SELECT FROM {made} made WHERE made.\"#key\" = \"#digest\"){not_gone}
             ORDER BY {order}",
            before = texts(item, "before"),
            after = texts(item, "\"after\""),
            digest = digest_of_key(item)?,
            now_key = same_key("now"),
            later_key = same_key("later"),
            made = self.made(),
            not_gone = self.not_gone()?,
            order = order.collect::<Vec<_>>().join(", "),
        ))
    }

    /// The rows whose last version of the runs says that it was removed. A row that came back is a new one.
    fn removed_rows(&self) -> Option<String> {
        let (item, [_, history]) = (self.item, self.tables()?);
        Some(format!(
            "SELECT {texts} FROM (
                 SELECT *, {digest} AS \"#digest\" FROM (
                     SELECT DISTINCT ON ({key}) {columns}, changed FROM {history}
                     WHERE replaced_by_run IN ({RUNS}) ORDER BY {key}, replaced_by_run DESC
                 ) last WHERE changed IS NULL
             ) old
             WHERE NOT EXISTS (SELECT FROM {made} made WHERE made.\"#key\" = \"#digest\"){since} ORDER BY {order}",
            texts = texts(item, "old"),
            digest = digest_of_key(item)?,
            key = quoted_list(item.key()),
            columns = columns(item),
            made = self.made(),
            // All statements have the same parameters.
            since = if self.with_gone { " AND $5::bigint IS NOT NULL" } else { "" },
            order = order(item),
        ))
    }

    /// The rows that are gone, and that were there before the runs.
    fn gone_rows(&self) -> Option<String> {
        let (rows, digest) = self.rows().filter(|_| self.with_gone)?;
        let (texts, order) = match self.item.table() {
            Some(_) => (texts(self.item, "old"), order(self.item)),
            None => ("old.data".to_owned(), "old.item_key".to_owned()),
        };
        Some(format!(
            "SELECT {texts} {unseen} AND NOT EXISTS (SELECT FROM {made} made WHERE made.\"#key\" = {digest})
             ORDER BY {order}",
            unseen = self.unseen(&rows, digest),
            made = self.made(),
        ))
    }
}

fn columns(item: &ItemType) -> String {
    quoted_list(item.columns().iter().map(|column| column.name.as_str()))
}

/// The columns of `table` as texts, which [`typed_fields`] reads.
fn texts(item: &ItemType, table: &str) -> String {
    let text = item
        .columns()
        .iter()
        .map(|column| text_of(&format!("{table}.{}", quoted(&column.name)), column.kind));
    text.collect::<Vec<_>>().join(", ")
}
