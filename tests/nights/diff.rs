//! `dragline diff` says the truth about what is new, changed and gone, and says what it can't know.

use std::collections::{BTreeMap, BTreeSet};

use dragline_testkit::{Dragline, Finished};
use serde_json::Value as Json;

use super::history::{Rows, change, ledger};
use super::{Changing, Tells, night};
use crate::stored::{Stored, dragline, example, on_both_stores};

on_both_stores!(
    the_differences_between_nights_are_the_truth,
    the_differences_between_incremental_nights_are_the_truth,
    a_run_that_did_not_see_everything_reports_nothing_as_gone,
    the_formats_have_the_same_rows,
    an_item_on_a_page_that_lost_it_is_gone,
    what_cannot_be_known_is_said,
    wrong_runs_are_a_clear_error,
);

fn diff(stored: &Stored, words: &[&str]) -> Dragline {
    example("nasty_spiders").arg("diff").args(words).args(["--store", &stored.url()])
}

/// New and gone paths, and before and after of changed ones.
#[derive(Debug, Default, PartialEq, Eq)]
struct Difference {
    new: BTreeSet<String>,
    gone: BTreeSet<String>,
    changed: BTreeMap<String, [(String, usize); 2]>,
}

fn read(finished: &Finished) -> Difference {
    finished.assert_code(0);
    let mut read = Difference::default();
    for line in finished.stdout.lines() {
        let line: Json = serde_json::from_str(line).unwrap();
        let path = line["key"]["path"].as_str().unwrap().to_owned();
        let side = |side: &str| {
            let links = line[side]["links"].as_u64().unwrap();
            (line[side]["text"].as_str().unwrap().to_owned(), usize::try_from(links).unwrap())
        };
        let is_first = match line["_change"].as_str().unwrap() {
            "new" => read.new.insert(path),
            "gone" => read.gone.insert(path),
            _ => read.changed.insert(path, [side("before"), side("after")]).is_none(),
        };
        assert!(is_first, "a row is listed twice: {line}");
    }
    read
}

fn truth(before: &Rows, after: &Rows) -> Difference {
    let only =
        |one: &Rows, other: &Rows| one.keys().filter(|path| !other.contains_key(*path)).cloned().collect();
    let changed = before.iter().filter_map(|(path, was)| {
        let is = after.get(path).filter(|is| *is != was)?;
        Some((path.clone(), [was.clone(), is.clone()]))
    });
    Difference { new: only(after, before), gone: only(before, after), changed: changed.collect() }
}

fn the_differences_between_nights_are_the_truth(stored: &Stored) {
    differences_are_the_truth(stored, &[]);
}

fn the_differences_between_incremental_nights_are_the_truth(stored: &Stored) {
    differences_are_the_truth(stored, &["--incremental"]);
}

fn differences_are_the_truth(stored: &Stored, flags: &[&str]) {
    let tells = [Tells::StrongTag, Tells::Date, Tells::Nothing];
    let changing = Changing::of(6, |page| tells[page % tells.len()]);
    let site = changing.start();
    let mut nights: Vec<Rows> = Vec::new();
    for night in 1..=4 {
        if night > 1 {
            change(&changing, night);
        }
        let killed = ledger(&site, stored).args(flags).env("DRAGLINE_PROBE", "flush: after history:2").run();
        assert!(killed.code.is_none(), "{killed}");
        ledger(&site, stored).args(flags).run().assert_code(0);
        nights.push(changing.truth());
        let found = read(&diff(stored, &[&night.to_string(), "--format", "jsonl"]).run());
        let before = if night > 1 { &nights[night - 2] } else { &Rows::new() };
        let expected = truth(before, &nights[night - 1]);
        // A page that comes back after it was gone is a row that is still there.
        assert_eq!(found, expected, "night {night}");
        if night > 1 {
            assert!(found.new.len() > 3 && found.gone.len() > 1 && found.changed.len() > 10, "{found:?}");
        }
    }
    // Over several nights; and the values at the end of an earlier night, which later ones have replaced.
    let found = read(&diff(stored, &["1", "4", "--format", "jsonl"]).run());
    assert_eq!(found, truth(&nights[0], &nights[3]));
    let found = read(&diff(stored, &["1", "3", "--format", "jsonl"]).run());
    assert_eq!(found, truth(&nights[0], &nights[2]));
    let text = diff(stored, &["3"]).run();
    text.assert_code(0).assert_stdout("run 3 of ledger").assert_stdout("compared with run 2");
    text.assert_stdout(
        "note: rows that were gone in run 3 are not among these if a later run has seen them again",
    );
}

fn a_run_that_did_not_see_everything_reports_nothing_as_gone(stored: &Stored) {
    let changing = Changing::of(3, |_| Tells::Nothing);
    let site = changing.start();
    ledger(&site, stored).run().assert_code(0);
    changing.hide("/page/3");
    let gone = |words: &[&str]| {
        let found = diff(stored, words).run();
        found.assert_code(0);
        (found.stdout.matches("\ngone ").count(), found)
    };
    ledger(&site, stored).args(["--limit", "12"]).run().assert_code(0);
    let (rows, found) = gone(&["ledger"]);
    found.assert_stdout("note: gone rows are not known: run 2 was cut off (limit)").assert_stdout("? gone");
    assert_eq!(rows, 0);
    ledger(&site, stored).args(["--max-depth", "1"]).run().assert_code(0);
    let (rows, found) = gone(&["ledger"]);
    found.assert_stdout("note: gone rows are not known: run 3 was limited (max_depth 1)");
    assert_eq!(rows, 0);
    // The run is killed and not resumed.
    ledger(&site, stored).env("DRAGLINE_PROBE", "flush: after COMMIT:2").run();
    let (rows, found) = gone(&["ledger"]);
    found.assert_stdout("note: gone rows are not known: run 4 is not finished (it is running)");
    assert_eq!(rows, 0);
    // It is resumed, and a page fails whose row may still be on the site.
    changing.break_page("/page/7");
    ledger(&site, stored).args(["--retries", "0"]).run().assert_code(0);
    let (rows, found) = gone(&["ledger"]);
    found.assert_stdout("1 page of run 4 failed, whose rows may still be on the site");
    assert_eq!(rows, 0);
    changing.mend_pages();
    ledger(&site, stored).run().assert_code(0);
    let (rows, found) = gone(&["ledger"]);
    // Run 4 could not tell that the page had gone away, so run 5 does.
    found.assert_stdout("compared with run 4").assert_stdout("gone     entry path=\"/page/3\"");
    assert_eq!(rows, 1);
    // A page that is not there hides nothing.
    changing.remove("/page/8");
    ledger(&site, stored).run().assert_code(0);
    let (rows, found) = gone(&["ledger"]);
    found.assert_stdout("compared with run 5").assert_stdout("gone     entry path=\"/page/8\"");
    assert_eq!(rows, 1);
}

fn the_formats_have_the_same_rows(stored: &Stored) {
    let changing = Changing::of(1, |_| Tells::Nothing);
    let site = changing.start();
    ledger(&site, stored).run().assert_code(0);
    changing.change("/page/3", |leaf| leaf.text = format!("a \"new\" text, {}", "long ".repeat(40)));
    changing.put("/page/new", Tells::Nothing, Vec::new());
    changing.change("/list/0", |leaf| leaf.links.push("/page/new".to_owned()));
    changing.hide("/page/5");
    ledger(&site, stored).run().assert_code(0);
    let text = diff(stored, &["ledger"]).run();
    text.assert_code(0).assert_stdout("entry: 1 new, 1 changed, 1 gone");
    text.assert_stdout("new      entry path=\"/page/new\"  text: \"/page/new as it is\"  links: 0");
    text.assert_stdout(
        "changed  entry path=\"/page/3\"  text: \"/page/3 as it is\" -> \"a \\\"new\\\" text, long ",
    );
    text.assert_stdout("gone     entry path=\"/page/5\"");
    text.assert(
        "a long value is shortened",
        text.stdout.contains('…') && text.stdout.lines().all(|it| it.len() < 200),
    );
    let csv = diff(stored, &["ledger", "--format", "csv"]).run();
    csv.assert_code(0);
    let lines: Vec<&str> = csv.stdout.lines().collect();
    assert_eq!(lines[0], "type,change,key,column,before,after");
    assert!(
        lines.contains(&"entry,new,/page/new,links,,0")
            && lines.contains(&"entry,gone,/page/5,text,/page/5 as it is,")
    );
    assert!(lines.iter().any(|line| {
        line.starts_with("entry,changed,/page/3,text,/page/3 as it is,\"a \"\"new\"\" text, long")
    }));
    assert_eq!(lines.len(), 1 + 2 + 1 + 2);
    let json = diff(stored, &["ledger", "--format", "jsonl", "--item", "entry"]).run();
    assert_eq!(read(&json).changed.len(), 1);
    json.assert_stdout("\"changed\":[\"text\"]");
}

fn an_item_on_a_page_that_lost_it_is_gone(stored: &Stored) {
    let changing = Changing::of(1, |_| Tells::Nothing);
    let site = changing.start();
    for _ in 0..3 {
        night(&site, stored).run().assert_code(0);
    }
    // The row was last written in the first night.
    assert_eq!(stored.count("SELECT max(run_id) FROM crawl_items"), 1);
    changing.hide("/page/3");
    night(&site, stored).run().assert_code(0);
    let found = dragline().args(["diff", "4", "--store", &stored.url()]).run();
    found.assert_code(0).assert_stdout("page: ? new, ? changed, 1 gone").assert_stdout("/page/3\"");
}

fn what_cannot_be_known_is_said(stored: &Stored) {
    let changing = Changing::of(1, |_| Tells::Nothing);
    let site = changing.start();
    night(&site, stored).run().assert_code(0);
    changing.change("/page/3", |leaf| leaf.text = "news".into());
    night(&site, stored).run().assert_code(0);
    let found = dragline().args(["diff", "2", "--store", &stored.url()]).run();
    found.assert_code(0).assert_stdout("page: ? new, ? changed, 0 gone");
    found.assert_stdout("note: page: new and changed rows are not known, because it has no history");
    let json = dragline().args(["diff", "2", "--format", "jsonl", "--store", &stored.url()]).run();
    json.assert_code(0).assert_stderr("new and changed rows are not known");
    assert_eq!(json.stdout, "");
}

fn wrong_runs_are_a_clear_error(stored: &Stored) {
    let changing = Changing::of(1, |_| Tells::Nothing);
    let site = changing.start();
    ledger(&site, stored).run().assert_code(0);
    ledger(&site, stored).args(["--run", "other"]).run().assert_code(0);
    ledger(&site, stored).run().assert_code(0);
    diff(stored, &["1", "2"]).run().assert_code(2).assert_stderr("run 2 has the name other");
    diff(stored, &["3", "1"]).run().assert_code(2).assert_stderr("name the earlier run first");
    diff(stored, &["1", "1"]).run().assert_code(2).assert_stderr("run 1 is not later than run 1");
    diff(stored, &["9"]).run().assert_code(1).assert_stderr("has no run \"9\"");
    diff(stored, &["3", "--item", "book"]).run().assert_code(2).assert_stderr("it has entry");
    let other = dragline().args(["diff", "3", "--store", &stored.url()]).run();
    other.assert_code(2).assert_stderr("this program has no spider \"ledger\"");
}
