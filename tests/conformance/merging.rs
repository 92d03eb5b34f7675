//! Columns that keep what earlier pages knew, and sums to which each page adds once.

use std::collections::{BTreeMap, BTreeSet};

use dragline::prelude::*;
use dragline_core::earlier::{PageRecord, Validators};
use dragline_core::letters::LetterRetry;
use dragline_core::store::{RunSpec, RunState};
use dragline_core::{DeadLetter, Item, ItemRecord, PageOutcome, QueuedRequest, Reason, StoreError};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use super::fixture::{Session, done_with, execute, request, run, spec};
use super::letters;
use crate::stored::{Stored, on_both_stores};

on_both_stores!(
    each_rule_keeps_what_earlier_pages_knew,
    a_page_counts_once_however_often_it_is_parsed,
    a_page_takes_its_share_back,
    a_page_that_says_nothing_certain_takes_nothing_back,
    decimals_add_up_exactly_and_look_the_same_in_any_order,
    any_nights_in_any_order_give_the_rows_of_the_model,
    flushes_that_share_new_rows_lose_nothing,
    an_older_page_does_not_replace_what_a_later_run_knows,
    a_number_from_before_the_rule_does_not_count,
    a_row_that_somebody_has_deleted_begins_again,
    a_sum_that_is_too_large_is_refused,
    spiders_that_share_a_table_add_up,
    a_marked_row_that_loses_a_share_stays_marked,
    a_child_that_its_page_no_longer_gives_loses_its_shares,
);

#[derive(Item)]
#[item(table = "sums", key = "name")]
struct Plain {
    name: String,
    #[item(merge = "add")]
    sets: u16,
    #[item(merge = "max")]
    best: Option<i32>,
    #[item(merge = "min")]
    first: Option<NaiveDate>,
    #[item(merge = "union")]
    aliases: Vec<String>,
    #[item(merge = "keep")]
    found_as: Option<String>,
    #[item(merge = "fill")]
    isrc: Option<String>,
    #[item(merge = "add")]
    plays: Option<Decimal>,
    last: String,
}

/// The same with all that an item type may ask for, and with a key of two columns.
#[derive(Item)]
#[item(table = "full_sums", key = "number, name", history, changes, gone_mark)]
struct Full {
    name: String,
    number: Decimal,
    #[item(merge = "add")]
    sets: u16,
    #[item(merge = "max")]
    best: Option<i32>,
    #[item(merge = "min")]
    first: Option<NaiveDate>,
    #[item(merge = "union")]
    aliases: Vec<String>,
    #[item(merge = "keep")]
    found_as: Option<String>,
    #[item(merge = "fill")]
    isrc: Option<String>,
    #[item(merge = "add")]
    plays: Option<Decimal>,
    last: String,
}

/// What a page says about a row, without the key.
#[derive(Clone, Debug, Default, PartialEq)]
struct Said {
    sets: u16,
    best: Option<i32>,
    first: Option<NaiveDate>,
    aliases: Vec<String>,
    found_as: Option<String>,
    isrc: Option<String>,
    plays: Option<Decimal>,
    last: String,
}

impl Said {
    fn records(&self, name: &str) -> [ItemRecord; 2] {
        let Self { sets, best, first, aliases, found_as, isrc, plays, last } = self.clone();
        let name = name.to_owned();
        let full = Full {
            name: name.clone(),
            number: Decimal::new(150, 2),
            sets,
            best,
            first,
            aliases: aliases.clone(),
            found_as: found_as.clone(),
            isrc: isrc.clone(),
            plays,
            last: last.clone(),
        };
        let plain = Plain { name, sets, best, first, aliases, found_as, isrc, plays, last };
        [plain.into_record(), full.into_record()]
    }
}

fn sets(number: u16) -> Said {
    Said { sets: number, ..Said::default() }
}

fn types() -> [ItemType; 2] {
    [Plain::item_type(), Full::item_type()]
}

/// A page that says something about rows.
fn says(page: &QueuedRequest, rows: &[(&str, Said)]) -> PageOutcome {
    done_with(page, rows.iter().flat_map(|(name, said)| said.records(name)).collect())
}

/// Runs, one after the other. Each begins with start requests.
struct Nights<'s> {
    stored: &'s Stored,
    last: Option<Session>,
}

impl<'s> Nights<'s> {
    async fn begin(stored: &'s Stored) -> Self {
        Self::of(stored, &types()).await
    }

    async fn of(stored: &'s Stored, types: &[ItemType]) -> Self {
        let store = super::fixture::prepared(stored, types).await;
        store.close().await;
        Self { stored, last: None }
    }

    async fn night(&mut self, pages: &[QueuedRequest], incremental: bool) -> &Session {
        self.night_of(&types(), RunSpec { start: pages.to_vec(), incremental, ..spec() }).await
    }

    async fn night_of(&mut self, types: &[ItemType], spec: RunSpec) -> &Session {
        if let Some(session) = self.last.take() {
            session.store.end_run(session.key(), RunState::Finished, "finished").await.unwrap();
            session.store.close().await;
        }
        let session = Session::open(self.stored, &spec).await;
        session.store.prepare_items(types).await.unwrap();
        self.last.insert(session)
    }

    /// A plain night whose pages are stored one after the other.
    async fn plain(&mut self, pages: Vec<PageOutcome>, requests: &[QueuedRequest]) {
        let session = self.night(requests, false).await;
        for page in pages {
            session.flush(&[page]).await.unwrap();
        }
    }
}

const COLUMNS: [&str; 8] = ["sets", "best", "first", "aliases", "found_as", "isrc", "plays", "last"];

/// The rows of a table: all columns by name.
fn rows(stored: &Stored, table: &str) -> BTreeMap<String, Vec<String>> {
    let aliases = match stored {
        Stored::Postgres(_) => "array_to_json(aliases)",
        Stored::Sqlite(_) => "aliases",
    };
    let columns = COLUMNS.join(", ").replace("aliases", aliases);
    let rows = stored.query(&format!("select name, {columns} from {table}"));
    rows.into_iter().map(|mut row| (row.remove(0), row)).collect()
}

/// The sums of a table: `a 3, b 1`.
fn sums(stored: &Stored, table: &str) -> String {
    let rows = stored.query(&format!("select name, sets from {table} order by name"));
    rows.iter().map(|row| row.join(" ")).collect::<Vec<_>>().join(", ")
}

/// The sums of both tables, which must be the same.
fn both_sums(stored: &Stored) -> String {
    let plain = sums(stored, "sums");
    assert_eq!(sums(stored, "full_sums"), plain);
    plain
}

fn each_rule_keeps_what_earlier_pages_knew(stored: &Stored) {
    let date = |text: &str| Some(text.parse().unwrap());
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let first = Said {
        sets: 2,
        best: Some(5),
        first: date("2020-02-03"),
        aliases: texts(&["b", "Z", "b"]),
        found_as: None,
        isrc: Some("one".into()),
        plays: None,
        last: "first".into(),
    };
    let second = Said {
        sets: 1,
        best: None,
        first: date("2019-05-06"),
        aliases: texts(&["ä", "a"]),
        found_as: Some("second".into()),
        isrc: None,
        plays: Some(Decimal::new(250, 2)),
        last: "second".into(),
    };
    let third = Said {
        sets: 4,
        best: Some(-7),
        first: None,
        aliases: texts(&[]),
        found_as: Some("third".into()),
        isrc: Some("three".into()),
        plays: Some(Decimal::new(5, 1)),
        last: "third".into(),
    };
    let expected = ["7", "5", "2019-05-06", r#"["Z","a","b","ä"]"#, "second", "three", "3", "third"];
    run(async {
        let pages = [request("1"), request("2"), request("3")];
        // One after the other, and all in one batch.
        let mut nights = Nights::begin(stored).await;
        for (name, together) in [("x", false), ("y", true)] {
            let said = [&first, &second, &third];
            let outcomes: Vec<PageOutcome> =
                pages.iter().zip(said).map(|(page, said)| says(page, &[(name, said.clone())])).collect();
            if together {
                nights.night(&pages, false).await.flush(&outcomes).await.unwrap();
            } else {
                nights.plain(outcomes, &pages).await;
            }

            for table in ["sums", "full_sums"] {
                assert_eq!(rows(stored, table)[name], expected, "{table} {name}");
            }
        }
    });
}

fn a_page_counts_once_however_often_it_is_parsed(stored: &Stored) {
    run(async {
        let pages = [request("1"), request("2")];
        let mut nights = Nights::begin(stored).await;
        // A page that names a row twice counts once, with what it says last.
        let first = || says(&pages[0], &[("a", sets(5)), ("b", sets(1)), ("a", sets(2))]);
        let second = || says(&pages[1], &[("a", sets(10))]);
        for night in 0..3 {
            nights.plain(vec![first(), second()], &pages).await;
            assert_eq!(both_sums(stored), "a 12, b 1", "night {night}");
        }
        // A batch whose answer was lost is stored once more.
        nights.last.as_ref().unwrap().flush(&[first(), second()]).await.unwrap();
        assert_eq!(both_sums(stored), "a 12, b 1");
        nights.plain(vec![says(&pages[1], &[("a", sets(7))]), first()], &pages).await;
        assert_eq!(both_sums(stored), "a 9, b 1");
        // A run that parses only one of the pages.
        let session = nights.night(&pages, true).await;
        let unchanged = PageRecord::Unchanged(Validators::default());
        let unchanged = PageOutcome::as_before(&pages[0], Reason::Unchanged, unchanged);
        session.flush(&[unchanged, says(&pages[1], &[("a", sets(8))])]).await.unwrap();
        assert_eq!(both_sums(stored), "a 10, b 1");
    });
}

fn a_page_takes_its_share_back(stored: &Stored) {
    run(async {
        let pages = [request("1"), request("2"), request("3")];
        let mut nights = Nights::begin(stored).await;
        let first = says(&pages[0], &[("a", sets(2)), ("b", sets(1))]);
        nights.plain(vec![first, says(&pages[1], &[("a", sets(10))])], &pages).await;
        // The page has no item of the type any more, and another page adds in the same batch.
        let session = nights.night(&pages, false).await;
        session.flush(&[done_with(&pages[0], vec![]), says(&pages[2], &[("a", sets(100))])]).await.unwrap();
        assert_eq!(both_sums(stored), "a 110, b 0");
        // The row was not seen by the run that takes a share back.
        assert_eq!(stored.query("select run_id from sums order by name"), [["2"], ["1"]]);
        assert_eq!(stored.query("select run_id from full_sums order by name"), [["2"], ["1"]]);
        let told = stored.query("select item_key, kind, run_id from crawl_changes order by position");
        assert_eq!(told.len(), 5, "{told:?}");
        let changed: BTreeSet<&str> = told[3..].iter().map(|change| change[0].as_str()).collect();
        assert_eq!(changed, BTreeSet::from([r#"["1.5","a"]"#, r#"["1.5","b"]"#]));
        // Nobody adds to it: the sum that may be null is null.
        let mut with_plays = sets(1);
        with_plays.plays = Some(Decimal::ONE);
        nights.plain(vec![says(&pages[0], &[("a", with_plays)])], &pages).await;
        let plays = "select sets, plays from full_sums where name = 'a'";
        assert_eq!(stored.query(plays), [["111", "1"]]);
        nights.plain(vec![says(&pages[0], &[("a", sets(1))])], &pages).await;
        assert_eq!(stored.query(plays), [["111", "NULL"]]);
        assert_eq!(stored.query(&plays.replace("full_", "")), [["111", "NULL"]]);
        let shares = "select count(*) from crawl_item_shares";
        assert_eq!(stored.count(shares), 6, "three pages add to two tables");
    });
}

fn a_page_that_says_nothing_certain_takes_nothing_back(stored: &Stored) {
    run(async {
        let page = request("1");
        let start = std::slice::from_ref(&page);
        let mut nights = Nights::begin(stored).await;
        nights.plain(vec![says(&page, &[("a", sets(2)), ("b", sets(1))])], start).await;
        let [letter, other_letter] = sets(3).records("b");
        let mut dead = says(&page, &[("a", sets(4))]);
        dead.dead_letters.push(DeadLetter::of(letter, "odd", None));
        dead.dead_letters.push(DeadLetter::of(other_letter, "odd", None));
        dead.state = dragline_core::PageState::Dead;
        dead.reason = Some(Reason::ItemRefused);
        nights.plain(vec![dead], start).await;
        assert_eq!(both_sums(stored), "a 4, b 1");
        // The letter counts once, whether it is retried or the page is parsed again.
        let session = nights.last.as_ref().unwrap();
        let letters = session.store.read_letters(&letters::all()).await.unwrap();
        let retry = LetterRetry { epoch: Some(session.key().epoch), ..letters::retry_as(&letters, &types()) };
        assert!(session.store.retry_letters(&retry).await.unwrap().page_done);
        assert_eq!(both_sums(stored), "a 4, b 3");
        assert!(session.store.retry_letters(&retry).await.unwrap().applied.is_empty());
        assert_eq!(both_sums(stored), "a 4, b 3");
        nights.plain(vec![says(&page, &[("a", sets(4)), ("b", sets(3))])], start).await;
        assert_eq!(both_sums(stored), "a 4, b 3");
        nights.plain(vec![PageOutcome::failed(&page, Reason::HttpStatus, "gone")], start).await;
        assert_eq!(both_sums(stored), "a 4, b 3");
    });
}

fn decimals_add_up_exactly_and_look_the_same_in_any_order(stored: &Stored) {
    run(async {
        let pages: Vec<QueuedRequest> = (0..4).map(|at| request(&at.to_string())).collect();
        let mut nights = Nights::begin(stored).await;
        let plays = |text: &str| Said { plays: Some(text.parse().unwrap()), ..Said::default() };
        let page = |at: usize, text: &str| says(&pages[at], &[("a", plays(text))]);
        let now = || stored.query("select plays from sums union all select plays from full_sums");
        nights.plain(vec![page(0, "0.10"), page(1, "0.2"), page(2, "9.700")], &pages).await;
        assert_eq!(now(), [["10"], ["10"]]);
        nights.plain(vec![page(2, "9.7"), page(1, "0.30"), page(0, "1000000000000000.05")], &pages).await;
        assert_eq!(now(), [["1000000000000010.05"], ["1000000000000010.05"]]);
    });
}

/// What the tables must have after each night, computed in memory.
#[derive(Default)]
struct Model {
    rows: BTreeMap<String, Said>,
    shares: BTreeMap<(String, usize), (u16, Option<Decimal>)>,
}

impl Model {
    fn apply(&mut self, page: usize, given: &[(&str, Said)]) {
        let mut now = BTreeSet::new();
        for (name, said) in given {
            let row = self.rows.entry((*name).to_owned()).or_default();
            row.best = row.best.max(said.best);
            row.first = match (row.first, said.first) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
            row.aliases.extend(said.aliases.iter().cloned());
            row.aliases.sort();
            row.aliases.dedup();
            row.found_as = row.found_as.take().or(said.found_as.clone());
            row.isrc = said.isrc.clone().or(row.isrc.take());
            row.last.clone_from(&said.last);
            self.shares.insert(((*name).to_owned(), page), (said.sets, said.plays));
            now.insert(*name);
        }
        self.shares.retain(|(name, of), _| *of != page || now.contains(&**name));
    }

    fn rows(&self) -> BTreeMap<String, Vec<String>> {
        let text = |text: Option<String>| text.unwrap_or_else(|| "NULL".to_owned());
        let row = |(name, said): (&String, &Said)| {
            let shares: Vec<_> =
                self.shares.iter().filter(|((of, _), _)| of == name).map(|(_, share)| share).collect();
            let plays = shares.iter().filter_map(|share| share.1).reduce(|one, other| one + other);
            let row = vec![
                shares.iter().map(|share| u32::from(share.0)).sum::<u32>().to_string(),
                text(said.best.map(|best| best.to_string())),
                text(said.first.map(|first| first.to_string())),
                serde_json::to_string(&said.aliases).unwrap(),
                text(said.found_as.clone()),
                text(said.isrc.clone()),
                text(plays.map(|plays| plays.normalize().to_string())),
                said.last.clone(),
            ];
            (name.clone(), row)
        };
        self.rows.iter().map(row).collect()
    }
}

/// What a random page says.
fn anything(random: &mut StdRng) -> Vec<(&'static str, Said)> {
    const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "it's \"f\""];
    let text = |random: &mut StdRng| format!("text {}", random.random_range(0..4));
    let maybe = |random: &mut StdRng| random.random_bool(0.5);
    let count = random.random_range(0..5);
    let one = |random: &mut StdRng| {
        let name = NAMES[random.random_range(0..NAMES.len())];
        let day = random.random_range(1..28);
        let said = Said {
            sets: random.random_range(0..5),
            best: maybe(random).then(|| random.random_range(-9..9)),
            first: maybe(random).then(|| NaiveDate::from_ymd_opt(2020, 1, day).unwrap()),
            aliases: (0..random.random_range(0..3)).map(|_| text(random)).collect(),
            found_as: maybe(random).then(|| text(random)),
            isrc: maybe(random).then(|| text(random)),
            plays: maybe(random).then(|| Decimal::new(random.random_range(-300..300), 2)),
            last: text(random),
        };
        (name, said)
    };
    (0..count).map(|_| one(random)).collect()
}

fn any_nights_in_any_order_give_the_rows_of_the_model(stored: &Stored) {
    const PAGES: usize = 7;
    const NIGHTS: usize = 30;
    run(async {
        let mut random = StdRng::seed_from_u64(7);
        let pages: Vec<QueuedRequest> = (0..PAGES).map(|at| request(&at.to_string())).collect();
        let mut nights = Nights::begin(stored).await;
        let mut model = Model::default();
        let mut contents: Vec<Vec<(&str, Said)>> = vec![Vec::new(); PAGES];
        let mut versions = 0;
        for night in 0..NIGHTS {
            let before = rows(stored, "full_sums");
            let incremental = night % 3 == 2;
            let session = nights.night(&pages, incremental).await;
            let run_id = session.key().run_id;
            let mut order: Vec<usize> = (0..PAGES).collect();
            order.shuffle(&mut random);
            let mut outcomes = Vec::new();
            for at in order {
                let is_changed = night == 0 || random.random_bool(0.4);
                if is_changed {
                    contents[at] = anything(&mut random);
                }
                outcomes.push(match random.random_range(0..10) {
                    0 => PageOutcome::failed(&pages[at], Reason::HttpStatus, "not there tonight"),
                    1..4 if incremental && !is_changed => PageOutcome::as_before(
                        &pages[at],
                        Reason::Unchanged,
                        PageRecord::Unchanged(Validators::default()),
                    ),
                    _ => {
                        model.apply(at, &contents[at]);
                        says(&pages[at], &contents[at])
                    }
                });
            }
            let mut left = outcomes.as_slice();
            while !left.is_empty() {
                let (batch, rest) = left.split_at(random.random_range(1..=left.len().min(4)));
                session.flush(batch).await.unwrap();
                if random.random_bool(0.2) {
                    // Its answer was lost.
                    session.flush(batch).await.unwrap();
                }
                left = rest;
            }
            let after = rows(stored, "full_sums");
            assert_eq!(after, model.rows(), "night {night}");
            assert_eq!(rows(stored, "sums"), after, "night {night}");
            versions += versions_are_right(stored, run_id, &before, &after);
            assert_eq!(followed(stored), after, "night {night}");
        }
        assert!(versions > 30, "{versions}");
    });
}

/// Compares the versions that a run has ended with the rows before and after it. Returns how many there are.
fn versions_are_right(
    stored: &Stored,
    run_id: i64,
    before: &BTreeMap<String, Vec<String>>,
    after: &BTreeMap<String, Vec<String>>,
) -> usize {
    let versions = rows(stored, &format!("full_sums_history where replaced_by_run = {run_id}"));
    let of_changed: BTreeMap<String, Vec<String>> = before
        .iter()
        .filter(|(name, row)| after[*name] != **row)
        .map(|(name, row)| (name.clone(), row.clone()))
        .collect();
    assert_eq!(versions, of_changed, "run {run_id}");
    let changed = match stored {
        Stored::Postgres(_) => "array_to_json(changed)",
        Stored::Sqlite(_) => "changed",
    };
    let told = stored
        .query(&format!("select name, {changed} from full_sums_history where replaced_by_run = {run_id}"));
    for row in told {
        let differ = COLUMNS.iter().zip(before[&row[0]].iter().zip(&after[&row[0]]));
        let differ: Vec<&str> =
            differ.filter(|(_, (one, other))| one != other).map(|(name, _)| *name).collect();
        let mut told: Vec<String> = serde_json::from_str(&row[1]).unwrap();
        told.sort_by_key(|name| COLUMNS.iter().position(|column| column == name));
        assert_eq!(told, differ, "run {run_id}: {}", row[0]);
    }
    of_changed.len()
}

/// The rows of a reader that has followed the change feed.
fn followed(stored: &Stored) -> BTreeMap<String, Vec<String>> {
    let told =
        stored.query("select kind, data from crawl_changes where table_name = 'full_sums' order by position");
    let mut rows: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for change in told {
        let data: Json = serde_json::from_str(&change[1]).unwrap();
        let name = data["name"].as_str().unwrap().to_owned();
        let row = COLUMNS.iter().map(|column| match &data[*column] {
            Json::Null => "NULL".to_owned(),
            Json::String(text) => text.clone(),
            other => other.to_string(),
        });
        let before = rows.insert(name.clone(), row.collect());
        assert_eq!(before.is_some(), change[0] == "changed", "{name}: {}", change[0]);
    }
    rows
}

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
                // Rows that all make anew, and rows that all have in common, in another order.
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
            // The second page was the last one that gave it, so the row is deleted, and the first page makes it anew.
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
