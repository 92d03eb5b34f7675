//! Items that follow rules, and items that don't.

use dragline_core::chrono::{Duration, NaiveDate, Utc};
use dragline_core::rust_decimal::Decimal;
use dragline_core::{ColumnType, RuleCounts, RuleTally, Value};
use proptest::prelude::*;

use super::*;

fn track() -> ItemType {
    ItemType::builder("track")
        .with_column("title", ColumnType::Text)
        .with_nullable_column("year", ColumnType::Integer)
        .with_nullable_column("price", ColumnType::Numeric)
        .with_nullable_column("loudness", ColumnType::Real)
        .with_nullable_column("released", ColumnType::Date)
        .with_nullable_column("added", ColumnType::Timestamp)
        .with_nullable_column("styles", ColumnType::TextList)
        .with_nullable_column("validation_status", ColumnType::Text)
        .with_nullable_column("data_quality_score", ColumnType::Double)
        .build()
        .unwrap()
}

fn with(fields: &[(&str, Value)]) -> ItemRecord {
    let title = ("title", Value::from("Blue Monday"));
    let mut fields = fields.to_vec();
    if !fields.iter().any(|(name, _)| *name == "title") {
        fields.push(title);
    }
    ItemRecord::from_fields(&track(), fields).unwrap()
}

/// What a rule says about an item with this value.
#[track_caller]
fn problem(rule: Rule, column: &str, value: Value) -> Option<String> {
    rule.check_type(&track()).unwrap();
    let rules = Rules::new().on_type("track", [rule]);
    match rules.process(with(&[(column, value)]), &ItemOrigin::new("")) {
        Verdict::Keep(_) => None,
        Verdict::Quarantine { reason, .. } => Some(reason),
        Verdict::Drop { reason } => panic!("it was dropped: {reason}"),
    }
}

fn list(texts: &[&str]) -> Value {
    Value::TextList(texts.iter().map(|text| (*text).to_owned()).collect())
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

#[test]
fn a_rule_says_what_is_wrong() {
    let today = Utc::now().date_naive();
    let cents = |cents: i64| Value::Decimal(Decimal::new(cents, 2));
    for (rule, column, value, expected) in [
        (Rule::required("year"), "year", Value::Null, Some("year required: it is empty")),
        (Rule::required("title"), "title", Value::from(""), Some("title required: it is empty")),
        (Rule::required("styles"), "styles", list(&[]), Some("styles required: it is empty")),
        (Rule::required("year"), "year", Value::Int(0), None),
        (Rule::length("title", 1..=3), "title", Value::from("äöü"), None),
        (
            Rule::length("title", 1..=3),
            "title",
            Value::from("abcd"),
            Some("title length: it has 4 characters, and 1 to 3 is allowed"),
        ),
        (
            Rule::length("styles", ..2),
            "styles",
            list(&["a", "b"]),
            Some("styles length: it has 2 texts, and less than 2 is allowed"),
        ),
        (Rule::range("year", 1950..=2100), "year", Value::Int(1950), None),
        (
            Rule::range("year", 1950..=2100),
            "year",
            Value::Int(2101),
            Some("year range: it is 2101, and 1950 to 2100 is allowed"),
        ),
        (Rule::range("price", 0..=500), "price", cents(50_000), None),
        (
            Rule::range("price", 0..500),
            "price",
            cents(50_000),
            Some("price range: it is 500.00, and at least 0 and less than 500 is allowed"),
        ),
        (
            Rule::range("price", 0.01..),
            "price",
            cents(0),
            Some("price range: it is 0.00, and at least 0.01 is allowed"),
        ),
        (Rule::range("loudness", -20.0..0.0), "loudness", Value::Float(-7.5), None),
        (
            Rule::range("loudness", -20..0),
            "loudness",
            Value::Float(f64::NAN),
            Some("loudness range: it is \"NaN\", and at least -20 and less than 0 is allowed"),
        ),
        (
            Rule::range("released", day("1950-01-01")..),
            "released",
            Value::Date(day("1949-12-31")),
            Some("released range: it is 1949-12-31, and at least 1950-01-01 is allowed"),
        ),
        (Rule::pattern("title", "^[A-Z]"), "title", Value::from("Xa"), None),
        (
            Rule::pattern("title", "^[A-Z]$"),
            "title",
            Value::from("Xa"),
            Some("title pattern: \"Xa\" does not match \"^[A-Z]$\""),
        ),
        (
            Rule::one_of("styles", ["House", "Techno"]),
            "styles",
            list(&["House", "Tekno"]),
            Some("styles one of: \"Tekno\" is not one of House, Techno"),
        ),
        (Rule::url("title"), "title", Value::from("https://a.example/x"), None),
        (
            Rule::url("title"),
            "title",
            Value::from("/x"),
            Some("title url: \"/x\" is not a whole http or https URL"),
        ),
        (
            Rule::url("title"),
            "title",
            Value::from("mailto:a@b.example"),
            Some("title url: \"mailto:a@b.example\" is not a whole http or https URL"),
        ),
        (Rule::not_in_future("released"), "released", Value::Date(today + Duration::days(1)), None),
        (
            Rule::not_in_future("released"),
            "released",
            Value::Date(day("2999-01-01")),
            Some("released not in future: it is 2999-01-01"),
        ),
        (Rule::not_in_future("added"), "added", Value::Timestamp(Utc::now()), None),
        (Rule::not_in_future("added"), "added", Value::Null, None),
        (Rule::range("year", 1..), "year", Value::Null, None),
        (Rule::pattern("styles", "x"), "styles", Value::Null, None),
    ] {
        let told = format!("{rule:?} {value:?}");
        assert_eq!(problem(rule, column, value).as_deref(), expected, "{told}");
    }
}

#[derive(dragline_core::Item)]
struct Offer {
    price: i32,
    sale_price: Option<i32>,
}

fn cheaper() -> Rule {
    Rule::check("sale below price", |offer: &Offer| match offer.sale_price {
        Some(sale) if sale > offer.price => Err(format!("{sale} is more than {}", offer.price)),
        _ => Ok(()),
    })
}

#[test]
fn a_rule_in_code_sees_the_struct() {
    let rules = Rules::new().on::<Offer>([cheaper()]);
    rules.check(&[Offer::item_type()]).unwrap();
    let process =
        |price, sale_price| rules.process(Offer { price, sale_price }.into_record(), &ItemOrigin::new(""));
    assert!(matches!(process(5, Some(4)), Verdict::Keep(_)));
    assert!(matches!(process(5, None), Verdict::Keep(_)));
    assert!(
        matches!(process(5, Some(6)), Verdict::Quarantine { reason, .. } if reason == "sale below price: 6 is more than 5")
    );
}

#[test]
fn the_gravest_consequence_counts_and_every_broken_rule_is_counted() {
    let rules = Rules::new().on_type(
        "track",
        [
            Rule::length("title", 5..).or_warn(),
            Rule::required("year"),
            Rule::required("price"),
            Rule::range("loudness", ..0).or_drop(),
        ],
    );
    let tally = RuleTally::default();
    let origin = ItemOrigin::new("").with_tally(&tally);
    let year = ("year", Value::Int(1983));
    let price = ("price", Value::Decimal(Decimal::ONE));
    let title = ("title", Value::from("Abc"));
    let kept = rules.process(with(&[title.clone(), year.clone(), price.clone()]), &origin);
    assert!(matches!(kept, Verdict::Keep(_)));
    let held = rules.process(with(std::slice::from_ref(&title)), &origin);
    let both = "year required: it is empty; price required: it is empty";
    assert!(matches!(held, Verdict::Quarantine { reason, .. } if reason == both));
    let loud = ("loudness", Value::Float(1.0));
    let dropped = rules.process(with(&[title, loud]), &origin);
    assert!(matches!(dropped, Verdict::Drop { reason } if reason == "loudness range"));
    assert!(matches!(rules.process(with(&[year, price]), &origin), Verdict::Keep(_)));
    let counts: RuleCounts = tally.into_counts();
    assert_eq!((counts.checked, counts.invalid), (4, 2));
    let counted: Vec<(&str, &str, u64)> =
        counts.iter().map(|(rule, count)| (&*rule.rule, rule.consequence.as_str(), count)).collect();
    assert_eq!(
        counted,
        [
            ("loudness range", "dropped", 1),
            ("price required", "quarantined", 2),
            ("title length", "warned", 3),
            ("year required", "quarantined", 2),
        ]
    );
}

#[test]
fn a_row_says_how_good_it_is() {
    let rules = Rules::new().on_type(
        "track",
        [Rule::required("year").or_warn(), Rule::required("price").or_warn(), Rule::required("title")],
    );
    let marks = |fields: &[(&str, Value)]| {
        let Verdict::Keep(record) = rules.process(with(fields), &ItemOrigin::new("")) else { panic!() };
        (record.get("validation_status").cloned(), record.get("data_quality_score").cloned())
    };
    let marked = |status: &str, score| (Some(Value::from(status)), Some(Value::Float(score)));
    let (year, price) = (("year", Value::Int(1983)), ("price", Value::Decimal(Decimal::ONE)));
    assert_eq!(marks(&[year.clone(), price]), marked("valid", 1.0));
    assert_eq!(marks(&[year]), marked("warning", 0.6667));
    assert_eq!(marks(&[]), marked("warning", 0.3333));
}

#[test]
fn items_without_rules_pass_and_are_not_counted() {
    let rules = Rules::new().on::<Offer>([cheaper()]);
    let tally = RuleTally::default();
    let record = with(&[]);
    let origin = ItemOrigin::new("").with_tally(&tally);
    assert_eq!(rules.process(record.clone(), &origin), Verdict::Keep(record));
    assert!(tally.into_counts().is_empty());
}

#[test]
fn a_crawl_does_not_start_with_a_rule_that_cannot_be_checked() {
    for (rule, problem) in [
        (
            Rule::required("artist"),
            "rules: track.artist: there is no such column, so the rule \"artist required\" can't be checked; \
             the columns are title, year, price, loudness, released, added, styles, validation_status, data_quality_score",
        ),
        (
            Rule::length("year", 1..),
            "rules: track.year: the rule \"year length\" needs a text, and the column has the type integer",
        ),
        (
            Rule::range("title", 1..),
            "rules: track.title: the rule \"title range\" needs a number, and the column has the type text",
        ),
        (
            Rule::range("released", 1950..),
            "rules: track.released: the rule \"released range\" needs a number, and the column has the type date",
        ),
        (
            Rule::range("year", day("1950-01-01")..),
            "rules: track.year: the rule \"year range\" needs a date, and the column has the type integer",
        ),
        (
            Rule::range::<i32>("year", ..),
            "rules: track.year: the rule \"year range\" allows everything: give it a lower or an upper bound",
        ),
        (
            Rule::not_in_future("title"),
            "rules: track.title: the rule \"title not in future\" needs a date or a time, and the column has the type text",
        ),
        (
            Rule::one_of("title", [""; 0]),
            "rules: track.title: the rule \"title one of\" allows nothing: name at least one text",
        ),
        (
            cheaper(),
            "rules: track.sale below price: it is a rule about \"offer\": add it with `on` for that struct",
        ),
    ] {
        let rules = Rules::new().on_type("track", [rule]);
        assert_eq!(rules.check(&[Offer::item_type()]).map_err(|error| error.to_string()), Ok(()));
        assert_eq!(rules.check(&[track()]).unwrap_err().to_string(), problem);
    }
    let rules = Rules::new().on_type("track", [Rule::pattern("title", "(")]);
    let error = rules.check(&[track()]).unwrap_err().to_string();
    assert!(error.contains("has an invalid regular expression"), "{error}");
    let odd =
        ItemType::builder("track").with_column("validation_status", ColumnType::Integer).build().unwrap();
    let error = Rules::new().on_type("track", []).check(&[odd]).unwrap_err().to_string();
    assert!(error.contains("has the type integer, and the step fills it with text"), "{error}");
}

proptest! {
    #[test]
    fn no_text_breaks_the_step(text in "\\PC{0,200}") {
        let rules = Rules::new().on_type("track", [
            Rule::required("title"),
            Rule::length("title", 1..=100),
            Rule::pattern("title", r"^\w+$"),
            Rule::one_of("title", ["a"]),
            Rule::url("title"),
        ]);
        let verdict = rules.process(with(&[("title", Value::Text(text))]), &ItemOrigin::new(""));
        let is_dropped = matches!(verdict, Verdict::Drop { .. });
        prop_assert!(!is_dropped);
    }
}
