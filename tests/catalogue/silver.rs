//! The refined layer of whole crawls: at every instant, its rows are what the pages say, also after kills, changes and a reparse.

use std::collections::{BTreeMap, BTreeSet};

use dragline_testkit::site::mixwiki::{WikiLine, WikiMix};
use dragline_testkit::{Answer, Site};

use super::{crawl_all, dragline, or_null};
use crate::looked_at::killed_while_looked_at;
use crate::stored::{Stored, on_both_stores};

on_both_stores!(
    the_tables_say_what_the_wiki_says,
    at_every_instant_and_after_every_kill_children_have_their_parents,
    an_unchanged_night_writes_no_row,
    a_change_writes_exactly_the_rows_of_its_mix,
    kept_pages_give_the_same_rows_once_more,
);

pub(super) const TABLES: [&str; 8] = [
    "artists",
    "tracks",
    "playlists",
    "playlist_artists",
    "playlist_tracks",
    "track_credits",
    "bronze_playlists",
    "bronze_tracks",
];

/// Rows that must not be there at any instant: those that refer to a row that isn't there, and mixes with other lines than their page.
pub(super) const WRONG: &str = "select
    (select count(*) from playlist_artists c left join playlists p on p.id = c.playlist where p.id is null)
    + (select count(*) from playlist_artists c left join artists p on p.id = c.artist where p.id is null)
    + (select count(*) from playlist_tracks c left join playlists p on p.id = c.playlist where p.id is null)
    + (select count(*) from playlist_tracks c left join tracks p on p.id = c.track where p.id is null and c.track is not null)
    + (select count(*) from track_credits c left join playlists p on p.id = c.playlist where p.id is null)
    + (select count(*) from track_credits c left join artists p on p.id = c.artist where p.id is null)
    + (select count(*) from track_credits c left join tracks p on p.id = c.track where p.id is null and c.track is not null)
    + (select count(*) from bronze_tracks c left join bronze_playlists p on p.id = c.playlist where p.id is null)
    + (select count(*) from bronze_playlists b left join playlists p on p.source = b.source and p.source_id = b.source_id
       where b.entries <> (select count(*) from bronze_tracks t where t.playlist = b.id)
       or p.id is null or b.entries <> (select count(distinct t.entry) from playlist_tracks t where t.playlist = p.id))";

/// Each line of each mix.
fn rows(stored: &Stored) -> Vec<String> {
    let rows = stored.query(
        "select p.source_id, t.entry, t.place, t.position, t.stretch, t.part, t.cue_ms, t.artist, t.title, t.label,
         t.catalogue_number, case when t.is_unknown then 'unknown' when t.is_gap then 'gap' else 'known' end,
         case when t.track is null then 'none' else 'track' end, t.raw_line
         from playlist_tracks t join playlists p on p.id = t.playlist",
    );
    let mut rows: Vec<String> = rows.into_iter().map(|row| row.join(" | ")).collect();
    rows.sort_unstable();
    rows
}

pub(super) fn is_known(line: &WikiLine) -> bool {
    line.artist.is_some() && line.title.is_some()
}

/// The numbers of the stretches in which tracks follow each other.
pub(super) fn stretches(lines: &[WikiLine]) -> Vec<usize> {
    let mut number = 1;
    let mut numbers = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        if at > 0 && (lines[at - 1].position.is_none() || lines[at - 1].part != line.part) {
            number += 1;
        }
        numbers.push(number);
    }
    numbers
}

fn truth_of(mix: &WikiMix, lines: &[WikiLine]) -> Vec<String> {
    let stretches = stretches(lines);
    let row = |(at, line): (usize, &WikiLine)| {
        let state = match (line.position, is_known(line)) {
            (None, _) => "gap | none",
            (_, true) => "known | track",
            (_, false) => "unknown | none",
        };
        [
            mix.source_id(),
            (at + 1).to_string(),
            "1".to_owned(),
            or_null(line.position),
            stretches[at].to_string(),
            or_null(line.part.as_ref()),
            or_null(line.cue_ms),
            or_null(line.artist.as_ref()),
            or_null(line.title.as_ref()),
            or_null(line.label.as_ref()),
            or_null(line.catalogue_number.as_ref()),
            state.to_owned(),
            line.text.clone(),
        ]
        .join(" | ")
    };
    lines.iter().enumerate().map(row).collect()
}

fn truth<'m>(mixes: impl IntoIterator<Item = &'m WikiMix>) -> Vec<String> {
    let mut rows: Vec<String> = mixes.into_iter().flat_map(|mix| truth_of(mix, &mix.lines)).collect();
    rows.sort_unstable();
    rows
}

#[track_caller]
fn assert_same(found: &[String], expected: &[String]) {
    let difference = found.iter().zip(expected).find(|(found, expected)| found != expected);
    assert_eq!((difference, found.len()), (None, expected.len()));
}

/// Everybody whom the mixes name.
fn names(mixes: &[WikiMix]) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = mixes.iter().map(|mix| mix.dj.clone()).collect();
    for line in mixes.iter().flat_map(|mix| &mix.lines) {
        let Some(artist) = &line.artist else { continue };
        match artist.strip_prefix("Surge & ").and_then(|rest| rest.strip_suffix(" feat. Ines")) {
            Some(second) => names.extend(["Surge", second, "Ines"].map(str::to_owned)),
            None => drop(names.insert(artist.clone())),
        }
        if line.title.as_ref().is_some_and(|title| title.contains("Some One Remix")) {
            names.insert("Some One".to_owned());
        }
    }
    names
}

fn the_tables_say_what_the_wiki_says(stored: &Stored) {
    let (site, mixes) = Site::mixwiki(150);
    crawl_all(&site, stored).run().assert_code(0);
    assert_same(&rows(stored), &truth(&mixes));
    assert_eq!(stored.count(WRONG), 0);

    // One track for each artist and title, and one artist for each name.
    let known = mixes.iter().flat_map(|mix| &mix.lines).filter(|line| is_known(line));
    let known: BTreeSet<_> = known.map(|line| (line.artist.clone(), line.title.clone())).collect();
    assert_eq!(stored.count("select count(*) from tracks"), known.len());
    let of_rows = "select count(*) from (select distinct track, artist, title from playlist_tracks where track is not null) t";
    assert_eq!(stored.count(of_rows), known.len());
    let found = stored.query(
        "select c.name from track_credits c join artists a on a.id = c.artist
         union select d.name from playlist_artists d join artists a on a.id = d.artist",
    );
    let found: BTreeSet<String> = found.into_iter().map(|row| row[0].clone()).collect();
    assert_eq!(found, names(&mixes));
    assert_eq!(stored.count("select count(*) from artists"), found.len());
    assert_names(stored);

    // The mixes, and their DJs.
    let found = stored.query(
        "select p.source_id, p.title, d.name, p.parse_status, p.completeness, p.source from playlists p
         join playlist_artists d on d.playlist = p.id",
    );
    let found: BTreeSet<Vec<String>> = found.into_iter().collect();
    let expected = mixes.iter().map(|mix| {
        let (status, completeness) =
            if mix.lines.is_empty() { ("no_tracklist", "none") } else { ("tracklist", "incomplete") };
        [&mix.source_id(), &mix.title, &mix.dj, status, completeness, "mixesdb"].map(str::to_owned).to_vec()
    });
    assert_eq!(found, expected.collect());
    let places = "select count(*) from playlists where venue = 'Kombinat' and city = 'Köln' and date is not null and date_text is not null";
    assert_eq!(stored.count(places), 50);
}

fn at_every_instant_and_after_every_kill_children_have_their_parents(stored: &Stored) {
    let (site, mixes) = Site::mixwiki(300);
    let crawl = crawl_all(&site, stored).args(["--flush-rows", "300", "--flush-interval", "30ms"]);
    // The tables are there before somebody looks.
    crawl.clone().args(["-a", "limit=1"]).run().assert_code(0);
    killed_while_looked_at(&crawl, &site, stored, WRONG, &[17, 61, 38, 74]);
    assert_same(&rows(stored), &truth(&mixes));
}

/// All that a table holds, as text in an order.
fn everything(stored: &Stored) -> BTreeMap<&'static str, BTreeSet<Vec<String>>> {
    let all = |table: &&'static str| {
        (*table, stored.query(&format!("select * from {table}")).into_iter().collect())
    };
    TABLES.iter().map(all).collect()
}

fn an_unchanged_night_writes_no_row(stored: &Stored) {
    let (site, mixes) = Site::mixwiki(60);
    let nightly = crawl_all(&site, stored).arg("--incremental");
    nightly.run().assert_code(0);
    let first = everything(stored);
    // No mix is parsed once more: no two pages contradict each other about an artist or a track.
    let second = nightly.run();
    second.assert_code(0).assert_stdout(&format!("unchanged {} pages", mixes.len() + 5));
    assert_eq!(everything(stored), first);
    // Even if every page is parsed once more, each row is as it was.
    crawl_all(&site, stored).run().assert_code(0);
    assert_same(&rows(stored), &truth(&mixes));
    for table in TABLES {
        let count = stored.count(&format!("select count(*) from {table}"));
        assert_eq!(count, first[table].len(), "{table}");
    }
}

fn a_change_writes_exactly_the_rows_of_its_mix(stored: &Stored) {
    let (site, mixes) = Site::mixwiki(60);
    let nightly = crawl_all(&site, stored).arg("--incremental");
    nightly.run().assert_code(0);
    let lines_of_others =
        "select * from playlist_tracks where playlist <> (select id from playlists where source_id = '{}')";
    // In the form of this mix, lines have no parts.
    let mix = &mixes[4];
    let lines_of_others = lines_of_others.replace("{}", &mix.source_id().replace('\'', "''"));
    let others: BTreeSet<Vec<String>> = stored.query(&lines_of_others).into_iter().collect();

    // A track in the middle moves all tracks behind it.
    let mut longer = mix.lines.clone();
    let new = WikiLine {
        text: "Björk – Jóga [Label]".to_owned(),
        artist: Some("Björk".to_owned()),
        title: Some("Jóga".to_owned()),
        label: Some("Label".to_owned()),
        position: longer[3].position,
        ..WikiLine::default()
    };
    longer.insert(4, new);
    let mut position = 0;
    for line in longer.iter_mut().filter(|line| line.position.is_some()) {
        position += usize::from(!line.text.contains("w/ "));
        line.position = Some(position);
    }
    site.set(&mix.path(), Answer::html(mix.html(&longer)));
    nightly.run().assert_code(0);
    let expected = |lines: &[WikiLine]| {
        let mut expected = truth(mixes.iter().filter(|other| other.number != mix.number));
        expected.extend(truth_of(mix, lines));
        expected.sort_unstable();
        expected
    };
    assert_same(&rows(stored), &expected(&longer));
    let written = stored.query("select playlist from playlist_tracks where run_id = 2 group by playlist");
    assert_eq!(written.len(), 1, "only the rows of one mix");
    // The lines before the new one are as they were.
    assert_eq!(stored.count("select count(*) from playlist_tracks where run_id = 2 and entry < 5"), 0);
    assert_eq!(stored.count("select count(*) from artists where run_id = 2"), 1);
    assert_eq!(stored.count("select count(*) from tracks where run_id = 2"), 1);
    assert_eq!(stored.count("select count(*) from playlists where run_id = 2"), 0);

    // A shorter list leaves no row of the longer one, and in the end none is left.
    for lines in [&longer[..3], &[]] {
        site.set(&mix.path(), Answer::html(mix.html(lines)));
        nightly.run().assert_code(0);
        assert_same(&rows(stored), &expected(lines));
        assert_eq!(stored.count(WRONG), 0);
    }
    assert_eq!(stored.query(&lines_of_others).into_iter().collect::<BTreeSet<_>>(), others);
}

/// Each artist has all names that the pages write.
pub(super) fn assert_names(stored: &Stored) {
    let names = match stored {
        Stored::Postgres(_) => "array_to_json(names)",
        Stored::Sqlite(_) => "names",
    };
    let known = stored.query(&format!("select id, {names} from artists"));
    let known: BTreeMap<String, BTreeSet<String>> =
        known.into_iter().map(|row| (row[0].clone(), serde_json::from_str(&row[1]).unwrap())).collect();
    let mut written: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let of_pages = "select artist, name from track_credits union select artist, name from playlist_artists";
    for row in stored.query(of_pages) {
        written.entry(row[0].clone()).or_default().insert(row[1].clone());
    }
    assert_eq!(known, written);
}

fn kept_pages_give_the_same_rows_once_more(stored: &Stored) {
    let (site, mixes) = Site::mixwiki(40);
    crawl_all(&site, stored).arg("--keep-pages").run().assert_code(0);
    let count = |table: &str| stored.count(&format!("select count(*) from {table}"));
    let counts = TABLES.map(count);
    // Rows that an older spider would have made.
    stored.execute("update playlist_tracks set entry = entry + 1000, title = 'wrong' where entry = 1");
    stored.execute("delete from track_credits where entry = 2");
    stored.execute("delete from bronze_tracks where entry = 3");
    dragline().args(["reparse", "mixesdb", "--store", &stored.url()]).run().assert_code(0);
    assert_same(&rows(stored), &truth(&mixes));
    assert_eq!((TABLES.map(count), stored.count(WRONG)), (counts, 0));
}
