//! Parents and children in whole crawls: at every instant, each child has its parents, and a mix has exactly the entries of its page.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dragline_testkit::{Answer, Dragline, Site};

use crate::looked_at::killed_while_looked_at;
use crate::stored::{Stored, example, on_both_stores};

on_both_stores!(
    killed_and_resumed_every_child_has_its_parents,
    the_rows_are_those_of_the_pages_night_after_night,
    kept_pages_are_parsed_once_more_to_the_same_rows,
);

const MIXES: usize = 200;
const ARTISTS: usize = 23;

/// The entries of a mix in a night: `artist`, `title`. A third of the mixes change from night to night: they get longer, get
/// shorter, and their entries move.
fn entries(mix: usize, night: usize) -> Vec<(String, String)> {
    let night = if mix.is_multiple_of(3) { night } else { 0 };
    let count = (mix * 7 + night * 5) % 11;
    let entry = |at: usize| {
        let number = mix + at * 3 + night;
        let name = format!("Artist {}", number % ARTISTS);
        // The same artist in other spellings.
        let name = if number.is_multiple_of(2) { name.to_uppercase() } else { name };
        (name, format!("Title {}", number % 41))
    };
    (0..count).map(entry).collect()
}

/// A site whose front page lists all mixes, as it is in a night.
fn site(night: &Arc<AtomicUsize>) -> Site {
    let night = Arc::clone(night);
    let answer = move |path: &str| {
        if path == "/" {
            let links: String = (0..MIXES).map(|mix| format!("<a href=/mix/{mix}>{mix}</a> ")).collect();
            return Some(Answer::html(links));
        }
        let mix: usize = path.strip_prefix("/mix/")?.parse().ok()?;
        let lines = entries(mix, night.load(Ordering::SeqCst));
        let lines: String =
            lines.iter().map(|(artist, title)| format!("<li><b>{artist}</b> <i>{title}</i>")).collect();
        Some(Answer::html(format!("<h1>Mix {mix}</h1><ol>{lines}</ol>")))
    };
    Site::builder().robots("User-agent: *\nAllow: /\n").handler(move |asked| answer(&asked.path)).start()
}

fn crawl(site: &Site, stored: &Stored) -> Dragline {
    example("nasty_spiders")
        .args(["crawl", "kin", "--start-url", &site.url("/"), "--store", &stored.url()])
        .args(["--rate", "0", "--host-concurrency", "16", "--flush-rows", "60", "--flush-interval", "20ms"])
}

/// Rows that must not be there at any instant: children without a parent, and mixes with more or fewer entries than their page.
const WRONG: &str = "select
    (select count(*) from kin_entries e left join kin_mixes m on m.id = e.mix where m.id is null)
    + (select count(*) from kin_entries e left join kin_artists a on a.id = e.artist where a.id is null)
    + (select count(*) from kin_mixes m where m.entries <> (select count(*) from kin_entries e where e.mix = m.id))";

/// Mix, position, artist and title of all entries, with the artist in lower case.
fn rows(stored: &Stored) -> Vec<String> {
    let rows = stored.query(
        "select m.path, e.position, lower(a.name), e.title from kin_entries e join kin_mixes m on m.id = e.mix
         join kin_artists a on a.id = e.artist",
    );
    let mut rows: Vec<String> = rows.into_iter().map(|row| row.join(" ")).collect();
    rows.sort_unstable();
    rows
}

fn truth(night: usize) -> Vec<String> {
    let of_mix = |mix: usize| {
        let entries = entries(mix, night).into_iter().enumerate();
        entries.map(move |(at, (artist, title))| {
            format!("/mix/{mix} {} {} {title}", at + 1, artist.to_lowercase())
        })
    };
    let mut rows: Vec<String> = (0..MIXES).flat_map(of_mix).collect();
    rows.sort_unstable();
    rows
}

fn killed_and_resumed_every_child_has_its_parents(stored: &Stored) {
    let night = Arc::new(AtomicUsize::new(0));
    let site = site(&night);
    crawl(&site, stored).run().assert_code(0);
    assert_eq!(rows(stored), truth(0));
    night.store(1, Ordering::SeqCst);
    killed_while_looked_at(&crawl(&site, stored), &site, stored, WRONG, &[33, 36, 39, 42, 45]);
    assert_eq!(rows(stored), truth(1));
    assert_eq!(stored.count("select count(*) from kin_artists"), ARTISTS);
}

fn the_rows_are_those_of_the_pages_night_after_night(stored: &Stored) {
    let night = Arc::new(AtomicUsize::new(0));
    let site = site(&night);
    for (number, flags) in
        [&["--incremental"][..], &[], &["--incremental"], &["--incremental"]].iter().enumerate()
    {
        night.store(number, Ordering::SeqCst);
        crawl(&site, stored).args(*flags).run().assert_code(0);
        assert_eq!(rows(stored), truth(number), "night {number}");
    }
    // Unchanged entries are not written.
    let written = "select count(*) from kin_entries where run_id = 4";
    let changed = stored.count(written);
    crawl(&site, stored).args(["--incremental"]).run().assert_code(0);
    assert_eq!(rows(stored), truth(3));
    assert_eq!(stored.count(written), changed);
    // A row that went away left a version, and each version is of a row that changed or went.
    let removed = "select count(*) from kin_entries_history where changed is null and valid_to is not null";
    assert!(stored.count(removed) > 20);
    let diff = example("nasty_spiders").args(["diff", "4", "--store", &stored.url()]).run();
    diff.assert_code(0);
    let gone =
        diff.stdout.lines().filter(|line| line.starts_with("gone ") && line.contains(" entry ")).count();
    let run_4 = stored
        .count("select count(*) from kin_entries_history where changed is null and replaced_by_run = 4");
    assert!(gone == run_4 && gone > 5, "{gone} of {run_4}");
}

fn kept_pages_are_parsed_once_more_to_the_same_rows(stored: &Stored) {
    let night = Arc::new(AtomicUsize::new(0));
    let site = site(&night);
    crawl(&site, stored).args(["--keep-pages"]).run().assert_code(0);
    // A row that an older spider would have made.
    stored.execute("update kin_entries set position = 99 where position = 1");
    let reparse = example("nasty_spiders").args(["reparse", "kin", "--store", &stored.url()]);
    reparse.run().assert_code(0);
    assert_eq!(rows(stored), truth(0));
    assert_eq!(stored.count(WRONG), 0);
}
