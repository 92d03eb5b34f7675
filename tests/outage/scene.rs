//! A site, a database, a proxy between the program and the database, and the truth about the rows.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use dragline_testkit::{ChaosProxy, Dragline, Running, Site, TestDatabase, database, wait_until};
use tempfile::TempDir;

use crate::stored::{dragline, example};

/// The longest wait of a test, on a busy machine.
pub(super) const SOON: Duration = Duration::from_secs(30);
/// If no request has come for this long, the crawl has halted.
const HALT: Duration = Duration::from_secs(1);
/// The memory of a crawl of a small site that waits for its database: the program, its threads and a few hundred pages.
const RESIDENT_LIMIT: usize = 100 << 20;

pub(super) struct Scene {
    pub(super) site: Site,
    pub(super) database: TestDatabase,
    pub(super) proxy: ChaosProxy,
    url: String,
    pages: usize,
    folder: TempDir,
}

impl Scene {
    /// A site of this number of pages, a fresh database, and a proxy before it that lets everything pass.
    pub(super) fn new(pages: usize) -> Self {
        let site = Site::builder().generated(pages, 4).delay(Duration::from_millis(12)).start();
        let database = database();
        let (proxy, url) = ChaosProxy::before(&database.url());
        Self { site, database, proxy, url, pages, folder: tempfile::tempdir().unwrap() }
    }

    /// The spider writes an item with a key into a table of its own, and one without a key, for each page.
    pub(super) fn crawl(&self) -> Dragline {
        self.crawl_with("")
    }

    /// The same with options in the store's URL.
    pub(super) fn crawl_with(&self, options: &str) -> Dragline {
        self.crawl_into(&format!("{}{options}", self.url))
    }

    /// The same with another store's URL.
    pub(super) fn crawl_into(&self, url: &str) -> Dragline {
        let program = example("nasty_spiders").limit(Duration::from_secs(120));
        let program = program.args(["crawl", "nasty", "--start-url", &self.site.url("/"), "--store", url]);
        let program = program.arg("--heartbeat-file").arg(self.folder.path().join("heartbeat"));
        // Several batches at any time, and a window that is refilled.
        program.args([
            "--rate",
            "0",
            "--host-concurrency",
            "8",
            "--flush-rows",
            "20",
            "--flush-interval",
            "100ms",
            // As many flushes as there are twenties of rows, for each may be struck.
            "--flush-growth",
            "1",
        ])
    }

    /// Makes all tables, for a test that puts something into them first.
    pub(super) fn with_tables(self) -> Self {
        let url = self.database.url();
        example("nasty_spiders").args(["schema", "apply", "--store", &url]).run().assert_code(0);
        self
    }

    /// Pages that are done.
    pub(super) fn done(&self) -> usize {
        let table = "select 1 from pg_tables where tablename = 'crawl_items'";
        if self.database.query(table).is_empty() {
            return 0;
        }
        self.database.value("select count(*) from crawl_requests where state = 'done'").parse().unwrap()
    }

    /// Starts a crawl and waits until some pages are done. Until the site is released it comes no further: a fast
    /// machine would be at its end before the fault is made.
    pub(super) fn in_mid_crawl(&self, crawl: &Dragline) -> Running {
        self.site.hold_after(60);
        let mut running = crawl.spawn();
        running.wait_until("pages are done", SOON, |_| self.done() >= 40);
        running
    }

    /// Waits until no more requests come.
    pub(super) fn halts(&self) {
        let mut last = (self.site.total_hits(), Instant::now());
        wait_until("the crawl comes to a halt", SOON, || {
            let hits = self.site.total_hits();
            if hits != last.0 {
                last = (hits, Instant::now());
            }
            last.1.elapsed() > HALT
        });
        assert!(last.0 < self.pages, "it went on without its database");
    }

    /// Waits until the program says that it is alive and waits for its store.
    pub(super) fn is_degraded(&self, running: &mut Running) {
        let check =
            dragline().args(["healthcheck", "--heartbeat-file"]).arg(self.folder.path().join("heartbeat"));
        running.wait_until("it is degraded", SOON, |_| {
            let health = check.run();
            health.assert_code(0);
            health.stdout.contains("is degraded: it has been waiting for its store")
        });
        running.signal("USR1");
        running.wait_until("the snapshot", SOON, |running| running.stderr().contains("UNAVAILABLE for"));
    }

    /// Holds all rows against the site.
    pub(super) fn is_exact(&self) {
        let rows = |sql: &str| self.database.query(sql);
        let pages = self.pages.to_string();
        assert_eq!(rows("select state, count(*) from crawl_requests group by 1"), [["done", &pages]]);
        let once: BTreeMap<String, String> =
            self.site.truth().keys().map(|url| (url.clone(), "1".to_owned())).collect();
        let counts = |sql: &str| -> BTreeMap<String, String> {
            rows(sql).into_iter().map(|row| (row[0].clone(), row[1].clone())).collect()
        };
        assert_eq!(counts("select url, count(*) from crawl_items where item_key is null group by 1"), once);
        assert_eq!(counts("select url, count(*) from nasty_things group by 1"), once);
        assert_eq!(rows("select * from crawl_dead_letters"), Vec::<Vec<String>>::new());
    }

    /// Sessions of the program in a transaction that nothing has happened in for a while.
    pub(super) fn idle_in_transaction(&self) -> Vec<Vec<String>> {
        self.database.query(
            "select pid, query from pg_stat_activity where datname = current_database()
             and state like 'idle in transaction%' and clock_timestamp() - state_change > interval '500 ms'",
        )
    }
}

/// How often a warning was given.
pub(super) fn warnings(stderr: &str, text: &str) -> usize {
    stderr.lines().filter(|line| line.contains("WARN") && line.contains(text)).count()
}

/// Memory is as small as ever.
pub(super) fn is_small(running: &Running) {
    let status = std::fs::read_to_string(format!("/proc/{}/status", running.pid())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kib: usize = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(kib << 10 < RESIDENT_LIMIT, "{kib} KiB resident");
}

/// Sockets that the program holds open, to the site and to the database.
pub(super) fn sockets(running: &Running) -> usize {
    let files = std::fs::read_dir(format!("/proc/{}/fd", running.pid())).unwrap();
    let links = files.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
    links.filter(|link| link.to_string_lossy().starts_with("socket:")).count()
}
