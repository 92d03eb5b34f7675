//! How a flush keeps the earlier versions of rows (`#[item(history)]`), in the transaction that replaces them; and how it notes what
//! changes (`#[item(changes)]`), in the same steps.
//!
//! A version is the row as it was before the run. So a run ends at most one version of a row: if the run changes the row once
//! more, only the list of changed columns is corrected, and if the row ends as it began, its version is removed again. The
//! order in which pages with the same key come therefore makes no difference.
//!
//! The statements follow the COPY into the staging table, and are all sent before the first answer:
//!
//! 1. `make` inserts the rows whose key is new, and notes the run that made them. Another transaction may be inserting the same
//!    key. Then this waits and leaves the row to the next steps.
//! 2. `settle` removes from the staging table what needs no write. Without history, the last statement would find this out
//!    by itself. With history, steps 3 to 5 must agree on the rows.
//! 3. `lock` locks the rows that remain, in the order of keys, as every flush does. An update locks them in the same way: a flush
//!    that stores a child of such a row need not wait.
//! 4. `keep`, and `note` for a change feed, compare them with the new ones. `keep` writes, corrects or removes versions. Each has a
//!    snapshot of its own, so it sees
//!    what a flush has committed for which step 3 had to wait.
//! 5. `take` or `take_changed` of [`ItemTable`](super::item_table::ItemTable) replaces the rows.
//!
//! Unlike a trigger, this needs no right to create functions, knows the run, and costs nothing for other writers.

use dragline_core::ItemType;
use dragline_core::item_history::REPLACED_BY_RUN;

use super::changes;
use super::flush::Conflict;
use super::item_table::{is_not_marked, is_same, own_columns, same_columns};
use super::seen::{digest_of_key, text_of_key};
use crate::identifier::{quoted, quoted_list, quoted_path};

/// The statements for the rows of an item type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HistoryStatements {
    /// Parameters: the run and its spider.
    pub(super) make: String,
    /// For a run that writes every row. Its parameter is the run.
    pub(super) settle: String,
    /// For a run that writes only rows that have changed.
    pub(super) settle_changed: String,
    /// Whether `settle_changed` has the run as its parameter, too.
    pub(super) has_removed: bool,
    pub(super) lock: String,
    /// Whether the type has columns with a rule.
    merges: bool,
    keep: Option<Keep>,
    /// Notes changes for the feed.
    note: Option<Keep>,
}

/// `keep` in two parts, with the condition on the old row in between. Parameters: the run and its spider.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Keep {
    before: String,
    after: String,
}

/// Stands for the run that ends versions.
const BY: &str = "$BY";

impl HistoryStatements {
    /// Those of an item type that keeps a history, has a change feed, or has columns with a rule. `columns` and `source` are lists of columns, as in `stage`.
    pub(super) fn new(item: &ItemType, stage: &str, columns: &str, source: &str) -> Option<Self> {
        if !item.keeps_history() && !item.emits_changes() && !item.has_merges() {
            return None;
        }
        let table = quoted_path(item.table()?);
        let history = item.history().and_then(|history| history.table().map(quoted_path));
        let key = quoted_list(item.key());
        let newest = format!("SELECT DISTINCT ON ({key}) * FROM pg_temp.{stage} ORDER BY {key}, \"#\" DESC");
        let same_key = |one: &str, other: &str| {
            let equal = item.key().iter().map(quoted).map(|name| format!("{one}.{name} = {other}.{name}"));
            equal.collect::<Vec<_>>().join(" AND ")
        };
        let is_of_item = is_of_item(item);
        let written: Vec<&str> = own_columns(item).into_iter().chain(source.split(", ")).collect();
        // A child may come back on another page of the run that has removed it.
        let has_removed = history.is_some() && item.children_of().is_some();
        let came_back = match &history {
            Some(history) if has_removed => format!(
                " AND NOT EXISTS (
                     SELECT FROM {history} removed
                     WHERE {} AND removed.replaced_by_run = $1 AND removed.changed IS NULL
                 )",
                same_key("removed", "new")
            ),
            _ => String::new(),
        };
        let settle = |condition: &str| {
            format!(
                "DELETE FROM pg_temp.{stage} WHERE \"#\" NOT IN (
                     SELECT \"#\" FROM ({newest}) new WHERE NOT EXISTS (
                         SELECT FROM {table} old WHERE {} AND {}{}{condition}{came_back} OFFSET 0
                     )
                 )",
                same_key("old", "new"),
                same_columns(item, &written, "old", "new"),
                is_not_marked(item, "old"),
            )
        };
        Some(Self {
            make: make(item, &table, &newest, columns, source, &same_key("old", "new"))?,
            settle: settle(" AND old.run_id = $1"),
            settle_changed: settle(""),
            has_removed,
            merges: item.has_merges(),
            lock: format!(
                "SELECT count(*) FROM (SELECT DISTINCT ON ({key}) {key} FROM pg_temp.{stage} ORDER BY {key}) new
                 CROSS JOIN LATERAL (SELECT FROM {table} old WHERE {} FOR NO KEY UPDATE) locked",
                same_key("old", "new")
            ),
            keep: match history {
                Some(history) => {
                    Some(keep(item, &table, &history, &newest, columns, &same_key, &is_of_item)?)
                }
                None => None,
            },
            note: if item.emits_changes() { Some(note(item, &table, &newest, &same_key)?) } else { None },
        })
    }

    /// `keep` and `note` for the rows that this rule lets be replaced.
    pub(super) fn comparing(&self, conflict: Conflict) -> Vec<String> {
        let condition = match conflict {
            Conflict::Replace => "",
            // Only columns with a rule have changed in a row of a later run.
            Conflict::KeepNewer if self.merges => "",
            Conflict::KeepNewer => " AND coalesce(old.run_id, 0) <= $1",
        };
        // A run ends at most one version of a row, and versions are in the order of runs.
        let by = match conflict {
            Conflict::KeepNewer if self.merges => "greatest($1, coalesce(old.run_id, 0))",
            _ => "$1",
        };
        let both = self.keep.iter().chain(&self.note);
        both.map(|statement| [&statement.before.replace(BY, by), condition, &statement.after].concat())
            .collect()
    }
}

/// The statement that notes which rows get other values. A row that was marked as gone is there again.
fn note(item: &ItemType, table: &str, newest: &str, same_key: &dyn Fn(&str, &str) -> String) -> Option<Keep> {
    // A row that keeps its mark is gone for the readers of the feed.
    let (is_back, is_there) = match (item.marks_gone(), item.has_merges()) {
        (false, _) => ("false", "true"),
        (true, false) => ("old.gone_at IS NOT NULL", "true"),
        (true, true) => ("old.gone_at IS NOT NULL", "(old.gone_at IS NULL OR new.\"#gone\" IS NULL)"),
    };
    let rows = "(SELECT * FROM \"#pair\" WHERE \"#changed\" <> '{}' OR \"#back\")";
    Some(Keep {
        before: format!(
            "WITH \"#pair\" AS MATERIALIZED (
                 SELECT new.*, {} AS \"#changed\", {is_back} AS \"#back\" FROM ({newest}) new
                 CROSS JOIN LATERAL (SELECT * FROM {table} old WHERE {} OFFSET 0) old
                 WHERE {is_there}",
            changed(item, "old", "new"),
            same_key("old", "new"),
        ),
        after: format!(
            " ) {}",
            changes::note(
                item,
                rows,
                "CASE WHEN \"#back\" THEN 'new' ELSE 'changed' END",
                "CASE WHEN NOT \"#back\" THEN \"#changed\" END",
            )?
        ),
    })
}

fn make(
    item: &ItemType,
    table: &str,
    newest: &str,
    columns: &str,
    source: &str,
    same_key: &str,
) -> Option<String> {
    let key = quoted_list(item.key());
    let (digest, text) = (digest_of_key(item)?, text_of_key(item)?);
    let name = item.name().replace('\'', "''");
    let made = format!(
        "WITH made AS (
             INSERT INTO {table} ({columns}, run_id, {source}, scraped_at)
             SELECT {columns}, $1, {source}, now() FROM ({newest}) new
             WHERE NOT EXISTS (SELECT FROM {table} old WHERE {same_key} OFFSET 0)
             ORDER BY {key}
             ON CONFLICT ({key}) DO NOTHING RETURNING {columns}
         )"
    );
    let noted = if item.emits_changes() { changes::note(item, "made", "'new'", "NULL") } else { None };
    if !item.keeps_history() {
        // The server wants to know the type of the second parameter.
        let nothing = "SELECT FROM made WHERE $2::text IS NOT NULL".to_owned();
        return Some(format!("{made} {}", noted.unwrap_or(nothing)));
    }
    let noted = noted.map(|noted| format!(", noted AS ({noted})")).unwrap_or_default();
    Some(format!(
        "{made}{noted}
         INSERT INTO crawl_item_keys (spider, item_type, key_digest, item_key, first_run, made_by, made_at)
         SELECT $2, '{name}', {digest}, {text}, $1, $1, now() FROM made ORDER BY 3
         ON CONFLICT (spider, item_type, key_digest) DO UPDATE SET
             made_by = EXCLUDED.made_by, made_at = EXCLUDED.made_at"
    ))
}

/// Compares each row with the new one or, if this run has already replaced it, the version with the new one. No column of an
/// item can have a name with "#".
fn keep(
    item: &ItemType,
    table: &str,
    history: &str,
    newest: &str,
    columns: &str,
    same_key: &dyn Fn(&str, &str) -> String,
    is_of_item: &str,
) -> Option<Keep> {
    let digest = digest_of_key(item)?;
    let of = |table: &str| {
        let names = item.columns().iter().map(|column| format!("{table}.{}", quoted(&column.name)));
        names.collect::<Vec<_>>().join(", ")
    };
    let before = format!(
        "WITH pair AS MATERIALIZED (
             SELECT {of_old}, {BY} AS \"#by\", version.\"#place\",
                 CASE WHEN version.\"#place\" IS NULL THEN {from_row} ELSE {from_version} END AS \"#changed\",
                 version.\"#place\" IS NOT NULL AND version.changed IS NULL AS \"#came_back\",
                 version.run_id AS \"#made_by\", version.valid_from AS \"#made_at\"
             FROM ({newest}) new
             CROSS JOIN LATERAL (SELECT * FROM {table} old WHERE {old_key} OFFSET 0) old
             LEFT JOIN LATERAL (
                 SELECT ctid AS \"#place\", * FROM {history} version
                 WHERE {version_key} AND version.replaced_by_run = {BY} OFFSET 0
             ) version ON true
             WHERE true",
        of_old = of("old"),
        from_row = changed(item, "old", "new"),
        from_version = changed(item, "version", "new"),
        old_key = same_key("old", "new"),
        version_key = same_key("version", "new"),
    );
    let after = format!(
        "
         ), removed AS (
             DELETE FROM {history} version USING pair
             WHERE version.ctid = pair.\"#place\" AND pair.\"#changed\" = '{{}}'
         ), corrected AS (
             UPDATE {history} version SET changed = pair.\"#changed\" FROM pair
             WHERE version.ctid = pair.\"#place\" AND pair.\"#changed\" <> '{{}}'
             AND version.changed IS DISTINCT FROM pair.\"#changed\"
         ){restored}
         INSERT INTO {history} ({columns}, valid_from, valid_to, run_id, replaced_by_run, changed)
         SELECT {of_pair}, began.at, now(), began.run, pair.\"#by\", pair.\"#changed\"
         FROM (
             SELECT *, {digest} AS \"#digest\" FROM pair WHERE \"#place\" IS NULL AND \"#changed\" <> '{{}}'
         ) pair
         {began}
         WHERE made.made_by IS DISTINCT FROM pair.\"#by\"
         ORDER BY {pair_order}",
        of_pair = of("pair"),
        restored = if item.children_of().is_some() {
            format!(
                ", restored AS (
                     UPDATE crawl_item_keys SET made_by = pair.\"#made_by\", made_at = pair.\"#made_at\"
                     FROM (SELECT *, {digest} AS \"#digest\" FROM pair WHERE \"#came_back\") pair
                     WHERE {is_of_item} pair.\"#digest\"
                 )"
            )
        } else {
            String::new()
        },
        began = began(history, &same_key("version", "pair"), is_of_item),
        pair_order =
            item.key().iter().map(|name| format!("pair.{}", quoted(name))).collect::<Vec<_>>().join(", "),
    );
    Some(Keep { before, after })
}

/// When each row of `pair` began, and by which run, as `began`; and its entry in `crawl_item_keys`, as `made`. A row began when it
/// was made, or when its last version ended. It is not known when somebody else made a row that a run had removed.
pub(super) fn began(history: &str, same_key: &str, is_of_item: &str) -> String {
    format!(
        "LEFT JOIN LATERAL (
             SELECT made_by, made_at FROM crawl_item_keys WHERE {is_of_item} pair.\"#digest\" OFFSET 0
         ) made ON true
         LEFT JOIN LATERAL (
             SELECT CASE WHEN is_known THEN at END AS at, CASE WHEN is_known THEN run END AS run FROM (
                 SELECT made.made_at AS at, made.made_by AS run, true AS is_known WHERE made.made_by IS NOT NULL
                 UNION ALL (
                     SELECT version.valid_to, version.replaced_by_run, version.changed IS NOT NULL
                     FROM {history} version WHERE {same_key} ORDER BY version.replaced_by_run DESC LIMIT 1
                 )
             ) beginnings ORDER BY beginnings.at DESC LIMIT 1
         ) began ON true"
    )
}

/// The statement that keeps the removed rows of the query `gone` as last versions. Parameters: the run and its spider.
pub(super) fn keep_removed(item: &ItemType) -> Option<String> {
    let history = quoted_path(item.history()?.table()?);
    let names = || item.columns().iter().map(|column| column.name.as_str());
    let of_pair: Vec<String> = names().map(|name| format!("pair.{}", quoted(name))).collect();
    let same_key: Vec<String> =
        item.key().iter().map(quoted).map(|name| format!("version.{name} = pair.{name}")).collect();
    let key = quoted_list(item.key().iter().map(String::as_str).chain([REPLACED_BY_RUN]));
    Some(format!(
        "INSERT INTO {history} ({}, valid_from, valid_to, run_id, replaced_by_run, changed)
         SELECT {}, began.at, now(), began.run, $1, NULL
         FROM (SELECT *, {} AS \"#digest\" FROM gone) pair {}
         ON CONFLICT ({key}) DO NOTHING",
        quoted_list(names()),
        of_pair.join(", "),
        digest_of_key(item)?,
        began(&history, &same_key.join(" AND "), &is_of_item(item)),
    ))
}

/// The condition for an entry of `crawl_item_keys`, up to the digest. The spider is the second parameter.
pub(super) fn is_of_item(item: &ItemType) -> String {
    format!("spider = $2 AND item_type = '{}' AND key_digest =", item.name().replace('\'', "''"))
}

/// The names of the columns in which two rows differ, as `text[]`.
fn changed(item: &ItemType, old: &str, new: &str) -> String {
    let names = own_columns(item);
    let each = names
        .iter()
        .map(|name| format!("CASE WHEN NOT ({}) THEN '{name}' END", is_same(item, name, old, new)));
    format!("array_remove(ARRAY[{}]::text[], NULL)", each.collect::<Vec<_>>().join(", "))
}
