//! Crawls real documentation from Debian's packages with `crawl site`: one item per page, many links, 40 KB per page.

use std::path::Path;
use std::process::Command;

use dragline_testkit::OwnServer;
use rusqlite::Connection;

use crate::figures::{Series, print};
use crate::web_server::WebServer;
use crate::{CONCURRENCY, floor, measured, postgres_cpu};

/// The trees, the packages that contain them, and the pages that lead to all others.
const TREES: [(&str, &str, &str); 2] = [
    ("postgresql", "/usr/share/doc/postgresql-doc-15/html", "postgresql-doc-15"),
    ("python", "/usr/share/doc/python3.11/html", "python3.11-doc"),
];

/// Runs the benchmark and prints its table.
pub(crate) fn run(pairs: usize) {
    let Some(trees) = trees() else { return };
    let web = WebServer::start(&trees);
    let starts = TREES.map(|(name, ..)| web.url(&format!("{name}/index.html")));
    let server = dragline_testkit::server();

    // Everyone fetches the pages that a crawl finds.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = |name: &str| folder.path().join(name);
    let sqlite = |name: &str| format!("sqlite:{}", file(name).display());
    measured::run(&mut crawl(&starts, &sqlite("list.db")), "");
    let list = urls(&file("list.db"));
    let pages = list.lines().count();

    let mut series =
        [Series::new("floor", pages), Series::new("SQLite", pages), Series::new("Postgres", pages)];
    for pair in 0..pairs {
        series[0].add(floor::measured(&list), None);
        series[1].add(measured::run(&mut crawl(&starts, &sqlite(&format!("{pair}.db"))), ""), None);
        series[0].add(floor::measured(&list), None);
        let database = fresh(&server, pair);
        let before = postgres_cpu::taken(&server);
        let run = measured::run(&mut crawl(&starts, &database), "");
        series[2].add(run, Some(postgres_cpu::taken(&server).saturating_sub(before)));
    }
    print(&format!("{pages} pages of documentation, {CONCURRENCY} at a time"), &series);
}

/// The names and folders of the trees. If they aren't installed, prints a message and returns `None`.
pub(crate) fn trees() -> Option<[(&'static str, &'static Path); 2]> {
    let missing: Vec<&str> = TREES
        .iter()
        .filter(|(_, path, _)| !Path::new(path).join("index.html").exists())
        .map(|(_, _, package)| *package)
        .collect();
    if !missing.is_empty() {
        println!("there is nothing to crawl here: apt-get install {}", missing.join(" "));
        return None;
    }
    Some(TREES.map(|(name, path, _)| (name, Path::new(path))))
}

/// The URL of an empty database.
pub(crate) fn fresh(server: &OwnServer, number: usize) -> String {
    let name = format!("bench_{number}");
    server.query(&format!("CREATE DATABASE {name}"));
    server.url_of(&name)
}

/// Our crawl of these trees.
pub(crate) fn crawl(starts: &[String], store: &str) -> Command {
    let mut crawl = Command::new(env!("CARGO_BIN_EXE_dragline"));
    crawl.args(["crawl", "site", "--rate", "0", "--log", "warn", "--store", store]);
    crawl.args(["--host-concurrency", &CONCURRENCY.to_string()]);
    for start in starts {
        crawl.args(["--start-url", start]);
    }
    crawl
}

/// The pages that a crawl fetched, one per line.
pub(crate) fn urls(database: &Path) -> String {
    let connection = Connection::open(database).expect("the crawl's database");
    let done = "SELECT group_concat(url, char(10)) FROM crawl_requests WHERE state = 'done'";
    connection.query_row(done, [], |row| row.get(0)).expect("the pages that are done")
}
