//! A real Postgres, started from the installed binaries: one per test process, a fresh database per test.
//!
//! A server must not outlive its test process, even if that process is killed. So a small shell script starts the
//! server, and reads from a pipe that the test process holds. When the process ends for any reason, the pipe
//! closes. The script then stops the server and removes its files.

mod install;
mod pooler;
mod server;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

pub use pooler::Pooler;
pub use server::{OwnServer, SuspendedServer};

/// A separate database for one test, on the server that all tests of the process share, or on one of its own.
#[derive(Debug)]
pub struct TestDatabase {
    name: String,
    own: Option<OwnServer>,
}

/// A fresh, empty database.
///
/// # Panics
/// When there is no Postgres on this machine.
pub fn database() -> TestDatabase {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    shared().psql("postgres", &format!("CREATE DATABASE {name}"));
    TestDatabase { name, own: None }
}

/// The same on a server that only this test uses, so that it may stop or suspend it.
///
/// # Panics
/// When there is no Postgres on this machine.
pub fn database_of_own_server() -> TestDatabase {
    TestDatabase { name: "postgres".to_owned(), own: Some(server()) }
}

/// A fresh, empty database with another encoding.
///
/// # Panics
/// When there is no Postgres on this machine.
pub fn database_encoded(encoding: &str) -> TestDatabase {
    let name = format!("{}_encoded", database().name);
    shared().psql(
        "postgres",
        &format!("CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0"),
    );
    TestDatabase { name, own: None }
}

/// A separate server for one test, which may stop it and start it again.
///
/// # Panics
/// When there is no Postgres on this machine.
pub fn server() -> OwnServer {
    OwnServer::new(false)
}

/// The same server with production settings, for measurements: a commit waits for the disk.
///
/// # Panics
/// When there is no Postgres on this machine.
pub fn durable_server() -> OwnServer {
    OwnServer::new(true)
}

impl TestDatabase {
    /// Its connection URL, password included.
    pub fn url(&self) -> String {
        self.on().url_of(&self.name)
    }

    fn on(&self) -> &OwnServer {
        self.own.as_ref().unwrap_or_else(|| shared())
    }

    /// The server that only this test uses.
    ///
    /// # Panics
    /// When other tests use it, too.
    pub fn own_server(&mut self) -> &mut OwnServer {
        self.own.as_mut().expect("a database of an own server")
    }

    /// A `PgBouncer` before its server, with these lines of `pgbouncer.ini`.
    ///
    /// # Panics
    /// If it is not installed.
    pub fn pooler(&self, settings: &[&str]) -> Pooler {
        Pooler::before(self.on(), settings)
    }

    /// Its name on the server.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The rows of a query as text; null is `NULL`. Several statements are one transaction.
    ///
    /// # Panics
    /// When the server refuses it.
    #[track_caller]
    pub fn query(&self, sql: &str) -> Vec<Vec<String>> {
        self.on().psql(&self.name, sql)
    }

    /// The one value of a query.
    ///
    /// # Panics
    /// When the answer is not one row with one column.
    #[track_caller]
    pub fn value(&self, sql: &str) -> String {
        let rows = self.query(sql);
        match rows.as_slice() {
            [row] if row.len() == 1 => row[0].clone(),
            other => panic!("one value was expected of {sql}, not {other:?}"),
        }
    }
}

fn shared() -> &'static OwnServer {
    static SHARED: OnceLock<OwnServer> = OnceLock::new();
    SHARED.get_or_init(|| OwnServer::new(false))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use super::*;

    #[test]
    fn every_database_is_fresh() {
        let (one, other) = (database(), database());
        one.query("CREATE TABLE t (a int, b text); INSERT INTO t VALUES (1, 'x'), (2, NULL)");
        assert_eq!(one.query("SELECT a, b FROM t ORDER BY a"), [["1", "x"], ["2", "NULL"]]);
        assert_eq!(other.value("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "0");
        assert!(one.url().contains(one.name()));
    }

    #[test]
    fn an_own_server_comes_back_on_its_port_with_its_data() {
        let mut server = server();
        let url = server.url();
        server.query("CREATE TABLE t AS SELECT 7 AS a");
        server.stop_immediate();
        assert!(!server.is_running());
        server.start();
        assert_eq!(server.url(), url);
        assert_eq!(server.query("SELECT a FROM t"), [["7"]]);
    }

    /// This is not a test. The next test starts it as a process and kills it.
    #[test]
    #[ignore = "waits to be killed"]
    fn a_process_that_holds_a_server() {
        let server = server();
        println!("holding {}", server.path().display());
        crate::wait_until("the kill", Duration::from_secs(60), || false);
    }

    #[test]
    fn a_killed_process_leaves_neither_server_nor_files() {
        let name = "postgres::tests::a_process_that_holds_a_server";
        let this = std::env::current_exe().unwrap();
        let holder = crate::Dragline::new(this).args(["--exact", name, "--ignored", "--nocapture"]);
        let mut holder = holder.spawn();
        let held = |holder: &crate::Running| {
            let stdout = holder.stdout();
            let folder = stdout.split_once("holding ")?.1.lines().next()?.to_owned();
            Some(PathBuf::from(folder))
        };
        holder.wait_until("a server", Duration::from_secs(60), |holder| held(holder).is_some());
        let folder = held(&holder).unwrap();
        assert!(folder.join("data/postmaster.pid").exists());
        holder.kill9();
        crate::wait_until("the files go", Duration::from_secs(20), || !folder.exists());
    }
}
