//! Rows that the database refuses. Each costs only its own page, is kept, and can be applied after the cause is mended.

mod failed_share;
mod letters_refused;
mod nul;
mod orphans;
mod pruned;
mod refused;
mod retried;
mod too_much;

use std::fmt::Write as _;

use dragline_testkit::{Answer, Dragline, Finished, Site};

use crate::stored::{Stored, dragline, example};

/// A site of leaves, all of them linked from `/`. Only the leaves in `parents` link to `/next`.
fn site_of(leaves: &[&str], parents: &[&str]) -> Site {
    let mut links = String::new();
    for leaf in leaves {
        let _ = write!(links, "<a href='/{leaf}'>{leaf}</a>");
    }
    let mut site = Site::builder().page("/", Answer::html(links)).page("/next", Answer::html("the last"));
    for leaf in leaves {
        let link = if parents.contains(leaf) { "<a href='/next'>next</a>" } else { "" };
        site = site.page(&format!("/{leaf}"), Answer::html(format!("<p>a leaf</p>{link}")));
    }
    site.start()
}

/// The table of the spider's things as somebody else made it, with `clauses` such as a constraint.
fn things(stored: &Stored, clauses: &str) -> String {
    match stored {
        Stored::Postgres(_) => format!(
            "CREATE TABLE nasty_things (url text PRIMARY KEY, text text NOT NULL, number float8,
             count bigint NOT NULL, run_id bigint NOT NULL, source_url text NOT NULL,
             scraped_at timestamptz NOT NULL{clauses});"
        ),
        Stored::Sqlite(_) => format!(
            "CREATE TABLE nasty_things (url TEXT NOT NULL PRIMARY KEY, text TEXT NOT NULL, number REAL,
             count INTEGER NOT NULL, run_id INTEGER NOT NULL, source_url TEXT NOT NULL,
             scraped_at TEXT NOT NULL{clauses}) STRICT;"
        ),
    }
}

/// A crawl that flushes when all leaves are there, and logs how many transactions that took.
fn crawl_at_once(site: &Site, stored: &Stored) -> Dragline {
    example("nasty_spiders")
        .args(["crawl", "nasty", "--start-url", &site.url("/"), "--store", &stored.url(), "--rate", "0"])
        .args(["--concurrency", "64", "--host-concurrency", "64"])
        // No batch is old before all leaves are there, on a slow machine either.
        .env("DRAGLINE_FLUSH_INTERVAL", "30s")
        .env("DRAGLINE_LOG", "info,dragline_pipelines=debug")
}

/// Pages and transactions of every batch that was flushed.
fn batches(finished: &Finished) -> Vec<(usize, usize)> {
    let number = |line: &str, name: &str| -> usize {
        let (_, rest) = line.split_once(&format!(" {name}=")).unwrap_or_else(|| panic!("no {name}: {line}"));
        rest.split_whitespace().next().unwrap().parse().unwrap()
    };
    let flushed = finished.stderr.lines().filter(|line| line.contains(" transactions="));
    flushed.map(|line| (number(line, "pages"), number(line, "transactions"))).collect()
}

/// `dragline dead-letters …`
fn letters(stored: &Stored, words: &[&str]) -> Finished {
    nasty_letters(stored, words).run()
}

fn nasty_letters(stored: &Stored, words: &[&str]) -> Dragline {
    example("nasty_spiders").arg("dead-letters").args(words).args(["--store", &stored.url()])
}

/// The state of a page, by the end of its URL.
fn state(stored: &Stored, path: &str) -> String {
    let rows = stored.query(&format!("select state from crawl_requests where url like '%{path}'"));
    assert_eq!(rows.len(), 1, "{path}: {rows:?}");
    rows[0][0].clone()
}

#[test]
fn help_has_an_example_for_each_command() {
    for command in ["list", "show", "retry", "export"] {
        dragline()
            .args(["dead-letters", command, "--help"])
            .run()
            .assert_code(0)
            .assert_stdout("dragline dead-letters");
    }
    dragline().args(["dead-letters", "retry"]).run().assert_code(2).assert_stderr("<ID>");
}
