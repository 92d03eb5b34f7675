//! Tests of typed arguments: values, defaults, and errors.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::*;
use crate::SpiderArgs;

/// Which books.
#[derive(SpiderArgs, Debug, PartialEq)]
struct BookArgs {
    /// Only this category.
    ///
    /// As in the site's addresses.
    category: Option<String>,
    /// How many
    /// pages
    #[arg(default = 3)]
    pages: u32,
    #[arg(name = "only-new", default)]
    only_new: bool,
    #[arg(default = "9.99")]
    highest: Decimal,
    tags: Vec<i16>,
    since: Option<NaiveDate>,
    api_key: u64,
}

fn args(given: &[(&str, &str)]) -> Args {
    given.iter().fold(Args::default(), |args, (name, value)| args.with_value(*name, *value))
}

fn message(given: &[(&str, &str)]) -> String {
    BookArgs::arguments().check(&args(given)).unwrap_err().to_string()
}

#[test]
fn a_struct_is_filled_from_texts_and_defaults() {
    let given = args(&[("api_key", "7"), ("tags", "1, 2,"), ("only-new", "yes"), ("since", "2026-01-31")]);
    assert!(BookArgs::arguments().check(&given).is_ok());
    let expected = BookArgs {
        category: None,
        pages: 3,
        only_new: true,
        highest: Decimal::new(999, 2),
        tags: vec![1, 2],
        since: NaiveDate::from_ymd_opt(2026, 1, 31),
        api_key: 7,
    };
    assert_eq!(given.typed::<BookArgs>().unwrap(), &expected);
    // Every page of a run gets the same value.
    assert!(std::ptr::eq(given.typed::<BookArgs>().unwrap(), given.clone().typed::<BookArgs>().unwrap()));
}

#[test]
fn doc_comments_types_and_defaults_are_listed() {
    assert_eq!(
        BookArgs::arguments().to_string(),
        "  category (text): Only this category.\n\
         \x20 pages (integer, 0 or more, default 3): How many pages\n\
         \x20 only-new (true or false, default false)\n\
         \x20 highest (number, default 9.99)\n\
         \x20 tags (integer, several with commas)\n\
         \x20 since (date, as 2026-12-31)\n\
         \x20 api_key (integer, 0 or more, required)"
    );
}

#[test]
fn wrong_arguments_are_named() {
    assert_eq!(
        message(&[("api_key", "1"), ("page", "4")]),
        "unknown argument \"page\": did you mean \"pages\"?"
    );
    assert_eq!(message(&[("api_key", "1"), ("zzz", "4")]), "unknown argument \"zzz\"");
    assert_eq!(message(&[]), "the argument \"api_key\" is missing: give it with -a api_key=…");
    assert_eq!(
        message(&[("api_key", "1"), ("pages", "many")]),
        "the argument \"pages\" has an invalid value \"many\" (invalid digit found in string); it takes: integer, 0 or more"
    );
    assert_eq!(
        message(&[("api_key", "1"), ("tags", "1,x")]),
        "the argument \"tags\" has an invalid value \"x\" (invalid digit found in string); it takes: integer, several with \
         commas"
    );
    let secret = message(&[("api_key", "hunter2")]);
    assert_eq!(secret, "the argument \"api_key\" has an invalid value; it takes: integer, 0 or more");
}

#[test]
fn what_the_struct_cannot_read_is_the_same_error() {
    let error = args(&[("api_key", "1"), ("pages", "-1")]).typed::<BookArgs>().unwrap_err();
    assert_eq!(error.to_string(), message(&[("api_key", "1"), ("pages", "-1")]),);
    assert!(matches!(args(&[]).typed::<BookArgs>().unwrap_err().problem(), ArgumentProblem::Missing { .. }));
}

#[test]
fn a_spider_without_arguments_takes_none_and_says_how_to_declare_one() {
    let error = Arguments::new().check(&args(&[("tag", "love")])).unwrap_err();
    assert_eq!(error.to_string(), "unknown argument \"tag\"");
    assert!(error.hint().contains("Arguments::new().with_optional(\"tag\", "), "{}", error.hint());
}

#[test]
fn a_wrong_declaration_is_an_error_whatever_is_given() {
    for (declared, problem) in [
        (Arguments::new().with_optional("limit", ""), "a meaning of its own"),
        (Arguments::new().with_optional("a=b", ""), "nobody could give"),
        (Arguments::new().with_optional("a", "").with_required("a", ""), "declared twice"),
        (Arguments::new().declared::<u8>("a", "", Presence::Default("x".to_owned())), "its default"),
    ] {
        let error = declared.check(&Args::default()).unwrap_err().to_string();
        assert!(error.contains(problem), "{error}");
    }
}
