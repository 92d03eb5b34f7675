//! Peak resident memory on each kind of hostile page, for both stores.
//!
//! The spider `site` gets each HTML page, and a spider that keeps everything gets the others. `alone` crawls one page at a
//! time, `together` crawls eight of the same kind at once with four crawl threads.

use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use dragline::prelude::*;
use dragline_testkit::{HostilePage, Site};

use crate::documentation::fresh;
use crate::measured;

/// A little less than the default limit on a body.
const BYTES: usize = 60_000_000;
const PAGES_TOGETHER: usize = 8;
/// What each crawl gets: the default, spelled out.
const BUDGET: &str = "256MiB";
/// No page takes that long.
const PARSE_TIMEOUT: Duration = Duration::from_secs(600);

/// How often to look at a child. Its peak only rises, so this matters only for what it does last.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Keeps everything of a page.
pub(crate) struct Hoarder;

#[derive(Item)]
#[item(table = "hoards", key = "url")]
struct Hoard {
    url: String,
    text: Option<String>,
    words: Vec<String>,
    json: Option<Json>,
}

/// In `crawl_items`.
#[derive(Item)]
struct Scrap {
    number: usize,
    text: String,
}

impl Spider for Hoarder {
    fn name(&self) -> &str {
        "hoarder"
    }

    fn items(&self) -> Vec<ItemType> {
        vec![Hoard::item_type(), Scrap::item_type()]
    }

    fn start(&self, _args: &Args) -> Result<Vec<Request>> {
        bail!("name a page with --start-url")
    }

    fn parse(&self, page: &Page, out: &mut Output) -> Result<()> {
        let hoard = Hoard { url: page.url().to_string(), text: None, words: Vec::new(), json: None };
        match page.url().path().rsplit('/').next().unwrap_or_default() {
            "items" => (0..5_000_000).for_each(|number| out.item(Scrap { number, text: "\u{1}".repeat(20) })),
            "large-items" => {
                (0..200).for_each(|number| out.item(Scrap { number, text: "\\\u{1}".repeat(1 << 20) }));
            }
            "requests" => {
                for number in 0..5_000_000 {
                    out.request(page.request(&format!("/requested?{number}"))?.with_meta("number", number));
                }
            }
            "large-meta" => {
                for number in 0..200 {
                    let meta = "\\\u{1}".repeat(1 << 20);
                    out.request(page.request(&format!("/requested?{number}"))?.with_meta("large", meta));
                }
            }
            "words" => {
                let words =
                    page.texts("p").iter().flat_map(|text| text.split(' ')).map(str::to_owned).collect();
                out.item(Hoard { words, ..hoard });
            }
            _ if page.is_html() => drop(out.follow_all(page, "a")),
            name if name.starts_with("json") => out.item(Hoard { json: Some(page.json()?), ..hoard }),
            _ => out.item(Hoard { text: Some(page.body_text().into_owned()), ..hoard }),
        }
        Ok(())
    }
}

/// Runs the benchmark and prints its table. `words` may name kinds, and `--program PATH` another program than this one.
pub(crate) fn run(words: &[&str]) {
    let (mut names, mut program, mut only) = (Vec::new(), None, None);
    let mut left = words.iter();
    while let Some(word) = left.next() {
        match *word {
            "--program" => program = left.next(),
            "--only" => only = left.next(),
            name => names.push(name),
        }
    }
    let own = ["items", "large-items", "requests", "large-meta"]
        .map(|name| (name, HostilePage::named("words"), 10_000));
    let pages = HostilePage::all().map(|page| (page.name, page, BYTES)).chain(own);
    let server = dragline_testkit::server();
    let mut databases = 0;
    println!("peak resident memory in MB, --memory-budget {BUDGET}, pages of {} MB\n", BYTES / 1_000_000);
    println!("| page | SQLite alone | Postgres alone | SQLite together | Postgres together | ends as |");
    println!("|---|---|---|---|---|---|");
    for (name, page, bytes) in pages.filter(|(name, ..)| names.is_empty() || names.contains(name)) {
        let answer = page.answer(bytes);
        let mut cells = Vec::new();
        let mut ends = String::new();
        for together in [false, true] {
            let count = if together { PAGES_TOGETHER } else { 1 };
            for store in ["sqlite", "postgres"] {
                let is_wanted = only.is_none_or(|only| {
                    *only == if together { "together" } else { "alone" } || *only == store
                });
                if !is_wanted {
                    cells.push("-".to_owned());
                    continue;
                }
                let site = (0..count).fold(Site::builder(), |site, number| {
                    site.page(&format!("/{number}/{name}"), answer.clone())
                });
                let site = site.start();
                let folder = tempfile::tempdir().expect("a temporary folder");
                let file = folder.path().join("hostile.db");
                let url = match store {
                    "sqlite" => format!("sqlite:{}", file.display()),
                    _ => {
                        databases += 1;
                        fresh(&server, databases)
                    }
                };
                let is_html = !matches!(name, "plain" | "binary" | "words")
                    && !name.starts_with("json")
                    && bytes == BYTES;
                let mut crawl = match program {
                    Some(program) => Command::new(program),
                    None => measured::this(),
                };
                crawl.args([
                    "crawl",
                    if is_html { "site" } else { "hoarder" },
                    "--store",
                    &url,
                    "--log",
                    "error",
                ]);
                crawl.args(["--rate", "0", "--memory-budget", BUDGET, "--limit", &count.to_string()]);
                crawl.args(["--parse-timeout", &format!("{}s", PARSE_TIMEOUT.as_secs())]);
                if together {
                    crawl.args(["--crawl-threads", "4", "--host-concurrency", "16"]);
                }
                for number in 0..count {
                    crawl.args(["--start-url", &site.url(&format!("/{number}/{name}"))]);
                }
                let began = Instant::now();
                let (peak, status) = peak_of(&mut crawl);
                cells.push(format!("{} ({:.0} s)", peak / 1_000_000, began.elapsed().as_secs_f64()));
                if store == "sqlite" {
                    ends = format!("{} ({status})", how(&file));
                }
            }
        }
        println!("| {name} | {} | {ends} |", cells.join(" | "));
    }
}

/// Runs a command. Gives the most that was ever resident, and how it ended. (`wait4` would also count the memory that this
/// process had when it started the child.)
fn peak_of(command: &mut Command) -> (u64, ExitStatus) {
    let mut child =
        command.stdout(Stdio::null()).spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut peak = 0;
    loop {
        if let Some(status) = child.try_wait().expect("the end of the child") {
            return (peak, status);
        }
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        peak = peak.max(kilobytes.unwrap_or_default() << 10);
        // The memory of another process can only be looked at again and again.
        #[allow(clippy::disallowed_methods)]
        std::thread::sleep(LOOK_EVERY);
    }
}

/// The states and reasons of the pages.
fn how(file: &std::path::Path) -> String {
    let sql = "SELECT state || coalesce(': ' || reason, '') || ' ' || count(*) FROM crawl_requests
               WHERE url LIKE '%/_/%' GROUP BY state, reason ORDER BY state, reason";
    let rows = dragline_testkit::sqlite::rows(file, sql).expect("the states of the pages");
    rows.iter().map(|row| row[0].as_str()).collect::<Vec<_>>().join(", ")
}
