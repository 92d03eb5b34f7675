//! Which item rows a run has seen.
//!
//! A run writes its id into every row that it stores. An incremental run does not write a row that is as it was. Such a row
//! belongs to the run as well if one of its pages was visited by the run. The last run that saw a row counts.

use dragline_core::store::StoreResult;
use dragline_core::{Column, ColumnType, ItemType};

use super::export::moment;
use super::items;
use super::session::Session;
use crate::identifier::{quoted, quoted_path};

/// Finds the rows of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct SeenBy {
    is_incremental: bool,
}

/// The spider of run `$1`.
const SPIDER: &str = "(SELECT spider FROM crawl_runs WHERE run_id = $1)";

/// Adds the rows of a join with [`KEYS`] to a condition.
const OR_SEEN: &str = " OR dragline_seen IS NOT NULL";

/// Joins a table with the keys that were on the pages of run `$1`. It has to be a join: Postgres tries a list of more keys than fit
/// into `work_mem` row by row. The only column that it adds is `dragline_seen`.
const KEYS: &str = "LEFT JOIN (
        SELECT DISTINCT of_page.item_type AS dragline_type, of_page.key_digest AS dragline_seen
        FROM crawl_page_visits visit JOIN crawl_page_items of_page USING (spider, fingerprint)
        WHERE visit.run_id = $1 AND visit.spider = (SELECT spider FROM crawl_runs WHERE run_id = $1)
    ) dragline_keys ON";

impl SeenBy {
    /// Rows of this run.
    pub(super) async fn run(session: &Session, run_id: i64) -> StoreResult<Self> {
        let row = session.row("SELECT incremental FROM crawl_runs WHERE run_id = $1", &[&run_id]).await?;
        Ok(Self { is_incremental: row.is_some_and(|row| row.get("incremental")) })
    }

    /// Counts the rows in `crawl_items` that run `$1` has seen, by type.
    pub(super) fn shared_counts(self) -> String {
        let (join, also) = self.shared_join();
        format!(
            "SELECT item_type, count(*) AS rows FROM {} {join} WHERE run_id = $1{also} GROUP BY item_type",
            items::TABLE
        )
    }

    /// Joins `crawl_items` with the keys that the run has seen.
    fn shared_join(self) -> (String, &'static str) {
        if !self.is_incremental {
            return (String::new(), "");
        }
        let on = format!("dragline_seen = key_digest AND dragline_type = item_type AND spider = {SPIDER}");
        (format!("{KEYS} {on}"), OR_SEEN)
    }

    /// The table and the condition for the rows of an item type that run `$1` has seen: `FROM …`. For a type without a table of its
    /// own, `$2` is its name.
    pub(super) fn rows(self, item: &ItemType) -> String {
        match item.table() {
            Some(table) => {
                let name = item.name().replace('\'', "''");
                let (join, also) = match digest_of_key(item).filter(|_| self.is_incremental) {
                    Some(digest) => {
                        (format!("{KEYS} dragline_seen = {digest} AND dragline_type = '{name}'"), OR_SEEN)
                    }
                    None => (String::new(), ""),
                };
                format!("FROM {} {join} WHERE (run_id = $1{also})", quoted_path(table))
            }
            None => {
                let (join, also) = self.shared_join();
                format!("FROM {} {join} WHERE item_type = $2::text AND (run_id = $1{also})", items::TABLE)
            }
        }
    }
}

/// The digest of a row's key, as [`crate::key_digest::of_key`] computes it from the item. `None` for a type without a key.
pub(super) fn digest_of_key(item: &ItemType) -> Option<String> {
    let text = text_of_key(item)?;
    Some(format!("substring(sha256(convert_to({text}, 'UTF8')) FROM 1 FOR 16)"))
}

/// A row's key as the item has it ([`ItemRecord::key_text`](dragline_core::ItemRecord::key_text)). `None` for a type without a
/// key.
pub(super) fn text_of_key(item: &ItemType) -> Option<String> {
    let columns: Vec<&Column> =
        item.key().iter().filter_map(|name| Some(&item.columns()[item.position(name)?])).collect();
    match columns.as_slice() {
        [] => None,
        [column] if matches!(column.kind, ColumnType::Text | ColumnType::Uuid) => {
            Some(format!("{}::text", quoted(&column.name)))
        }
        [column] => Some(json_text(column)),
        columns => {
            let parts: Vec<String> = columns.iter().map(|column| json_text(column)).collect();
            Some(format!("'[' || {} || ']'", parts.join(" || ',' || ")))
        }
    }
}

/// A column of a key as the JSON text that it has in the key of an item.
fn json_text(column: &Column) -> String {
    let name = quoted(&column.name);
    match column.kind {
        ColumnType::Text | ColumnType::Uuid => format!("to_json({name}::text)::text"),
        // Without zeros at the end.
        ColumnType::Numeric => format!(
            "'\"' || CASE WHEN strpos({name}::text, '.') > 0 THEN rtrim(rtrim({name}::text, '0'), '.')
                 ELSE {name}::text END || '\"'"
        ),
        ColumnType::Date => format!("'\"' || to_char({name}, 'YYYY-MM-DD') || '\"'"),
        ColumnType::Timestamp => format!("'\"' || {} || '\"'", moment(&name)),
        _ => format!("{name}::text"),
    }
}
