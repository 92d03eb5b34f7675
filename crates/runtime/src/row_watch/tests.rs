//! Nights on which a template changed, and nights on which only chance was at work.

use super::*;
use dragline_core::ColumnType;
use dragline_core::item_figures::ItemFigures;

/// A run with rows of `quote`, and the number of them that have an author.
fn night(rows: u64, filled: u64) -> EndFigures {
    let column = ColumnFigures { rows, filled, ..ColumnFigures::default() };
    let columns: ItemFigures = [("quote".to_owned(), [("author".to_owned(), column)].into())].into();
    EndFigures { items: [("quote".to_owned(), rows)].into(), columns, ..EndFigures::default() }
}

/// The codes of the drops, with the usual value, after these nights, the newest first.
fn told(now: &EndFigures, before: &[EndFigures]) -> Vec<(&'static str, f64)> {
    told_by(&WatchSettings::default(), now, before)
}

fn told_by(settings: &WatchSettings, now: &EndFigures, before: &[EndFigures]) -> Vec<(&'static str, f64)> {
    let good: Vec<GoodRun> =
        before.iter().map(|figures| GoodRun { run_id: 1, figures: figures.clone() }).collect();
    let watch = RowWatch { settings, figures: now, good: &good, may_be_empty: &["rare".to_owned()] };
    watch.drops().iter().map(|drop| (drop.code(), drop.usual)).collect()
}

#[test]
fn a_column_that_is_left_empty_is_told() {
    let usual = vec![night(98, 98), night(100, 100)];
    assert_eq!(told(&night(98, 3), &usual), [("filled_drop", 1.0)]);
    assert_eq!(told(&night(98, 0), &usual), [("filled_drop", 1.0)]);
    // Of one kind of page, the author is gone.
    assert_eq!(told(&night(98, 70), &usual), [("filled_drop", 1.0)]);
    assert_eq!(told(&night(98, 90), &usual), []);
    assert_eq!(told(&night(98, 98), &usual), []);
    // Nothing is known yet.
    assert_eq!(told(&night(98, 0), &[]), []);
}

#[test]
fn a_column_that_few_rows_fill_is_watched_too() {
    let usual = [night(1_000, 50)];
    assert_eq!(told(&night(1_000, 0), &usual), [("filled_drop", 0.05)]);
    assert_eq!(told(&night(1_000, 35), &usual), [], "a difference by chance");
    assert_eq!(told(&night(60, 0), &[night(60, 3)]), [], "three are usual");
}

#[test]
fn a_few_values_say_nothing() {
    assert_eq!(told(&night(4, 0), &[night(4, 4)]), []);
    assert_eq!(told(&night(5, 0), &[night(5, 5)]), [("filled_drop", 1.0)]);
    assert_eq!(told(&night(0, 0), &[night(100, 100)]), [], "a type without rows has no shares");
}

#[test]
fn what_is_usual_is_the_median_of_the_last_five() {
    let nights = [night(100, 0), night(100, 100), night(100, 100), night(100, 90), night(100, 80)];
    assert_eq!(told(&night(100, 50), &nights), [("filled_drop", 0.9)]);
    // The new state has become usual.
    let nights = [night(100, 0), night(100, 0), night(100, 0), night(100, 100), night(100, 100)];
    assert_eq!(told(&night(100, 0), &nights), []);
    // A sixth one doesn't count.
    let nights = [[night(100, 100)].as_slice(), &vec![night(100, 0); 5]].concat();
    assert_eq!(told(&night(100, 0), &nights), []);
}

#[test]
fn a_run_is_compared_with_those_that_the_same_limits_cut() {
    let cut = |figures: EndFigures| EndFigures { cut_by: [("limit".to_owned(), 20)].into(), ..figures };
    assert_eq!(told(&cut(night(20, 20)), &[night(1_000, 1_000)]), []);
    assert_eq!(told(&night(400, 400), &[cut(night(20, 20)), night(1_000, 1_000)]), [("items_drop", 1_000.0)]);
    assert_eq!(told(&cut(night(20, 0)), &[cut(night(20, 20))]), [("filled_drop", 1.0)]);
}

#[test]
fn an_item_type_that_loses_most_of_its_rows_is_told() {
    let usual = [night(100, 0), night(90, 0), night(110, 0)];
    assert_eq!(told(&night(40, 0), &usual), [("items_drop", 100.0)]);
    assert_eq!(told(&night(50, 0), &usual), []);
    assert_eq!(told(&night(2, 0), &[night(9, 0)]), [], "a few rows come and go");
    assert_eq!(told(&night(0, 0), &usual), [], "the verdict decides about none at all");
    let rare = |rows: u64| EndFigures { items: [("rare".to_owned(), rows)].into(), ..EndFigures::default() };
    assert_eq!(told(&rare(2), &[rare(100)]), [], "it may even have none");
}

#[test]
fn the_thresholds_are_set_by_their_user() {
    let settings = |filled, items| WatchSettings {
        warn_filled_drop: filled,
        warn_items_drop: items,
        ..WatchSettings::default()
    };
    let (now, usual) = (night(95, 80), [night(100, 100)]);
    assert_eq!(told_by(&settings(0.1, 0.04), &now, &usual), [("items_drop", 100.0), ("filled_drop", 1.0)]);
    assert_eq!(told_by(&settings(1.0, 1.0), &night(1, 0), &usual), []);
}

#[test]
fn a_rule_that_is_broken_is_a_problem() {
    let settings = WatchSettings {
        min_filled: vec!["quote.author=0.95".parse().unwrap()],
        min_items: vec!["100".parse().unwrap(), "quote=50".parse().unwrap()],
        ..WatchSettings::default()
    };
    let problems = |figures: &EndFigures| {
        let watch = RowWatch { settings: &settings, figures, good: &[], may_be_empty: &[] };
        let problems = watch.problems().into_iter();
        problems.map(|problem| (problem.code, problem.text)).collect::<Vec<_>>()
    };
    assert_eq!(problems(&night(100, 95)), []);
    let broken = problems(&night(40, 0));
    let codes: Vec<&str> = broken.iter().map(|(code, _)| code.as_str()).collect();
    assert_eq!(codes, ["too_few_filled", "too_few_items", "too_few_items"]);
    assert!(
        broken[0].1.contains("author of quote is filled in 0.0 % of 40 rows; at least 95.0 %"),
        "{broken:?}"
    );
    assert!(broken[2].1.contains("there are 40 rows of quote; at least 50"), "{broken:?}");
    // Without rows, nothing can be filled. The rule about rows covers that.
    assert_eq!(problems(&night(0, 0)).len(), 2);
    // A rule that could not be checked is broken.
    let unknown = EndFigures { columns: ItemFigures::new(), ..night(100, 100) };
    assert!(problems(&unknown)[0].1.contains("could not be read"));
}

#[test]
fn a_rule_names_what_the_spider_has() {
    let items = [
        ItemType::builder("quote").with_column("author", ColumnType::Text).build().unwrap(),
        ItemType::builder("tag").with_column("name", ColumnType::Text).build().unwrap(),
    ];
    let with = |filled: &[&str], items_rule: &[&str]| {
        let settings = WatchSettings {
            min_filled: filled.iter().map(|rule| rule.parse().unwrap()).collect(),
            min_items: items_rule.iter().map(|rule| rule.parse().unwrap()).collect(),
            ..WatchSettings::default()
        };
        check(&settings, &items)
    };
    assert!(with(&["quote.author=1", "tag.name=0"], &["5", "tag=1"]).is_ok());
    for (filled, rows, says, hint) in [
        (&["quot.author=1"][..], &[][..], "no item type \"quot\"", "it has quote, tag"),
        (&["quote.autor=1"], &[], "no column \"autor\" in quote", "it has quote.author"),
        (&[], &["quotes=1"], "no item type \"quotes\"", "it has quote, tag"),
    ] {
        let error = with(filled, rows).unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
        assert!(error.hint().unwrap().contains(hint) && error.is_usage(), "{error}");
    }
}

/// However often the same site is crawled, a column whose values are missing by chance is not told.
#[test]
fn chance_is_not_told() {
    let draw = |rows: u64, share: f64, mut seed: u64| {
        let mut next = || {
            // splitmix64: good enough to decide which rows are filled.
            seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut bits = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            as_f64((bits ^ (bits >> 31)) >> 11) / as_f64(1 << 53) < share
        };
        night(rows, (0..rows).filter(|_| next()).count() as u64)
    };
    for rows in [10, 50, 100, 500, 2_000] {
        for share in [0.02, 0.1, 0.5, 0.9, 0.99, 1.0] {
            for seed in 0..40 {
                let [now, before @ ..] =
                    [0, 1, 2, 3].map(|night| draw(rows, share, 1_000 * seed + 7 * night));
                assert_eq!(told(&now, &before), [], "{rows} rows, {share}, seed {seed}");
            }
        }
    }
}
