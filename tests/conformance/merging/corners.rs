//! What else may happen to rows with merged columns: flushes at once, old pages, and people who change rows.

use dragline::prelude::*;
use dragline_core::store::RunSpec;
use dragline_core::{Item, ItemRecord, QueuedRequest, Reason, StoreError};

use super::super::fixture::{done_with, execute, request, run, spec};
use super::super::letters;
use super::{Nights, Plain, Said, both_sums, followed, rows, says, sets, sums, types};
use crate::stored::{Stored, on_both_stores};

on_both_stores!(
    flushes_that_share_new_rows_lose_nothing,
    an_older_page_does_not_replace_what_a_later_run_knows,
    a_number_from_before_the_rule_does_not_count,
    a_row_that_somebody_has_deleted_begins_again,
    a_sum_that_is_too_large_is_refused,
    spiders_that_share_a_table_add_up,
    a_marked_row_that_loses_a_share_stays_marked,
    a_child_that_its_page_no_longer_gives_loses_its_shares,
);

fn flushes_that_share_new_rows_lose_nothing(stored: &Stored) {
    const ROUNDS: usize = 40;
    const AT_ONCE: usize = 4;
    run(async {
        let pages: Vec<QueuedRequest> =
            (0..ROUNDS * AT_ONCE).map(|at| request(&format!("page {at}"))).collect();
        let mut nights = Nights::begin(stored).await;
        let session = nights.night(&pages, false).await;
        for round in 0..ROUNDS {
            let outcome = |at: usize| {
                // Rows that all four flushes insert at once, and a row that is there already. Each flush has another order.
                let names = [format!("new {round}"), "old".to_owned(), format!("new {round} too")];
                let mut given: Vec<(&str, Said)> =
                    names.iter().map(|name| (name.as_str(), sets(1))).collect();
                given.rotate_left(at % 3);
                let mut outcome = says(&pages[round * AT_ONCE + at], &given);
                if at.is_multiple_of(2) {
                    outcome.items.reverse();
                }
                [outcome]
            };
            let (one, two, three, four) = (outcome(0), outcome(1), outcome(2), outcome(3));
            let done = tokio::join!(
                session.flush(&one),
                session.flush(&two),
                session.flush(&three),
                session.flush(&four)
            );
            for done in [done.0, done.1, done.2, done.3] {
                done.unwrap();
            }
        }
    });
    let expected = ROUNDS * AT_ONCE;
    for table in ["sums", "full_sums"] {
        assert_eq!(stored.count(&format!("select sets from {table} where name = 'old'")), expected);
        let others = format!("select count(*) from {table} where name <> 'old' and sets = {AT_ONCE}");
        assert_eq!(stored.count(&others), 2 * ROUNDS);
    }
}

fn an_older_page_does_not_replace_what_a_later_run_knows(stored: &Stored) {
    let said = |number: u16, text: &str| Said {
        sets: number,
        best: Some(number.into()),
        aliases: vec![text.to_owned()],
        isrc: Some(text.to_owned()),
        last: text.to_owned(),
        ..Said::default()
    };
    run(async {
        let pages = [request("1"), request("2")];
        let mut nights = Nights::begin(stored).await;
        let mut dead = says(&pages[0], &[("a", said(9, "old")), ("b", said(9, "old"))]);
        dead.kill(Reason::StoreRefused, "odd", Some("23503"));
        nights.plain(vec![dead], &pages).await;
        let letters = nights.last.as_ref().unwrap().store.read_letters(&letters::all()).await.unwrap();
        let mut later = said(2, "new");
        later.isrc = None;
        nights.plain(vec![says(&pages[1], &[("a", said(1, "new")), ("b", later.clone())])], &pages).await;
        nights.plain(vec![says(&pages[1], &[("a", said(2, "newer")), ("b", later)])], &pages).await;
        let before = rows(stored, "full_sums");
        let session = nights.last.as_ref().unwrap();
        session.store.retry_letters(&letters::retry_as(&letters, &types())).await.unwrap();
        for table in ["sums", "full_sums"] {
            let after = rows(stored, table);
            let aliases = r#"["new","newer","old"]"#;
            assert_eq!(after["a"], ["11", "9", "NULL", aliases, "NULL", "newer", "NULL", "newer"]);
            assert_eq!(
                after["b"],
                ["11", "9", "NULL", r#"["new","old"]"#, "NULL", "old", "NULL", "new"],
                "a null is filled"
            );
            assert_eq!(stored.query(&format!("select distinct run_id from {table}")), [["3"]]);
        }
        // The last run has changed the rows, as far as the history is concerned. It had changed one of them already.
        let after = rows(stored, "full_sums");
        assert_eq!(followed(stored), after);
        let versions = stored.query(
            "select name, run_id, sets, last from full_sums_history where replaced_by_run = 3 order by name",
        );
        assert_eq!(versions, [["a", "2", "1", "new"], ["b", "2", "2", "new"]]);
        assert_eq!(before["b"][7], "new");
        // A later run has found something else on the page, so an older letter adds nothing more.
        nights.plain(vec![says(&pages[0], &[("a", said(5, "page"))])], &pages).await;
        assert_eq!(sums(stored, "sums"), "a 7, b 2");
    });
}

fn a_number_from_before_the_rule_does_not_count(stored: &Stored) {
    run(async {
        let before = Plain::item_type().to_builder().without_merges().build().unwrap();
        let pages = [request("1"), request("2")];
        let mut nights = Nights::of(stored, std::slice::from_ref(&before)).await;
        let record =
            |number| ItemRecord { item_type: before.clone(), ..sets(number).records("a")[0].clone() };
        let spec = || RunSpec { start: pages.to_vec(), ..spec() };
        let session = nights.night_of(std::slice::from_ref(&before), spec()).await;
        session.flush(&[done_with(&pages[0], vec![record(5)])]).await.unwrap();
        session.flush(&[done_with(&pages[1], vec![record(6)])]).await.unwrap();
        assert_eq!(sums(stored, "sums"), "a 6");
        nights.plain(vec![says(&pages[0], &[("a", sets(5))])], &pages).await;
        assert_eq!(sums(stored, "sums"), "a 5");
        nights.plain(vec![says(&pages[1], &[("a", sets(6))])], &pages).await;
        assert_eq!(sums(stored, "sums"), "a 11");
    });
}

fn a_row_that_somebody_has_deleted_begins_again(stored: &Stored) {
    run(async {
        let pages = [request("1"), request("2"), request("3")];
        let mut nights = Nights::begin(stored).await;
        let page = |at: usize| says(&pages[at], &[("a", sets(1)), ("b", sets(1))]);
        nights.plain(vec![page(0), page(1), page(2)], &pages).await;
        execute(stored, "delete from sums where name = 'a'");
        execute(stored, "delete from full_sums where name = 'a'");
        nights.plain(vec![page(0)], &pages).await;
        assert_eq!(both_sums(stored), "a 1, b 3");
        nights.plain(vec![page(2), page(1)], &pages).await;
        assert_eq!(both_sums(stored), "a 3, b 3");
        execute(stored, "delete from sums; delete from full_sums");
        nights.plain(vec![done_with(&pages[0], vec![]), page(1)], &pages).await;
        assert_eq!(both_sums(stored), "a 1, b 1");
    });
}

fn a_sum_that_is_too_large_is_refused(stored: &Stored) {
    #[derive(Item)]
    #[item(table = "small_sums", key = "name")]
    struct Small {
        name: String,
        #[item(merge = "add")]
        sets: i16,
    }
    let types = [Small::item_type()];
    let page_of = |page: &QueuedRequest, sets: i16| {
        done_with(page, vec![Small { name: "a".into(), sets }.into_record()])
    };
    run(async {
        let pages = [request("1"), request("2"), request("3")];
        let mut nights = Nights::of(stored, &types).await;
        let session = nights.night_of(&types, RunSpec { start: pages.to_vec(), ..spec() }).await;
        session.flush(&[page_of(&pages[0], i16::MAX)]).await.unwrap();
        let refused = session.flush(&[page_of(&pages[1], 1)]).await.unwrap_err();
        assert!(matches!(refused, StoreError::Refused { .. }), "{refused:?}");
        let refused =
            session.flush(&[page_of(&pages[1], 1), page_of(&pages[2], i16::MAX)]).await.unwrap_err();
        assert!(matches!(refused, StoreError::Refused { .. }), "{refused:?}");
        session.flush(&[page_of(&pages[1], -1)]).await.unwrap();
    });
    assert_eq!(sums(stored, "small_sums"), "a 32766");
}

fn spiders_that_share_a_table_add_up(stored: &Stored) {
    run(async {
        let page = request("1");
        let mut nights = Nights::begin(stored).await;
        for _ in 0..2 {
            for spider in ["one", "other"] {
                let spec = RunSpec {
                    spider: spider.to_owned(),
                    name: spider.to_owned(),
                    start: vec![page.clone()],
                    ..spec()
                };
                let session = nights.night_of(&types(), spec).await;
                session.flush(&[says(&page, &[("a", sets(1)), ("b", sets(2))])]).await.unwrap();
            }
            assert_eq!(both_sums(stored), "a 2, b 4");
        }
    });
}

fn a_marked_row_that_loses_a_share_stays_marked(stored: &Stored) {
    run(async {
        let pages = [request("1"), request("2")];
        let mut nights = Nights::begin(stored).await;
        let both = |number| vec![says(&pages[0], &[("a", sets(number))]), says(&pages[1], &[("a", sets(1))])];
        nights.plain(both(2), &pages).await;
        let mark = match stored {
            Stored::Postgres(_) => "update full_sums set gone_at = now()",
            Stored::Sqlite(_) => "update full_sums set gone_at = '2026-01-02T03:04:05.000000Z'",
        };
        execute(stored, mark);
        let is_marked = "select count(*) from full_sums where gone_at is not null";
        let told = "select kind from crawl_changes order by position";
        assert_eq!(stored.query(told), [["new"], ["changed"]]);
        for incremental in [false, true] {
            let session = nights.night(&pages, incremental).await;
            session.flush(&[done_with(&pages[0], vec![])]).await.unwrap();
            assert_eq!((stored.count(is_marked), sums(stored, "full_sums")), (1, "a 1".to_owned()));
            assert_eq!(stored.query(told).len(), 2, "it is gone for the readers of the feed");
        }
        nights.plain(both(2), &pages).await;
        assert_eq!((stored.count(is_marked), sums(stored, "full_sums")), (0, "a 3".to_owned()));
        assert_eq!(stored.query(told)[2], ["new"]);
    });
}

fn a_child_that_its_page_no_longer_gives_loses_its_shares(stored: &Stored) {
    #[derive(Item)]
    #[item(table = "mixes", id = "=path")]
    struct Mix {
        path: String,
    }

    #[derive(Item)]
    #[item(table = "mix_lines", key = "mix, title", children_of = Mix, history)]
    struct Line {
        mix: Key<Mix>,
        title: String,
        #[item(merge = "add")]
        sets: i16,
    }
    let types = [Line::item_type(), Mix::item_type()];
    let page_of = |page: &QueuedRequest, titles: &str| {
        let mix = Mix { path: "mix".into() };
        let line = |title: &str| Line { mix: mix.key(), title: title.to_owned(), sets: 1 }.into_record();
        let mut items: Vec<ItemRecord> = titles.split_whitespace().map(line).collect();
        items.push(mix.into_record());
        done_with(page, items)
    };
    run(async {
        let pages = [request("1"), request("2")];
        let mut nights = Nights::of(stored, &types).await;
        for (night, (first, second), expected) in [
            (0, ("a b", "b c"), "a 1, b 2, c 1"),
            (1, ("b", "b c"), "b 2, c 1"),
            // The second page was the last one that gave it, so the row is deleted, and the first page inserts it again.
            (2, ("b", "c"), "b 1, c 1"),
            (3, ("b", "c"), "b 1, c 1"),
        ] {
            let session = nights.night_of(&types, RunSpec { start: pages.to_vec(), ..spec() }).await;
            let mut outcomes = [page_of(&pages[0], first), page_of(&pages[1], second)];
            if night >= 2 {
                outcomes.reverse();
            }
            for outcome in outcomes {
                session.flush(&[outcome]).await.unwrap();
            }
            let rows = stored.query("select title, sets from mix_lines order by title");
            let rows: Vec<String> = rows.iter().map(|row| row.join(" ")).collect();
            assert_eq!(rows.join(", "), expected, "night {night}");
        }
    });
    assert_eq!(stored.count("select count(*) from mix_lines_history where changed is null"), 1);
    assert_eq!(stored.count("select count(*) from crawl_item_shares"), 2);
}
