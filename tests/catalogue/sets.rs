//! 1001tracklists: a site of generated sets whose truth is known, crawled, killed at random, changed and parsed once more.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use dragline_testkit::torture::new_seed;
use dragline_testkit::{Answer, Dragline, Site};

use super::silver::{TABLES, WRONG};
use super::{crawl_all, dragline, or_null};
use crate::looked_at::killed_while_looked_at;
use crate::stored::{Stored, on_both_stores};

on_both_stores!(
    the_tables_say_what_the_site_says,
    killed_at_random_and_resumed_it_is_the_same,
    a_changed_night_writes_exactly_the_change,
    kept_pages_give_the_same_rows_once_more,
    both_sites_at_once_share_artists_and_tracks,
);

const SETS: usize = 200;

/// The true data of a row of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    /// Whether it has a number of its own. The others are mixed into the one before.
    is_numbered: bool,
    cue_seconds: u64,
    artist: Option<String>,
    title: Option<String>,
    label: Option<String>,
}

fn mixed(number: usize) -> usize {
    number.wrapping_mul(0x9E37_79B9).rotate_left(13) % 100_003
}

/// The rows of a set. Most artists and titles are in many sets, and some of them in the wiki of the other spider.
fn rows_of(set: usize) -> Vec<Row> {
    // Every twentieth has no track list yet.
    let count = if set % 20 == 19 { 0 } else { 4 + mixed(set) % 15 };
    let row = |at: usize| {
        let mixed = mixed(set * 31 + at);
        let artist = match mixed % 9 {
            0 => None,
            1 => Some(format!("Jean-Michel {}", mixed % 40)),
            2 => Some("Low Tide".to_owned()),
            _ => Some(format!("Artist {}", mixed % 60)),
        };
        let title = match (&artist, mixed / 9 % 8) {
            (None, _) | (_, 0) => None,
            (_, 1) => Some(format!("Rendez-Vous {} (Some One Remix)", mixed % 90)),
            _ => Some(format!("Title {}", mixed % 90)),
        };
        let label =
            (title.is_some() && !mixed.is_multiple_of(4)).then(|| format!("Blaues-Licht {}", mixed % 30));
        // Half of the sets have cues.
        let cue_seconds = if set.is_multiple_of(2) { u64::try_from(at).unwrap() * 200 } else { 0 };
        Row { is_numbered: at == 0 || !mixed.is_multiple_of(6), cue_seconds, artist, title, label }
    };
    (0..count).map(row).collect()
}

impl Row {
    fn name(&self) -> String {
        let or_id = |text: &Option<String>| text.clone().unwrap_or_else(|| "ID".to_owned());
        format!("{} - {}", or_id(&self.artist), or_id(&self.title))
    }
}

fn html(set: usize, rows: &[Row]) -> String {
    let mut html = format!(
        "<title>x</title><div id=tlTab data-id=set{set}>\
         <meta itemprop=name content=\"DJ {} @ Night {set}, Kombinat, Köln, Germany 2019-07-{:02}\">\
         <meta itemprop=numTracks content={}>",
        set % 7,
        1 + set % 28,
        rows.len()
    );
    let mut number = 0;
    for (at, row) in rows.iter().enumerate() {
        number += usize::from(row.is_numbered);
        let shown = if row.is_numbered { format!("{number:02}") } else { "w/".to_owned() };
        let is_known = row.artist.is_some() || row.title.is_some();
        let meta =
            if is_known { format!("<meta itemprop=name content=\"{}\">", row.name()) } else { String::new() };
        let label = row.label.as_ref().map(|label| format!("<meta itemprop=publisher content=\"{label}\">"));
        // Writing to a String cannot fail.
        let _ = write!(
            html,
            "<div class=tlpItem data-trno={at} data-id={set}{at:02}><input id=tlp{at}_cue_seconds value={}>\
             <span id=tlp{at}_tracknumber_value>{shown}</span>{meta}{}<span class=trackValue>{}</span></div>",
            row.cue_seconds,
            label.unwrap_or_default(),
            row.name()
        );
    }
    html + "</div>"
}

fn path(set: usize) -> String {
    format!("/tracklist/set{set}/x.html")
}

/// A site whose front page names all sets.
fn site() -> Site {
    let front: String = (0..SETS).map(|set| format!("<a href={}>{set}</a> ", path(set))).collect();
    let sets = (0..SETS).map(|set| (path(set), Answer::html(html(set, &rows_of(set)))));
    sets.fold(Site::builder().page("/", Answer::html(front)), |site, (path, page)| site.page(&path, page))
        .start()
}

fn crawl(site: &Site, stored: &Stored) -> Dragline {
    dragline()
        .args(["crawl", "tracklists1001", "--start-url", &site.url("/"), "--store", &stored.url()])
        .args([
            "--rate",
            "0",
            "--host-concurrency",
            "16",
            "--robots",
            "false",
            "--max-pages-per-pattern",
            "0",
        ])
}

/// Each row of each set.
fn found(stored: &Stored) -> BTreeSet<Vec<String>> {
    let rows = stored.query(
        "select p.source_id, t.entry, t.position, t.cue_ms, t.artist, t.title, t.label,
         case when t.is_unknown then 'unknown' else 'known' end,
         case when t.track is null then 'none' else 'track' end, t.raw_line
         from playlist_tracks t join playlists p on p.id = t.playlist where p.source = '1001tracklists'",
    );
    rows.into_iter().collect()
}

fn truth_of(set: usize, rows: &[Row]) -> Vec<Vec<String>> {
    let has_cues = rows.iter().any(|row| row.cue_seconds > 0);
    let mut position = 0;
    let row = |(at, row): (usize, &Row)| {
        position += usize::from(row.is_numbered);
        let cue = (row.cue_seconds > 0 || (at == 0 && has_cues)).then_some(row.cue_seconds * 1_000);
        let is_known = row.artist.is_some() && row.title.is_some();
        vec![
            format!("set{set}"),
            (at + 1).to_string(),
            position.to_string(),
            or_null(cue),
            or_null(row.artist.as_ref()),
            or_null(row.title.as_ref()),
            or_null(row.label.as_ref()),
            if is_known { "known" } else { "unknown" }.to_owned(),
            if is_known { "track" } else { "none" }.to_owned(),
            row.name(),
        ]
    };
    rows.iter().enumerate().map(row).collect()
}

fn truth() -> BTreeSet<Vec<String>> {
    (0..SETS).flat_map(|set| truth_of(set, &rows_of(set))).collect()
}

#[track_caller]
fn assert_truth(stored: &Stored, truth: &BTreeSet<Vec<String>>) {
    let found = found(stored);
    let differences: Vec<_> = found.symmetric_difference(truth).take(4).collect();
    assert!(differences.is_empty(), "{differences:#?}");
    assert_eq!(stored.count(WRONG), 0);
}

fn the_tables_say_what_the_site_says(stored: &Stored) {
    let site = site();
    crawl(&site, stored).run().assert_code(0).assert_stdout("done 201, failed 0");
    let truth = truth();
    assert!(truth.len() > 1_500 && truth.iter().any(|row| row[3] != "NULL"), "{}", truth.len());
    assert_truth(stored, &truth);
    assert_eq!(stored.count("select count(*) from playlists where parse_status = 'no_tracklist'"), SETS / 20);
}

/// The places of the kills are others each time, and all of them are before the end.
fn killed_at_random_and_resumed_it_is_the_same(stored: &Stored) {
    let site = site();
    let crawl = crawl(&site, stored).args(["--flush-rows", "200", "--flush-interval", "20ms"]);
    crawl.clone().args(["-a", "limit=1"]).run().assert_code(0);
    let seed = new_seed();
    let mut left = usize::try_from(seed % 1_000_003).unwrap();
    let kills: [usize; 5] = std::array::from_fn(|_| {
        left = mixed(left + 1);
        3 + left % 34
    });
    println!("seed {seed}: kills after {kills:?} answers");
    killed_while_looked_at(&crawl, &site, stored, WRONG, &kills);
    assert_truth(stored, &truth());
}

fn a_changed_night_writes_exactly_the_change(stored: &Stored) {
    let site = site();
    let nightly = crawl(&site, stored).arg("--incremental");
    nightly.run().assert_code(0);
    let everything = |stored: &Stored| {
        TABLES.map(|table| stored.query(&format!("select * from {table} order by 1, 2, 3")))
    };
    let first = everything(stored);
    nightly.run().assert_code(0).assert_stdout("unchanged 201 pages");
    assert_eq!(everything(stored), first);

    // One row goes, so those behind it move up; another one gets a label.
    let (set, mut rows) = (4, rows_of(4));
    rows.remove(1);
    rows[0].label = Some("New Label".to_owned());
    site.set(&path(set), Answer::html(html(set, &rows)));
    nightly.run().assert_code(0).assert_stdout("unchanged 200 pages");
    let mut expected = truth();
    expected.retain(|row| row[0] != "set4");
    expected.extend(truth_of(set, &rows));
    assert_truth(stored, &expected);
    let written = stored.query(
        "select p.source_id from playlist_tracks t join playlists p on p.id = t.playlist
         where t.run_id = (select max(run_id) from crawl_runs) group by p.source_id",
    );
    assert_eq!(written, [["set4"]]);
}

fn kept_pages_give_the_same_rows_once_more(stored: &Stored) {
    let site = site();
    crawl(&site, stored).arg("--keep-pages").run().assert_code(0);
    stored.execute("update playlist_tracks set title = 'wrong' where entry = 1");
    stored.execute("delete from track_credits where entry = 2");
    let hits = site.total_hits();
    dragline().args(["reparse", "tracklists1001", "--store", &stored.url()]).run().assert_code(0);
    assert_eq!(site.total_hits(), hits);
    assert_truth(stored, &truth());
}

fn both_sites_at_once_share_artists_and_tracks(stored: &Stored) {
    let (wiki, _) = Site::mixwiki(100);
    let sets = site();
    // The tables are there before two programs write them.
    crawl_all(&wiki, stored).args(["-a", "limit=1"]).run().assert_code(0);
    let of_wiki = crawl_all(&wiki, stored).spawn();
    crawl(&sets, stored).run().assert_code(0).assert_stdout("dead 0");
    of_wiki.finish().assert_code(0).assert_stdout("dead 0");
    assert_truth(stored, &truth());
    let shared = "select count(*) from (select a.id from artists a join track_credits c on c.artist = a.id
        join playlists p on p.id = c.playlist group by a.id having count(distinct p.source) = 2) t";
    assert!(stored.count(shared) > 50);
    super::silver::assert_names(stored);
}
