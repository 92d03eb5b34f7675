//! Items read back for exports. They are streamed, in an order that depends only on the rows, so two runs with the same
//! rows give the same file.

use std::pin::pin;

use dragline_core::lineage::TracedRequest;
use dragline_core::store::{ItemRow, StoreResult};
use dragline_core::{Column, ColumnType, ItemType};
use futures_util::TryStreamExt;
use serde_json::{Map, Value as Json};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::connections::Connections;
use super::seen::SeenBy;
use super::session::Session;
use crate::identifier::{SOURCE_FINGERPRINT, check_names, quoted, quoted_path};

const WHAT: &str = "reading items";

/// An export takes as long as its reader, so it has no time limit. It sees the same state of the rows from first to
/// last.
const BEGIN: &str = "BEGIN READ ONLY; SET LOCAL statement_timeout = 0";

/// A function that takes a row.
pub(super) type RowSink<'a> = &'a mut (dyn FnMut(ItemRow) -> std::io::Result<()> + Send);

/// Which rows to read: those of one item type that the run was the last to see.
pub(super) struct ItemsOf<'a> {
    pub(super) run_id: i64,
    pub(super) spider: &'a str,
    pub(super) item: &'a ItemType,
    /// Only those of this page.
    pub(super) page: Option<&'a TracedRequest>,
}

/// Gives every row to `each`.
pub(super) async fn read_items(
    connections: &Connections,
    of: &ItemsOf<'_>,
    each: RowSink<'_>,
) -> StoreResult<()> {
    let ItemsOf { run_id, spider, item, page } = of;
    check_names(item)?;
    let session = connections.session(WHAT).await?;
    session.run(BEGIN).await?;
    let seen = SeenBy::run(&session, *run_id).await?.rows(item);
    let name = item.name();
    let (mut sql, mut params): (String, Vec<&(dyn ToSql + Sync)>) = match item.table() {
        Some(_) => (typed_statement(item, &seen), vec![run_id]),
        None => (common_statement(&seen), vec![run_id, &name, spider]),
    };
    let of_page = page.map(|page| (page.fingerprint.as_bytes().as_slice(), page.url.as_str()));
    if let Some((fingerprint, url)) = &of_page {
        let condition = page_condition(&session, item, params.len()).await?;
        sql = format!("{sql} {condition}");
        params.extend([fingerprint as &(dyn ToSql + Sync), url]);
    }
    let sql = format!("{sql} ORDER BY {}", order(item));
    let rows = session.answer(session.query_raw(&sql, params)).await?;
    let mut rows = pin!(rows);
    while let Some(row) = session.answer(rows.try_next()).await? {
        let fields = match item.table() {
            Some(_) => typed_fields(item, &row, 0),
            None => match row.get("data") {
                Json::Object(fields) => Ok(fields),
                _ => Err("a row of crawl_items has data that is not a JSON object".to_owned()),
            },
        };
        let fields = fields.map_err(|problem| connections.target().broken(WHAT, problem))?;
        // The item's own columns come first, and may have any name.
        let at = row.len() - 2;
        each(ItemRow { fields, url: row.get(at), scraped_at: row.get(at + 1) })
            .map_err(|error| connections.target().broken("writing an item", error.to_string()))?;
    }
    session.run("COMMIT").await?;
    session.release();
    Ok(())
}

fn common_statement(seen: &str) -> String {
    format!("SELECT data, url, {} {seen} AND spider = $3", moment("scraped_at"))
}

fn typed_statement(item: &ItemType, seen: &str) -> String {
    let columns: Vec<String> = item.columns().iter().map(as_text).collect();
    format!("SELECT {}, source_url::text, {} {seen}", columns.join(", "), moment("scraped_at"))
}

/// The rows of one page: the next two parameters after the first `count` are its fingerprint and its URL. Rows from before
/// schema version 6 have only the URL.
async fn page_condition(session: &Session, item: &ItemType, count: usize) -> StoreResult<String> {
    let (fingerprint, url) = match item.table() {
        None => (Some("fingerprint"), "url"),
        Some(table) => {
            let sql = "SELECT 1 FROM pg_attribute
                WHERE attrelid = to_regclass($1) AND attname = $2 AND NOT attisdropped";
            let there = session.row(sql, &[&quoted_path(table), &SOURCE_FINGERPRINT]).await?;
            (there.map(|_| SOURCE_FINGERPRINT), "source_url")
        }
    };
    let (first, second) = (count + 1, count + 2);
    let fingerprint = fingerprint.unwrap_or("NULL::bytea");
    Ok(format!("AND coalesce({fingerprint} = ${first}::bytea, {url} = ${second})"))
}

/// Ordered by key or, without a key, by page and value.
pub(super) fn order(item: &ItemType) -> String {
    if item.table().is_none() {
        return "item_key, url COLLATE \"C\", content_hash".to_owned();
    }
    let order: Vec<String> = if item.is_keyed() {
        item.columns().iter().filter(|column| item.key().contains(&column.name)).map(as_text).collect()
    } else {
        std::iter::once("source_url".to_owned()).chain(item.columns().iter().map(as_text)).collect()
    };
    let order: Vec<String> = order.iter().map(|text| format!("({text}) COLLATE \"C\"")).collect();
    order.join(", ")
}

/// A column as the text that [`typed_field`] reads.
fn as_text(column: &Column) -> String {
    text_of(&quoted(&column.name), column.kind)
}

/// The same for a value of this type, whatever it is called.
pub(super) fn text_of(name: &str, kind: ColumnType) -> String {
    match kind {
        // The shortest text at the width of the item's value. At another width, 0.1 would have more digits.
        ColumnType::Real => format!("{name}::float4::text"),
        ColumnType::Double => format!("{name}::float8::text"),
        ColumnType::Timestamp => moment(name),
        ColumnType::TextList => format!("to_json({name})::text"),
        _ => format!("{name}::text"),
    }
}

/// A moment as every store and export writes it. The session's time zone is UTC.
pub(super) fn moment(column: &str) -> String {
    format!("to_char({column}, 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
}

/// The fields of a row whose columns begin at this place.
pub(super) fn typed_fields(item: &ItemType, row: &Row, from: usize) -> Result<Map<String, Json>, String> {
    let fields = item.columns().iter().enumerate().map(|(at, column)| {
        let value = match row.get::<_, Option<&str>>(from + at) {
            Some(text) => typed_field(column, text)?,
            None => Json::Null,
        };
        Ok((column.name.clone(), value))
    });
    fields.collect()
}

/// The same JSON that the value had before it was stored. Exact values stay text.
fn typed_field(column: &Column, text: &str) -> Result<Json, String> {
    let wrong = || format!("column {} holds a value that is no {:?}", column.name, column.kind);
    Ok(match column.kind {
        ColumnType::Text
        | ColumnType::Numeric
        | ColumnType::Date
        | ColumnType::Timestamp
        | ColumnType::Uuid => Json::from(text),
        ColumnType::SmallInt | ColumnType::Integer | ColumnType::BigInt => {
            Json::from(text.parse::<i64>().map_err(|_| wrong())?)
        }
        ColumnType::Real | ColumnType::Double => Json::from(text.parse::<f64>().map_err(|_| wrong())?),
        ColumnType::Boolean => Json::from(text == "true"),
        ColumnType::TextList | ColumnType::Json => json(text)?,
    })
}

fn json(text: &str) -> Result<Json, String> {
    serde_json::from_str(text).map_err(|error| format!("a column holds JSON that cannot be read: {error}"))
}
