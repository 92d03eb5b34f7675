//! Incremental crawls: the second night fetches, parses and writes only what has changed, and ends with the rows of a crawl that
//! fetches everything.

mod changes;
mod diff;
mod gone;
mod history;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dragline_testkit::{Answer, Dragline, Received, Site};

use crate::stored::{Stored, crawl_site, dragline, on_both_stores};

on_both_stores!(
    an_unchanged_site_sends_no_body_and_no_row_is_written,
    every_kind_of_change_is_noticed,
    a_kill_in_the_second_night_changes_nothing,
    fresh_pages_are_not_asked_for_and_their_links_are_followed,
    an_age_may_be_for_some_pages_only,
    a_server_that_says_unchanged_falsely_can_be_asked_for_bodies,
    a_changed_spider_parses_every_page_again,
    a_night_without_the_flag_is_not_built_upon,
    links_that_a_new_rule_forbids_are_not_followed,
);

const SOON: Duration = Duration::from_secs(60);

/// How a page tells that it has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tells {
    StrongTag,
    WeakTag,
    /// A date of years ago. It is another one after each change.
    Date,
    /// Always the same date, also when the page has changed; and it says 304 then.
    LyingDate,
    /// A date in the future.
    FutureDate,
    /// Another tag with each answer, and never 304.
    RandomTag,
    Nothing,
}

#[derive(Clone, Debug)]
struct Leaf {
    tells: Tells,
    version: usize,
    /// Changes with the version, or not: then only the body changes, and not the item.
    text: String,
    links: Vec<String>,
}

/// A site whose pages change.
#[derive(Clone, Default)]
struct Changing(Arc<Mutex<Contents>>);

#[derive(Default)]
struct Contents {
    pages: BTreeMap<String, Leaf>,
    /// The page whose answer is 503.
    broken: Option<String>,
    /// How many bodies it has sent.
    bodies: usize,
    /// How often it has said that a page is unchanged.
    unchanged: usize,
}

impl Changing {
    /// A start page, `lists` pages with the links of ten pages each, and these.
    fn of(lists: usize, tells: impl Fn(usize) -> Tells) -> Self {
        let site = Self::default();
        let links = |paths: Vec<String>| paths;
        site.put("/", Tells::StrongTag, links((0..lists).map(|list| format!("/list/{list}")).collect()));
        for list in 0..lists {
            let pages = (0..10).map(|page| list * 10 + page);
            site.put(
                &format!("/list/{list}"),
                Tells::StrongTag,
                pages.clone().map(|page| format!("/page/{page}")).collect(),
            );
            for page in pages {
                site.put(&format!("/page/{page}"), tells(page), vec!["/".to_owned()]);
            }
        }
        site
    }

    fn put(&self, path: &str, tells: Tells, links: Vec<String>) {
        let leaf = Leaf { tells, version: 1, text: format!("{path} as it is"), links };
        self.0.lock().unwrap().pages.insert(path.to_owned(), leaf);
    }

    fn change(&self, path: &str, change: impl FnOnce(&mut Leaf)) {
        let mut site = self.0.lock().unwrap();
        let leaf = site.pages.get_mut(path).unwrap_or_else(|| panic!("{path} is missing"));
        leaf.version += 1;
        change(leaf);
    }

    fn break_page(&self, path: &str) {
        self.0.lock().unwrap().broken = Some(path.to_owned());
    }

    fn mend_pages(&self) {
        self.0.lock().unwrap().broken = None;
    }

    fn remove(&self, path: &str) {
        self.0.lock().unwrap().pages.remove(path);
    }

    /// Takes all links to a page away.
    fn hide(&self, path: &str) {
        let mut site = self.0.lock().unwrap();
        for leaf in site.pages.values_mut() {
            let before = leaf.links.len();
            leaf.links.retain(|link| link != path);
            leaf.version += usize::from(leaf.links.len() != before);
        }
    }

    /// Text and number of links of the pages that a crawl finds, by path.
    fn truth(&self) -> BTreeMap<String, (String, usize)> {
        let site = self.0.lock().unwrap();
        let mut found = BTreeMap::new();
        let mut to_visit = vec!["/".to_owned()];
        while let Some(path) = to_visit.pop() {
            let Some(leaf) = site.pages.get(&path).filter(|_| !found.contains_key(&path)) else { continue };
            to_visit.extend(leaf.links.iter().cloned());
            found.insert(path, (leaf.text.clone(), leaf.links.len()));
        }
        found
    }

    /// Bodies and answers 304 since the last call.
    fn sent(&self) -> (usize, usize) {
        let mut site = self.0.lock().unwrap();
        (std::mem::take(&mut site.bodies), std::mem::take(&mut site.unchanged))
    }

    fn start(&self) -> Site {
        let this = self.clone();
        Site::builder().robots("User-agent: *\nAllow: /\n").handler(move |asked| this.answer(asked)).start()
    }

    fn answer(&self, asked: &Received) -> Option<Answer> {
        let mut site = self.0.lock().unwrap();
        if site.broken.as_ref() == Some(&asked.path) {
            return Some(Answer::html("busy").status(503));
        }
        let leaf = site.pages.get(&asked.path)?.clone();
        let (etag, date) = match leaf.tells {
            Tells::StrongTag => (Some(format!("\"{}\"", leaf.version)), None),
            Tells::WeakTag => (Some(format!("W/\"{}\"", leaf.version)), None),
            Tells::Date => (None, Some(format!("Mon, 06 Nov 2000 08:49:{:02} GMT", leaf.version))),
            Tells::LyingDate => (None, Some("Mon, 06 Nov 2000 08:49:37 GMT".to_owned())),
            Tells::FutureDate => (None, Some("Mon, 06 Nov 2090 08:49:37 GMT".to_owned())),
            Tells::RandomTag => (Some(format!("\"{}\"", site.bodies + site.unchanged)), None),
            Tells::Nothing => (None, None),
        };
        let matches =
            |name: &str, now: &Option<String>| now.is_some() && asked.header(name) == now.as_deref();
        let is_same = matches("if-none-match", &etag) || matches("if-modified-since", &date);
        let links: String = leaf.links.iter().map(|link| format!("<a href={link}>{link}</a> ")).collect();
        let mut answer = if is_same && leaf.tells != Tells::RandomTag {
            site.unchanged += 1;
            Answer::new(304)
        } else {
            site.bodies += 1;
            let path = &asked.path;
            Answer::html(format!("<!-- {} --><title>{path}</title><p>{}</p>{links}", leaf.version, leaf.text))
        };
        let now = Some("Mon, 30 Nov 2026 08:49:37 GMT".to_owned());
        for (name, value) in [("ETag", etag), ("Last-Modified", date), ("Date", now)] {
            if let Some(value) = value {
                answer = answer.header(name, &value);
            }
        }
        Some(answer)
    }
}

fn night(site: &Site, stored: &Stored) -> Dragline {
    crawl_site(&site.url("/"), stored).args(["--incremental", "--tolerated-failed-share", "1"])
}

/// URL, text and number of links of every stored page, with the run that wrote the row.
fn rows(stored: &Stored) -> Vec<Vec<String>> {
    let field = |name: &str| match stored {
        Stored::Postgres(_) => format!("data->>'{name}'"),
        Stored::Sqlite(_) => format!("json_extract(data, '$.{name}')"),
    };
    stored.query(&format!(
        "SELECT item_key, {}, {}, run_id FROM crawl_items ORDER BY item_key",
        field("text"),
        field("links")
    ))
}

fn other(stored: &Stored) -> Stored {
    if matches!(stored, Stored::Postgres(_)) { Stored::postgres() } else { Stored::sqlite() }
}

/// Reason and number of the pages of the newest run that are done.
fn done_by_reason(stored: &Stored) -> BTreeMap<String, usize> {
    let rows = stored.query(
        "SELECT coalesce(reason, 'parsed'), count(*) FROM crawl_requests
         WHERE state = 'done' AND run_id = (SELECT max(run_id) FROM crawl_runs) GROUP BY 1",
    );
    rows.into_iter().map(|row| (row[0].clone(), row[1].parse().unwrap())).collect()
}

fn counts(expected: &[(&str, usize)]) -> BTreeMap<String, usize> {
    expected.iter().map(|(reason, count)| ((*reason).to_owned(), *count)).collect()
}

fn an_unchanged_site_sends_no_body_and_no_row_is_written(stored: &Stored) {
    let changing = Changing::of(3, |page| if page % 2 == 0 { Tells::StrongTag } else { Tells::Date });
    let site = changing.start();
    night(&site, stored).run().assert_code(0);
    assert_eq!(changing.sent(), (34, 0));
    let first = rows(stored);
    assert_eq!(first.len(), 34);
    let second = night(&site, stored).run();
    second
        .assert_code(0)
        .assert_stdout("finished: finished")
        .assert_stdout("unchanged 34 pages, not parsed again");
    second.assert("the verdict is good", !second.stdout.contains("problem"));
    assert_eq!(changing.sent(), (0, 34));
    assert_eq!(rows(stored), first, "also the run of each row is as before");
    assert_eq!(done_by_reason(stored), counts(&[("unchanged", 34)]));
    let listed = dragline().args(["runs", "list", "--store", &stored.url()]).run();
    listed.assert_code(0).assert("both nights have 34 items", listed.stdout.matches("34").count() >= 4);
}

fn every_kind_of_change_is_noticed(stored: &Stored) {
    let tells =
        [Tells::StrongTag, Tells::WeakTag, Tells::Date, Tells::FutureDate, Tells::RandomTag, Tells::Nothing];
    let changing = Changing::of(6, |page| tells[page % tells.len()]);
    let site = changing.start();
    night(&site, stored).run().assert_code(0);
    changing.sent();
    for page in 0..60 {
        let path = format!("/page/{page}");
        match page / 6 {
            // The text changes, and so does the item.
            1 => changing.change(&path, |leaf| leaf.text.push_str(", and different")),
            // Only something changes that is in no item.
            2 => changing.change(&path, |_| {}),
            // The page leads somewhere new.
            3 => {
                changing.change(&path, |leaf| leaf.links.push(format!("/new/{page}")));
                changing.put(&format!("/new/{page}"), Tells::Nothing, Vec::new());
            }
            // The page is gone.
            4 => changing.remove(&path),
            _ => {}
        }
    }
    // It has moved: the list leads to another page with the same contents.
    changing.change("/list/0", |leaf| leaf.links[0] = "/moved".into());
    changing.put("/moved", Tells::StrongTag, Vec::new());
    night(&site, stored).run().assert_code(0);
    let (bodies, unchanged) = changing.sent();
    // Start and five lists, and the pages with validators that have not changed: of five groups of six (one page less, which
    // nothing leads to any more), those with a tag or a date.
    assert_eq!(unchanged, 6 + 6 * 3 - 1, "{bodies} bodies");
    let undisturbed = other(stored);
    crawl_site(&site.url("/"), &undisturbed).args(["--tolerated-failed-share", "1"]).run().assert_code(0);
    let gone: Vec<String> = (24..30).chain([0]).map(|page| site.url(&format!("/page/{page}"))).collect();
    let now = |stored: &Stored| -> Vec<Vec<String>> {
        let of_now = rows(stored).into_iter().filter(|row| !gone.contains(&row[0]));
        of_now.map(|row| row[..3].to_vec()).collect()
    };
    assert_eq!(now(stored), now(&undisturbed));
    assert_eq!(rows(stored).len(), rows(&undisturbed).len() + gone.len(), "rows of pages that are gone stay");
    // Only rows that have changed belong to the second run: a list, the changed texts, the pages with a new link, the new pages, and the moved one.
    let written = rows(stored).iter().filter(|row| row[3] == "2").count();
    assert_eq!(written, 1 + 6 + 6 + 6 + 1);
}

fn a_kill_in_the_second_night_changes_nothing(stored: &Stored) {
    let changing = Changing::of(12, |page| if page % 3 == 0 { Tells::Nothing } else { Tells::WeakTag });
    let site = changing.start();
    let quick = ["--flush-rows", "10", "--flush-interval", "50ms"];
    night(&site, stored).args(quick).run().assert_code(0);
    for page in (0..120).step_by(4) {
        changing
            .change(&format!("/page/{page}"), |leaf| leaf.text = format!("text {page} of the second night"));
    }
    let crawl = night(&site, stored).args(quick);
    for kill in 1..=3 {
        site.hold_after(30);
        let mut running = crawl.spawn();
        let done = || stored.count("SELECT count(*) FROM crawl_requests WHERE run_id = 2 AND state = 'done'");
        running.wait_until("more pages are done", SOON, |_| done() >= kill * 20);
        running.kill9();
        assert!(done() < 133, "the kill came before the end");
    }
    site.release();
    crawl.run().assert_code(0).assert_stderr("was killed or crashed");
    let undisturbed = other(stored);
    crawl_site(&site.url("/"), &undisturbed).run().assert_code(0);
    let contents =
        |stored: &Stored| -> Vec<Vec<String>> { rows(stored).iter().map(|row| row[..3].to_vec()).collect() };
    assert_eq!(contents(stored), contents(&undisturbed));
    assert_eq!(rows(stored).iter().filter(|row| row[3] == "2").count(), 30);
    assert_eq!(stored.count("SELECT max(checks) FROM crawl_page_visits"), 2, "no visit counts twice");
    assert_eq!(stored.count("SELECT sum(changes) FROM crawl_page_visits"), 30);
}

fn fresh_pages_are_not_asked_for_and_their_links_are_followed(stored: &Stored) {
    let changing = Changing::of(2, |_| Tells::Nothing);
    let site = changing.start();
    let again = ["--incremental", "--refresh-after", "30d", "--store", &stored.url()];
    night(&site, stored).run().assert_code(0);
    changing.sent();
    // At this rate, 23 requests would take minutes.
    let second = dragline()
        .args(["crawl", "site", "--start-url", &site.url("/"), "--rate", "0.1", "--max-duration", "30s"])
        .args(again)
        .run();
    second.assert_code(0).assert_stdout("fresh     23 pages, not fetched again");
    assert_eq!(changing.sent(), (0, 0));
    assert_eq!(done_by_reason(stored), counts(&[("fresh", 23)]));
    // A page that is not known yet is fetched, and only that one.
    night(&site, stored).args(["--start-url", &site.url("/page/new"), "--refresh-after", "30d"]).run();
    changing.put("/page/new", Tells::Nothing, vec!["/list/0".to_owned()]);
    let third =
        night(&site, stored).args(["--start-url", &site.url("/page/new"), "--refresh-after", "30d"]).run();
    third.assert_code(0);
    assert_eq!(changing.sent(), (1, 0));
    // An age that is over by now.
    night(&site, stored).args(["--refresh-after", "1ms"]).run().assert_code(0);
    assert_eq!(changing.sent(), (20, 3));
}

fn an_age_may_be_for_some_pages_only(stored: &Stored) {
    let changing = Changing::of(2, |_| Tells::Nothing);
    let site = changing.start();
    night(&site, stored).run().assert_code(0);
    changing.sent();
    night(&site, stored).args(["--refresh-after", "url:/page/=30d"]).run().assert_code(0);
    assert_eq!(changing.sent(), (0, 3), "start and lists are asked for");
    for (rule, says) in [
        ("soon", "not an age"),
        ("detail=30d", "tag:detail=30d"),
        ("url:(=30d", "regular expression"),
        ("30d..1d", "shorter one first"),
    ] {
        night(&site, stored).args(["--refresh-after", rule]).run().assert_code(2).assert_stderr(says);
    }
    crawl_site(&site.url("/"), stored)
        .args(["--refresh-after", "30d"])
        .run()
        .assert_code(2)
        .assert_stderr("it needs --incremental");
    assert_eq!(changing.sent(), (0, 0));
}

fn a_server_that_says_unchanged_falsely_can_be_asked_for_bodies(stored: &Stored) {
    let changing = Changing::of(1, |_| Tells::LyingDate);
    let site = changing.start();
    night(&site, stored).run().assert_code(0);
    changing.change("/page/3", |leaf| leaf.text = "news".into());
    changing.sent();
    night(&site, stored).run().assert_code(0);
    assert_eq!(changing.sent(), (0, 12), "the server says that nothing has changed");
    night(&site, stored).args(["--conditional-requests", "false"]).run().assert_code(0);
    assert_eq!(changing.sent(), (12, 0));
    assert_eq!(done_by_reason(stored), counts(&[("parsed", 1), ("unchanged", 11)]));
    let news = rows(stored).into_iter().filter(|row| row[1].starts_with("news")).count();
    assert_eq!(news, 1);
}

fn a_changed_spider_parses_every_page_again(stored: &Stored) {
    let changing = Changing::of(1, |_| Tells::StrongTag);
    let site = changing.start();
    night(&site, stored).run().assert_code(0);
    // As after an upgrade to another version of the spider.
    let other_parser = match stored {
        Stored::Postgres(_) => "UPDATE crawl_pages SET parser = '\\x00112233445566778899aabbccddeeff'",
        Stored::Sqlite(_) => "UPDATE crawl_pages SET parser = x'00112233445566778899aabbccddeeff'",
    };
    stored.execute(other_parser);
    changing.sent();
    let first = rows(stored);
    night(&site, stored).args(["--refresh-after", "30d"]).run().assert_code(0);
    assert_eq!(
        changing.sent(),
        (12, 0),
        "no page counts as fresh, and no server is asked whether it has changed"
    );
    assert_eq!(done_by_reason(stored), counts(&[("parsed", 12)]));
    assert_eq!(rows(stored), first, "the items are the same all the same");
    night(&site, stored).run().assert_code(0);
    assert_eq!(changing.sent(), (0, 12));
}

fn a_night_without_the_flag_is_not_built_upon(stored: &Stored) {
    let changing = Changing::of(1, |_| Tells::StrongTag);
    let site = changing.start();
    night(&site, stored).run().assert_code(0);
    changing.change("/page/1", |leaf| leaf.text = "only for one night".into());
    crawl_site(&site.url("/"), stored).run().assert_code(0);
    // The page is again as the first night found it, but the row is not.
    changing.change("/page/1", |leaf| (leaf.text, leaf.version) = ("/page/1 as it is".to_owned(), 1));
    changing.sent();
    night(&site, stored).run().assert_code(0);
    assert_eq!(changing.sent(), (12, 0));
    assert!(rows(stored).iter().all(|row| !row[1].contains("one night")), "{:?}", rows(stored));
}

fn links_that_a_new_rule_forbids_are_not_followed(stored: &Stored) {
    let changing = Changing::of(2, |_| Tells::StrongTag);
    let site = changing.start();
    night(&site, stored).run().assert_code(0);
    changing.sent();
    night(&site, stored).args(["--deny", "/list/1", "--max-depth", "1"]).run().assert_code(0);
    assert_eq!(changing.sent(), (0, 2));
    assert_eq!(done_by_reason(stored), counts(&[("unchanged", 2)]));
}
