//! What went wrong in the job that the catalogue replaces: one test for each.

use dragline_testkit::site::mixwiki::{WikiLine, WikiMix};
use dragline_testkit::{Answer, Dragline, Site};

use super::silver::{TABLES, WRONG};
use super::{CAPTCHA, crawl, crawl_all, dragline};
use crate::stored::{Stored, on_both_stores};

on_both_stores!(
    a_batch_that_fails_loses_nothing,
    the_last_batch_is_stored_at_the_end,
    a_missing_column_is_an_error_before_the_first_page,
    a_set_and_a_playlist_of_the_same_name_are_two_rows_with_their_urls,
    a_second_crawl_doubles_nothing,
    the_same_track_has_its_own_position_in_each_playlist,
    two_crawls_at_once_never_store_children_before_parents,
    cue_times_are_read,
    titles_are_not_split_at_hyphens,
    unknown_tracks_leave_no_gaps,
    a_label_without_a_catalogue_number_is_kept,
    a_page_that_could_not_be_read_is_tried_again,
);

/// A page of the wiki with these lines.
fn wiki_mix(title: &str, lines: &[&str]) -> WikiMix {
    let line = |(at, text): (usize, &&str)| WikiLine {
        text: (*text).to_owned(),
        position: Some(at + 1),
        ..WikiLine::default()
    };
    WikiMix {
        number: 0,
        title: title.to_owned(),
        dj: "Marlow".to_owned(),
        lines: lines.iter().enumerate().map(line).collect(),
    }
}

fn site_of(mixes: &[WikiMix]) -> Site {
    let with = |site: dragline_testkit::SiteBuilder, mix: &WikiMix| {
        site.page(&mix.path(), Answer::html(mix.html(&mix.lines)))
    };
    mixes.iter().fold(Site::builder(), with).start()
}

/// Crawls these mixes and nothing else.
fn crawl_these(site: &Site, mixes: &[WikiMix], stored: &Stored) -> Dragline {
    let urls: Vec<String> = mixes.iter().map(|mix| site.url(&mix.path())).collect();
    crawl(site, stored).args(["-a", &format!("start_urls={}", urls.join(","))])
}

/// The columns of the lines of one mix, after a crawl.
fn of_lines(stored: &Stored, lines: &[&str], columns: &str) -> Vec<String> {
    let mixes = [wiki_mix("2004-11-20 - Marlow - Show 1", lines)];
    let site = site_of(&mixes);
    crawl_these(&site, &mixes, stored).run().assert_code(0);
    let rows = stored.query(&format!("select {columns} from playlist_tracks order by entry, place"));
    rows.into_iter().map(|row| row.join(" | ")).collect()
}

/// `dragline crawl tracklists1001` of one set with this title and these tracks.
fn set_site(id: &str, title: &str, tracks: &[&str]) -> Site {
    let rows: String = tracks
        .iter()
        .enumerate()
        .map(|(at, name)| {
            format!(
                "<div class=tlpItem data-trno={at} data-id=9{at}><span id=tlp{at}_tracknumber_value>{:02}</span>\
                 <meta itemprop=name content=\"{name}\"></div>",
                at + 1
            )
        })
        .collect();
    let page = format!(
        "<title>x</title><div id=tlTab data-id={id}><meta itemprop=name content=\"{title}\">{rows}</div>"
    );
    Site::builder().page(&format!("/tracklist/{id}/x.html"), Answer::html(page)).start()
}

fn crawl_set(site: &Site, id: &str, stored: &Stored) -> Dragline {
    let url = site.url(&format!("/tracklist/{id}/x.html"));
    dragline()
        .args(["crawl", "tracklists1001", "--start-url", &url, "--store", &stored.url()])
        .args(["--rate", "0", "--robots", "false"])
}

/// "A failed batch was cleared and its rows were gone."
fn a_batch_that_fails_loses_nothing(stored: &Stored) {
    let (site, mixes) = Site::mixwiki(30);
    crawl_all(&site, stored).args(["-a", "limit=1"]).run().assert_code(0);
    let refused = &mixes[7];
    let title = &refused.title;
    let (refuse, accept) = match stored {
        Stored::Postgres(_) => (
            format!("alter table playlists add constraint refused check (title <> '{title}')"),
            "alter table playlists drop constraint refused",
        ),
        Stored::Sqlite(_) => (
            format!(
                "create trigger refused before insert on playlists when new.title = '{title}'
                 begin select raise(abort, 'refused'); end"
            ),
            "drop trigger refused",
        ),
    };
    stored.execute(&refuse);
    crawl_all(&site, stored).run();
    // All other mixes of its batch are stored.
    assert_eq!(stored.count("select count(*) from playlists"), mixes.len() - 1);
    assert!(stored.count("select count(*) from crawl_dead_letters") > 0);
    stored.execute(accept);
    dragline().args(["dead-letters", "retry", "--all", "--store", &stored.url()]).run().assert_code(0);
    let lines: usize = mixes.iter().map(|mix| mix.lines.len()).sum();
    assert_eq!(stored.count("select count(*) from playlists"), mixes.len());
    assert_eq!(stored.count("select count(*) from playlist_tracks"), lines);
    assert_eq!(stored.count(WRONG), 0);
}

/// "The last batch depended on luck at shutdown."
fn the_last_batch_is_stored_at_the_end(stored: &Stored) {
    let (site, mixes) = Site::mixwiki(20);
    // Nothing but the end of the crawl flushes.
    crawl_all(&site, stored).args(["--flush-rows", "100000", "--flush-interval", "10m"]).run().assert_code(0);
    assert_eq!(stored.count("select count(*) from playlists"), mixes.len());
    let lines: usize = mixes.iter().map(|mix| mix.lines.len()).sum();
    assert_eq!(stored.count("select count(*) from playlist_tracks"), lines);
}

/// "The code wrote columns that no migration had created." A field that the item type doesn't have does not compile.
fn a_missing_column_is_an_error_before_the_first_page(stored: &Stored) {
    let (site, _) = Site::mixwiki(10);
    crawl_all(&site, stored).run().assert_code(0);
    let done = stored.pages("done");
    stored.execute("alter table playlist_tracks drop column cue_ms");
    let refused = crawl_all(&site, stored).run();
    refused.assert_code(1).assert_stderr("playlist_tracks").assert_stderr("cue_ms");
    assert_eq!(stored.pages("done"), done);
}

/// "When a setlist item and a playlist item had the same name, the second was skipped and the source URL became `unknown`."
fn a_set_and_a_playlist_of_the_same_name_are_two_rows_with_their_urls(stored: &Stored) {
    let title = "2004 - Marlow - Show";
    let mixes = [wiki_mix(title, &["A - X"])];
    let (wiki, sets) = (site_of(&mixes), set_site("2004_-_Marlow_-_Show", title, &["A - X"]));
    crawl_these(&wiki, &mixes, stored).run().assert_code(0);
    crawl_set(&sets, "2004_-_Marlow_-_Show", stored).run().assert_code(0);
    for table in ["playlists", "bronze_playlists"] {
        let sql = format!("select source, source_id, title, source_url from {table} order by source");
        let of_set = sets.url("/tracklist/2004_-_Marlow_-_Show/x.html");
        let of_wiki = wiki.url(&mixes[0].path());
        let expected = [("1001tracklists", of_set), ("mixesdb", of_wiki)]
            .map(|(source, url)| vec![source.to_owned(), "2004_-_Marlow_-_Show".into(), title.into(), url]);
        assert_eq!(stored.query(&sql), expected, "{table}");
    }
    // Both have the track, and there is one of it.
    assert_eq!(
        stored.count("select count(distinct playlist) from playlist_tracks where track is not null"),
        2
    );
    assert_eq!(stored.count("select count(*) from tracks"), 1);
}

/// "A NULL in a unique key never conflicts, so every re-scrape doubled the playlists. The silver layer used plain INSERT."
fn a_second_crawl_doubles_nothing(stored: &Stored) {
    // It has neither date nor event nor venue.
    let mixes = [wiki_mix("200X - Marlow - Show", &["A - X", "?", "B - Y"])];
    let site = site_of(&mixes);
    let counts = || TABLES.map(|table| stored.count(&format!("select count(*) from {table}")));
    crawl_these(&site, &mixes, stored).run().assert_code(0);
    let first = counts();
    assert_eq!(first, [3, 2, 1, 1, 3, 2, 1, 3]);
    crawl_these(&site, &mixes, stored).run().assert_code(0);
    crawl_these(&site, &mixes, stored).arg("--incremental").run().assert_code(0);
    assert_eq!(counts(), first);
    assert_eq!(stored.count("select count(*) from playlists where date is null and event is null"), 1);
}

/// "The same artist and title in two playlists overwrote each other's position."
fn the_same_track_has_its_own_position_in_each_playlist(stored: &Stored) {
    let mixes = [
        wiki_mix("2004 - Marlow - Show 1", &["A - X", "Björk - Jóga", "B - Y"]),
        wiki_mix("2005 - Marlow - Show 2", &["BJÖRK – Joga [One Little Indian]", "A - X"]),
    ];
    let site = site_of(&mixes);
    crawl_these(&site, &mixes, stored).run().assert_code(0);
    let found = stored.query(
        "select p.source_id, t.position, t.label from playlist_tracks t join playlists p on p.id = t.playlist
         join tracks k on k.id = t.track where k.artist_keys = 'bjork' and k.title_key = 'joga' order by 1",
    );
    let expected =
        [["2004_-_Marlow_-_Show_1", "2", "NULL"], ["2005_-_Marlow_-_Show_2", "1", "One Little Indian"]];
    assert_eq!(found, expected);
}

/// "Child rows were flushed before their parents. Ids were looked up by name between flushes."
fn two_crawls_at_once_never_store_children_before_parents(stored: &Stored) {
    let (wiki, mixes) = Site::mixwiki(60);
    let names: Vec<String> = (0..60).map(|at| format!("Artist {at} - Title {at} (Some One Remix)")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let sets = set_site("one", "Marlow @ Kombinat, Köln, Germany 2019-07-21", &names);
    let small = |crawl: Dragline| crawl.args(["--flush-rows", "50", "--flush-interval", "10ms"]);
    // The tables are there before somebody looks.
    crawl_all(&wiki, stored).args(["-a", "limit=1"]).run().assert_code(0);
    let crawl = small(crawl_all(&wiki, stored)).spawn();
    let other = small(crawl_set(&sets, "one", stored)).spawn();
    for look in 0..20 {
        assert_eq!(stored.count(WRONG), 0, "look {look}");
    }
    crawl.finish().assert_code(0);
    other.finish().assert_code(0);
    assert_eq!(stored.count(WRONG), 0);
    assert_eq!(stored.count("select count(*) from playlists"), mixes.len() + 1);
}

/// "Cue times (`[012]`) were never parsed."
fn cue_times_are_read(stored: &Stored) {
    let lines = ["[012] A - X", "[1:02:33] B - Y", "[3?] C - Z", "[??] D - V", "E - W"];
    assert_eq!(
        of_lines(stored, &lines, "cue_ms, cue_precision_ms"),
        ["720000 | 60000", "3753000 | 1000", "1800000 | 600000", "NULL | NULL", "NULL | NULL"]
    );
}

/// "Titles were split at any hyphen (`Jean-Michel`)."
fn titles_are_not_split_at_hyphens(stored: &Stored) {
    let lines = ["Jean-Michel Jarre - Rendez-Vous 4", "M-Plant – One - Two"];
    assert_eq!(
        of_lines(stored, &lines, "artist, title"),
        ["Jean-Michel Jarre | Rendez-Vous 4", "M-Plant | One - Two"]
    );
    let found = stored.query("select artist_keys, title_key from tracks order by 1");
    assert_eq!(found, [["jean michel jarre", "rendez vous 4"], ["m plant", "one two"]]);
}

/// "Unknown tracks were dropped and left gaps."
fn unknown_tracks_leave_no_gaps(stored: &Stored) {
    let lines = ["A - X", "?", "ID - ID", "B - ?", "C - Z"];
    let columns = "entry, position, case when is_unknown then 'unknown' else 'known' end, raw_line";
    assert_eq!(
        of_lines(stored, &lines, columns),
        [
            "1 | 1 | known | A - X",
            "2 | 2 | unknown | ?",
            "3 | 3 | unknown | ID - ID",
            "4 | 4 | unknown | B - ?",
            "5 | 5 | known | C - Z"
        ]
    );
}

/// "A `[Label]` without a catalogue number was lost."
fn a_label_without_a_catalogue_number_is_kept(stored: &Stored) {
    let lines = ["A - X [Label]", "B - Y [Label - CAT 1]", "C - Z"];
    assert_eq!(
        of_lines(stored, &lines, "label, catalogue_number"),
        ["Label | NULL", "Label | CAT 1", "NULL | NULL"]
    );
}

/// "A mix was marked as done even when parsing failed, so it was never tried again."
fn a_page_that_could_not_be_read_is_tried_again(stored: &Stored) {
    let mixes =
        [wiki_mix("2004 - Marlow - Show 1", &["A - X"]), wiki_mix("2005 - Marlow - Show 2", &["B - Y"])];
    let site = site_of(&mixes);
    let nightly = crawl_these(&site, &mixes, stored).arg("--incremental");
    site.set(&mixes[0].path(), Answer::html(CAPTCHA));
    nightly.run().assert_code(0).assert_stdout("done 1, failed 1");
    assert_eq!(stored.count("select count(*) from playlists"), 1);
    // The same run, once more, and still a captcha.
    let retry = dragline().args(["runs", "retry", "1", "--failed", "--store", &stored.url()]);
    retry.run().assert_code(0);
    nightly.run();
    assert_eq!((stored.count("select count(*) from playlists"), stored.pages("failed")), (1, 1));
    // The next night.
    site.set(&mixes[0].path(), Answer::html(mixes[0].html(&mixes[0].lines)));
    nightly.run().assert_code(0).assert_stdout("failed 0");
    assert_eq!(stored.count("select count(*) from playlists"), 2);
    assert_eq!(stored.count("select count(*) from playlist_tracks"), 2);
    // And a block afterwards changes nothing.
    site.set(&mixes[0].path(), Answer::html(CAPTCHA));
    nightly.run().assert_code(0).assert_stdout("failed 1");
    assert_eq!(stored.count("select count(*) from playlist_tracks"), 2);
    assert_eq!(stored.count(WRONG), 0);
}
