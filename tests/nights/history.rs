//! Rows and their versions after several nights are the truth about the site, whatever was killed meanwhile.

use std::collections::BTreeMap;

use dragline_testkit::{Dragline, Site};

use super::{Changing, Tells};
use crate::stored::{Stored, example, on_both_stores};

on_both_stores!(
    plain_nights_leave_the_true_versions_whatever_is_killed,
    incremental_nights_leave_the_true_versions_whatever_is_killed,
    a_history_that_is_switched_on_begins_then,
);

/// Where each night is killed, one after the other, before it may end.
const KILLED_AT: [&str; 5] = [
    "flush: after history",
    "flush: after history:4",
    "flush: after states:3",
    "flush: after COMMIT:2",
    "flush: after history:2",
];

/// Text and number of links of each page, by path.
pub(super) type Rows = BTreeMap<String, (String, usize)>;

/// Path, text, links and changed columns of a version, and the run that replaced it.
type Version = (String, String, usize, String, usize);

pub(super) fn ledger(site: &Site, stored: &Stored) -> Dragline {
    example("nasty_spiders")
        .args(["crawl", "ledger", "--start-url", &site.url("/"), "--store", &stored.url(), "--rate", "0"])
        .args(["--host-concurrency", "8", "--flush-rows", "10", "--flush-interval", "20ms"])
        .args(["--tolerated-failed-share", "1"])
}

fn plain_nights_leave_the_true_versions_whatever_is_killed(stored: &Stored) {
    nights_leave_the_truth(stored, &[]);
}

fn incremental_nights_leave_the_true_versions_whatever_is_killed(stored: &Stored) {
    nights_leave_the_truth(stored, &["--incremental"]);
}

fn nights_leave_the_truth(stored: &Stored, flags: &[&str]) {
    let tells = [Tells::StrongTag, Tells::Date, Tells::Nothing];
    let changing = Changing::of(6, |page| tells[page % tells.len()]);
    let site = changing.start();
    let (mut rows, mut versions) = (Rows::new(), Vec::<Version>::new());
    for night in 1..=4 {
        if night > 1 {
            change(&changing, night);
        }
        let is_killed =
            |probe: &str| ledger(&site, stored).args(flags).env("DRAGLINE_PROBE", probe).run().code.is_none();
        // The run ends before a late one.
        let kills = KILLED_AT.iter().take_while(|probe| is_killed(probe)).count();
        assert!(kills >= 2, "{kills}");
        let last = "SELECT state FROM crawl_runs ORDER BY run_id DESC LIMIT 1";
        if stored.query(last) != [["finished"]] {
            ledger(&site, stored).args(flags).run().assert_code(0);
        }
        for (path, now) in changing.truth() {
            if let Some(before) = rows.insert(path.clone(), now.clone())
                && before != now
            {
                let changed = [("text", before.0 != now.0), ("links", before.1 != now.1)];
                let changed = changed.iter().filter(|(_, is)| *is).map(|(name, _)| *name);
                let changed = changed.collect::<Vec<_>>().join(",");
                versions.push((path, before.0, before.1, changed, night));
            }
        }
        versions.sort();
        assert_eq!(stored_rows(stored), rows, "night {night}");
        assert_eq!(stored_versions(stored), versions, "night {night}");
    }
    assert!(versions.len() > 60, "{}", versions.len());
    // A version begins when the one before it ends, or when the row was made.
    let apart = "SELECT count(*) FROM ledger_history later WHERE valid_from IS NULL OR run_id IS NULL OR (run_id > 1
        AND NOT EXISTS (SELECT 1 FROM ledger_history earlier WHERE earlier.path = later.path
                        AND earlier.valid_to = later.valid_from AND earlier.replaced_by_run = later.run_id)
        AND NOT EXISTS (SELECT 1 FROM crawl_item_keys WHERE item_key = later.path AND made_at = later.valid_from
                        AND made_by = later.run_id))";
    assert_eq!(stored.count(apart), 0);
}

/// What is different in a night: some texts, some links, pages that are new, gone or moved, and texts that are again what they
/// were before.
pub(super) fn change(changing: &Changing, night: usize) {
    for page in 0..60 {
        let path = format!("/page/{page}");
        match (page + night) % 10 {
            1 | 2 => changing.change(&path, |leaf| leaf.text = format!("{path} of night {night}")),
            3 => changing.change(&path, |leaf| leaf.text = format!("{path} as it is")),
            4 => {
                changing.change(&path, |leaf| leaf.links.push(format!("/new/{night}/{page}")));
                changing.put(&format!("/new/{night}/{page}"), Tells::Nothing, Vec::new());
            }
            5 => changing.change(&path, |leaf| {
                leaf.text = format!("{path} of night {night}");
                leaf.links.push("/".to_owned());
            }),
            _ => {}
        }
    }
    changing.change(&format!("/list/{night}"), |leaf| leaf.links[0] = format!("/moved/{night}"));
    changing.put(&format!("/moved/{night}"), Tells::StrongTag, vec!["/".to_owned()]);
    changing.change("/list/0", |leaf| drop(leaf.links.pop()));
    // Nothing leads there any more. The rows stay.
    changing.hide(&format!("/page/{}", night * 10));
    changing.hide(&format!("/page/{}", 11 - night));
}

pub(super) fn stored_rows(stored: &Stored) -> Rows {
    let rows = stored.query("SELECT path, text, links FROM ledger");
    rows.into_iter().map(|row| (row[0].clone(), (row[1].clone(), row[2].parse().unwrap()))).collect()
}

fn stored_versions(stored: &Stored) -> Vec<Version> {
    let rows = stored.query("SELECT path, text, links, changed, replaced_by_run FROM ledger_history");
    let version = |row: Vec<String>| {
        let changed = row[3].replace(['{', '}', '[', ']', '"', ' '], "");
        (row[0].clone(), row[1].clone(), row[2].parse().unwrap(), changed, row[4].parse().unwrap())
    };
    let mut versions: Vec<Version> = rows.into_iter().map(version).collect();
    versions.sort();
    versions
}

fn a_history_that_is_switched_on_begins_then(stored: &Stored) {
    let changing = Changing::of(1, |_| Tells::Nothing);
    let site = changing.start();
    ledger(&site, stored).run().assert_code(0);
    // As if the attribute had been added only now.
    stored.execute("DROP TABLE ledger_history; DELETE FROM crawl_item_keys");
    changing.change("/page/3", |leaf| leaf.text = "news".into());
    let second = ledger(&site, stored).run();
    second.assert_code(0).assert_stderr("created the table ledger_history");
    let version = |night| ("/page/3".to_owned(), "/page/3 as it is".to_owned(), 1, "text".to_owned(), night);
    assert_eq!(stored_versions(stored), [version(2)]);
    assert_eq!(stored.query("SELECT valid_from, run_id FROM ledger_history"), [["NULL", "NULL"]]);
}
