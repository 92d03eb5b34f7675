//! A store of a test's own. Its rows are read by other means than the program.

use std::collections::BTreeMap;
use std::path::PathBuf;

use dragline_testkit::{Dragline, TestDatabase};
use tempfile::TempDir;

/// Where a test's crawl is stored.
pub(crate) enum Stored {
    Postgres(TestDatabase),
    Sqlite(TempDir),
}

impl Stored {
    pub(crate) fn postgres() -> Self {
        Self::Postgres(dragline_testkit::database())
    }

    pub(crate) fn sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().unwrap())
    }

    /// For `--store`.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Postgres(database) => database.url(),
            Self::Sqlite(folder) => format!("sqlite:{}", file(folder).display()),
        }
    }

    /// Rows as text, with `NULL` for null. Empty if the database file or the table does not exist yet.
    pub(crate) fn query(&self, sql: &str) -> Vec<Vec<String>> {
        match self {
            Self::Postgres(database) => {
                // Before its first start the program's tables are missing.
                let table = "select 1 from pg_tables where tablename = 'crawl_items'";
                if database.query(table).is_empty() { Vec::new() } else { database.query(sql) }
            }
            Self::Sqlite(folder) => dragline_testkit::sqlite::rows(&file(folder), sql).unwrap_or_default(),
        }
    }

    /// Runs statements, even before the program has started.
    pub(crate) fn execute(&self, sql: &str) {
        match self {
            Self::Postgres(database) => drop(database.query(sql)),
            Self::Sqlite(folder) => {
                let connection = rusqlite::Connection::open(file(folder)).unwrap();
                connection.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
                connection.execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
            }
        }
    }

    /// The first value as a number, or 0 without a row.
    pub(crate) fn count(&self, sql: &str) -> usize {
        self.query(sql).first().map_or(0, |row| row[0].parse().unwrap())
    }

    /// Requests in a state, over all runs.
    pub(crate) fn pages(&self, state: &str) -> usize {
        self.count(&format!("select count(*) from crawl_requests where state = '{state}'"))
    }

    /// URL → title of all stored pages of the spider `site`.
    pub(crate) fn titles(&self) -> BTreeMap<String, String> {
        let title = match self {
            Self::Postgres(_) => "data->>'title'",
            Self::Sqlite(_) => "json_extract(data, '$.title')",
        };
        let rows = self.query(&format!("select item_key, {title} from crawl_items where item_type = 'page'"));
        rows.into_iter().map(|row| (row[0].clone(), row[1].clone())).collect()
    }

    /// State and reason of every run, oldest first.
    pub(crate) fn runs(&self) -> Vec<(String, String)> {
        let rows = self.query("select state, stop_reason from crawl_runs order by run_id");
        rows.into_iter().map(|row| (row[0].clone(), row[1].clone())).collect()
    }
}

fn file(folder: &TempDir) -> PathBuf {
    folder.path().join("crawl.db")
}

/// The program.
pub(crate) fn dragline() -> Dragline {
    Dragline::new(env!("CARGO_BIN_EXE_dragline"))
}

/// A built example. Cargo puts it next to the test's own program.
pub(crate) fn example(name: &str) -> Dragline {
    Dragline::new(example_path(name))
}

/// The path of a program that exists only for the tests.
pub(crate) fn example_path(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().unwrap().parent().unwrap().join("examples").join(name);
    assert!(path.exists(), "{} is missing: `cargo build --examples`", path.display());
    path
}

/// The program whose spider does what the page's path says.
pub(crate) fn crawl_nasty(start_url: &str, stored: &Stored) -> Dragline {
    example("nasty_spiders")
        .args(["crawl", "nasty", "--start-url", start_url, "--store", &stored.url()])
        .args(["--rate", "0", "--host-concurrency", "8"])
}

/// `dragline crawl site` from this URL into this store, as fast as it goes.
pub(crate) fn crawl_site(start_url: &str, stored: &Stored) -> Dragline {
    dragline().args(["crawl", "site", "--start-url", start_url, "--store", &stored.url()]).args([
        "--rate",
        "0",
        "--host-concurrency",
        "16",
    ])
}

/// Makes a test of each function, once for each store.
macro_rules! on_both_stores {
    ($($name:ident),+ $(,)?) => {
        mod postgres {
            $(#[test] fn $name() { super::$name(&$crate::stored::Stored::postgres()); })+
        }
        mod sqlite {
            $(#[test] fn $name() { super::$name(&$crate::stored::Stored::sqlite()); })+
        }
    };
}
pub(crate) use on_both_stores;
