//! What the derived code makes of structs: the table's description, and records.

use std::collections::BTreeMap;

use dragline::prelude::*;
use dragline::{ColumnType, Value};

#[derive(Serialize)]
struct Size {
    width: u32,
}

#[derive(Item)]
struct EveryKind {
    text: String,
    word: &'static str,
    link: Url,
    small: i16,
    byte: u8,
    int: i32,
    port: u16,
    big: i64,
    count: u32,
    tiny: i8,
    views: u64,
    length: usize,
    real: f32,
    double: f64,
    truth: bool,
    price: Decimal,
    day: NaiveDate,
    moment: DateTime<Utc>,
    tags: Vec<String>,
    raw: Json,
    #[item(json)]
    sizes: Vec<Size>,
    absent: Option<i32>,
    #[item(json)]
    absent_size: Option<Size>,
}

#[test]
fn every_kind_of_field_has_its_column_and_its_value() {
    let item = EveryKind {
        text: "a".to_owned(),
        word: "b",
        link: "http://a.example".parse().unwrap(),
        small: -1,
        byte: 255,
        int: -2,
        port: 65_535,
        big: i64::MIN,
        count: u32::MAX,
        tiny: i8::MIN,
        views: 7,
        length: 8,
        real: 0.5,
        double: 0.25,
        truth: true,
        price: Decimal::new(5177, 2),
        day: NaiveDate::from_ymd_opt(1879, 3, 14).unwrap(),
        moment: DateTime::UNIX_EPOCH,
        tags: vec!["x".to_owned()],
        raw: serde_json::json!({"a": 1}),
        sizes: vec![Size { width: 3 }],
        absent: None,
        absent_size: None,
    };
    let record = dragline::Item::into_record(item);
    let columns = record.item_type.columns().iter().zip(&record.values);
    let seen: Vec<_> =
        columns.map(|(c, value)| (c.name.as_str(), c.kind, c.nullable, value.clone())).collect();
    let expected = [
        ("text", ColumnType::Text, false, Value::Text("a".to_owned())),
        ("word", ColumnType::Text, false, Value::Text("b".to_owned())),
        ("link", ColumnType::Text, false, Value::Text("http://a.example/".to_owned())),
        ("small", ColumnType::SmallInt, false, Value::Int(-1)),
        ("byte", ColumnType::SmallInt, false, Value::Int(255)),
        ("int", ColumnType::Integer, false, Value::Int(-2)),
        ("port", ColumnType::Integer, false, Value::Int(65_535)),
        ("big", ColumnType::BigInt, false, Value::Int(i64::MIN)),
        ("count", ColumnType::BigInt, false, Value::Int(4_294_967_295)),
        ("tiny", ColumnType::SmallInt, false, Value::Int(-128)),
        ("views", ColumnType::BigInt, false, Value::Int(7)),
        ("length", ColumnType::BigInt, false, Value::Int(8)),
        ("real", ColumnType::Real, false, Value::Float(0.5)),
        ("double", ColumnType::Double, false, Value::Float(0.25)),
        ("truth", ColumnType::Boolean, false, Value::Bool(true)),
        ("price", ColumnType::Numeric, false, Value::Decimal(Decimal::new(5177, 2))),
        ("day", ColumnType::Date, false, Value::Date(NaiveDate::from_ymd_opt(1879, 3, 14).unwrap())),
        ("moment", ColumnType::Timestamp, false, Value::Timestamp(DateTime::UNIX_EPOCH)),
        ("tags", ColumnType::TextList, false, Value::TextList(vec!["x".to_owned()])),
        ("raw", ColumnType::Json, false, Value::Json(serde_json::json!({"a": 1}))),
        ("sizes", ColumnType::Json, false, Value::Json(serde_json::json!([{"width": 3}]))),
        ("absent", ColumnType::Integer, true, Value::Null),
        ("absent_size", ColumnType::Json, true, Value::Null),
    ];
    assert_eq!(seen, expected);
}

#[derive(Item)]
#[item(table = "tracks", key = "mix, position", name = "track", auto_create = false, history)]
struct MixTrack {
    #[item(column = "mix")]
    mix_url: String,
    position: i32,
    r#type: String,
    #[item(skip)]
    #[allow(dead_code)]
    cue: String,
}

#[test]
fn attributes_say_what_the_table_is() {
    let tracks = MixTrack::item_type();
    assert_eq!((tracks.name(), tracks.table(), tracks.auto_create()), ("track", Some("tracks"), false));
    assert_eq!(tracks.key(), ["mix", "position"]);
    assert!(tracks.is_keyed());
    assert_eq!(tracks.history().unwrap().table(), Some("tracks_history"));
    assert_eq!(
        tracks.columns().iter().map(|column| column.name.as_str()).collect::<Vec<_>>(),
        ["mix", "position", "type"]
    );

    let track =
        MixTrack { mix_url: "m".to_owned(), position: 3, r#type: "id".to_owned(), cue: String::new() };
    assert_eq!(dragline::Item::into_record(track).key_text().as_deref(), Some(r#"["m",3]"#));
}

#[test]
fn without_attributes_items_are_appended_under_the_structs_name() {
    let kinds = EveryKind::item_type();
    assert_eq!((kinds.name(), kinds.table(), kinds.auto_create()), ("every_kind", None, true));
    assert!(!kinds.is_keyed() && !kinds.keeps_history());
}

#[derive(Item)]
struct Unwritable {
    #[item(json)]
    pairs: BTreeMap<(u8, u8), u8>,
}

#[test]
#[should_panic(expected = "the field of the column \"pairs\" cannot be written as JSON")]
fn a_field_that_is_no_json_fails_its_page() {
    let _ = dragline::Item::into_record(Unwritable { pairs: BTreeMap::from([((1, 2), 3)]) });
}

#[derive(Item)]
#[item(table = "labels", key = "code")]
struct Label {
    code: String,
    country: Option<String>,
}

#[derive(Item)]
#[item(table = "artists", id = "name, =country", history)]
struct Artist {
    name: String,
    #[item(column = "country")]
    r#in: String,
    #[item(deferrable)]
    best_track: Option<Key<Track>>,
    alias_of: Option<Key<Artist>>,
}

#[derive(Item)]
#[item(table = "shop.tracks", id = "artist, title", index = "title, id", index = "seconds", children_of = Artist)]
struct Track {
    artist: Key<Artist>,
    title: String,
    seconds: Option<i32>,
    #[item(references = Label)]
    label: Option<String>,
}

fn artist(name: &str, country: &str) -> Artist {
    Artist { name: name.to_owned(), r#in: country.to_owned(), best_track: None, alias_of: None }
}

#[test]
fn an_id_is_a_column_that_nobody_fills() {
    let tracks = Track::item_type();
    let columns: Vec<&str> = tracks.columns().iter().map(|column| column.name.as_str()).collect();
    assert_eq!(columns, ["id", "artist", "title", "seconds", "label"]);
    assert_eq!((tracks.key(), tracks.columns()[0].kind), (&["id".to_owned()][..], ColumnType::Uuid));
    assert!(tracks.has_id() && !Label::item_type().has_id());
    assert_eq!(tracks.indexes(), [vec!["title".to_owned(), "id".to_owned()], vec!["seconds".to_owned()]]);

    let made = artist("Björk", "IS");
    let track = || Track { artist: made.key(), title: "Jóga".to_owned(), seconds: Some(305), label: None };
    assert_eq!(made.key(), Artist::key_of("BJÖRK", "IS"));
    assert_ne!(made.key(), Artist::key_of("Björk", "is"), "its spelling counts");
    assert_eq!(track().key(), Track::key_of(made.key(), "jóga".to_owned()));
    let record = dragline::Item::into_record(track());
    assert_eq!(record.values[0], Value::Uuid(track().key().uuid()));
    assert_eq!(record.key_text(), Some(track().key().to_string()));
    assert_eq!(<Track as dragline::FromRecord>::from_record(&record).unwrap().key(), track().key());
    let built = dragline::ItemRecord::from_fields(
        &tracks,
        [("artist", Value::Uuid(made.key().uuid())), ("title", "JÓGA".into())],
    );
    assert_eq!(built.unwrap().values[0], record.values[0]);
}

#[test]
fn a_key_of_another_item_is_a_reference() {
    let shown = |item: &ItemType| -> Vec<String> {
        let each = item.references().iter().map(|it| {
            let end = if it.is_deferrable { " deferrable" } else { "" };
            format!("{} -> {} {}.{}{end}", it.column, it.parent, it.table, it.key)
        });
        each.collect()
    };
    assert_eq!(shown(&Track::item_type()), ["artist -> artist artists.id", "label -> label labels.code"]);
    assert_eq!(
        shown(&Artist::item_type()),
        ["best_track -> track shop.tracks.id deferrable", "alias_of -> artist artists.id deferrable"]
    );
    assert_eq!(Track::item_type().children_of().map(|it| it.column.as_str()), Some("artist"));
    assert_eq!(Artist::item_type().children_of(), None);
    assert_eq!(Artist::item_type().history().unwrap().references(), []);
    let label = Label { code: "W".to_owned(), country: None };
    assert_eq!(dragline::Item::into_record(label).values.len(), 2);
}
