//! Every column type goes through a table of its own and through `crawl_items`, and comes back as it was.

use std::sync::LazyLock;

use std::collections::BTreeMap;

use dragline_core::chrono::{DateTime, NaiveDate, Utc};
use dragline_core::value::Field as _;
use dragline_core::{Column, ColumnType, ItemRecord, ItemType, Value};
use serde_json::{Map, Value as Json, json};

use super::fixture::{PATIENCE, RUN, done_with, prepared, request, run, spec};
use crate::stored::{Stored, on_both_stores};

on_both_stores!(every_type_comes_back_from_its_table, every_type_comes_back_from_crawl_items,);

fn columns() -> Vec<Column> {
    let column = Column::nullable;
    vec![
        Column::new("key", ColumnType::BigInt),
        column("text", ColumnType::Text),
        column("small", ColumnType::SmallInt),
        column("integer", ColumnType::Integer),
        column("big", ColumnType::BigInt),
        column("real", ColumnType::Real),
        column("double", ColumnType::Double),
        column("boolean", ColumnType::Boolean),
        column("numeric", ColumnType::Numeric),
        column("date", ColumnType::Date),
        column("timestamp", ColumnType::Timestamp),
        column("list", ColumnType::TextList),
        column("json", ColumnType::Json),
    ]
}

/// Names that are words of SQL are names like any other.
static SAMPLE: LazyLock<ItemType> = LazyLock::new(|| {
    ItemType::builder("sample").with_table("order").with_key(["key"]).with_columns(columns()).build().unwrap()
});

fn every_type_comes_back_from_its_table(stored: &Stored) {
    come_back(stored, &SAMPLE);
}

fn every_type_comes_back_from_crawl_items(stored: &Stored) {
    come_back(stored, &SAMPLE.to_builder().without_table().build().unwrap());
}

fn come_back(stored: &Stored, item: &ItemType) {
    run(async {
        let store = prepared(stored, std::slice::from_ref(item)).await;
        store.lock_run(RUN, PATIENCE).await.unwrap();
        let page = request("page");
        let spec = dragline_core::store::RunSpec { start: vec![page.clone()], ..spec() };
        let key = store.open_run(&spec).await.unwrap().key;
        let records: Vec<ItemRecord> =
            samples().into_iter().map(|values| ItemRecord { item_type: item.clone(), values }).collect();
        let written: BTreeMap<i64, Map<String, Json>> =
            records.iter().map(ItemRecord::to_json).map(|fields| (key_of(&fields), fields)).collect();
        store.flush(&key, &[done_with(&page, records)]).await.unwrap();
        let mut read = BTreeMap::new();
        store
            .read_items(key.run_id, "spider", item, &mut |row| {
                assert_eq!(row.url, page.request.url().as_str());
                read.insert(key_of(&row.fields), row.fields);
                Ok(())
            })
            .await
            .unwrap();
        for (key, fields) in &written {
            assert_eq!(read.get(key), Some(fields));
        }
        assert_eq!(read.len(), written.len());
    });
}

fn key_of(fields: &Map<String, Json>) -> i64 {
    fields["key"].as_i64().unwrap()
}

/// Ordinary values, the odd ones, the ends of the ranges, and nothing at all.
fn samples() -> Vec<Vec<Value>> {
    let text = |text: &str| Value::Text(text.to_owned());
    let list = |texts: &[&str]| Value::TextList(texts.iter().map(|text| (*text).to_owned()).collect());
    let moment = |text: &str| Value::Timestamp(text.parse::<DateTime<Utc>>().unwrap());
    let date = |text: &str| Value::Date(text.parse::<NaiveDate>().unwrap());
    let decimal = |text: &str| Value::Decimal(text.parse().unwrap());
    vec![
        vec![
            Value::Int(1),
            text("Grüße, “Welt” 🕷"),
            Value::Int(7),
            Value::Int(70_000),
            Value::Int(5_000_000_000),
            Value::Float(0.25),
            Value::Float(0.1),
            Value::Bool(true),
            decimal("51.770"),
            date("2026-02-28"),
            moment("2026-03-29T01:30:00.123456Z"),
            list(&["a", "b"]),
            Value::Json(json!({"nested": [1, 2.5, null, true, {"a": "b"}]})),
        ],
        vec![
            Value::Int(2),
            text("tab\t newline\n return\r backslash\\ \\N \\. quote' \"double\" comma, {brace}"),
            Value::Int(i16::MIN.into()),
            Value::Int(i32::MIN.into()),
            Value::Int(i64::MIN),
            Value::Float(-1.5),
            Value::Float(f64::MAX),
            Value::Bool(false),
            decimal("-79228162514264337593543950335"),
            date("1583-01-01"),
            moment("1969-12-31T23:59:59.999999Z"),
            list(&["", "NULL", "a,b", "{c}", "\"d\"", "e\\f", "g\nh\ti", "\\N"]),
            Value::Json(json!("a\\b\n\"c\"\t")),
        ],
        vec![
            Value::Int(3),
            text(""),
            Value::Int(i16::MAX.into()),
            Value::Int(i32::MAX.into()),
            Value::Int(i64::MAX),
            Value::Float(0.0),
            Value::Float(f64::MIN_POSITIVE),
            Value::Bool(true),
            decimal("0.0000000001"),
            date("9999-12-31"),
            moment("9999-12-31T23:59:59Z"),
            list(&[]),
            Value::Json(json!([])),
        ],
        vec![
            Value::Int(5),
            text("\u{1}\u{7f}\u{85}\u{2028}\u{feff}\u{ffff}\u{10ffff}"),
            Value::Int(0),
            Value::Int(0),
            Value::Int(0),
            0.1_f32.into_value(),
            Value::Float(5e-324),
            Value::Bool(true),
            // These two are stored as what every database makes of them.
            decimal("-0.0"),
            date("0001-01-01"),
            moment("2016-12-31T23:59:60Z"),
            list(&["\u{10ffff}"]),
            Value::Json((1..120).fold(json!({"": null}), |inner, _| json!([inner]))),
        ],
        std::iter::once(Value::Int(4)).chain(std::iter::repeat_n(Value::Null, columns().len() - 1)).collect(),
    ]
}
