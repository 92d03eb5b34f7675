//! How rows changed from one run to another. Each kind of change is one statement, whose rows are read one after the other.

use std::io;

use dragline_core::ItemType;
use dragline_core::diff::{DiffAsk, RowChange, RowFields};
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, Row, params_from_iter};

use super::fault::Fault;
use super::reading::field;
use super::seen::digest_of_key;
use crate::identifier::{check_names, quoted, quoted_list};

/// The runs after the first one, up to the last one.
const RUNS: &str = "SELECT run_id FROM crawl_runs WHERE name = ?3 AND run_id > ?1 AND run_id <= ?2";

/// No version has this number, so the row itself comes after all of them.
const NEWEST: i64 = i64::MAX;

/// The function that takes a change.
pub(super) type ChangeSink<'a> = &'a mut (dyn FnMut(RowChange) -> io::Result<()> + Send);

/// Gives every row that differs to `each`: new ones, changed ones, and those that are gone, each by key.
pub(super) fn rows(
    connection: &mut Connection,
    ask: &DiffAsk,
    item: &ItemType,
    each: ChangeSink<'_>,
) -> Result<(), Fault> {
    check_names(item)?;
    // All statements see the same state of the rows.
    let transaction = connection.transaction()?;
    let history = item.history();
    let tables = [item.table(), history.as_ref().and_then(ItemType::table)];
    for table in tables.into_iter().flatten() {
        // A spider that never ran has none.
        if !transaction.table_exists(None, table)? {
            return Ok(());
        }
    }
    let statements = Statements::of(ask, item);
    let streams = [
        (statements.new_rows(), Kind::New),
        (statements.changed_rows(), Kind::Changed),
        (statements.gone_rows(), Kind::Gone),
        (statements.removed_rows(), Kind::Gone),
    ];
    for (sql, kind) in streams {
        let Some(sql) = sql else { continue };
        let mut select = transaction.prepare(&sql)?;
        let mut given: Vec<Sql> =
            vec![ask.from.into(), ask.to.into(), ask.name.clone().into(), ask.spider.clone().into()];
        given.extend(ask.gone_since.map(Sql::from));
        let mut found = select.query(params_from_iter(given))?;
        while let Some(row) = found.next()? {
            let change = kind.read(item, row)?;
            if !change.is_none() {
                each(change)?;
            }
        }
    }
    Ok(())
}

#[derive(Clone, Copy)]
enum Kind {
    New,
    Changed,
    Gone,
}

impl Kind {
    fn read(self, item: &ItemType, row: &Row<'_>) -> Result<RowChange, Fault> {
        Ok(match self {
            Self::New => RowChange::New(fields(item, row, 0)?),
            Self::Changed => RowChange::Changed {
                before: fields(item, row, 0)?,
                after: fields(item, row, item.columns().len())?,
            },
            Self::Gone if item.table().is_some() => RowChange::Gone(fields(item, row, 0)?),
            Self::Gone => {
                let data: String = row.get(0)?;
                RowChange::Gone(serde_json::from_str(&data).map_err(io::Error::from)?)
            }
        })
    }
}

fn fields(item: &ItemType, row: &Row<'_>, from: usize) -> Result<RowFields, Fault> {
    let columns = item.columns().iter().enumerate();
    columns.map(|(at, column)| Ok((column.name.clone(), field(row, from + at, column)?))).collect()
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
        let of_item = format!("spider = ?4 AND item_type = '{}'", item.name().replace('\'', "''"));
        Self { item, with_gone: ask.gone_since.is_some(), of_item }
    }

    /// The item's own table and its history.
    fn tables(&self) -> Option<[String; 2]> {
        Some([quoted(self.item.table()?), quoted(self.item.history()?.table()?)])
    }

    /// The digests of rows that the runs made.
    fn made(&self) -> String {
        format!("(SELECT key_digest FROM crawl_item_keys WHERE {} AND made_by IN ({RUNS}))", self.of_item)
    }

    /// The rows with `"#digest"` that are not gone.
    fn not_gone(&self) -> Option<String> {
        if !self.with_gone {
            return Some(String::new());
        }
        let (from, digest) = self.rows()?;
        Some(format!(" AND \"#digest\" NOT IN (SELECT {digest} {})", self.unseen(&from, digest)))
    }

    /// The rows as they are now, as `old`, and the expression for their digest.
    fn rows(&self) -> Option<(String, &'static str)> {
        match self.item.table() {
            Some(table) => {
                let digest = digest_of_key(self.item)?;
                let rows = format!("(SELECT *, {digest} AS \"#digest\" FROM {}) old", quoted(table));
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
        let last = "max(old.run_id, coalesce(seen.\"#run\", old.run_id))";
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
             WHERE {digest} IS NOT NULL AND {last} < ?2 AND (
                 known.\"#run\" IN (SELECT run_id FROM crawl_runs WHERE name = ?3 AND run_id > ?5 AND run_id <= ?2)
                 OR {last} IN (SELECT run_id FROM crawl_runs WHERE name = ?3 AND run_id >= ?5 AND run_id < ?2)
             )"
        )
    }

    /// The rows that a run made. If a later run has replaced one, its version has the values. With `min`, the other columns are
    /// those of the row that has the least value.
    fn new_rows(&self) -> Option<String> {
        let (item, [table, history]) = (self.item, self.tables()?);
        let (columns, key) = (columns(item), quoted_list(item.key()));
        Some(format!(
            "SELECT {columns}, min(\"#by\") FROM (
                 SELECT *, {digest} AS \"#digest\" FROM (
                     SELECT {columns}, {NEWEST} AS \"#by\" FROM {table}
                     UNION ALL SELECT {columns}, replaced_by_run FROM {history} WHERE replaced_by_run > ?2
                 )
             )
             WHERE \"#digest\" IN {made}{not_gone} GROUP BY {key} ORDER BY {key}",
            digest = digest_of_key(item)?,
            made = self.made(),
            not_gone = self.not_gone()?,
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
        let before: Vec<String> = of("before", item).collect();
        let after: Vec<String> = of("later", item)
            .zip(of("now", item))
            .map(|(later, now)| format!("iif(later.\"#by\" IS NULL, {now}, {later})"))
            .collect();
        let order: Vec<String> = item.key().iter().map(|name| format!("before.{}", quoted(name))).collect();
        Some(format!(
            "SELECT {before}, {after} FROM (
                 SELECT {columns}, {digest} AS \"#digest\", min(replaced_by_run) FROM {history}
                 WHERE replaced_by_run IN ({RUNS}) AND changed IS NOT NULL GROUP BY {key}
             ) before
             LEFT JOIN (
                 SELECT {columns}, min(replaced_by_run) AS \"#by\" FROM {history}
                 WHERE replaced_by_run > ?2 GROUP BY {key}
             ) later ON {later_key}
             LEFT JOIN (SELECT {columns}, 1 AS \"#is\" FROM {table}) now ON {now_key}
             WHERE (later.\"#by\" IS NOT NULL OR now.\"#is\" IS NOT NULL) AND \"#digest\" NOT IN {made}{not_gone}
             ORDER BY {order}",
            before = before.join(", "),
            after = after.join(", "),
            digest = digest_of_key(item)?,
            later_key = same_key("later"),
            now_key = same_key("now"),
            made = self.made(),
            not_gone = self.not_gone()?,
            order = order.join(", "),
        ))
    }

    /// The rows whose last version of the runs says that it was removed. A row that came back is a new one. With `max`, the other
    /// columns are those of the row that has the greatest value.
    fn removed_rows(&self) -> Option<String> {
        let (item, [_, history]) = (self.item, self.tables()?);
        Some(format!(
            "SELECT {columns} FROM (
                 SELECT *, {digest} AS \"#digest\" FROM (
                     SELECT {columns}, changed, max(replaced_by_run) FROM {history}
                     WHERE replaced_by_run IN ({RUNS}) GROUP BY {key}
                 ) WHERE changed IS NULL
             ) WHERE \"#digest\" NOT IN {made}{since} ORDER BY {key}",
            columns = columns(item),
            digest = digest_of_key(item)?,
            key = quoted_list(item.key()),
            made = self.made(),
            // All statements have the same parameters.
            since = if self.with_gone { " AND ?5 IS NOT NULL" } else { "" },
        ))
    }

    /// The rows that are gone, and that were there before the runs.
    fn gone_rows(&self) -> Option<String> {
        let (rows, digest) = self.rows().filter(|_| self.with_gone)?;
        let (columns, order): (String, String) = match self.item.table() {
            Some(_) => {
                let key: Vec<String> =
                    self.item.key().iter().map(|name| format!("old.{}", quoted(name))).collect();
                (of("old", self.item).collect::<Vec<_>>().join(", "), key.join(", "))
            }
            None => ("old.data".to_owned(), "old.item_key".to_owned()),
        };
        Some(format!(
            "SELECT {columns} {unseen} AND {digest} NOT IN {made} ORDER BY {order}",
            unseen = self.unseen(&rows, digest),
            made = self.made(),
        ))
    }
}

fn columns(item: &ItemType) -> String {
    quoted_list(item.columns().iter().map(|column| column.name.as_str()))
}

/// The columns, each with the name of the table in front of it.
fn of<'a>(table: &'a str, item: &'a ItemType) -> impl Iterator<Item = String> + 'a {
    item.columns().iter().map(move |column| format!("{table}.{}", quoted(&column.name)))
}
