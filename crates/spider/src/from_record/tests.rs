//! Structs become records and come back, and what cannot come back is refused.

use std::collections::BTreeMap;

use super::*;
use crate::item_type::ColumnType;
use dragline_derive::Item;

#[derive(Clone, Debug, PartialEq, Item)]
#[item(key = "shop")]
struct Offer {
    shop: String,
    link: Url,
    tiny: u8,
    small: i16,
    whole: u32,
    big: i64,
    single: f32,
    double: Option<f64>,
    truth: bool,
    #[item(column = "cost")]
    price: Option<Decimal>,
    day: NaiveDate,
    seen: DateTime<Utc>,
    tags: Vec<String>,
    raw: Json,
    #[item(json)]
    sizes: BTreeMap<String, u32>,
    #[item(json)]
    more: Option<Vec<u8>>,
    #[item(skip)]
    seen_twice: bool,
}

fn offer() -> Offer {
    Offer {
        shop: "corner".to_owned(),
        link: "https://shop.example/1".parse().unwrap(),
        tiny: u8::MAX,
        small: i16::MIN,
        whole: u32::MAX,
        big: i64::MIN,
        single: 0.1,
        double: None,
        truth: true,
        price: Some("-51.770".parse().unwrap()),
        day: "1583-01-01".parse().unwrap(),
        seen: "2026-03-29T01:30:00.123456Z".parse().unwrap(),
        tags: vec!["a".to_owned(), String::new()],
        raw: serde_json::json!({"nested": [1, 2.5, null]}),
        sizes: BTreeMap::from([("xl".to_owned(), 4)]),
        more: None,
        seen_twice: false,
    }
}

#[test]
fn a_struct_comes_back_as_it_was() {
    let more = Offer { double: Some(2.5), price: None, more: Some(vec![1, 2]), ..offer() };
    for offer in [offer(), more] {
        assert_eq!(Offer::from_record(&offer.clone().into_record()), Ok(offer));
    }
    let skipped = Offer { seen_twice: true, ..offer() };
    assert_eq!(
        Offer::from_record(&skipped.into_record()),
        Ok(offer()),
        "a skipped field has its default value"
    );
}

#[test]
fn a_value_that_the_field_cannot_hold_is_named() {
    let with = |column: &str, value: Value| {
        let mut record = offer().into_record();
        *record.get_mut(column).unwrap() = value;
        Offer::from_record(&record).unwrap_err().to_string()
    };
    assert_eq!(with("shop", Value::Null), "offer.shop has no value, and may not be null");
    assert_eq!(with("shop", Value::Int(1)), "offer.shop is 1, which its field cannot hold");
    assert_eq!(with("tiny", Value::Int(256)), "offer.tiny is 256, which its field cannot hold");
    assert_eq!(with("whole", Value::Int(-1)), "offer.whole is -1, which its field cannot hold");
    assert_eq!(with("cost", Value::Bool(true)), "offer.cost is true, which its field cannot hold");
    let sizes = Value::Json(serde_json::json!([1]));
    assert_eq!(with("sizes", sizes), "offer.sizes is [1], which its field cannot hold");
}

#[test]
fn a_record_of_another_type_is_refused() {
    let other = crate::ItemType::builder("offer").with_column("shop", ColumnType::Text).build().unwrap();
    let record = ItemRecord::from_fields(&other, [("shop", "corner")]).unwrap();
    assert!(matches!(Offer::from_record(&record), Err(RecordError::OtherType { .. })));
}

/// It can be stored, although it cannot come back.
#[derive(Item)]
struct Borrowed {
    text: &'static str,
}

#[test]
fn an_item_that_borrows_is_still_an_item() {
    assert_eq!(Borrowed { text: "a" }.into_record().json_text(), r#"{"text":"a"}"#);
}
