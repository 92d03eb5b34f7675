//! The spiders of the DJ-mix catalogue against whole sites: every line of every track list, also after kills, and nothing is
//! overwritten by a captcha.

use std::collections::BTreeMap;
use std::time::Duration;

use dragline_testkit::site::mixwiki::{WikiLine, WikiMix};
use dragline_testkit::{Answer, Dragline, Site};
use serde_json::Value as Json;

use crate::stored::{Stored, dragline, on_both_stores};

mod questions;
mod sets;
mod silver;
mod went_wrong;

const SOON: Duration = Duration::from_secs(20);
const CAPTCHA: &str = "<title>Just a moment...</title><form id=challenge-form>";

on_both_stores!(
    a_whole_wiki_is_stored_as_it_is,
    killed_and_resumed_it_is_the_same,
    a_search_finds_its_mixes,
    without_arguments_the_recent_changes_are_read,
    start_urls_limit_and_force_run_work_as_typed,
    a_captcha_overwrites_nothing,
    a_shorter_list_leaves_no_line,
    a_second_night_writes_only_what_has_changed,
    both_sites_share_the_tables,
);

/// `dragline crawl mixesdb` on this wiki.
fn crawl(site: &Site, stored: &Stored) -> Dragline {
    dragline()
        .args(["crawl", "mixesdb", "-a", &format!("site={}", site.url("/")), "--store", &stored.url()])
        .args(["--rate", "0", "--host-concurrency", "16", "--robots", "false"])
}

/// All of the wiki, by its DJs.
fn crawl_all(site: &Site, stored: &Stored) -> Dragline {
    crawl(site, stored).args(["-a", "search_artists=DJ 0,DJ 1,DJ 2,DJ 3,DJ 4"])
}

/// By mix: the status, the numbers of lines and tracks, and each line.
type Rows = BTreeMap<String, (String, Vec<Vec<String>>)>;

fn or_null(text: Option<impl ToString>) -> String {
    text.map_or_else(|| "NULL".to_owned(), |text| text.to_string())
}

/// What is stored.
fn rows(stored: &Stored) -> Rows {
    let playlists =
        stored.query("select source_id, parse_status, entries, tracks, source from bronze_playlists");
    let mut rows: Rows = playlists
        .into_iter()
        .map(|row| (row[0].clone(), (format!("{} {} {} {}", row[4], row[1], row[2], row[3]), Vec::new())))
        .collect();
    let tracks = stored.query(
        "select t.playlist_id, t.entry, t.position, t.raw_line, t.data from bronze_tracks t join bronze_playlists p \
         on p.id = t.playlist order by t.playlist_id, t.entry",
    );
    for track in tracks {
        let data: Json = serde_json::from_str(&track[4]).unwrap();
        let first = &data["line"]["tracks"][0];
        let text = |value: &Json| or_null(value.as_str());
        let mut row = track[1..4].to_vec();
        row.push(text(&data["part"]));
        row.push(or_null(data["line"]["cue"]["at_ms"].as_u64()));
        row.extend(["artist", "title", "label", "catalogue_number"].map(|name| text(&first[name])));
        rows.get_mut(&track[0]).unwrap().1.push(row);
    }
    rows
}

fn truth_of(mix: &WikiMix, lines: &[WikiLine]) -> (String, (String, Vec<Vec<String>>)) {
    let status = if lines.is_empty() { "no_tracklist" } else { "tracklist" };
    let tracks = lines.iter().filter(|line| line.position.is_some()).count();
    let rows = lines.iter().enumerate().map(|(at, line)| {
        let mut row = vec![(at + 1).to_string(), or_null(line.position), line.text.clone()];
        row.extend([or_null(line.part.as_ref()), or_null(line.cue_ms)]);
        row.extend(
            [&line.artist, &line.title, &line.label, &line.catalogue_number]
                .map(|text| or_null(text.as_ref())),
        );
        row
    });
    (mix.source_id(), (format!("mixesdb {status} {} {tracks}", lines.len()), rows.collect()))
}

fn truth<'m>(mixes: impl IntoIterator<Item = &'m WikiMix>) -> Rows {
    mixes.into_iter().map(|mix| truth_of(mix, &mix.lines)).collect()
}

#[track_caller]
fn assert_rows(stored: &Stored, truth: &Rows) {
    let found = rows(stored);
    for (mix, expected) in truth {
        assert_eq!(found.get(mix), Some(expected), "{mix}");
    }
    assert_eq!(found.len(), truth.len());
}

fn a_whole_wiki_is_stored_as_it_is(stored: &Stored) {
    let (site, mixes) = Site::mixwiki(300);
    // Each of five categories has 60 mixes on three pages.
    crawl_all(&site, stored).run().assert_code(0).assert_stdout("done 315, failed 0, skipped 0, dead 0");
    assert_rows(stored, &truth(&mixes));
    let forms = mixes.iter().flat_map(|mix| &mix.lines);
    assert!(forms.clone().count() > 4_000 && forms.clone().any(|line| line.position.is_none()));
    assert_eq!(
        stored.count("select count(*) from bronze_tracks where position is null and raw_line <> '...'"),
        0
    );
}

fn killed_and_resumed_it_is_the_same(stored: &Stored) {
    let (site, mixes) = Site::mixwiki(300);
    let crawl = crawl_all(&site, stored).args(["--flush-rows", "100", "--flush-interval", "50ms"]);
    for kill in 1..=4 {
        site.hold_after(50);
        let mut running = crawl.spawn();
        running.wait_until("more pages are done", SOON, |_| stored.pages("done") >= kill * 35);
        running.kill9();
        assert!(stored.pages("queued") > 0, "kill {kill} came before the end");
        // No mix without its lines, at any moment.
        let complete: Rows = truth(&mixes);
        for (mix, found) in rows(stored) {
            assert_eq!(complete.get(&mix), Some(&found), "after kill {kill}");
        }
    }
    site.release();
    crawl.run().assert_code(0).assert_stderr("was killed or crashed");
    assert_rows(stored, &truth(&mixes));
}

fn a_search_finds_its_mixes(stored: &Stored) {
    let (site, mixes) = Site::mixwiki(120);
    // A comma is part of the text.
    crawl(&site, stored).args(["-a", "search_query=kombinat, köln"]).run().assert_code(0);
    let found: Vec<&WikiMix> = mixes.iter().filter(|mix| mix.title.contains("Kombinat, Köln")).collect();
    assert!(found.len() > 40, "more than two pages of results");
    assert_rows(stored, &truth(found));
}

fn without_arguments_the_recent_changes_are_read(stored: &Stored) {
    let (site, mixes) = Site::mixwiki(30);
    crawl(&site, stored).run().assert_code(0);
    assert_rows(stored, &truth(&mixes[..10]));
    crawl(&site, stored)
        .args(["-a", "recent_days=0"])
        .run()
        .assert_code(2)
        .assert_stderr("must be from 1 to 90");
}

fn start_urls_limit_and_force_run_work_as_typed(stored: &Stored) {
    let (site, mixes) = Site::mixwiki(30);
    let of_place: Vec<&WikiMix> = mixes.iter().filter(|mix| mix.path().contains(',')).take(2).collect();
    let urls: Vec<String> = of_place.iter().map(|mix| site.url(&mix.path())).collect();
    crawl(&site, stored).args(["-a", &format!("start_urls={}", urls.join(","))]).run().assert_code(0);
    assert_rows(stored, &truth(of_place));

    let limited = crawl_all(&site, stored).args(["-a", "limit=9", "--min-interval", "20h"]);
    limited.run().assert_code(0).assert_stdout("done 9");
    limited.run().assert_code(0).assert_stdout("no run is due");
    limited.clone().args(["-a", "force_run=true"]).run().assert_code(0).assert_stdout("done 9");
}

fn a_captcha_overwrites_nothing(stored: &Stored) {
    let (site, mixes) = Site::mixwiki(30);
    crawl_all(&site, stored).run().assert_code(0);
    let before =
        stored.query("select source_id, data, content_hash, run_id from bronze_playlists order by source_id");
    let blocked: Vec<&WikiMix> = mixes.iter().take(3).collect();
    for mix in &blocked {
        site.set(&mix.path(), Answer::html(CAPTCHA));
    }
    let second = crawl_all(&site, stored).run();
    second.assert_code(0).assert_stdout("failed 3");
    let errors = stored.query("select distinct error from crawl_requests where state = 'failed'");
    assert!(errors.len() == 1 && errors[0][0].contains("the page is a block"), "{errors:?}");
    assert_rows(stored, &truth(&mixes));
    let after =
        stored.query("select source_id, data, content_hash, run_id from bronze_playlists order by source_id");
    let untouched = before.iter().filter(|row| after.contains(row)).count();
    assert_eq!(untouched, 3, "only the blocked mixes were not seen by the second run");

    // The next run tries again.
    let changed = &mixes[0].lines[..4];
    for mix in &blocked {
        site.set(&mix.path(), Answer::html(mix.html(changed)));
    }
    crawl_all(&site, stored).run().assert_code(0).assert_stdout("failed 0");
    let mut expected = truth(&mixes);
    expected.extend(blocked.iter().map(|mix| truth_of(mix, changed)));
    for (mix, expected) in &expected {
        // The form of a list decides about parts, so only the lines are compared.
        let lines = |rows: &Rows| rows[mix].1.iter().map(|row| row[2].clone()).collect::<Vec<_>>();
        let found = rows(stored);
        assert_eq!(lines(&found), expected.1.iter().map(|row| row[2].clone()).collect::<Vec<_>>());
    }
}

fn a_shorter_list_leaves_no_line(stored: &Stored) {
    let (site, mixes) = Site::mixwiki(10);
    crawl_all(&site, stored).run().assert_code(0);
    let mix = &mixes[1];
    let shorter = &mix.lines[..5];
    site.set(&mix.path(), Answer::html(mix.html(shorter)));
    crawl_all(&site, stored).run().assert_code(0);
    let mut expected = truth(&mixes);
    expected.extend([truth_of(mix, shorter)]);
    assert_rows(stored, &expected);
    site.set(&mix.path(), Answer::html(mix.html(&[])));
    crawl_all(&site, stored).run().assert_code(0);
    expected.extend([truth_of(mix, &[])]);
    assert_rows(stored, &expected);
}

fn a_second_night_writes_only_what_has_changed(stored: &Stored) {
    let (site, mixes) = Site::mixwiki(30);
    let nightly = crawl_all(&site, stored).arg("--incremental");
    nightly.run().assert_code(0);
    let written = |table: &str| {
        stored.query(&format!(
            "select * from {table} where run_id = (select max(run_id) from crawl_runs) order by 1, 2, 3"
        ))
    };
    assert_eq!(written("bronze_playlists").len(), 30);
    nightly.run().assert_code(0).assert_stdout("unchanged");
    assert_eq!((written("bronze_playlists").len(), written("bronze_tracks").len()), (0, 0));

    // One line says something else: no other row is written, not even that of its mix.
    let mix = &mixes[1];
    let mut lines = mix.lines.clone();
    let at = lines.iter().rposition(|line| line.title.is_some()).unwrap();
    lines[at] = WikiLine {
        text: "Artist - Changed".to_owned(),
        cue_ms: None,
        artist: Some("Artist".to_owned()),
        title: Some("Changed".to_owned()),
        label: None,
        catalogue_number: None,
        ..lines[at].clone()
    };
    site.set(&mix.path(), Answer::html(mix.html(&lines)));
    nightly.run().assert_code(0);
    assert_eq!((written("bronze_playlists").len(), written("bronze_tracks").len()), (0, 1));
    let mut expected = truth(&mixes);
    expected.extend([truth_of(mix, &lines)]);
    assert_rows(stored, &expected);
}

fn both_sites_share_the_tables(stored: &Stored) {
    let (wiki, mixes) = Site::mixwiki(10);
    crawl_all(&wiki, stored).run().assert_code(0);
    let row = |number: usize, shown: &str, name: &str| {
        format!(
            "<div class=tlpItem data-trno={number} data-id=9{number}><input id=x_cue_seconds value={}>\
             <span id=tlp{number}_tracknumber_value>{shown}</span><meta itemprop=name content=\"{name}\"></div>",
            number * 100
        )
    };
    let set = |id: &str, rows: &str| {
        format!(
            "<title>x</title><div id=tlTab data-id={id}><meta itemprop=name content=\"Surge @ Kombinat, Köln, Germany 2019-07-21\">\
             {rows}</div>"
        )
    };
    let rows_of_one = row(0, "01", "Same - Track") + &row(1, "w/", "Low Tide - Undertow");
    let tracklists = Site::builder()
        .page("/", Answer::html("<a href=/tracklist/one/x.html>1</a> <a href=/tracklist/two/x.html#tlp_1>2</a> <a href=/tracklist/bad/x.html>3</a>"))
        .page("/tracklist/one/x.html", Answer::html(set("one", &rows_of_one)))
        .page("/tracklist/two/x.html", Answer::html(set("two", &row(0, "01", "Same - Track"))))
        .page("/tracklist/bad/x.html", Answer::html(CAPTCHA))
        .start();
    let crawled = dragline()
        .args(["crawl", "tracklists1001", "--start-url", &tracklists.url("/"), "--store", &stored.url()])
        .args(["--rate", "0", "--robots", "false"])
        .run();
    crawled.assert_code(0).assert_stdout("done 3, failed 1");
    let of_sets = stored.query(
        "select playlist_id, entry, position, raw_line from bronze_tracks where source = '1001tracklists' order by 1, 2",
    );
    let expected = [
        ["one", "1", "1", "Same - Track"],
        ["one", "2", "1", "Low Tide - Undertow"],
        ["two", "1", "1", "Same - Track"],
    ];
    assert_eq!(of_sets, expected);
    let mut all = rows(stored);
    all.retain(|_, (status, _)| status.starts_with("mixesdb"));
    assert_eq!(all, truth(&mixes));
}
