//! What the columns of the rows hold that a run saw.
//!
//! Each item type is read twice: once completely, for what is counted, and once for the sample, in which different values are
//! counted. The sample has the rows whose pages have the lowest fingerprints. These are digests, so it is a random one, but it is
//! the same one however the run came about. To find it, the server only keeps as many rows as the sample has.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use dragline_core::item_figures::{ColumnFigures, ItemFigures, MAX_SAMPLED_ROWS, figured_columns};
use dragline_core::store::StoreResult;
use dragline_core::{Column, ColumnType, ItemType};
use serde_json::Value as Json;
use tokio_postgres::Row;

use super::connections::Connections;
use super::export::moment;
use super::seen::SeenBy;
use super::session::{Params, Session};
use crate::identifier::{SOURCE_FINGERPRINT, check_names, quoted, quoted_path};
use crate::item_figures::{BLANK, MAX_COLUMNS_AT_ONCE, Ordered, ordered};

/// Reads the figures within `limit`.
pub(super) async fn read(
    connections: &Connections,
    run_id: i64,
    items: &[ItemType],
    limit: Duration,
) -> StoreResult<ItemFigures> {
    let until = Instant::now() + limit;
    let session = connections.session("reading what the columns hold").await?;
    session.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let seen = SeenBy::run(&session, run_id).await?;
    let mut figures = ItemFigures::new();
    for (item, columns) in figured_columns(items) {
        check_names(item)?;
        let Some(order) = sample_order(&session, item).await? else { continue };
        let of = OfType { run_id, item, rows: seen.rows(item), order };
        let mut of_type = BTreeMap::new();
        for some in columns.chunks(MAX_COLUMNS_AT_ONCE) {
            of_type.extend(read_columns(&session, &of, some, until).await?);
        }
        figures.insert(item.name().to_owned(), of_type);
    }
    session.run("COMMIT").await?;
    session.release();
    Ok(figures)
}

/// The order of the rows of the sample. `None` if the type's table is missing.
async fn sample_order(session: &Session, item: &ItemType) -> StoreResult<Option<String>> {
    let Some(table) = item.table() else { return Ok(Some("key_digest".to_owned())) };
    let columns = "SELECT attname::text AS name FROM pg_attribute
        WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped";
    let columns = session.rows(columns, &[&quoted_path(table)]).await?;
    if columns.is_empty() {
        return Ok(None);
    }
    let has_fingerprint = columns.iter().any(|row| row.get::<_, &str>("name") == SOURCE_FINGERPRINT);
    let page = if has_fingerprint { SOURCE_FINGERPRINT } else { "md5(source_url)" };
    let key = item.key().iter().map(quoted);
    Ok(Some(std::iter::once(page.to_owned()).chain(key).collect::<Vec<_>>().join(", ")))
}

/// The rows of one item type.
struct OfType<'a> {
    run_id: i64,
    item: &'a ItemType,
    /// Those that the run saw, as `FROM …`.
    rows: String,
    /// The order in which the sample takes them.
    order: String,
}

async fn read_columns(
    session: &Session,
    of: &OfType<'_>,
    columns: &[&Column],
    until: Instant,
) -> StoreResult<Vec<(String, ColumnFigures)>> {
    let values = columns.iter().enumerate();
    let values: Vec<Value<'_>> = values.map(|(at, column)| Value::of(of.item, column, at)).collect();
    let name = of.item.name();
    let params: Params<'_> = if of.item.table().is_some() { &[&of.run_id] } else { &[&of.run_id, &name] };
    let one = async |sql: String| -> StoreResult<Option<Row>> {
        Ok(session.rows_until(until, &sql, params).await?.into_iter().next())
    };
    let Some(counted) = one(counting(of, &values)).await? else { return Ok(Vec::new()) };
    let Some(sampled) = one(sampling(of, &values)).await? else { return Ok(Vec::new()) };
    let (rows, in_sample) = (number(&counted, 0), number(&sampled, 0));
    let figures = values.iter().enumerate().map(|(at, value)| {
        let first = 1 + at * VALUES_OF_A_COLUMN;
        let figures = ColumnFigures {
            rows,
            filled: number(&counted, first),
            distinct: number(&sampled, 1 + at),
            sampled: in_sample,
            least: bound(&counted, first + 1, first + 3),
            greatest: bound(&counted, first + 2, first + 4),
            shortest: length(&counted, first + 5),
            longest: length(&counted, first + 6),
        };
        (value.column.name.clone(), figures)
    });
    Ok(figures.collect())
}

/// The filled ones, the least and greatest number, the least and greatest text, the shortest and longest one.
const VALUES_OF_A_COLUMN: usize = 7;

fn counting(of: &OfType<'_>, values: &[Value<'_>]) -> String {
    let mut sql = "SELECT count(*)".to_owned();
    for value in values {
        let within = |what: &str, of: Option<String>, kind: &str| {
            of.map_or_else(|| format!("NULL::{kind}"), |of| format!("{what}({of})::{kind}"))
        };
        // Writing to a String cannot fail.
        let _ = write!(sql, ",\n count({})", value.name());
        for what in ["min", "max"] {
            let _ = write!(sql, ", {}", within(what, value.number(), "float8"));
        }
        for what in ["min", "max"] {
            let _ = write!(sql, ", {}", within(what, value.moment(), "text"));
        }
        for what in ["min", "max"] {
            let _ = write!(sql, ", {}", within(what, value.length(), "bigint"));
        }
    }
    format!("{sql}\n {}", of_rows(of, values, "OFFSET 0"))
}

fn sampling(of: &OfType<'_>, values: &[Value<'_>]) -> String {
    let mut sql = "SELECT count(*)".to_owned();
    for value in values {
        // Numbers are sorted several times as fast as texts. Two texts of a sample practically never have the same hash of 64 bits.
        let _ = write!(sql, ",\n count(DISTINCT hashtextextended({}::text, 0))", value.name());
    }
    format!("{sql}\n {}", of_rows(of, values, &format!("ORDER BY {} LIMIT {MAX_SAMPLED_ROWS}", of.order)))
}

/// The columns have names of their own here, and what doesn't fill a column is null. Without `OFFSET 0`, the server would read a
/// value of JSON and look for white space again for each figure. For ten million rows, that takes three times as long.
fn of_rows(of: &OfType<'_>, values: &[Value<'_>], which: &str) -> String {
    let filled = list(values, |value| format!("CASE WHEN {} THEN {} END", value.filled(), value.name()));
    let seen = format!("SELECT {} {} {which}", list(values, Value::source), of.rows);
    format!("FROM (SELECT {filled} FROM ({seen}) seen OFFSET 0) filled")
}

/// An expression for each column, under its name.
fn list<'a>(values: &[Value<'a>], expression: impl Fn(&Value<'a>) -> String) -> String {
    let columns = values.iter().map(|value| format!("{} AS {}", expression(value), value.name()));
    columns.collect::<Vec<String>>().join(", ")
}

/// A column as an expression over the rows that were seen.
struct Value<'a> {
    column: &'a Column,
    /// Whether it is a field of `crawl_items.data`.
    is_field: bool,
    at: usize,
}

impl<'a> Value<'a> {
    fn of(item: &ItemType, column: &'a Column, at: usize) -> Self {
        Self { column, is_field: item.table().is_none(), at }
    }

    fn source(&self) -> String {
        if self.is_field {
            format!("data -> '{}'", self.column.name.replace('\'', "''"))
        } else {
            quoted(&self.column.name)
        }
    }

    /// Its name among the rows that were seen. A field may have a name that is too long for a column.
    fn name(&self) -> String {
        format!("v{}", self.at)
    }

    /// The text of a field that is one.
    fn text(&self) -> String {
        if self.is_field { format!("({} #>> '{{}}')", self.name()) } else { format!("{}::text", self.name()) }
    }

    fn is_json(&self) -> bool {
        self.is_field || self.column.kind == ColumnType::Json
    }

    fn filled(&self) -> String {
        let (name, blank) = (self.name(), blank());
        match self.column.kind {
            _ if self.is_json() => format!(
                "{name} IS NOT NULL AND CASE jsonb_typeof({name}::jsonb) WHEN 'null' THEN false
                 WHEN 'string' THEN btrim({name}::jsonb #>> '{{}}', {blank}) <> ''
                 WHEN 'array' THEN jsonb_array_length({name}::jsonb) > 0
                 WHEN 'object' THEN {name}::jsonb <> '{{}}' ELSE true END"
            ),
            ColumnType::Text => format!("btrim({name}::text, {blank}) <> ''"),
            ColumnType::TextList => format!("cardinality({name}) > 0"),
            _ => format!("{name} IS NOT NULL"),
        }
    }

    fn number(&self) -> Option<String> {
        if ordered(self.column) != Ordered::Number {
            return None;
        }
        let name = self.name();
        Some(match (self.is_field, self.column.kind) {
            (true, _) => {
                // The server writes a number of JSON without an exponent, so it may have 309 digits.
                let (text, form) = (self.text(), r"^-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]{1,2})?$");
                clamped(&format!(
                    "CASE WHEN char_length({text}) < 1000 AND {text} ~ '{form}' THEN {text}::numeric END"
                ))
            }
            (false, ColumnType::Numeric) => clamped(&format!("{name}::numeric")),
            (false, _) => format!("{name}::float8"),
        })
    }

    fn moment(&self) -> Option<String> {
        if ordered(self.column) != Ordered::Moment {
            return None;
        }
        let text = match (self.is_field, self.column.kind) {
            (false, ColumnType::Timestamp) => moment(&self.name()),
            _ => self.text(),
        };
        Some(format!("{text} COLLATE \"C\""))
    }

    fn length(&self) -> Option<String> {
        if ordered(self.column) != Ordered::Length {
            return None;
        }
        let name = self.name();
        Some(match (self.is_field, self.column.kind) {
            (true, ColumnType::TextList) => {
                format!("CASE jsonb_typeof({name}) WHEN 'array' THEN jsonb_array_length({name}) END")
            }
            (false, ColumnType::TextList) => format!("cardinality({name})"),
            _ => format!("char_length({})", self.text()),
        })
    }
}

/// A larger number would not fit where the figures are kept. `least` and `greatest` leave out what is null.
fn clamped(number: &str) -> String {
    format!("CASE WHEN {number} IS NOT NULL THEN least(greatest({number}, -1e300), 1e300) END")
}

fn blank() -> String {
    BLANK.map(|code| format!("chr({code})")).join(" || ")
}

fn number(row: &Row, at: usize) -> u64 {
    row.get::<_, i64>(at).unsigned_abs()
}

fn length(row: &Row, at: usize) -> Option<u64> {
    row.get::<_, Option<i64>>(at).map(i64::unsigned_abs)
}

fn bound(row: &Row, number: usize, text: usize) -> Option<Json> {
    let number = row.get::<_, Option<f64>>(number).map(crate::item_figures::number);
    number.or_else(|| row.get::<_, Option<String>>(text).map(Json::from)).filter(|value| !value.is_null())
}
