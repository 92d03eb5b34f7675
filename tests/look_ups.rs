//! Look-ups: a track gets its ISRC, its release date and its label from APIs, whatever goes wrong on the way.

mod sql;

use std::fmt::Write as _;
use std::time::Duration;

use dragline_testkit::{Answer, Dragline, Site};
use serde_json::Value as Json;

use crate::looked_at::killed_while_looked_at;
use crate::stored::{Stored, example, on_both_stores};

on_both_stores!(
    tracks_get_their_isrc_and_date,
    a_thousand_tracks_of_fifty_albums_ask_fifty_times,
    killed_and_resumed_the_rows_are_those_of_an_undisturbed_crawl,
    no_failure_loses_a_track,
    an_api_that_is_down_loses_no_track,
    a_track_on_two_pages_is_filled_whichever_comes_last,
    limits_of_the_crawl_do_not_cut_look_ups_off,
    unchanged_nights_keep_what_was_looked_up,
    a_reparse_does_not_bring_old_items_back,
    a_step_that_is_gone_loses_no_track,
);

/// A track of a page: title and album.
type Track<'a> = (&'a str, &'a str);

fn list(tracks: &[Track<'_>]) -> Answer {
    let mut html = String::new();
    for (title, album) in tracks {
        let _ = write!(html, "<li class=track data-title='{title}' data-album='{album}'>{title}</li>");
    }
    Answer::html(html)
}

fn json(text: impl Into<String>) -> Answer {
    Answer::new(200).header("Content-Type", "application/json").body(text.into())
}

/// What MusicBrainz says about a recording.
fn recording(title: &str) -> Answer {
    json(format!(
        r#"{{"title": "{title}", "first-release-date": "1997-01-20", "isrcs": ["ISRC-{title}"], "video": false}}"#
    ))
}

/// An API that knows every recording and every album.
fn api() -> Site {
    Site::builder()
        .handler(|asked| {
            if let Some(title) = asked.path.strip_prefix("/ws/2/recording/") {
                return Some(recording(title));
            }
            Some(Answer::text(format!("label of {}", asked.path.strip_prefix("/album/")?)))
        })
        .start()
}

fn crawl(site: &Site, api: &str, stored: &Stored) -> Dragline {
    example("nasty_spiders")
        .env("CHART_API", api)
        .args(["crawl", "chart", "--start-url", &site.url("/"), "--store", &stored.url()])
        .args(["--rate", "0", "--host-concurrency", "8", "--retry-base-delay", "20ms"])
        .args(["--host-pause", "200ms"])
}

/// Title, ISRC, date and label of every track.
fn rows(stored: &Stored) -> Vec<String> {
    let rows = stored.query(
        "select title, coalesce(isrc, '-'), coalesce(cast(released as text), '-'), coalesce(label, '-')
         from chart_tracks order by title",
    );
    rows.into_iter().map(|row| row.join(" ")).collect()
}

/// State, reason and number of the look-ups of a step.
fn look_ups(stored: &Stored, step: &str) -> Vec<String> {
    let rows = stored.query(&format!(
        "select state, coalesce(reason, '-'), count(*) from crawl_requests where tag = 'enrich:{step}'
         group by state, coalesce(reason, '-') order by 1, 2"
    ));
    rows.into_iter().map(|row| row.join(" ")).collect()
}

fn tracks_get_their_isrc_and_date(stored: &Stored) {
    let site = Site::builder()
        .page("/", Answer::html("<a href='/chart'>the chart</a>"))
        .page("/chart", list(&[("oxygene", ""), ("equinoxe", "sky"), ("instrumental", "")]))
        .start();
    let api = api();
    let finished = crawl(&site, &api.url(""), stored).run();
    finished.assert_code(0).assert_stdout("verdict   good");
    finished.assert_stdout("recording: asked 2, answered 2, from memory 0, missing 0, failed 0");
    finished.assert_stdout("label: asked 1, answered 1, from memory 0, missing 0, failed 0");
    assert_eq!(
        rows(stored),
        [
            "equinoxe ISRC-equinoxe 1997-01-20 label of sky (ISRC-equinoxe)",
            "instrumental - - -",
            "oxygene ISRC-oxygene 1997-01-20 -",
        ]
    );
    // The row says where the track was found, not where it was looked up.
    let sources = stored.query("select distinct source_url from chart_tracks");
    assert_eq!(sources, [[site.url("/chart")]]);
    assert_eq!(look_ups(stored, "recording"), ["done - 2"]);
    assert_eq!(api.hits("/robots.txt"), 1, "an API is asked as politely as a site");
    assert_eq!(stored.pages("done"), 5, "a look-up counts as a page");
}

fn a_thousand_tracks_of_fifty_albums_ask_fifty_times(stored: &Stored) {
    // On ten pages, so that some tracks are found when the answers are there, and others before.
    let page = |number: usize| {
        let tracks: Vec<(String, String)> = (0..100)
            .map(|track| (format!("instrumental-{number}-{track}"), format!("album-{}", track % 50)))
            .collect();
        list(&tracks.iter().map(|(title, album)| (title.as_str(), album.as_str())).collect::<Vec<_>>())
    };
    let links: String = (0..10).map(|number| format!("<a href='/{number}'>x</a>")).collect();
    let mut site = Site::builder().page("/", Answer::html(links));
    for number in 0..10 {
        site = site.page(&format!("/{number}"), page(number));
    }
    let (site, api) = (site.start(), api());
    let finished = crawl(&site, &api.url(""), stored).run();
    finished.assert_code(0).assert_stdout("label: asked 1000, answered 1000, from memory 950, missing 0");
    assert_eq!(api.total_hits(), 50);
    assert_eq!(stored.count("select count(*) from chart_tracks where label like 'label of album-%'"), 1000);
}

fn many_tracks(tracks: usize) -> Site {
    let page = |number: usize| {
        let tracks: Vec<(String, String)> = (0..10)
            .map(|track| (format!("t{}", number * 10 + track), format!("album-{}", (number + track) % 7)))
            .collect();
        list(&tracks.iter().map(|(title, album)| (title.as_str(), album.as_str())).collect::<Vec<_>>())
    };
    let links: String = (0..tracks / 10).map(|number| format!("<a href='/{number}'>x</a>")).collect();
    let mut site = Site::builder().page("/", Answer::html(links));
    for number in 0..tracks / 10 {
        site = site.page(&format!("/{number}"), page(number));
    }
    site.start()
}

fn killed_and_resumed_the_rows_are_those_of_an_undisturbed_crawl(stored: &Stored) {
    let undisturbed =
        if matches!(stored, Stored::Postgres(_)) { Stored::postgres() } else { Stored::sqlite() };
    let (site, api) = (many_tracks(150), api());
    crawl(&site, &api.url(""), &undisturbed).run().assert_code(0);
    assert_eq!(rows(&undisturbed).len(), 150);
    assert!(rows(&undisturbed).iter().all(|row| !row.ends_with('-')), "{:?}", rows(&undisturbed));

    let flushes = ["--flush-rows", "5", "--flush-interval", "20ms"];
    let crawl = crawl(&site, &api.url(""), stored).args(flushes);
    // A track that is done is always stored with its look-up, or filled.
    let lost = "select count(*) from chart_tracks t where t.isrc is null and not exists (
        select 1 from crawl_requests r where r.tag = 'enrich:recording' and r.state = 'queued'
        and r.url like '%/recording/' || t.title)";
    killed_while_looked_at(&crawl, &api, stored, lost, &[20, 25, 30, 35]);
    assert_eq!(rows(stored), rows(&undisturbed));
}

fn no_failure_loses_a_track(stored: &Stored) {
    let titles = [
        "fine",
        "gone",
        "missing",
        "broken",
        "garbage",
        "busy",
        "forbidden",
        "moved",
        "dateless",
        "unspeakable",
        "panic",
        "off",
    ];
    let tracks: Vec<Track<'_>> = titles.iter().map(|title| (*title, "album")).collect();
    let site = Site::builder().page("/", list(&tracks)).start();
    let of = |title: &str| format!("/ws/2/recording/{title}");
    let api = Site::builder()
        .robots("User-agent: *\nDisallow: /ws/2/recording/forbidden\n")
        .page(&of("fine"), recording("fine"))
        .page(&of("gone"), Answer::text("no such recording").status(410))
        .page(&of("broken"), Answer::text("sorry").status(500))
        .page(&of("garbage"), Answer::html("<h1>Welcome</h1>"))
        .answers(
            &of("busy"),
            [Answer::text("wait").status(429).header("Retry-After", "1"), recording("busy")],
        )
        .page(&of("forbidden"), recording("forbidden"))
        .page(&of("moved"), Answer::redirect(301, "/new/moved"))
        .page("/new/moved", recording("moved"))
        .page(&of("dateless"), json(r#"{"isrcs": []}"#))
        .page(&of("off"), Answer::redirect(301, "ftp://elsewhere.example/"))
        .page("/album/album", Answer::text("label"))
        .start();
    let finished = crawl(&site, &api.url(""), stored).args(["--retries", "1"]).run();
    finished.assert_code(0);
    finished.assert_stdout("recording: asked 10, answered 3, from memory 0, missing 2, failed 7");
    finished.assert_stdout("label: asked 12, answered 12");
    finished.assert_stderr("nobody can ask for this title").assert_stderr("request: panicked: no such title");
    assert_eq!(
        rows(stored),
        [
            "broken - - label (no isrc)",
            "busy ISRC-busy 1997-01-20 label (ISRC-busy)",
            "dateless - - label (no isrc)",
            "fine ISRC-fine 1997-01-20 label (ISRC-fine)",
            "forbidden - - label (no isrc)",
            "garbage - - label (no isrc)",
            "gone none - label (none)",
            "missing none - label (none)",
            "moved ISRC-moved 1997-01-20 label (ISRC-moved)",
            "off - - label (no isrc)",
            "panic - - label (no isrc)",
            "unspeakable - - label (no isrc)",
        ]
    );
    assert_eq!(
        look_ups(stored, "recording"),
        [
            "done - 5",
            "failed http_status 1",
            "failed invalid_redirect 1",
            "failed look_up_unusable 2",
            "skipped redirected 1",
            "skipped robots_denied 1",
        ]
    );
    assert_eq!(api.hits(&of("broken")), 2, "as many attempts as a page has");
    assert_eq!(api.hits(&of("forbidden")), 0);
    assert_eq!(stored.count("select count(*) from crawl_dead_letters"), 0);
}

fn an_api_that_is_down_loses_no_track(stored: &Stored) {
    let site = Site::builder().page("/", list(&[("one", "a"), ("two", "b"), ("three", "")])).start();
    let gone = api();
    let address = gone.url("");
    drop(gone);
    let finished = crawl(&site, &address, stored).args(["--retries", "1", "--max-host-pause", "1s"]).run();
    // All tracks are there, and the run says that something is wrong.
    finished.assert_code(65).assert_stdout("enrich:recording");
    finished.assert_stdout("recording: asked 3, answered 0, from memory 0, missing 0, failed 3");
    assert_eq!(rows(stored), ["one - - -", "three - - -", "two - - -"]);
    assert_eq!((stored.pages("done"), stored.pages("queued")), (1, 0));
}

fn a_track_on_two_pages_is_filled_whichever_comes_last(stored: &Stored) {
    let both = [("one", "a"), ("two", "b")];
    let site = Site::builder()
        .page("/", Answer::html("<a href='/1'>1</a><a href='/2'>2</a>"))
        .page("/1", list(&both))
        .page("/2", Answer::html("<a href='/3'>3</a>"))
        // Found late, when the first tracks are filled. The same track is on it twice, and the last one counts.
        .page("/3", list(&[("one", "c"), ("one", "a"), ("two", "b")]))
        .start();
    let api = api();
    let crawl = crawl(&site, &api.url(""), stored);
    crawl.run().assert_code(0);
    let filled =
        ["one ISRC-one 1997-01-20 label of a (ISRC-one)", "two ISRC-two 1997-01-20 label of b (ISRC-two)"];
    assert_eq!(rows(stored), filled);
    assert_eq!((api.hits("/ws/2/recording/one"), api.hits("/album/c")), (1, 0));
    // Another night without any memory of the first one.
    crawl.run().assert_code(0);
    assert_eq!(rows(stored), filled);
}

fn limits_of_the_crawl_do_not_cut_look_ups_off(stored: &Stored) {
    let site = Site::builder()
        .page("/", Answer::html("<a href='/1'>1</a>"))
        .page("/1", list(&[("one", ""), ("two", "")]))
        .start();
    let api = Site::builder()
        .bind("127.0.0.2")
        .handler(|asked| Some(recording(asked.path.strip_prefix("/ws/2/recording/")?)))
        .start();
    // The depth, the hosts and the patterns of links, and their number, are about links.
    let limits = ["--max-depth", "1", "--allow", "/1$", "--max-links-per-page", "1"];
    crawl(&site, &api.url(""), stored).args(limits).run().assert_code(0);
    assert_eq!(rows(stored), ["one ISRC-one 1997-01-20 -", "two ISRC-two 1997-01-20 -"]);
    // A pattern that is denied is denied for everybody.
    let denied = crawl(&site, &api.url(""), stored).args(["--deny", "/recording/two"]).run();
    denied.assert_code(0).assert_stdout("denied 1");
    assert_eq!(rows(stored), ["one ISRC-one 1997-01-20 -", "two - - -"]);
}

fn unchanged_nights_keep_what_was_looked_up(stored: &Stored) {
    let site = Site::builder().page("/", list(&[("one", "a"), ("two", "a")])).start();
    let api = api();
    let crawl = crawl(&site, &api.url(""), stored).args(["--incremental"]);
    let filled =
        ["one ISRC-one 1997-01-20 label of a (ISRC-one)", "two ISRC-two 1997-01-20 label of a (ISRC-two)"];
    for night in 0..3 {
        crawl.run().assert_code(0);
        assert_eq!(rows(stored), filled, "night {night}");
    }
    // The page changes, and gives the same tracks.
    site.append("<p>today</p>");
    crawl.clone().args(["--refresh-after", "tag:enrich:recording=1h"]).run().assert_code(0);
    assert_eq!(rows(stored), filled);
    // The API knows better now.
    api.set("/ws/2/recording/one", recording("uno"));
    crawl.run().assert_code(0);
    assert!(rows(stored)[0].starts_with("one ISRC-uno"), "{:?}", rows(stored));
}

fn a_reparse_does_not_bring_old_items_back(stored: &Stored) {
    let site = Site::builder().page("/", list(&[("one", "a")])).start();
    let api = api();
    crawl(&site, &api.url(""), stored).args(["--keep-pages"]).run().assert_code(0);
    // As if an older spider had made the row, and its look-up carried it.
    stored.execute("update chart_tracks set album = 'old'");
    let carried = match stored {
        Stored::Postgres(_) => {
            "update crawl_requests set meta = jsonb_set(meta::jsonb, '{#item,fields,album}', '\"old\"')::json where tag like 'enrich:%'"
        }
        Stored::Sqlite(_) => {
            "update crawl_requests set meta = json_set(meta, '$.#item.fields.album', 'old') where tag like 'enrich:%'"
        }
    };
    stored.execute(carried);
    let asked = api.total_hits();
    let reparse = example("nasty_spiders").env("CHART_API", api.url("")).args([
        "reparse",
        "chart",
        "--store",
        &stored.url(),
    ]);
    reparse.run().assert_code(0);
    assert_eq!(stored.query("select album from chart_tracks"), [["a"]]);
    assert_eq!(rows(stored), ["one ISRC-one 1997-01-20 label of a (ISRC-one)"]);
    assert_eq!(api.total_hits(), asked, "a reparse asks nobody");
}

fn a_step_that_is_gone_loses_no_track(stored: &Stored) {
    let site = Site::builder().page("/", list(&[("one", "a"), ("two", "b")])).start();
    let api = api();
    api.hold();
    let crawl = crawl(&site, &api.url(""), stored);
    let mut running = crawl.spawn();
    running.wait_until("the look-ups are stored", Duration::from_secs(30), |_| stored.pages("queued") == 2);
    running.kill9();
    api.release();
    let resumed = crawl.clone().args(["--pipelines", "normalize,label"]).run();
    resumed.assert_stderr("the items pass no look-up \\\"recording\\\" any more");
    assert_eq!(look_ups(stored, "recording"), ["failed look_up_unusable 2"]);
    assert_eq!(rows(stored), ["one - - -", "two - - -"]);
}

#[test]
fn a_preview_shows_what_would_be_asked_and_asks_nobody() {
    let site = Site::builder().page("/", list(&[("one", "a")])).start();
    let api = api();
    let fetch = example("nasty_spiders").env("CHART_API", api.url(""));
    let fetched = fetch.args(["fetch", &site.url("/"), "--spider", "chart", "--json"]).run();
    fetched.assert_code(0);
    let shown: Json = serde_json::from_str(&fetched.stdout).unwrap();
    let asked = &shown["emitted"]["requests"][0];
    assert_eq!(asked["url"], api.url("/ws/2/recording/one"));
    assert_eq!(asked["tag"], "enrich:recording");
    assert_eq!(asked["meta"]["#item"]["fields"]["title"], "one");
    assert_eq!(shown["emitted"]["items"][0]["fields"]["isrc"], Json::Null);
    assert_eq!(api.total_hits(), 0);
}

#[test]
fn a_password_of_an_api_is_sent_and_not_stored() {
    let (site, stored) = (Site::builder().page("/", list(&[("one", "")])).start(), Stored::sqlite());
    let api = api();
    let auth = format!("{}=Bearer s3cret-t0ken", api.url(""));
    let finished =
        crawl(&site, &api.url(""), &stored).args(["--log", "debug"]).env("DRAGLINE_AUTH", auth).run();
    finished.assert_code(0);
    let asked = api.received().into_iter().find(|asked| asked.path.starts_with("/ws/2/")).unwrap();
    assert_eq!(asked.header("authorization"), Some("Bearer s3cret-t0ken"));
    assert!(!finished.stderr.contains("s3cret"), "{}", finished.stderr);
    assert_eq!(
        stored.count("select count(*) from crawl_requests where cast(headers as text) like '%s3cret%'"),
        0
    );
}

#[test]
fn the_example_asks_for_isrc_and_date_as_musicbrainz_has_them() {
    let track = |artist: &str, title: &str| format!("<li class=track><b>{artist}</b> <i>{title}</i></li>");
    let (site, stored) = (
        Site::builder()
            .page("/", Answer::html(track("Jarre", "Oxyg\u{e8}ne \"4\"") + &track("Nobody", "Nothing")))
            .start(),
        Stored::sqlite(),
    );
    let found = r#"{"created": "2026-11-30T20:00:00Z", "count": 1, "offset": 0, "recordings": [{"id": "b9ad642e",
        "score": 100, "title": "Oxygène (Part IV)", "first-release-date": "1976-12-05", "isrcs": ["FRDJ07600010"]}]}"#;
    let none = r#"{"created": "2026-11-30T20:00:00Z", "count": 0, "offset": 0, "recordings": []}"#;
    let api = Site::builder()
        .handler(move |asked| {
            let query = asked.path.strip_prefix("/ws/2/recording?query=")?;
            Some(json(
                if query.starts_with("recording%3A%22Oxyg%C3%A8ne++4+%22+AND+artist%3A%22Jarre%22&fmt=json") {
                    found
                } else {
                    none
                },
            ))
        })
        .start();
    let crawl = example("look_up").env("MUSICBRAINZ", api.url("")).args([
        "crawl",
        "charts",
        "--start-url",
        &site.url("/"),
        "--store",
        &stored.url(),
        "--rate",
        "0",
    ]);
    crawl.run().assert_code(0).assert_stdout("musicbrainz: asked 2, answered 2");
    assert_eq!(
        stored.query("select artist, isrc, released from tracks order by artist"),
        [["Jarre", "FRDJ07600010", "1976-12-05"], ["Nobody", "NULL", "NULL"]]
    );
    assert_eq!(api.total_hits(), 2);
}
