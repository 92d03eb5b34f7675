//! Crawls the documentation with other crawlers, in turns with Dragline and the floor. `benches/others/run.sh` installs
//! them.

use std::path::Path;
use std::process::Command;

use dragline_testkit::OwnServer;

use crate::figures::{Series, print};
use crate::measured::{self, Measured};
use crate::web_server::WebServer;
use crate::{CONCURRENCY, documentation, floor, postgres_cpu};

/// A page that leads to all trees, because some crawlers accept only one start URL.
const START: &str = "<title>start</title>
    <a href=\"/postgresql/index.html\">PostgreSQL</a> <a href=\"/python/index.html\">Python</a>";

/// The table that all of them fill. kumo needs an extra column.
const TABLE: &str = "CREATE TABLE pages (url text NOT NULL, title text, data jsonb)";

/// The other crawlers, and the command that starts each of them in its folder.
const OTHERS: [(&str, &str, &[&str]); 4] = [
    ("spider-rs", "target/release/spider-rs", &[]),
    ("kumo", "target/release/kumo", &[]),
    ("Scrapy", "python/bin/scrapy", &["runspider", "scrapy_spider.py"]),
    ("Crawlee", "node", &["crawlee.mjs"]),
];

/// Runs the benchmark and prints its table.
pub(crate) fn run(folder: &Path, rounds: usize) {
    let Some(trees) = documentation::trees() else { return };
    let start_folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(start_folder.path().join("index.html"), START).expect("the first page is written");
    let web = WebServer::start(&[trees.as_slice(), &[("start", start_folder.path())]].concat());
    let start = web.url("start/index.html");
    // This server uses fsync, so stored rows really are on the disk.
    let server = dragline_testkit::durable_server();
    let mut databases = (0..).map(|number| Database::new(&server, number));
    let mut fresh = || databases.next().expect("numbers do not end");

    // First run each crawler once without measuring. This shows what it finds, and fills the system's file cache.
    let database = fresh();
    measured::run(&mut documentation::crawl(std::slice::from_ref(&start), &database.url), "");
    let done = "SELECT url FROM crawl_requests WHERE state = 'done'";
    let urls: Vec<String> = database.query(done).into_iter().flatten().collect();
    let list = urls.join("\n");
    let mut ours = [Series::new("floor", urls.len()), Series::new("Dragline", urls.len())];
    let installed: Vec<_> = OTHERS.iter().filter(|other| is_installed(folder, other)).collect();
    let mut others: Vec<Series> = installed
        .iter()
        .map(|other| {
            let (_, rows) = crawl(folder, other, &start, &fresh());
            Series::new(other.0, rows)
        })
        .collect();

    for _ in 0..rounds {
        ours[0].add(floor::measured(&list), None);
        let database = fresh();
        let before = postgres_cpu::taken(&server);
        let run = measured::run(&mut documentation::crawl(std::slice::from_ref(&start), &database.url), "");
        ours[1].add(run, Some(postgres_cpu::taken(&server).saturating_sub(before)));
        for (other, series) in installed.iter().zip(&mut others) {
            let before = postgres_cpu::taken(&server);
            let (run, rows) = crawl(folder, other, &start, &fresh());
            series.add(run, Some(postgres_cpu::taken(&server).saturating_sub(before)));
            if rows != series.pages() {
                println!("{}: {rows} rows this time, {} at first", other.0, series.pages());
            }
        }
    }
    let series: Vec<Series> = ours.into_iter().chain(others).collect();
    print(&format!("{} pages of documentation, {CONCURRENCY} at a time", urls.len()), &series);
    for series in &series {
        println!("{}: {} pages", series.name(), series.pages());
    }
}

/// Whether the crawler is installed. Prints a message if it isn't.
fn is_installed(folder: &Path, (name, program, _): &(&str, &str, &[&str])) -> bool {
    // A name without a path is a program of the system.
    let is_there = !program.contains('/') || folder.join(program).exists();
    if !is_there {
        println!("{name} is left out, because it is not installed in {}", folder.display());
    }
    is_there
}

/// Runs one crawl into an empty database. Returns the number of stored pages.
fn crawl(
    folder: &Path,
    (_, program, words): &(&str, &str, &[&str]),
    start: &str,
    database: &Database<'_>,
) -> (Measured, usize) {
    database.query(TABLE);
    let installed = folder.join(program);
    let storage = tempfile::tempdir().expect("a temporary folder");
    let mut command = Command::new(if installed.exists() { installed.as_path() } else { Path::new(program) });
    command.args(*words).current_dir(folder);
    command.env("START_URL", start).env("DATABASE_URL", &database.url);
    // Crawlee keeps its request queue there.
    command.env("CONCURRENCY", CONCURRENCY.to_string()).env("CRAWLEE_STORAGE_DIR", storage.path());
    let run = measured::run(&mut command, "");
    let rows = database.query("SELECT count(DISTINCT url) FROM pages");
    (run, rows[0][0].parse().expect("a number of rows"))
}

/// An empty database.
struct Database<'a> {
    server: &'a OwnServer,
    name: String,
    url: String,
}

impl<'a> Database<'a> {
    fn new(server: &'a OwnServer, number: usize) -> Self {
        let name = format!("bench_{number}");
        server.query(&format!("CREATE DATABASE {name}"));
        Self { server, url: server.url_of(&name), name }
    }

    fn query(&self, sql: &str) -> Vec<Vec<String>> {
        self.server.psql(&self.name, sql)
    }
}
