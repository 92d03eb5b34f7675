//! Columns that keep what earlier pages knew, in whole crawls: whatever is killed, parsed again, refused and retried, the rows are those
//! of the pages.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dragline_testkit::{Answer, Dragline, Site};
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use crate::looked_at::killed_while_looked_at;
use crate::stored::{Stored, example, on_both_stores};

on_both_stores!(
    killed_and_resumed_each_page_counts_once,
    plain_nights_in_any_order_give_the_rows_of_the_pages,
    incremental_nights_in_any_order_give_the_rows_of_the_pages,
    kept_pages_are_parsed_once_more_to_the_same_sums,
    kept_pages_of_two_runs_count_once_each,
    a_retried_letter_counts_once,
    a_row_that_is_gone_takes_its_shares_along,
    pages_that_share_merged_rows_are_not_parsed_every_night,
    a_union_has_a_limit_and_keeps_the_first_texts,
);

const MIXES: usize = 120;
const ARTISTS: usize = 17;
const TITLES: usize = 29;
/// Only this set has the rare artist and the rare title, and not in every night.
const RARE: usize = 6;

/// A line of a set: artist, title, label and the ISRC, if the page knows it.
struct Line {
    artist: String,
    title: String,
    label: String,
    isrc: Option<String>,
}

/// The day and the lines of a set in a night. A third of the sets change from night to night: they get longer, get shorter, and lose all
/// lines of an artist.
fn set(mix: usize, night: usize) -> (String, Vec<Line>) {
    let night = if mix.is_multiple_of(3) { night } else { 0 };
    let day = format!("20{:02}-{:02}-11", 10 + (mix + night * 5) % 12, 1 + (mix * 7 + night) % 12);
    let line = |at: usize| {
        let (artist, title) = ((mix + at * 3 + night) % ARTISTS, (mix * 5 + at + night) % TITLES);
        Line {
            artist: format!("Artist {artist}"),
            title: format!("Title {title}"),
            label: format!("Label {}", (artist + at) % 4),
            isrc: (mix + at).is_multiple_of(2).then(|| format!("ISRC{title}")),
        }
    };
    let mut lines: Vec<Line> = (0..(mix * 7 + night * 5) % 9).map(line).collect();
    if mix == RARE && night != 1 {
        let (artist, title) = ("Rare artist".to_owned(), "Rare title".to_owned());
        lines.push(Line { artist, title, label: format!("Label of night {night}"), isrc: None });
    }
    (day, lines)
}

/// A site whose front page lists all sets, in another order each time.
fn site(night: &Arc<AtomicUsize>) -> Site {
    let night = Arc::clone(night);
    let answer = move |path: &str| {
        if path == "/" {
            let mut mixes: Vec<usize> = (0..MIXES).collect();
            mixes.shuffle(&mut rand::rng());
            let links: String = mixes.iter().map(|mix| format!("<a href=/mix/{mix}>{mix}</a> ")).collect();
            return Some(Answer::html(links));
        }
        let mix: usize = path.strip_prefix("/mix/")?.parse().ok()?;
        let (day, lines) = set(mix, night.load(Ordering::SeqCst));
        let line = |Line { artist, title, label, isrc }: &Line| {
            let isrc = isrc.as_ref().map(|isrc| format!("<s>{isrc}</s>")).unwrap_or_default();
            format!("<li><b>{artist}</b> <i>{title}</i> <u>{label}</u> {isrc}")
        };
        let lines: String = lines.iter().map(line).collect();
        Some(Answer::html(format!("<time>{day}</time><ol>{lines}</ol>")))
    };
    Site::builder().robots("User-agent: *\nAllow: /\n").handler(move |asked| answer(&asked.path)).start()
}

fn sets(words: &[&str], stored: &Stored) -> Dragline {
    example("nasty_spiders").args(words).args(["--store", &stored.url()])
}

fn crawl(site: &Site, stored: &Stored) -> Dragline {
    sets(&["crawl", "sets", "--start-url", &site.url("/")], stored).args([
        "--rate",
        "0",
        "--host-concurrency",
        "16",
        "--flush-rows",
        "60",
        "--flush-interval",
        "20ms",
    ])
}

/// Rows whose sum is not that of the pages, at any instant.
fn wrong(stored: &Stored) -> String {
    let number = |column: &str| match stored {
        Stored::Postgres(_) => format!("(shares ->> '{column}')::numeric"),
        Stored::Sqlite(_) => format!("json_extract(shares, '$.{column}')"),
    };
    let shares = |column: &str, table: &str, key: &str| {
        format!(
            "(select coalesce(sum({}), 0) from crawl_item_shares
              where table_name = '{table}' and item_key = cast({key} as text))",
            number(column)
        )
    };
    format!(
        "select (select count(*) from sets_artists where sets <> {} or plays <> {})
         + (select count(*) from sets_tracks where coalesce(cast(sets as real), 0) <> {})",
        shares("sets", "sets_artists", "id"),
        shares("plays", "sets_artists", "id"),
        shares("sets", "sets_tracks", "title"),
    )
}

type Rows = BTreeMap<String, Vec<String>>;

/// The rows of both tables by name or title.
fn rows(stored: &Stored) -> Rows {
    let labels = match stored {
        Stored::Postgres(_) => "array_to_json(labels)",
        Stored::Sqlite(_) => "labels",
    };
    let artists =
        stored.query(&format!("select name, sets, plays, first_seen, last_seen, {labels} from sets_artists"));
    let tracks = stored.query("select title, sets, isrc from sets_tracks");
    artists.into_iter().chain(tracks).map(|mut row| (row.remove(0), row)).collect()
}

/// The rows that the pages give after these nights. Sums are those of the last night.
fn truth(nights: &[usize], weight: usize) -> Rows {
    #[derive(Default)]
    struct Known {
        sets: BTreeSet<usize>,
        plays: usize,
        days: BTreeSet<String>,
        labels: BTreeSet<String>,
        isrc: Option<String>,
    }
    let (mut artists, mut tracks) = (BTreeMap::<String, Known>::new(), BTreeMap::<String, Known>::new());
    for night in nights {
        for mix in 0..MIXES {
            let (day, lines) = set(mix, *night);
            for line in lines {
                let artist = artists.entry(line.artist).or_default();
                artist.days.insert(day.clone());
                artist.labels.insert(line.label);
                let track = tracks.entry(line.title).or_default();
                track.isrc = line.isrc.or(track.isrc.take());
                if Some(night) == nights.last() {
                    artist.sets.insert(mix);
                    artist.plays += 1;
                    track.sets.insert(mix);
                }
            }
        }
    }
    let artists = artists.into_iter().map(|(name, known)| {
        let days = (known.days.first().unwrap().clone(), known.days.last().unwrap().clone());
        let labels = serde_json::to_string(&known.labels).unwrap();
        let (sets, plays) = (known.sets.len() * weight, known.plays * weight);
        (name, vec![sets.to_string(), plays.to_string(), days.0, days.1, labels])
    });
    let tracks = tracks.into_iter().map(|(title, known)| {
        let halves = known.sets.len() * weight;
        let sets = match (halves, halves % 2) {
            (0, _) => "NULL".to_owned(),
            (_, 0) => (halves / 2).to_string(),
            _ => format!("{}.5", halves / 2),
        };
        (title, vec![sets, known.isrc.unwrap_or_else(|| "NULL".to_owned())])
    });
    artists.chain(tracks).collect()
}

fn killed_and_resumed_each_page_counts_once(stored: &Stored) {
    let night = Arc::new(AtomicUsize::new(0));
    let site = site(&night);
    crawl(&site, stored).run().assert_code(0);
    assert_eq!(rows(stored), truth(&[0], 1));
    night.store(1, Ordering::SeqCst);
    killed_while_looked_at(&crawl(&site, stored), &site, stored, &wrong(stored), &[20, 24, 28, 32]);
    assert_eq!(rows(stored), truth(&[0, 1], 1));
    crawl(&site, stored).run().assert_code(0);
    assert_eq!(rows(stored), truth(&[0, 1], 1), "a further crawl changes nothing");
}

fn plain_nights_in_any_order_give_the_rows_of_the_pages(stored: &Stored) {
    nights_give_the_rows_of_the_pages(stored, &[]);
}

fn incremental_nights_in_any_order_give_the_rows_of_the_pages(stored: &Stored) {
    nights_give_the_rows_of_the_pages(stored, &["--incremental"]);
}

fn nights_give_the_rows_of_the_pages(stored: &Stored, flags: &[&str]) {
    let seed = dragline_testkit::torture::new_seed();
    let mut random: StdRng = rand::SeedableRng::seed_from_u64(seed);
    let night = Arc::new(AtomicUsize::new(0));
    let site = site(&night);
    let mut kills = 0;
    for number in 0..4 {
        night.store(number, Ordering::SeqCst);
        for probe in ["flush: after merge", "flush: after items", "flush: after COMMIT"] {
            let probe = format!("{probe}:{}", random.random_range(1..4));
            kills += usize::from(
                crawl(&site, stored).args(flags).env("DRAGLINE_PROBE", &probe).run().code.is_none(),
            );
            assert_eq!(stored.count(&wrong(stored)), 0, "seed {seed}, night {number}, {probe}");
            if stored.runs().last().is_some_and(|(state, _)| state == "finished") {
                break;
            }
        }
        if stored.runs().len() == number || stored.runs().last().is_some_and(|(state, _)| state != "finished")
        {
            crawl(&site, stored).args(flags).run().assert_code(0);
        }
        let nights: Vec<usize> = (0..=number).collect();
        assert_eq!(rows(stored), truth(&nights, 1), "seed {seed}, night {number}");
    }
    assert!(kills >= 6, "{kills}");
    // Each change of a row is in the history and in the feed, and nothing else is.
    let same =
        "select count(*) from sets_artists_history where coalesce(cast(changed as text), '') in ('[]', '{}')";
    assert_eq!(stored.count(same), 0);
    let told = stored.count("select count(*) from crawl_changes");
    crawl(&site, stored).args(flags).run().assert_code(0);
    assert_eq!(stored.count("select count(*) from crawl_changes"), told, "nothing has changed");
}

fn kept_pages_are_parsed_once_more_to_the_same_sums(stored: &Stored) {
    let night = Arc::new(AtomicUsize::new(0));
    let site = site(&night);
    crawl(&site, stored).args(["--keep-pages"]).run().assert_code(0);
    let truth_now = truth(&[0], 1);
    for _ in 0..2 {
        let preview = sets(&["reparse", "1", "--dry-run"], stored).run();
        preview
            .assert_code(0)
            .assert_stdout("artist    new 0, changed 0, as they are ")
            .assert_stdout("track     new 0, changed 0, as they are ");
        sets(&["reparse", "1"], stored).run().assert_code(0);
        assert_eq!(rows(stored), truth_now);
    }
    for table in ["sets_artists", "sets_tracks"] {
        assert_eq!(stored.count(&format!("select count(*) from {table} where run_id <> 1")), 0);
    }
    // Another version of the spider gives other numbers, and a page replaces its own.
    let preview = sets(&["reparse", "1", "--dry-run", "-a", "weight=3"], stored).run();
    preview.assert_code(0).assert_stdout("sets: ").assert_stdout("plays: ");
    assert_eq!(rows(stored), truth_now, "a dry run stores nothing");
    for _ in 0..2 {
        sets(&["reparse", "1", "-a", "weight=3"], stored).run().assert_code(0);
        assert_eq!((rows(stored), stored.count(&wrong(stored))), (truth(&[0], 3), 0));
    }
    sets(&["reparse", "1"], stored).run().assert_code(0);
    assert_eq!(rows(stored), truth_now);
    // A later crawl without kept pages counts each page once, too.
    crawl(&site, stored).run().assert_code(0);
    assert_eq!((rows(stored), stored.count(&wrong(stored))), (truth_now, 0));
}

fn kept_pages_of_two_runs_count_once_each(stored: &Stored) {
    let night = Arc::new(AtomicUsize::new(0));
    let site = site(&night);
    crawl(&site, stored).args(["--keep-pages"]).run().assert_code(0);
    // The second run fetches only a part of the pages.
    night.store(1, Ordering::SeqCst);
    crawl(&site, stored).args(["--keep-pages", "--limit", "50"]).run().assert_code(0);
    let before = rows(stored);
    let runs = "select run_id, count(*) from sets_artists group by run_id order by run_id";
    let of_runs = stored.query(runs);
    let doubled = |row: &Vec<String>, sums: usize| {
        let mut row = row.clone();
        for sum in row[..sums].iter_mut().filter(|sum| *sum != "NULL") {
            *sum = (sum.parse::<f64>().unwrap() * 2.0).to_string();
        }
        row
    };
    let expected: Rows = before
        .iter()
        .map(|(name, row)| (name.clone(), doubled(row, if row.len() == 2 { 1 } else { 2 })))
        .collect();
    for _ in 0..2 {
        sets(&["reparse", "--spider", "sets", "-a", "weight=2"], stored).run().assert_code(0);
        assert_eq!((rows(stored), stored.count(&wrong(stored))), (expected.clone(), 0));
    }
    assert_eq!(stored.query(runs), of_runs, "a row belongs to the run that has fetched its page");
}

fn a_retried_letter_counts_once(stored: &Stored) {
    let night = Arc::new(AtomicUsize::new(0));
    let site = site(&night);
    crawl(&site, stored).args(["--limit", "1"]).run().assert_code(0);
    let (refuse, accept) = match stored {
        Stored::Postgres(_) => (
            "ALTER TABLE sets_artists ADD CONSTRAINT nobody CHECK (name <> 'Artist 3')",
            "ALTER TABLE sets_artists DROP CONSTRAINT nobody",
        ),
        Stored::Sqlite(_) => (
            "CREATE TRIGGER nobody BEFORE INSERT ON sets_artists WHEN new.name = 'Artist 3' BEGIN SELECT raise(ABORT, 'nobody'); END",
            "DROP TRIGGER nobody",
        ),
    };
    stored.execute(refuse);
    crawl(&site, stored).args(["--fresh"]).run();
    assert_eq!(stored.count(&wrong(stored)), 0);
    let truth = truth(&[0], 1);
    assert_ne!(rows(stored), truth);
    assert!(stored.count("select count(*) from crawl_dead_letters") > 5);
    stored.execute(accept);
    let retry = || sets(&["dead-letters", "retry", "--all"], stored).run();
    retry().assert_code(0);
    assert_eq!((rows(stored), stored.count(&wrong(stored))), (truth.clone(), 0));
    retry().assert_code(0);
    assert_eq!(rows(stored), truth);
    crawl(&site, stored).run().assert_code(0);
    assert_eq!((rows(stored), stored.count(&wrong(stored))), (truth, 0));
}

fn a_row_that_is_gone_takes_its_shares_along(stored: &Stored) {
    let night = Arc::new(AtomicUsize::new(0));
    let site = site(&night);
    crawl(&site, stored).run().assert_code(0);
    // Their page takes its shares back. So they are gone, although the run has changed them.
    night.store(1, Ordering::SeqCst);
    crawl(&site, stored).run().assert_code(0);
    assert_eq!(rows(stored), truth(&[0, 1], 1));
    assert_eq!(rows(stored)["Rare title"], ["NULL", "NULL"]);
    let diff = sets(&["diff", "2"], stored).run();
    diff.assert_code(0).assert_stdout("artist: 0 new").assert_stdout(", 1 gone");
    let deleting = ["--delete-gone", "after=1"];
    crawl(&site, stored).args(deleting).run().assert_code(0);
    assert!(!rows(stored).contains_key("Rare title") && !rows(stored).contains_key("Rare artist"));
    // They come back as new ones.
    night.store(2, Ordering::SeqCst);
    crawl(&site, stored).args(deleting).run().assert_code(0);
    let (all, last) = (truth(&[0, 1, 2], 1), truth(&[2], 1));
    let rows = rows(stored);
    assert_eq!((rows.len(), stored.count(&wrong(stored))), (all.len(), 0));
    for (name, row) in rows {
        let expected = if name.starts_with("Rare") { &last[&name] } else { &all[&name] };
        assert_eq!(row, *expected, "{name}");
    }
    // A page that is gone keeps what it has added, until the row goes.
    let shares = "select count(*) from crawl_item_shares where item_key = 'Rare title'";
    assert_eq!(stored.count(shares), 1);
    crawl(&site, stored).args(["--deny", &format!("/mix/{RARE}$")]).run().assert_code(0);
    assert_eq!(stored.count(shares), 1);
    crawl(&site, stored).args(["--deny", &format!("/mix/{RARE}$")]).args(deleting).run().assert_code(0);
    assert_eq!((stored.count(shares), stored.count(&wrong(stored))), (0, 0));
}

fn pages_that_share_merged_rows_are_not_parsed_every_night(stored: &Stored) {
    let night = Arc::new(AtomicUsize::new(0));
    let site = site(&night);
    crawl(&site, stored).args(["--incremental"]).run().assert_code(0);
    // The front page lists the sets in another order each time.
    let second = crawl(&site, stored).args(["--incremental"]).run();
    second.assert_code(0).assert_stdout(&format!("unchanged {MIXES} pages"));
    assert_eq!(rows(stored), truth(&[0], 1));
}

fn a_union_has_a_limit_and_keeps_the_first_texts(stored: &Stored) {
    const LABELS: usize = 6_000;
    let set = |first: usize| {
        let labels: String = (first..first + LABELS).map(|label| format!("<u>{label:05}</u>")).collect();
        Answer::html(format!("<time>2026-11-02</time><li><b>Björk</b> <i>Jóga</i> {labels}"))
    };
    let links = "<a href=/later>later</a> <a href=/first>first</a>";
    let site =
        Site::builder().page("/", Answer::html(links)).page("/later", set(LABELS)).page("/first", set(0));
    let site = site.start();
    crawl(&site, stored).run().assert_code(0);
    let number_and_last = match stored {
        Stored::Postgres(_) => "select cardinality(labels), labels[cardinality(labels)] from sets_artists",
        Stored::Sqlite(_) => "select json_array_length(labels), labels ->> '$[#-1]' from sets_artists",
    };
    assert_eq!(stored.query(number_and_last), [["10000", "09999"]]);
}
