//! What the columns of the rows hold that a run saw.
//!
//! Each item type is read twice: once completely, for what is counted, and once for the sample, in which different values are
//! counted. The sample has the rows whose pages have the lowest fingerprints. These are digests, so it is a random one, but it is
//! the same one however the run came about. To find it, `SQLite` only keeps as many rows as the sample has.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use dragline_core::item_figures::{ColumnFigures, ItemFigures, MAX_SAMPLED_ROWS, figured_columns};
use dragline_core::{Column, ColumnType, ItemType};
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, ErrorCode, Row, params_from_iter};
use serde_json::Value as Json;

use super::fault::Fault;
use super::seen::SeenBy;
use crate::identifier::{SOURCE_FINGERPRINT, check_names, quoted};
use crate::item_figures::{BLANK, MAX_COLUMNS_AT_ONCE, Ordered, number, ordered};

/// The steps of its machine after which `SQLite` asks whether to go on. They take well under a millisecond.
const STEPS_BETWEEN_LOOKS: i32 = 10_000;

/// A row with a longer value is left out.
const LARGE_BYTES: usize = 4 << 20;

/// Reads the figures within `limit`.
pub(super) fn read(
    connection: &mut Connection,
    run_id: i64,
    items: &[ItemType],
    limit: Duration,
) -> Result<ItemFigures, Fault> {
    let until = Instant::now() + limit;
    connection.progress_handler(STEPS_BETWEEN_LOOKS, Some(move || Instant::now() >= until))?;
    let read = read_all(connection, run_id, items);
    connection.progress_handler(0, None::<fn() -> bool>)?;
    match read {
        Err(Fault::Sqlite(error)) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
            let told = format!("it took longer than {:.0} s", limit.as_secs_f64());
            Err(Fault::Other(told.into()))
        }
        read => read,
    }
}

fn read_all(connection: &mut Connection, run_id: i64, items: &[ItemType]) -> Result<ItemFigures, Fault> {
    let transaction = connection.transaction()?;
    let seen = SeenBy::run(&transaction, run_id)?;
    let mut figures = ItemFigures::new();
    for (item, columns) in figured_columns(items) {
        check_names(item)?;
        let Some(order) = sample_order(&transaction, item)? else { continue };
        let of = OfType { run_id, item, rows: format!("{}{}", seen.rows(item), without_large(item)), order };
        let mut of_type = BTreeMap::new();
        for some in columns.chunks(MAX_COLUMNS_AT_ONCE) {
            of_type.extend(read_columns(&transaction, &of, some)?);
        }
        figures.insert(item.name().to_owned(), of_type);
    }
    Ok(figures)
}

/// The condition that leaves out rows with a large value, after other conditions. Functions on JSON and texts copy their argument several
/// times, so such a row would take ten times its size.
fn without_large(item: &ItemType) -> String {
    let is_small = |name: &str| format!(" AND coalesce(octet_length({name}), 0) <= {LARGE_BYTES}");
    if item.table().is_none() {
        return is_small("data");
    }
    let has_size =
        |column: &&Column| matches!(column.kind, ColumnType::Text | ColumnType::TextList | ColumnType::Json);
    item.columns().iter().filter(has_size).map(|column| is_small(&quoted(&column.name))).collect()
}

/// The order of the rows of the sample. `None` if the type's table is missing.
fn sample_order(connection: &Connection, item: &ItemType) -> Result<Option<String>, Fault> {
    let Some(table) = item.table() else { return Ok(Some("key_digest".to_owned())) };
    // Unlike a look into what this connection knows, a statement notices what another one has changed.
    let is_there = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1)";
    if !connection.query_row(is_there, [table], |row| row.get::<_, bool>(0))? {
        return Ok(None);
    }
    let has_fingerprint = connection.column_exists(None, table, SOURCE_FINGERPRINT)?;
    let page = if has_fingerprint { SOURCE_FINGERPRINT } else { "source_url" };
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

fn read_columns(
    connection: &Connection,
    of: &OfType<'_>,
    columns: &[&Column],
) -> Result<Vec<(String, ColumnFigures)>, Fault> {
    let values = columns.iter().enumerate();
    let values: Vec<Value<'_>> = values.map(|(at, column)| Value::of(of.item, column, at)).collect();
    let name = of.item.table().is_none().then(|| Sql::from(of.item.name().to_owned()));
    let params = || params_from_iter(std::iter::once(Sql::from(of.run_id)).chain(name.clone()));
    let (rows, mut figures) = connection.query_row(&counting(of, &values), params(), |row| {
        let rows: u64 = row.get(0)?;
        let figures = (0..values.len()).map(|at| counted(row, 1 + at * VALUES_OF_A_COLUMN, rows));
        Ok((rows, figures.collect::<rusqlite::Result<Vec<ColumnFigures>>>()?))
    })?;
    if rows > 0 {
        connection.query_row(&sampling(of, &values), params(), |row| {
            for (at, figures) in figures.iter_mut().enumerate() {
                (figures.sampled, figures.distinct) = (row.get(0)?, row.get(1 + at)?);
            }
            Ok(())
        })?;
    }
    let names = values.iter().map(|value| value.column.name.clone());
    Ok(names.zip(figures).collect())
}

/// The filled ones, the least and greatest value, the shortest and longest one.
const VALUES_OF_A_COLUMN: usize = 5;

fn counted(row: &Row<'_>, first: usize, rows: u64) -> rusqlite::Result<ColumnFigures> {
    let bound = |at| -> rusqlite::Result<Option<Json>> {
        Ok(match row.get(at)? {
            Sql::Real(value) => Some(number(value)),
            Sql::Integer(value) => Some(Json::from(value)),
            Sql::Text(text) => Some(Json::from(text)),
            Sql::Null | Sql::Blob(_) => None,
        })
    };
    Ok(ColumnFigures {
        rows,
        filled: row.get(first)?,
        distinct: 0,
        sampled: 0,
        least: bound(first + 1)?,
        greatest: bound(first + 2)?,
        shortest: row.get(first + 3)?,
        longest: row.get(first + 4)?,
    })
}

fn counting(of: &OfType<'_>, values: &[Value<'_>]) -> String {
    let mut sql = "SELECT count(*)".to_owned();
    for value in values {
        // Writing to a String cannot fail.
        let _ = write!(sql, ",\n count({})", value.name());
        for of in [value.ordered(), value.length()] {
            for what in ["min", "max"] {
                let _ = match &of {
                    Some(of) => write!(sql, ", {what}({of})"),
                    None => write!(sql, ", NULL"),
                };
            }
        }
    }
    format!("{sql}\n {}", of_rows(of, values, "LIMIT -1 OFFSET 0"))
}

fn sampling(of: &OfType<'_>, values: &[Value<'_>]) -> String {
    let mut sql = "SELECT count(*)".to_owned();
    for value in values {
        let _ = write!(sql, ",\n count(DISTINCT {})", value.name());
    }
    format!("{sql}\n {}", of_rows(of, values, &format!("ORDER BY {} LIMIT {MAX_SAMPLED_ROWS}", of.order)))
}

/// The columns have names of their own here, and what doesn't fill a column is null. The limits that limit nothing keep `SQLite`
/// from looking for that again for each figure.
fn of_rows(of: &OfType<'_>, values: &[Value<'_>], which: &str) -> String {
    let filled = list(values, |value| format!("CASE WHEN {} THEN {} END", value.filled(), value.name()));
    let seen = format!("SELECT {} {} {which}", list(values, Value::source), of.rows);
    format!("FROM (SELECT {filled} FROM ({seen}) seen LIMIT -1 OFFSET 0) filled")
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

    /// A field is read as the JSON of its value, so that a text is not taken for a list.
    fn source(&self) -> String {
        if self.is_field {
            format!("data -> '$.\"{}\"'", self.column.name.replace('\'', "''"))
        } else {
            quoted(&self.column.name)
        }
    }

    /// Its name among the rows that were seen.
    fn name(&self) -> String {
        format!("v{}", self.at)
    }

    /// The value of a field without the quotation marks of JSON.
    fn plain(&self) -> String {
        if self.is_field { format!("({} ->> '$')", self.name()) } else { self.name() }
    }

    fn filled(&self) -> String {
        let (name, blank) = (self.name(), blank());
        match self.column.kind {
            ColumnType::Text if !self.is_field => format!("trim({name}, {blank}) <> ''"),
            // Lists and JSON are JSON in a table, too.
            kind if self.is_field || matches!(kind, ColumnType::TextList | ColumnType::Json) => format!(
                "json_valid({name}) AND CASE json_type({name}) WHEN 'null' THEN 0
                 WHEN 'text' THEN trim({name} ->> '$', {blank}) <> ''
                 WHEN 'array' THEN json_array_length({name}) > 0
                 WHEN 'object' THEN json({name}) <> '{{}}' ELSE 1 END"
            ),
            _ => format!("{name} IS NOT NULL"),
        }
    }

    fn ordered(&self) -> Option<String> {
        let plain = self.plain();
        match ordered(self.column) {
            Ordered::Number if !self.is_field && self.column.kind != ColumnType::Numeric => Some(format!(
                "CASE WHEN typeof({plain}) IN ('integer', 'real') THEN CAST({plain} AS REAL) END"
            )),
            // An exact number is stored as a text.
            Ordered::Number => Some(format!(
                "CASE WHEN {plain} GLOB '*[0-9]*' AND {plain} NOT GLOB '*[^-+.eE0-9]*' THEN CAST({plain} AS REAL) END"
            )),
            Ordered::Moment => Some(format!("CAST({plain} AS TEXT)")),
            Ordered::Length | Ordered::Nothing => None,
        }
    }

    fn length(&self) -> Option<String> {
        if ordered(self.column) != Ordered::Length {
            return None;
        }
        Some(match self.column.kind {
            ColumnType::TextList => {
                let name = self.name();
                format!("CASE json_type({name}) WHEN 'array' THEN json_array_length({name}) END")
            }
            _ => format!("length({})", self.plain()),
        })
    }
}

fn blank() -> String {
    format!("char({})", BLANK.map(|code| code.to_string()).join(", "))
}
