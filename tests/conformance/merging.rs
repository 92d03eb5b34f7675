//! Columns that keep what earlier pages knew, and sums to which each page adds once.

mod corners;
mod model;

use std::collections::{BTreeMap, BTreeSet};

use dragline::prelude::*;
use dragline_core::earlier::{PageRecord, Validators};
use dragline_core::letters::LetterRetry;
use dragline_core::store::{RunSpec, RunState};
use dragline_core::{DeadLetter, Item, ItemRecord, PageOutcome, QueuedRequest, Reason};

use super::fixture::{Session, done_with, request, run, spec};
use super::letters;
use crate::stored::{Stored, on_both_stores};

on_both_stores!(
    each_rule_keeps_what_earlier_pages_knew,
    a_page_counts_once_however_often_it_is_parsed,
    a_page_takes_its_share_back,
    a_page_that_says_nothing_certain_takes_nothing_back,
    decimals_add_up_exactly_and_look_the_same_in_any_order,
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
