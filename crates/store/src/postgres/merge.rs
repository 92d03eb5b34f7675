//! How a flush merges rows whose type has columns with a rule (`#[item(merge = "…")]`). See [`crate::merge`].
//!
//! The staging table has one row for each key. Rows with a number below zero stand for rows of the table that a page takes its share back
//! from. The steps, of which a type without sums needs only those with *:
//!
//! 1. `collect` puts the shares of the batch into a staging table, with an empty one for each share that its page takes back.
//! 2. `purge` removes the shares of rows that are no longer there. The next step inserts those rows again.
//! 3. `make`* of [`HistoryStatements`](super::history::HistoryStatements) inserts the rows whose key is new.
//! 4. `take_back` adds the rows that lose a share to the staging table.
//! 5. `lock`* locks the rows in the order of keys. From here on, nobody else changes them or their shares.
//! 6. `leave_out` removes what has gone meanwhile from the staging table. If the pages may be old, `leave_newer` removes shares of
//!    which a later run has found others on the page.
//! 7. `merge`* computes the values that the rows get.
//! 8. `share` writes the shares, and `empty` clears the sums to which no page adds any more.
//!
//! From here on, the steps are those of every other type.

use std::fmt::Write as _;

use dragline_core::{Column, ColumnType, ItemType, Merge};

use super::item_table::{own_columns, sql_type};
use super::seen::digest_of_key;
use crate::identifier::{quoted, quoted_list, quoted_path};

/// The staging table of shares.
pub(super) const STAGE: &str = "stage_shares";

/// Creates the staging table.
pub(super) const MAKE_STAGE: &str = "CREATE TEMP TABLE stage_shares (
    table_name text COLLATE \"C\", key_digest bytea, item_key text COLLATE \"C\", fingerprint bytea, shares jsonb
) ON COMMIT DELETE ROWS";

/// The tables in which these pages of a spider have shares.
pub(super) const SHARING: &str = "SELECT DISTINCT share.table_name
    FROM unnest($2::bytea[]) AS page (fingerprint) CROSS JOIN LATERAL (
        SELECT table_name FROM crawl_item_shares WHERE spider = $1 AND fingerprint = page.fingerprint OFFSET 0
    ) share";

/// Removes the shares of rows that are removed. Parameters: the table, and the digests of the rows' keys.
pub(super) const REMOVE: &str =
    "DELETE FROM crawl_item_shares WHERE table_name = $1 AND key_digest = ANY ($2::bytea[])";

/// The columns of a staging table in addition to those of the item: what a row keeps of the row in the table. They are null for a row that
/// the run has seen.
pub(super) const KEPT: [(&str, &str); 3] =
    [("#run", "bigint"), ("#at", "timestamptz"), ("#gone", "timestamptz")];

/// The statements for an item type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MergeStatements {
    /// Parameters: the run, whether a row of a later run keeps its values, and the run's spider.
    pub(super) merge: String,
    pub(super) sums: Option<SumStatements>,
}

/// Those for sums.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SumStatements {
    /// Parameters: the spider; the digests, keys, pages and numbers of the shares; and the pages that say everything.
    pub(super) collect: String,
    pub(super) purge: String,
    pub(super) take_back: String,
    pub(super) leave_out: String,
    /// Its parameters are the run and its spider.
    pub(super) leave_newer: String,
    /// Its parameters are the run and its spider.
    pub(super) share: String,
    pub(super) empty: Option<String>,
}

impl MergeStatements {
    /// Those of an item type with rules. `source` is the list of the columns that say where a row comes from.
    pub(super) fn new(item: &ItemType, stage: &str, source: &str) -> Option<Self> {
        let table = quoted_path(item.table().filter(|_| item.has_merges())?);
        Some(Self {
            merge: merge(item, &table, stage, source)?,
            sums: if item.adds_up() { Some(SumStatements::new(item, &table, stage)?) } else { None },
        })
    }
}

impl SumStatements {
    fn new(item: &ItemType, table: &str, stage: &str) -> Option<Self> {
        let name = item.table()?;
        let (key, digest) = (quoted_list(item.key()), digest_of_key(item)?);
        let same_share = |given: &str| {
            format!(
                "table_name = '{name}' AND key_digest = {given}.key_digest AND spider = $2
                 AND fingerprint = {given}.fingerprint"
            )
        };
        let is_missing = |row: &str| {
            format!("NOT EXISTS (SELECT FROM {table} old WHERE {} OFFSET 0)", same_key(item, "old", row))
        };
        Some(Self {
            collect: format!(
                "INSERT INTO pg_temp.{STAGE} (table_name, key_digest, item_key, fingerprint, shares)
                 SELECT '{name}', key_digest, item_key, fingerprint, shares::jsonb
                 FROM unnest($2::bytea[], $3::text[], $4::bytea[], $5::text[])
                     AS given (key_digest, item_key, fingerprint, shares)
                 UNION ALL
                 SELECT '{name}', share.key_digest, share.item_key, share.fingerprint, '{{}}'
                 FROM unnest($6::bytea[]) AS page (fingerprint) CROSS JOIN LATERAL (
                     SELECT key_digest, item_key, fingerprint FROM crawl_item_shares
                     WHERE spider = $1 AND fingerprint = page.fingerprint AND table_name = '{name}' OFFSET 0
                 ) share
                 WHERE (share.key_digest, share.fingerprint) NOT IN (
                     SELECT key_digest, fingerprint FROM unnest($2::bytea[], $4::bytea[])
                         AS given (key_digest, fingerprint)
                 )"
            ),
            purge: format!(
                "WITH made AS MATERIALIZED (
                     SELECT {digest} AS \"#digest\" FROM pg_temp.{stage} new WHERE {} ORDER BY 1
                 ), old AS MATERIALIZED (
                     SELECT share.\"#place\" FROM made CROSS JOIN LATERAL (
                         SELECT ctid AS \"#place\" FROM crawl_item_shares
                         WHERE table_name = '{name}' AND key_digest = made.\"#digest\"
                         ORDER BY spider, fingerprint FOR UPDATE
                     ) share
                 )
                 DELETE FROM crawl_item_shares WHERE ctid IN (SELECT \"#place\" FROM old)",
                is_missing("new")
            ),
            take_back: format!(
                "INSERT INTO pg_temp.{stage} (\"#\", {key})
                 SELECT -(row_number() OVER ())::integer, {keys}
                 FROM (
                     SELECT DISTINCT ON (key_digest) item_key FROM pg_temp.{STAGE}
                     WHERE table_name = '{name}' AND shares = '{{}}' ORDER BY key_digest
                 ) lost
                 CROSS JOIN LATERAL (SELECT {parts}) keyed
                 CROSS JOIN LATERAL (SELECT FROM {table} old WHERE {old_key} OFFSET 0) old
                 WHERE NOT EXISTS (SELECT FROM pg_temp.{stage} given WHERE {given_key})",
                keys = prefixed(item, "keyed"),
                parts = key_parts(item)?,
                old_key = same_key(item, "old", "keyed"),
                given_key = same_key(item, "given", "keyed"),
            ),
            leave_out: format!("DELETE FROM pg_temp.{stage} new WHERE \"#\" < 0 AND {}", is_missing("new")),
            leave_newer: format!(
                "DELETE FROM pg_temp.{STAGE} given WHERE table_name = '{name}' AND EXISTS (
                     SELECT FROM crawl_item_shares WHERE {} AND run_id > $1 OFFSET 0
                 )",
                same_share("given")
            ),
            share: format!(
                "WITH lost AS (
                     DELETE FROM crawl_item_shares share
                     USING pg_temp.{STAGE} given CROSS JOIN LATERAL (
                         SELECT ctid AS \"#place\" FROM crawl_item_shares WHERE {} OFFSET 0
                     ) old
                     WHERE share.ctid = old.\"#place\" AND given.table_name = '{name}' AND given.shares = '{{}}'
                 )
                 INSERT INTO crawl_item_shares
                     (table_name, key_digest, spider, fingerprint, item_key, run_id, shares)
                 SELECT '{name}', key_digest, $2, fingerprint, item_key, $1, shares
                 FROM pg_temp.{STAGE} WHERE table_name = '{name}' AND shares <> '{{}}'
                 ORDER BY key_digest, fingerprint
                 ON CONFLICT (table_name, key_digest, spider, fingerprint)
                     DO UPDATE SET run_id = EXCLUDED.run_id, shares = EXCLUDED.shares",
                same_share("given")
            ),
            empty: empty(item, stage, name, &digest),
        })
    }
}

/// The statement that computes the values of the rows. A row that is kept has the values of the table in all columns without a rule.
fn merge(item: &ItemType, table: &str, stage: &str, source: &str) -> Option<String> {
    let sums: Vec<&Column> = merged_by(item, Merge::Add).collect();
    let name = item.table()?;
    let mut set: Vec<String> = own_columns(item)
        .into_iter()
        .map(|column| {
            let value = match item.merge(column) {
                None => format!("CASE WHEN old.\"#keeps\" THEN old.{0} ELSE new.{0} END", quoted(column)),
                Some(merge) => merged(item, column, merge),
            };
            format!("{} = {value}", quoted(column))
        })
        .collect();
    set.extend(
        source
            .split(", ")
            .map(|name| format!("{name} = CASE WHEN old.\"#keeps\" THEN old.{name} ELSE new.{name} END")),
    );
    set.extend(
        [("#run", "run_id"), ("#at", "scraped_at")]
            .into_iter()
            .map(|(kept, of_row)| format!("\"{kept}\" = CASE WHEN old.\"#keeps\" THEN old.{of_row} END")),
    );
    if item.marks_gone() {
        set.push("\"#gone\" = CASE WHEN old.\"#keeps\" THEN old.gone_at END".to_owned());
    }
    let (mut with, mut of_sums, mut join) = (String::new(), String::new(), String::new());
    if !sums.is_empty() {
        let number = |row: &str, column: &Column| {
            format!("coalesce(({row}.shares ->> '{}')::numeric, 0)", column.name)
        };
        let differences: Vec<String> = sums
            .iter()
            .enumerate()
            .map(|(at, column)| {
                format!("sum({} - {}) AS \"#sum{at}\"", number("given", column), number("before", column))
            })
            .collect();
        with = format!(
            "WITH difference AS MATERIALIZED (
                 SELECT given.key_digest, {} FROM pg_temp.{STAGE} given
                 LEFT JOIN LATERAL (
                     SELECT shares FROM crawl_item_shares
                     WHERE table_name = '{name}' AND key_digest = given.key_digest AND spider = $3
                     AND fingerprint = given.fingerprint OFFSET 0
                 ) before ON true
                 WHERE given.table_name = '{name}' GROUP BY given.key_digest
             )",
            differences.join(", ")
        );
        for (at, column) in sums.iter().enumerate() {
            // Writing to a String cannot fail.
            let _ = write!(
                of_sums,
                ", difference.\"#sum{at}\", EXISTS (
                     SELECT FROM crawl_item_shares WHERE table_name = '{name}' AND key_digest = keyed.\"#digest\"
                     AND shares ? '{}' OFFSET 0
                 ) AS \"#known{at}\"",
                column.name
            );
        }
        join = format!(
            "CROSS JOIN LATERAL (
                 SELECT {} AS \"#digest\" FROM (SELECT {}) key
             ) keyed
             LEFT JOIN difference ON difference.key_digest = keyed.\"#digest\"",
            digest_of_key(item)?,
            prefixed(item, "place")
        );
    }
    // Without sums, the third parameter is not needed, and the server wants to know its type.
    Some(format!(
        "{with}
         UPDATE pg_temp.{stage} new SET {}
         FROM (
             SELECT old.*, place.\"#\" AS \"#place\",
                 place.\"#\" < 0 OR ($2::boolean AND coalesce(old.run_id, 0) > $1) AS \"#keeps\"{of_sums}
             FROM pg_temp.{stage} place
             CROSS JOIN LATERAL (SELECT * FROM {table} old WHERE {} OFFSET 0) old
             {join}
         ) old
         WHERE new.\"#\" = old.\"#place\" AND $3::text IS NOT NULL",
        set.join(", "),
        same_key(item, "old", "place"),
    ))
}

/// The value of a column with a rule. A row that is kept has null as its new values.
fn merged(item: &ItemType, column: &str, merge: Merge) -> String {
    let (old, new) = (format!("old.{}", quoted(column)), format!("new.{}", quoted(column)));
    match merge {
        Merge::Keep => format!("coalesce({old}, {new})"),
        // The values of a row that a later run has stored are newer.
        Merge::Fill => {
            format!("CASE WHEN old.\"#keeps\" THEN coalesce({old}, {new}) ELSE coalesce({new}, {old}) END")
        }
        Merge::Max => format!("greatest({old}, {new})"),
        Merge::Min => format!("least({old}, {new})"),
        Merge::Union => format!(
            "CASE WHEN {old} IS NOT NULL OR {new} IS NOT NULL THEN ARRAY(
                 SELECT DISTINCT one COLLATE \"C\" FROM unnest({old} || {new}) AS one ORDER BY 1 LIMIT {}
             ) END",
            Merge::MAX_TEXTS
        ),
        Merge::Add => {
            let at = merged_by(item, Merge::Add).position(|sum| sum.name == column).unwrap_or_default();
            // A number that no page has given is older than the rule.
            let sum = format!(
                "(CASE WHEN old.\"#known{at}\" THEN coalesce({old}, 0) ELSE 0 END::numeric + coalesce(old.\"#sum{at}\", 0))"
            );
            if item.kind_of(column) == Some(ColumnType::Numeric) { without_zeros(&sum) } else { sum }
        }
    }
}

/// A number without zeros at its end. Equal sums look the same, whatever was added.
fn without_zeros(number: &str) -> String {
    format!(
        "(SELECT CASE WHEN strpos(number::text, '.') > 0 THEN rtrim(rtrim(number::text, '0'), '.')::numeric ELSE number END
         FROM (SELECT {number} AS number) AS sums)"
    )
}

/// Clears the sums that may be null, and to which no page adds any more.
fn empty(item: &ItemType, stage: &str, name: &str, digest: &str) -> Option<String> {
    let key = prefixed(item, "new");
    let sums: Vec<String> = merged_by(item, Merge::Add)
        .filter(|column| column.nullable)
        .map(|column| {
            format!(
                "{0} = CASE WHEN EXISTS (
                     SELECT FROM crawl_item_shares WHERE table_name = '{name}' AND shares ? '{1}'
                     AND key_digest = (SELECT {digest} FROM (SELECT {key}) key) OFFSET 0
                 ) THEN new.{0} END",
                quoted(&column.name),
                column.name
            )
        })
        .collect();
    (!sums.is_empty()).then(|| format!("UPDATE pg_temp.{stage} new SET {}", sums.join(", ")))
}

fn merged_by(item: &ItemType, merge: Merge) -> impl Iterator<Item = &Column> {
    item.columns().iter().filter(move |column| item.merge(&column.name) == Some(merge))
}

/// The columns of a key, read from the key of a share.
fn key_parts(item: &ItemType) -> Option<String> {
    let columns: Vec<&Column> =
        item.key().iter().map(|name| Some(&item.columns()[item.position(name)?])).collect::<Option<_>>()?;
    let part = |text: String, column: &Column| {
        format!("({text})::{} AS {}", sql_type(column.kind), quoted(&column.name))
    };
    Some(match columns.as_slice() {
        [column] if matches!(column.kind, ColumnType::Text | ColumnType::Uuid) => {
            part("lost.item_key".to_owned(), column)
        }
        [column] => part("lost.item_key::jsonb #>> '{}'".to_owned(), column),
        columns => {
            let parts = columns
                .iter()
                .enumerate()
                .map(|(at, column)| part(format!("lost.item_key::jsonb ->> {at}"), column));
            parts.collect::<Vec<_>>().join(", ")
        }
    })
}

fn prefixed(item: &ItemType, row: &str) -> String {
    let each = item.key().iter().map(|name| format!("{row}.{}", quoted(name)));
    each.collect::<Vec<_>>().join(", ")
}

fn same_key(item: &ItemType, one: &str, other: &str) -> String {
    let equal = item.key().iter().map(quoted).map(|name| format!("{one}.{name} = {other}.{name}"));
    equal.collect::<Vec<_>>().join(" AND ")
}
