//! Reads the newest rows of an item type. Two rows of one moment come in the order of their `ctid`.

use std::time::{Duration, Instant};

use dragline_core::ItemType;
use dragline_core::newest_rows::{FoundRow, MAX_VALUE_CHARS, RowsAsk, RowsFound};
use dragline_core::store::StoreResult;
use tokio_postgres::types::ToSql;

use super::connections::Connections;
use super::export::moment;
use super::{items, schema};
use crate::identifier::{check_names, quoted, quoted_path};
use crate::newest_rows::{columns, found};

/// Reads rows, and counts them in what is left of the time.
pub(super) async fn read(
    connections: &Connections,
    ask: &RowsAsk,
    item: &ItemType,
    limit: Duration,
) -> StoreResult<RowsFound> {
    check_names(item)?;
    let until = Instant::now() + limit;
    if let Some(table) = item.table()
        && !schema::has_table(connections, table).await?
    {
        return Ok(RowsFound { is_table_missing: true, ..RowsFound::default() });
    }
    let session = connections.session("reading items").await?;
    session.run("BEGIN READ ONLY").await?;
    let columns = columns(item);
    let from = Rows::of(item);
    // One character more than is shown tells that there are more.
    let values: String = columns
        .iter()
        .map(|column| format!("left({}, {}), ", from.value(&column.name), MAX_VALUE_CHARS + 1))
        .collect();
    let (table, matching, url) = (&from.table, &from.matching, from.url);
    let select = format!(
        "SELECT {values}{url}::text, run_id, {}, ctid::text AS place FROM {table} WHERE {matching}
         AND ($4::text IS NULL OR (scraped_at, ctid) < ($4::text::timestamptz, $5::text::tid))
         ORDER BY scraped_at DESC, ctid DESC LIMIT $6",
        moment("scraped_at")
    );
    let name = item.name();
    let after = ask.after.as_ref();
    let at = after.map(|after| &after.scraped_at);
    // A place in SQLite is a plain number. Nobody has both, but somebody may make one up.
    let place = after.map(|after| if after.place.starts_with('(') { &*after.place } else { "(0,0)" });
    let most = i64::try_from(ask.max).unwrap_or(i64::MAX).saturating_add(1);
    let matched: [&(dyn ToSql + Sync); 3] = [&ask.spider, &name, &ask.contains];
    let params: Vec<&(dyn ToSql + Sync)> =
        matched.into_iter().chain([&at as &(dyn ToSql + Sync), &place, &most]).collect();
    let read = session.rows_until(until, &select, &params).await?;
    let width = columns.len();
    let rows = read.iter().map(|row| {
        let found = FoundRow {
            values: (0..width).map(|at| row.get(at)).collect(),
            url: row.get::<_, Option<String>>(width).unwrap_or_default(),
            run_id: row.get(width + 1),
            scraped_at: row.get::<_, Option<String>>(width + 2).unwrap_or_default(),
        };
        (found, row.get::<_, String>(width + 3))
    });
    let rows: Vec<_> = rows.collect();
    let count = format!("SELECT count(*) FROM {table} WHERE {matching}");
    // Too slow a count is no reason to show nothing.
    let count = session.rows_until(until, &count, &matched).await;
    session.run(if count.is_ok() { "COMMIT" } else { "ROLLBACK" }).await?;
    session.release();
    let count = count.ok().and_then(|rows| rows.first().map(|row| row.get::<_, i64>(0).unsigned_abs()));
    Ok(found(ask, &columns, rows, count))
}

/// Where the rows of a type are. In the condition, `$1` is the spider, `$2` the type, and `$3` the text to look for.
struct Rows {
    table: String,
    url: &'static str,
    matching: String,
    is_shared: bool,
}

impl Rows {
    fn of(item: &ItemType) -> Self {
        match item.table() {
            Some(table) => {
                let all: Vec<String> = item
                    .columns()
                    .iter()
                    .map(|column| format!("coalesce({}::text, '')", quoted(&column.name)))
                    .chain(["coalesce(source_url::text, '')".to_owned()])
                    .collect();
                Self {
                    table: quoted_path(table),
                    url: "source_url",
                    matching: format!(
                        "($1::text IS NOT NULL AND $2::text IS NOT NULL)
                         AND ($3::text IS NULL OR strpos(lower({}), lower($3::text)) > 0)",
                        all.join(" || ' ' || ")
                    ),
                    is_shared: false,
                }
            }
            None => Self {
                table: items::TABLE.to_owned(),
                url: "url",
                matching: "spider = $1::text AND item_type = $2::text
                         AND ($3::text IS NULL OR strpos(lower(data::text || ' ' || url), lower($3::text)) > 0)"
                    .to_owned(),
                is_shared: true,
            },
        }
    }

    /// A value of a row, as text.
    fn value(&self, column: &str) -> String {
        if self.is_shared {
            format!("(data ->> '{}')", column.replace('\'', "''"))
        } else {
            format!("{}::text", quoted(column))
        }
    }
}
