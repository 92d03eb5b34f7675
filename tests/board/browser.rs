//! The pages in a real browser: they are readable for everybody, work by keyboard, stay up to date, and run nothing that a site
//! gave.

use std::fs;
use std::path::{Path, PathBuf};

use super::hostile::hostile_run;
use super::web_driver::Browser;
use super::*;

/// What is checked: WCAG 2.0, 2.1 and 2.2, A and AA.
const RULES: &str = "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']";
/// The Tab key.
const TAB: &str = "\u{e004}";

/// The file of axe-core that `./test --prepare` gets.
pub(super) fn axe() -> Option<String> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map_or_else(
        || Path::new(&std::env::var_os("HOME").unwrap_or_default()).join(".cache"),
        PathBuf::from,
    );
    let file = std::env::var_os("DRAGLINE_TEST_AXE")
        .map_or_else(|| cache.join("dragline-tests/axe-core-4.14.1/axe.min.js"), PathBuf::from);
    let read = fs::read_to_string(&file);
    read.inspect_err(|error| {
        println!("NOT TESTED: {}: {error}. Run ./test --prepare, which gets it.", file.display());
    })
    .ok()
}

/// Fails if axe finds a violation on the open page.
pub(super) fn assert_accessible(browser: &Browser, axe: &str, what: &str) {
    // By the browser's own protocol, because the page's policy forbids other scripts.
    browser.command("Runtime.evaluate", &serde_json::json!({ "expression": axe }));
    let found = browser.later(&format!(
        "const done = arguments[0];
         axe.run(document, {{ runOnly: {RULES} }}).then((it) => done(it.violations.map((one) =>
             one.id + ': ' + one.help + ' ' + one.nodes.slice(0, 3).map((node) => node.html + ' ' + node.failureSummary).join(' | '))))
             .catch((error) => done(['axe failed: ' + error]))"
    ));
    assert_eq!(found, serde_json::json!([]), "{what}: {found:#}");
}

/// A store with several nights of a spider, one of them odd, and a crawl that failed.
fn nights(stored: &Stored, logs: &Path) -> Site {
    let site = site();
    for night in 0..6 {
        let limit = if night == 4 { "6" } else { "45" };
        crawl_site(&site.url("/"), stored)
            .args(["--retries", "0", "--run", "nightly", "--limit", limit, "--log-dir"])
            .arg(logs)
            .run();
    }
    site
}

/// A settings file with schedules, and what the store knows of them.
fn scheduled(stored: &Stored, folder: &Path) -> String {
    let file = folder.join("dragline.toml");
    let schedule = |name: &str, cron: &str| {
        format!("[schedule.{name}]\nspider = 'site'\ncron = '{cron}'\ntime_zone = 'Europe/Berlin'\n")
    };
    fs::write(
        &file,
        schedule("nightly", "30 3 * * *")
            + &schedule("hourly", "0 * * * *")
            + &schedule("weekly", "0 5 * * 1"),
    )
    .unwrap();
    for (name, paused) in
        [("nightly", "null, null"), ("hourly", "'2026-11-30T09:00:00.000000Z', 'ann on desk'")]
    {
        stored.execute(&format!(
            "insert into crawl_schedules (name, definition, first_seen_at, known_until, paused_at, paused_by)
             values ('{name}', '{{}}', '2026-11-01T00:00:00.000000Z', '2026-11-30T02:30:00.000000Z', {paused})"
        ));
    }
    for (schedule, day, kind, state, reason, run) in [
        ("nightly", 27, "cron", "done", "null", "4"),
        (
            "nightly",
            28,
            "cron",
            "failed",
            "'given up because 6 processes failed; the last one: exit 1: no page was done'",
            "5",
        ),
        ("nightly", 29, "cron", "skipped", "'the tick of 2026-11-28 02:30 UTC had not ended'", "null"),
        ("nightly", 30, "manual", "waiting", "'tried again after exit 1: the site is away'", "6"),
        ("hourly", 30, "cron", "skipped", "'the schedule was paused by ann on desk'", "null"),
    ] {
        stored.execute(&format!(
            "insert into crawl_ticks (schedule, due_at, kind, state, reason, next_try_at, run_name, run_id, attempts, forced_kills, ended_at)
             values ('{schedule}', '2026-11-{day}T02:30:00.000000Z', '{kind}', '{state}', {reason}, '2026-11-30T23:40:00.000000Z',
                     '{schedule}', {run}, 2, 1, {})",
            if state == "waiting" { "null" } else { "'2026-11-30T02:31:00.000000Z'" },
        ));
    }
    file.display().to_string()
}

#[test]
fn the_pages_are_accessible_in_light_dark_and_on_a_phone() {
    let (stored, logs) = (Stored::sqlite(), tempfile::tempdir().unwrap());
    let _site = nights(&stored, logs.path());
    let config = scheduled(&stored, logs.path());
    let board = Board::with(&stored, &["--log-dir", logs.path().to_str().unwrap(), "--config", &config]);
    let (Some(browser), Some(axe)) = (Browser::start(), axe()) else { return };
    let pictures = std::env::var_os("DRAGLINE_TEST_PICTURES").map(PathBuf::from);
    browser.command("Emulation.setTimezoneOverride", &serde_json::json!({ "timezoneId": "Europe/Berlin" }));
    let pages = [
        ("now", "/"),
        ("runs", "/runs"),
        ("run", "/runs/6"),
        ("spiders", "/spiders"),
        ("spider", "/spiders/site"),
        ("schedules", "/schedules"),
        ("schedule", "/schedules/nightly"),
        ("kinds", "/items"),
        ("items", "/items/page?spider=site&contains=p"),
        ("problem", "/runs/99"),
    ];
    for (look, width, is_dark) in [("light", 1_200, false), ("dark", 1_200, true), ("phone", 375, false)] {
        browser.looks(width, 800, is_dark);
        for (name, path) in pages {
            browser.open(&format!("http://{}{path}", board.address));
            let what = format!("{name}, {look}");
            assert_accessible(&browser, &axe, &what);
            let too_wide = browser
                .value("return document.documentElement.scrollWidth > document.documentElement.clientWidth");
            let widest = browser.value(
                "return [...document.querySelectorAll('body *')].filter(it => !it.closest('.wide') &&
                 it.getBoundingClientRect().right > document.documentElement.clientWidth).map(it => it.outerHTML.slice(0, 120))",
            );
            assert_eq!(too_wide, false, "{what} must be scrolled sideways: {widest}");
            if let Some(folder) = &pictures {
                fs::create_dir_all(folder).unwrap();
                fs::write(folder.join(format!("{name}-{look}.png")), browser.picture(2_400, 1.0)).unwrap();
            }
        }
        // The answer for the unknown run is a complaint, and the only one.
        let complaints = browser.complaints();
        let others: Vec<_> = complaints.iter().filter(|line| !line.contains("/runs/99")).collect();
        assert!(others.is_empty(), "{others:#?}");
    }
    browser.open(&format!("http://{}/runs/6", board.address));
    let local = browser.value("return document.querySelector('time .local').textContent").to_string();
    assert!(local.contains("GMT+1") || local.contains("CET"), "the reader's own time: {local}");
}

#[test]
fn the_keyboard_reaches_everything() {
    let stored = Stored::sqlite();
    crawl_site(&Site::generated(20, 3).url("/"), &stored).run().assert_code(0);
    let (board, Some(browser)) = (Board::of(&stored), Browser::start()) else { return };
    browser.open(&format!("http://{}/", board.address));
    let focused =
        "const it = document.activeElement; return it.getAttribute('href') || it.getAttribute('aria-label')";
    let mut reached = Vec::new();
    for _ in 0..12 {
        browser.press(TAB);
        if browser.value("return document.activeElement === document.body") == true {
            // After the last element comes the browser itself.
            break;
        }
        reached.push(browser.value(focused).as_str().unwrap_or_default().to_owned());
        let outline = browser.value("return getComputedStyle(document.activeElement).outlineStyle");
        assert_eq!(outline, "solid", "the focus is visible: {reached:?}");
    }
    for target in ["#content", "/runs", "/spiders", "/items", "Runs", "/runs/1", "/spiders/site"] {
        assert!(reached.iter().any(|it| it == target), "{target}: {reached:?}");
    }
}

#[test]
fn a_page_stays_up_to_date_without_a_reload() {
    let (site, stored) = (Site::generated(60, 3), Stored::sqlite());
    site.hold_after(10);
    let mut crawl = crawl_site(&site.url("/"), &stored).args(["--listen", "127.0.0.1:0"]).spawn();
    crawl.wait_until("it listens", SOON, |it| address(&it.stderr()).is_some());
    let address = address(&crawl.stderr()).unwrap();
    wait_for("the run is open", SOON, || (asked(&address, "/api/v1/runs/1").status == 200).then_some(()));
    let Some(browser) = Browser::start() else { return };
    browser.open(&format!("http://{address}/runs/1"));
    browser.value("window.marked = true");
    browser.wait("it is connected", "return document.getElementById('live').textContent === 'Up to date'");
    browser
        .wait("the host is shown", &format!("return document.body.textContent.includes('{}')", site.host()));
    // The process ends with its run, so somebody else has to show the end.
    site.release();
    crawl.finish().assert_code(0);
    browser
        .wait("it says so", "return document.getElementById('live').textContent.startsWith('Not connected')");

    let board = Board::of(&stored);
    browser.open(&format!("http://{}/", board.address));
    browser.value("window.marked = true");
    browser.wait("it is connected", "return document.getElementById('live').textContent === 'Up to date'");
    crawl_site(&site.url("/"), &stored).args(["--limit", "3"]).run();
    browser.wait("the second run is shown", "return document.querySelector('a[href=\"/runs/2\"]') !== null");
    assert_eq!(browser.value("return window.marked"), true, "the page was not loaded again");
    // The server goes and comes back at the same address.
    let address = board.address.clone();
    board.running.signal("TERM");
    board.running.finish().assert_code(0);
    browser
        .wait("it says so", "return document.getElementById('live').textContent.startsWith('Not connected')");
    crawl_site(&site.url("/"), &stored).args(["--limit", "3"]).run();
    let mut again = dragline().args(["board", "--listen", &address, "--store", &stored.url()]).spawn();
    again.wait_until("it serves", SOON, |it| it.stdout().contains("until Ctrl-C"));
    browser.wait("the third run is shown", "return document.querySelector('a[href=\"/runs/3\"]') !== null");
    assert_eq!(browser.value("return window.marked"), true, "the page was not loaded again");
}

#[test]
fn nothing_hostile_runs_in_a_browser() {
    let (stored, logs) = (Stored::sqlite(), tempfile::tempdir().unwrap());
    let _site = hostile_run(&stored, logs.path());
    let board = Board::with(&stored, &["--log-dir", logs.path().to_str().unwrap()]);
    let Some(browser) = Browser::start() else { return };
    for path in [
        "/",
        "/runs",
        "/runs/1",
        "/schedules",
        "/schedules/evil",
        "/items/page",
        "/items/page?contains=%22%3E%3Cimg%20src=x%20onerror=alert(1)%3E",
    ] {
        browser.open(&format!("http://{}{path}", board.address));
        // An open dialogue would make each of these calls fail.
        assert!(browser.value("return document.body.textContent.includes('alert(1)')") == true, "{path}");
        assert_eq!(browser.value("return document.scripts.length"), 1, "{path}");
        assert_eq!(browser.complaints(), Vec::<String>::new(), "{path}");
    }
    // A script that gets into the page all the same does not run: the policy forbids it.
    browser
        .value("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.hurt = true\">')");
    browser.wait("the policy is enforced", "return document.querySelector('img').complete");
    assert_eq!(browser.value("return window.hurt === undefined"), true);
    assert!(
        browser.complaints().iter().any(|line| line.contains("Content Security Policy")),
        "it is enforced"
    );
}
