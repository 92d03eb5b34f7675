//! The progress display on a real terminal: a pseudo-terminal, and an emulator that shows what a person would see.

use std::io::Read as _;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dragline_testkit::{Answer, Site, wait_for, wait_until};
use pty_process::blocking::{Command, Pty};

use crate::stored::{Stored, example, example_path};

const LIMIT: Duration = Duration::from_secs(120);
/// The exit code of these crawls, because pages of the site fail on purpose.
const PROBLEMS: i32 = 65;
/// The emulator has more rows than the terminal says, so that nothing scrolls out of sight.
const ROWS: u16 = 2_000;

/// The program on a terminal of its own. Its stdout is there, too.
struct Terminal {
    child: Child,
    seen: Arc<Mutex<(vt100::Parser, Vec<u8>)>>,
    pty: Arc<Pty>,
}

impl Terminal {
    fn start(columns: u16, words: &[&str], variables: &[(&str, &str)]) -> Self {
        let (pty, pts) = pty_process::blocking::open().unwrap();
        pty.resize(pty_process::Size::new(24, columns)).unwrap();
        let child = Command::new(example_path("nasty_spiders"))
            .args(words)
            .env("TERM", "xterm-256color")
            .env_remove("NO_COLOR")
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .spawn(pts)
            .unwrap();
        let parser = vt100::Parser::new(ROWS.try_into().unwrap(), columns.try_into().unwrap(), 0);
        let seen = Arc::new(Mutex::new((parser, Vec::new())));
        let (pty, into) = (Arc::new(pty), Arc::clone(&seen));
        let from = Arc::clone(&pty);
        let reader = dragline_core::worker::Worker::spawn("terminal", move || {
            let mut bytes = [0; 4_096];
            // The last one to hold the terminal's other side has ended: an error, on Linux.
            while let Ok(read) = (&*from).read(&mut bytes) {
                let mut seen = into.lock().unwrap();
                seen.0.process(&bytes[..read]);
                seen.1.extend(&bytes[..read]);
            }
        });
        drop(reader.unwrap());
        Self { child, seen, pty }
    }

    fn shown(&self) -> String {
        self.seen.lock().unwrap().0.screen().contents()
    }

    fn raw(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock().unwrap().1).into_owned()
    }

    fn wait_for(&self, text: &str) {
        wait_until(&format!("{text:?} is shown"), LIMIT, || self.shown().contains(text));
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(
            std::process::Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success()
        );
    }

    /// The exit code, and what the screen shows at the end.
    fn finish(&mut self) -> (Option<i32>, String) {
        let status = wait_for("the end of the crawl", LIMIT, || self.child.try_wait().unwrap());
        // The reader is done when the terminal has nothing more.
        let mut before = usize::MAX;
        wait_until("everything is read", LIMIT, || {
            let now = self.seen.lock().unwrap().1.len();
            std::mem::replace(&mut before, now) == now
        });
        (status.code(), self.shown())
    }
}

#[test]
fn problems_are_red_unless_nobody_wants_colours() {
    let stored = Stored::sqlite();
    let site = Site::builder().page("/", Answer::html("<a class=detail href=/detail/0>0</a>")).start();
    let (door, store) = (format!("door={}", site.url("/")), stored.url());
    let crawl = ["crawl", "shop", "-a", &door, "--store", &store, "--retries", "0", "--rate", "0"];
    let list = ["runs", "list", "--store", &store];
    let show = ["runs", "show", "shop", "--store", &store];
    for words in [&crawl[..], &list, &show] {
        let mut coloured = Terminal::start(120, words, &[]);
        coloured.finish();
        let raw = coloured.raw();
        assert!(
            raw.contains("\u{1b}[31mno item was stored, though 1 page was done\u{1b}[0m"),
            "{words:?}: {raw}"
        );
        let mut plain = Terminal::start(120, words, &[("NO_COLOR", "1")]);
        plain.finish();
        let raw = plain.raw();
        assert!(raw.contains("no item was stored") && !raw.contains("\u{1b}[31m"), "{words:?}: {raw}");
    }
}

/// Pages that fail, a line of the log each, and one that is held until it is released.
fn site(pages: usize) -> Site {
    let links: String = (0..pages).map(|number| format!("<a href=/{number}/error>x</a>")).collect();
    let mut site = Site::builder().page("/", Answer::html(format!("{links}<a href=/slow/good>x</a>")));
    for number in 0..pages {
        site = site.page(&format!("/{number}/error"), Answer::html("").delay(Duration::from_millis(20)));
    }
    site.page("/slow/good", Answer::html("").delay(Duration::from_secs(2))).start()
}

fn crawl<'a>(site: &'a str, store: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let words =
        ["crawl", "nasty", "--start-url", site, "--store", store, "--rate", "0", "--log-repeats", "0"];
    [&words, more].concat()
}

/// A row of the log that nothing was mixed into.
fn is_whole(row: &str, root: &str) -> bool {
    let rest = row
        .split_once("Z  WARN the page failed reason=parse_error error=\"parse: no price on the page\" url=")
        .map(|(_, url)| url);
    let number = rest.and_then(|url| url.strip_prefix(root)?.split_once("/error thread=crawl-"));
    number.is_some_and(|(page, thread)| [page, thread].iter().all(|text| text.parse::<usize>().is_ok()))
}

#[test]
fn lines_and_display_do_not_garble_each_other_and_the_display_goes() {
    let site = site(120);
    for (columns, form) in [(200, "hosts"), (40, "auto")] {
        let stored = Stored::sqlite();
        let (root, store) = (site.url("/"), stored.url());
        let words = crawl(&root, &store, &["--progress", form, "--limit", "1000"]);
        site.hold_page("/slow/good");
        let mut terminal = Terminal::start(columns, &words, &[]);
        terminal.wait_for("in flight");
        terminal.wait_for("of 1,000 pages");
        site.release();
        let (code, shown) = terminal.finish();
        assert_eq!(code, Some(PROBLEMS), "{shown}");
        for gone in ["of 1,000 pages", "commit", " in the window"] {
            assert!(!shown.contains(gone), "{columns}: {shown}");
        }
        assert!(shown.contains("pages     done 2, failed 120"), "{columns}: {shown}");
        if columns == 200 {
            let rows: Vec<&str> = shown.lines().filter(|row| row.contains("the page failed")).collect();
            assert_eq!(rows.len(), 120, "{shown}");
            for row in rows {
                assert!(is_whole(row.trim_end(), &root), "{row:?}");
            }
            assert!(terminal.raw().contains("2 in flight, "), "a row for the busy host");
        }
        drop(terminal.pty);
    }
}

#[test]
fn a_stop_and_a_forced_end_leave_a_clean_terminal() {
    for (times, expected) in [(1, 75), (3, 70)] {
        let site = Site::builder()
            .page("/", Answer::html("<a href=/slow/good>x</a>"))
            .page("/slow/good", Answer::html("").delay(Duration::from_secs(60)))
            .start();
        let stored = Stored::sqlite();
        let (root, store) = (site.url("/"), stored.url());
        let mut terminal = Terminal::start(100, &crawl(&root, &store, &[]), &[]);
        terminal.wait_for("1 in flight");
        for _ in 0..times {
            terminal.signal("TERM");
        }
        let (code, shown) = terminal.finish();
        // Signals of one kind that come together are one: then the end is a graceful or an abandoned one.
        assert!(code == Some(expected) || times == 3 && matches!(code, Some(75 | 70)), "{code:?} {shown}");
        assert!(!shown.contains("in flight"), "{shown}");
        assert!(shown.contains("normal during"), "{shown}");
    }
}

#[test]
fn no_colours_and_no_display_where_they_are_not_wanted() {
    let site = site(5);
    let run = |variables: &[(&str, &str)], more: &[&str], awaited: &str| {
        site.hold_page("/slow/good");
        let stored = Stored::sqlite();
        let (root, store) = (site.url("/"), stored.url());
        let mut terminal = Terminal::start(120, &crawl(&root, &store, more), variables);
        wait_until(awaited, LIMIT, || terminal.raw().contains(awaited));
        site.release();
        let (code, shown) = terminal.finish();
        assert_eq!(code, Some(PROBLEMS), "{shown}");
        terminal.raw()
    };
    let plain = run(&[("NO_COLOR", "1")], &[], "in flight");
    assert!(
        plain.contains("in flight") && !plain.contains("\u{1b}[3") && !plain.contains("\u{1b}[2m"),
        "{plain:?}"
    );
    let dumb = run(&[("TERM", "dumb")], &["--progress-interval", "1s"], "INFO crawling done=");
    assert!(!dumb.contains('\u{1b}') && dumb.contains("INFO crawling done="), "{dumb:?}");
    let json = run(&[], &["--log-format", "json"], "the page failed");
    // The report on stdout is for people, and has its colours.
    let logged = |line: &&str| line.starts_with('{');
    assert!(json.lines().filter(logged).all(|line| !line.contains('\u{1b}')), "{json:?}");
    assert!(json.contains("\"message\":\"the page failed\""), "{json:?}");
    let none = run(&[], &["--progress", "none"], "the page failed");
    assert!(!none.contains("in flight"), "{none:?}");
}

/// Characters that a terminal would obey: the title, a cleared screen, the same with one character, DEL, and a turned direction.
const HOSTILE: &str = "h\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}2J\u{7f}\u{202e}\u{2066}o";

/// The same in SQL, for SQLite.
const HOSTILE_SQL: &str =
    "'h' || char(27) || ']0;owned' || char(7) || char(27) || '[2J' || char(155) || '2J' || char(127)
    || char(8238) || char(8294) || 'o'";

#[track_caller]
fn obeys_nobody(what: &str, raw: &str, may_move: bool) {
    let foreign = ["\u{1b}]0;owned", "\u{7}", "\u{1b}[2J", "\u{9b}", "\u{7f}", "\u{202e}", "\u{2066}"];
    for found in foreign {
        assert!(!raw.contains(found), "{what}: {found:?} in {raw:?}");
    }
    // Colours are the program's own.
    let colours = [0, 1, 2, 4, 22, 31, 32, 33, 34, 35, 36].map(|number| format!("\u{1b}[{number}m"));
    let rest = colours.iter().fold(raw.to_owned(), |text, colour| text.replace(colour, ""));
    assert!(may_move || !rest.contains('\u{1b}'), "{what}: {raw:?}");
}

#[test]
fn a_terminal_obeys_no_text_of_others() {
    let stored = Stored::sqlite();
    let page = format!("<title>{HOSTILE}</title><a href='/bad/error'>x</a><a href='/x/nul'>n</a>");
    let site = Site::builder()
        .page("/", Answer::html(page).header("X-Hostile", "a\u{9b}2J\u{202e}b"))
        .handler(|_| Some(Answer::html(format!("<title>{HOSTILE}</title>"))))
        .start();
    let (start, store) = (site.url("/"), stored.url());
    let on = |words: &[&str], variables: &[(&str, &str)]| {
        let mut terminal = Terminal::start(400, words, variables);
        let (code, _) = terminal.finish();
        let raw = terminal.raw();
        obeys_nobody(&format!("{words:?}"), &raw, words[0] == "crawl");
        (code, raw)
    };
    let crawl = [
        "crawl",
        "nasty",
        "--start-url",
        &start,
        "--store",
        &store,
        "--rate",
        "0",
        "--retries",
        "0",
        "--keep-pages",
    ];
    on(&crawl, &[]);
    // As if a site, or another program, had written it.
    for (table, column) in [
        ("crawl_runs", "stop_reason"),
        ("crawl_requests", "error"),
        ("crawl_requests", "tag"),
        ("crawl_dead_letters", "error"),
        ("crawl_dead_letters", "url"),
    ] {
        stored.execute(&format!("update {table} set {column} = {HOSTILE_SQL}"));
    }
    stored.execute(&format!("update crawl_dead_letters set payload = json_object('url', {HOSTILE_SQL})"));
    stored.execute(&format!("update crawl_items set data = json_object('url', {HOSTILE_SQL})"));
    stored.execute(&format!("update nasty_things set text = {HOSTILE_SQL}"));
    let letter = stored.count("select min(letter_id) from crawl_dead_letters").to_string();
    let with_store: &[&[&str]] = &[
        &["runs", "list"],
        &["runs", "list", "--json"],
        &["runs", "show", "nasty"],
        &["runs", "show", "nasty", "--json"],
        &["runs", "show", "nasty", "--path", &start],
        &["pages", "list", "nasty"],
        &["pages", "show", "nasty", &start],
        &["pages", "show", "nasty", &start, "--headers"],
        &["dead-letters", "list"],
        &["dead-letters", "show", &letter],
        &["dead-letters", "retry", &letter],
        &["dead-letters", "export", "-"],
        &["export", "nasty", "-o", "-"],
        &["schema", "check"],
    ];
    let mut shown = 0;
    for words in with_store {
        let words: Vec<&str> = words.iter().copied().chain(["--store", &store]).collect();
        let (_, raw) = on(&words, &[]);
        shown += usize::from(raw.contains("\\u001b") || raw.contains("\\u{1b}"));
    }
    assert!(shown >= 8, "only {shown} commands showed the text at all");
    for words in [
        &["fetch", &start][..],
        &["fetch", &start, "--spider", "nasty"],
        &["fetch", &start, "-o", "-"],
        &["list"],
        &["check", "nasty"],
    ] {
        on(words, &[]);
    }
    let logs = tempfile::tempdir().unwrap();
    let logs = logs.path().join(HOSTILE).display().to_string();
    let hostile =
        [("DRAGLINE_LOG_DIR", &*logs), ("DRAGLINE_USER_AGENT", HOSTILE), ("DRAGLINE_RATE", HOSTILE)];
    for variable in hostile {
        on(&["config", "show"], &[variable]);
        on(&["runs", "list", "--store", &store], &[variable]);
        on(&crawl, &[variable]);
    }
    // A pipe gets the data as it is.
    let piped = example("nasty_spiders").args(["pages", "show", "nasty", &start, "--store", &store]).run();
    piped.assert_code(0).assert_stdout(HOSTILE);
}
