//! Item rows: one per key, the last of a batch wins; without a key, one for each item.

use std::collections::BTreeMap;

use dragline_core::store::RunKey;
use dragline_core::value::timestamp_text;
use dragline_core::{ItemRecord, ItemType, PageOutcome, Value};
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, params_from_iter};

use super::cancel::Ticket;
use super::fault::Fault;
use crate::columns::data_and_hash;
use crate::identifier::{ROW_COLUMNS, quoted, quoted_list};

/// The moment of a write, by this database's clock, as all stores write moments.
pub(super) const NOW: &str = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')";

/// An item and the page that it was found on.
type Found<'a> = (&'a ItemRecord, &'a str);

/// The items of one type: those with a key sorted by it, the others in the order of the batch.
#[derive(Default)]
struct OfType<'a> {
    keyed: BTreeMap<String, Found<'a>>,
    keyless: Vec<Found<'a>>,
}

/// Writes the items of pages and says how many rows that were.
pub(super) fn write(
    connection: &Connection,
    run: &RunKey,
    pages: &[&PageOutcome],
    ticket: &Ticket<'_>,
) -> Result<u64, Fault> {
    // Tables in one order, as every store does it.
    let mut types: BTreeMap<(Option<&str>, &str), OfType<'_>> = BTreeMap::new();
    for page in pages {
        for record in &page.items {
            let of_type = types.entry((record.item_type.table, record.item_type.name)).or_default();
            match record.key_text() {
                Some(key) => drop(of_type.keyed.insert(key, (record, &page.url))),
                None => of_type.keyless.push((record, &page.url)),
            }
        }
    }
    let mut rows = 0;
    for of_type in types.values() {
        let keyed = of_type.keyed.iter().map(|(key, found)| (Some(key.as_str()), found));
        for (key, (record, url)) in keyed.chain(of_type.keyless.iter().map(|found| (None, found))) {
            ticket.check()?;
            if record.item_type.table.is_some() {
                upsert(connection, run, record, url)?;
            } else {
                upsert_shared(connection, run, key, record, url)?;
            }
            rows += 1;
        }
    }
    Ok(rows)
}

/// Into a table of its own.
fn upsert(connection: &Connection, run: &RunKey, record: &ItemRecord, url: &str) -> Result<(), Fault> {
    let mut statement = connection.prepare_cached(&upsert_statement(&record.item_type))?;
    let own = record.values.iter().map(to_sql);
    let values = own.chain([Sql::Integer(run.run_id), Sql::Text(url.to_owned())]);
    statement.execute(params_from_iter(values))?;
    Ok(())
}

fn upsert_statement(item: &ItemType) -> String {
    let columns: Vec<&str> = item.columns.iter().map(|column| column.name).chain(ROW_COLUMNS).collect();
    let holders: Vec<String> = (1..columns.len()).map(|number| format!("?{number}")).collect();
    let insert = format!(
        "INSERT INTO {} ({}) VALUES ({}, {NOW})",
        quoted(item.table.unwrap_or_default()),
        quoted_list(columns.iter().copied()),
        holders.join(", ")
    );
    if !item.is_keyed() {
        return insert;
    }
    let set: Vec<String> = columns
        .iter()
        .filter(|column| !item.key.contains(column))
        .map(|column| format!("{0} = excluded.{0}", quoted(column)))
        .collect();
    let key = quoted_list(item.key.iter().copied());
    format!("{insert} ON CONFLICT ({key}) DO UPDATE SET {}", set.join(", "))
}

/// Into `crawl_items`. A null key never conflicts.
fn upsert_shared(
    connection: &Connection,
    run: &RunKey,
    key: Option<&str>,
    record: &ItemRecord,
    url: &str,
) -> Result<(), Fault> {
    let (data, hash) = data_and_hash(record);
    let mut statement = connection.prepare_cached(&format!(
        "INSERT INTO crawl_items (spider, item_type, item_key, run_id, url, data, content_hash, scraped_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, {NOW})
         ON CONFLICT (spider, item_type, item_key) DO UPDATE SET
             run_id = excluded.run_id, url = excluded.url, data = excluded.data,
             content_hash = excluded.content_hash, scraped_at = excluded.scraped_at"
    ))?;
    statement.execute((&*run.spider, record.item_type.name, key, run.run_id, url, data, hash))?;
    Ok(())
}

fn to_sql(value: &Value) -> Sql {
    match value {
        Value::Null => Sql::Null,
        Value::Text(text) => Sql::Text(text.clone()),
        Value::Int(number) => Sql::Integer(*number),
        Value::Float(number) => Sql::Real(*number),
        Value::Bool(truth) => Sql::Integer((*truth).into()),
        Value::Decimal(number) => Sql::Text(number.to_string()),
        Value::Date(date) => Sql::Text(date.to_string()),
        Value::Timestamp(moment) => Sql::Text(timestamp_text(moment)),
        Value::TextList(_) | Value::Json(_) => Sql::Text(value.to_json().to_string()),
    }
}
