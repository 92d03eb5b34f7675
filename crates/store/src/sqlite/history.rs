//! How a flush keeps the earlier versions of rows (`#[item(history)]`), in the transaction that replaces them.
//!
//! A version is the row as it was before the run. So a run ends at most one version of a row: if the run changes the row once
//! more, only the list of changed columns is corrected, and if the row ends as it began, its version is removed again. The
//! order in which pages with the same key come therefore makes no difference.

use dragline_core::{ItemRecord, ItemType};
use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};

use super::fault::Fault;
use super::items::{Conflict, NOW, to_sql};
use crate::identifier::{quoted, quoted_list};
use crate::key_digest;

/// The list of changed columns when no column has changed.
const NOTHING: &str = "[]";

/// The statements for the rows of an item type. All have the same parameters: the item's columns, the run, its spider, and the
/// digest of the key.
#[derive(Debug)]
pub(super) struct HistoryStatements {
    name: String,
    look: String,
    insert: String,
    correct: String,
    remove: String,
    /// For a child that comes back on another page of the run that has removed it: it is the row that it was.
    restore: Option<String>,
}

/// Which item is written, and by which run.
#[derive(Clone, Copy)]
pub(super) struct Writing<'a> {
    pub(super) run_id: i64,
    pub(super) spider: &'a str,
    pub(super) key: &'a str,
    pub(super) record: &'a ItemRecord,
}

/// The state of the table before an item was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    Nothing,
    Row,
}

impl HistoryStatements {
    /// Those of an item type. `None` if it keeps no history.
    pub(super) fn new(item: &ItemType) -> Option<Self> {
        let history = item.history()?;
        let (table, versions) = (quoted(item.table()?), quoted(history.table()?));
        let columns: Vec<&str> = item.columns().iter().map(|column| column.name.as_str()).collect();
        let list = quoted_list(&columns);
        // No table can have a name with "#", and no column. CROSS JOIN keeps SQLite from beginning with the table: it believes that both sides
        // have about the same number of rows.
        let given = quoted_list(columns.iter().copied().chain(["#run", "#spider", "#digest"]));
        let holders: Vec<String> = (1..=columns.len() + 3).map(|number| format!("?{number}")).collect();
        let new = format!("WITH \"#new\" ({given}) AS (VALUES ({}))", holders.join(", "));
        let same_key = |one: &str, other: &str| {
            let equal = item.key().iter().map(quoted).map(|name| format!("{one}.{name} = {other}.{name}"));
            equal.collect::<Vec<_>>().join(" AND ")
        };
        let changed = |old: &str| {
            let own = columns.iter().filter(|name| !item.is_key_column(name));
            let each = own.map(|name| {
                let column = quoted(name);
                format!("iif({old}.{column} IS NOT \"#new\".{column} COLLATE BINARY, ',\"{name}\"', '')")
            });
            let each: Vec<String> = each.chain(["''".to_owned()]).collect();
            format!("'[' || substr({}, 2) || ']'", each.join(" || "))
        };
        let (old_key, version_key) = (same_key("old", "\"#new\""), same_key("version", "old"));
        let of_run = "version.replaced_by_run = \"#new\".\"#run\"";
        let this_version = format!(
            "rowid IN (
                 SELECT version.rowid FROM \"#new\" CROSS JOIN {table} old ON {old_key}
                 CROSS JOIN {versions} version ON {version_key} AND {of_run}
             )"
        );
        let of_old: Vec<String> = columns.iter().map(|name| format!("old.{}", quoted(name))).collect();
        let item_name = item.name().replace('\'', "''");
        Some(Self {
            name: item.name().to_owned(),
            // If the run has already replaced the row, its version counts instead of the row.
            look: format!(
                "{new} SELECT version.rowid IS NOT NULL AS has_version, coalesce(old.run_id, 0) > \"#new\".\"#run\" AS is_newer,
                     iif(version.rowid IS NULL, {}, {}) AS changed
                 FROM \"#new\" CROSS JOIN {table} old ON {old_key} LEFT JOIN {versions} version ON {version_key} AND {of_run}",
                changed("old"),
                changed("version"),
            ),
            // A row began when it was made, or when its last version ended. It is not known when somebody else made a row that a
            // run had removed.
            insert: format!(
                "{new}, \"#made\" AS (
                     SELECT known.made_by, known.made_at FROM \"#new\" CROSS JOIN crawl_item_keys known
                     ON known.spider = \"#spider\" AND known.item_type = '{item_name}'
                         AND known.key_digest = \"#digest\" AND known.made_by IS NOT NULL
                 ), \"#last\" AS (
                     SELECT version.valid_to, version.replaced_by_run, version.changed IS NOT NULL
                     FROM \"#new\" CROSS JOIN {table} old ON {old_key} CROSS JOIN {versions} version ON {version_key}
                     ORDER BY version.replaced_by_run DESC LIMIT 1
                 ), \"#began\" (\"#at\", \"#by\", is_known) AS (
                     SELECT * FROM (SELECT made_at, made_by, true FROM \"#made\" UNION ALL SELECT * FROM \"#last\")
                     ORDER BY 1 DESC LIMIT 1
                 )
                 INSERT INTO {versions} ({list}, valid_from, valid_to, run_id, replaced_by_run, changed)
                 SELECT {of_old}, iif(\"#began\".is_known, \"#at\", NULL), {NOW}, iif(\"#began\".is_known, \"#by\", NULL), \"#new\".\"#run\", {}
                 FROM \"#new\" CROSS JOIN {table} old ON {old_key} LEFT JOIN \"#began\" ON true
                 WHERE NOT EXISTS (SELECT 1 FROM \"#made\" WHERE \"#made\".made_by = \"#new\".\"#run\")",
                changed("old"),
                of_old = of_old.join(", "),
            ),
            correct: format!(
                "{new} UPDATE {versions} SET changed = (SELECT {} FROM \"#new\") WHERE {this_version}",
                changed(&versions)
            ),
            remove: format!("{new} DELETE FROM {versions} WHERE {this_version}"),
            restore: item.children_of().map(|_| {
                format!(
                    "{new} UPDATE crawl_item_keys SET (made_by, made_at) = (
                         SELECT version.run_id, version.valid_from FROM \"#new\" CROSS JOIN {table} old ON {old_key}
                         CROSS JOIN {versions} version ON {version_key} AND {of_run}
                     )
                     WHERE spider = (SELECT \"#spider\" FROM \"#new\") AND item_type = '{item_name}'
                     AND key_digest = (SELECT \"#digest\" FROM \"#new\")"
                )
            }),
        })
    }

    /// Keeps the present row if this item replaces it. Call it before the item is written.
    pub(super) fn keep(
        &self,
        connection: &Connection,
        writing: Writing<'_>,
        conflict: Conflict,
    ) -> Result<Before, Fault> {
        let digest = key_digest::of_key(writing.key);
        let given = || Self::given(writing, &digest);
        let found = connection.prepare_cached(&self.look)?.query_row(given(), |row| {
            let (has_version, is_newer) = (row.get("has_version")?, row.get("is_newer")?);
            Ok((has_version, is_newer, row.get::<_, String>("changed")?))
        });
        let Some((has_version, is_newer, changed)) = found.optional()? else { return Ok(Before::Nothing) };
        let statement = match (has_version, &*changed) {
            _ if is_newer && conflict == Conflict::KeepNewer => return Ok(Before::Row),
            (false, NOTHING) => return Ok(Before::Row),
            (false, _) => &self.insert,
            (true, NOTHING) => &self.remove,
            (true, _) => &self.correct,
        };
        connection.prepare_cached(statement)?.execute(given())?;
        Ok(Before::Row)
    }

    /// The parameters of all statements.
    fn given<'a>(
        writing: Writing<'a>,
        digest: &'a key_digest::KeyDigest,
    ) -> rusqlite::ParamsFromIter<impl Iterator<Item = ToSqlOutput<'a>> + use<'a>> {
        let of_run = [
            ToSqlOutput::from(writing.run_id),
            ToSqlOutput::from(writing.spider),
            ToSqlOutput::from(digest.as_slice()),
        ];
        params_from_iter(writing.record.values.iter().map(to_sql).chain(of_run))
    }

    /// Notes that the run has made the row. Call it after the item was written, if nothing was there before.
    pub(super) fn made(&self, connection: &Connection, writing: Writing<'_>) -> Result<(), Fault> {
        let sql = format!(
            "INSERT INTO crawl_item_keys (spider, item_type, key_digest, item_key, first_run, first_seen, made_by, made_at)
             VALUES (?1, ?2, ?3, ?4, ?5, {NOW}, ?5, {NOW})
             ON CONFLICT (spider, item_type, key_digest) DO UPDATE SET
                 made_by = excluded.made_by, made_at = excluded.made_at"
        );
        let digest = key_digest::of_key(writing.key);
        connection.prepare_cached(&sql)?.execute(params![
            writing.spider,
            self.name,
            digest,
            writing.key,
            writing.run_id
        ])?;
        self.came_back(connection, writing, &digest)
    }

    /// If the run itself has removed the row before, it is the row that it was: changed or not, and not a new one.
    fn came_back(
        &self,
        connection: &Connection,
        writing: Writing<'_>,
        digest: &key_digest::KeyDigest,
    ) -> Result<(), Fault> {
        let Some(restore) = &self.restore else { return Ok(()) };
        let given = || Self::given(writing, digest);
        let found = connection
            .prepare_cached(&self.look)?
            .query_row(given(), |row| Ok((row.get("has_version")?, row.get::<_, String>("changed")?)));
        if let Some((true, changed)) = found.optional()? {
            connection.prepare_cached(restore)?.execute(given())?;
            let statement = if changed == NOTHING { &self.remove } else { &self.correct };
            connection.prepare_cached(statement)?.execute(given())?;
        }
        Ok(())
    }
}

/// The statement that keeps a row as its last version, before it is removed. Its parameters are the row's place, the run, its spider,
/// and the digest of the key. A row began when it was made, or when its last version ended.
pub(super) fn keep_removed(item: &ItemType) -> Option<String> {
    let history = item.history()?;
    let (table, versions) = (quoted(item.table()?), quoted(history.table()?));
    let names = || item.columns().iter().map(|column| column.name.as_str());
    let of_old: Vec<String> = names().map(|name| format!("old.{}", quoted(name))).collect();
    let same_key: Vec<String> =
        item.key().iter().map(quoted).map(|name| format!("version.{name} = old.{name}")).collect();
    Some(format!(
        "WITH \"#beginnings\" (\"#at\", \"#by\", is_known) AS (
             SELECT made_at, made_by, true FROM crawl_item_keys
             WHERE spider = ?3 AND item_type = '{}' AND key_digest = ?4 AND made_by IS NOT NULL
             UNION ALL SELECT * FROM (
                 SELECT version.valid_to, version.replaced_by_run, version.changed IS NOT NULL
                 FROM {table} old CROSS JOIN {versions} version ON {} WHERE old.rowid = ?1
                 ORDER BY version.replaced_by_run DESC LIMIT 1
             )
         ), \"#began\" AS (SELECT * FROM \"#beginnings\" ORDER BY 1 DESC LIMIT 1)
         INSERT INTO {versions} ({}, valid_from, valid_to, run_id, replaced_by_run, changed)
         SELECT {}, iif(is_known, \"#at\", NULL), {NOW}, iif(is_known, \"#by\", NULL), ?2, NULL
         FROM {table} old LEFT JOIN \"#began\" ON true WHERE old.rowid = ?1
         ON CONFLICT DO NOTHING",
        item.name().replace('\'', "''"),
        same_key.join(" AND "),
        quoted_list(names()),
        of_old.join(", "),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::{item_table, schema};
    use dragline_core::ColumnType;

    #[test]
    fn no_statement_reads_a_whole_table() {
        let book = ItemType::builder("book").with_table("books").with_key(["shop", "isbn"]).with_history();
        let book = book.with_column("shop", ColumnType::Text).with_column("isbn", ColumnType::BigInt);
        let book = book.with_column("price", ColumnType::Numeric).build().unwrap();
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(schema::DDL).unwrap();
        connection.execute_batch(&item_table::ddl(&book).unwrap().unwrap()).unwrap();
        let statements = HistoryStatements::new(&book).unwrap();
        for sql in [&statements.look, &statements.insert, &statements.correct, &statements.remove] {
            let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let given = vec![rusqlite::types::Null; explain.parameter_count()];
            let steps = explain.query_map(params_from_iter(given), |row| row.get("detail")).unwrap();
            let steps: Vec<String> = steps.collect::<rusqlite::Result<_>>().unwrap();
            let reads_all = |step: &&String| {
                ["old", "version", "known", "books", "books_history", "crawl_item_keys"]
                    .iter()
                    .any(|table| step.split(' ').take(2).eq(["SCAN", *table]))
            };
            assert!(steps.iter().any(|step| step.starts_with("SEARCH ")), "{steps:#?}");
            assert_eq!(steps.iter().find(reads_all), None, "{sql}\n{steps:#?}");
        }
    }
}
