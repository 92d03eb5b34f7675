//! The store of tortured crawls: a server or a folder of the torture's own, with a fresh database for each crawl.

use std::path::PathBuf;

use tempfile::TempDir;

use crate::postgres::{OwnServer, server};
use crate::sqlite;

/// The kind of store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A Postgres server, started for the torture.
    Postgres,
    /// Files.
    Sqlite,
}

/// A place for the databases of many crawls.
#[derive(Debug)]
pub enum Ground {
    /// A server.
    Postgres(OwnServer),
    /// A folder.
    Sqlite(TempDir),
}

/// The database of one crawl.
#[derive(Clone, Debug)]
pub enum Place {
    /// A database of the server.
    Postgres(String),
    /// A file.
    Sqlite(PathBuf),
}

/// The progress of a crawl in its database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Pages that are done.
    pub done: usize,
    /// Requests that are queued.
    pub queued: usize,
    /// Runs.
    pub runs: usize,
    /// How many runs are finished.
    pub finished: usize,
}

impl Ground {
    /// Starts the server, or makes the folder.
    pub fn new(kind: Kind) -> Self {
        match kind {
            Kind::Postgres => Self::Postgres(server()),
            Kind::Sqlite => Self::Sqlite(tempfile::tempdir().expect("a folder for the databases")),
        }
    }

    /// A fresh database.
    pub fn place(&self, name: &str) -> Place {
        match self {
            Self::Postgres(server) => {
                server.psql("postgres", &format!("CREATE DATABASE {name}"));
                Place::Postgres(name.to_owned())
            }
            Self::Sqlite(folder) => Place::Sqlite(folder.path().join(format!("{name}.db"))),
        }
    }

    /// Deletes the database of a crawl.
    pub fn clear(&self, place: &Place) {
        match (self, place) {
            (Self::Postgres(server), Place::Postgres(name)) => {
                server.psql("postgres", &format!("DROP DATABASE {name} WITH (FORCE)"));
            }
            (_, Place::Sqlite(file)) => {
                for suffix in ["", "-wal", "-shm"] {
                    let mut name = file.clone().into_os_string();
                    name.push(suffix);
                    // The two others may not exist.
                    let _ = std::fs::remove_file(name);
                }
            }
            (Self::Sqlite(_), Place::Postgres(_)) => {}
        }
    }

    /// Copies a database as it is now, as a backup that is restored under another name.
    pub fn copy(&self, place: &Place, name: &str) -> Place {
        match (self, place) {
            (Self::Postgres(server), Place::Postgres(from)) => {
                server.copy(from, name);
                Place::Postgres(name.to_owned())
            }
            (Self::Sqlite(folder), Place::Sqlite(from)) => {
                let to = folder.path().join(format!("{name}.db"));
                self.query(place, &format!("VACUUM INTO '{}'", to.display()));
                assert!(to.exists(), "{} was not copied", from.display());
                Place::Sqlite(to)
            }
            _ => panic!("{place:?} is not on this ground"),
        }
    }

    /// For `--store`.
    pub fn url(&self, place: &Place) -> String {
        match (self, place) {
            (Self::Postgres(server), Place::Postgres(name)) => server.url_of(name),
            (_, Place::Sqlite(file)) => format!("sqlite:{}", file.display()),
            (Self::Sqlite(_), Place::Postgres(name)) => panic!("{name} is not a file"),
        }
    }

    /// The rows of a query. Empty if the database does not exist yet.
    pub fn query(&self, place: &Place, sql: &str) -> Vec<Vec<String>> {
        match (self, place) {
            (Self::Postgres(server), Place::Postgres(name)) => server.psql(name, sql),
            (_, Place::Sqlite(file)) if !file.exists() => Vec::new(),
            (_, Place::Sqlite(file)) => {
                sqlite::rows(file, sql).unwrap_or_else(|error| panic!("{}: {sql}: {error}", file.display()))
            }
            (Self::Sqlite(_), Place::Postgres(name)) => panic!("{name} is not a file"),
        }
    }

    /// The tables of a database with their columns, in order.
    pub fn columns(&self, place: &Place) -> Vec<(String, String)> {
        let sql = match place {
            Place::Postgres(_) => {
                "SELECT table_name, column_name FROM information_schema.columns
                 WHERE table_schema = 'public' ORDER BY table_name, ordinal_position"
            }
            Place::Sqlite(_) => {
                "SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c
                 WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' ORDER BY t.name, c.cid"
            }
        };
        self.query(place, sql).into_iter().map(|row| (row[0].clone(), row[1].clone())).collect()
    }

    /// The progress of the crawl. Zero if its tables do not exist yet.
    pub fn standing(&self, place: &Place) -> Standing {
        if !self.columns(place).iter().any(|(table, _)| table == "crawl_requests") {
            return Standing::default();
        }
        let rows = self.query(
            place,
            "SELECT (SELECT count(*) FROM crawl_requests WHERE state = 'done'),
                    (SELECT count(*) FROM crawl_requests WHERE state = 'queued'),
                    (SELECT count(*) FROM crawl_runs),
                    (SELECT count(*) FROM crawl_runs WHERE state = 'finished')",
        );
        let number = |at: usize| rows[0][at].parse().expect("a count");
        Standing { done: number(0), queued: number(1), runs: number(2), finished: number(3) }
    }

    /// Whether no session works on the database any more. A session may outlive its killed process for a moment and finish
    /// its statement.
    pub fn is_at_rest(&self, place: &Place) -> bool {
        match (self, place) {
            (Self::Postgres(server), Place::Postgres(name)) => {
                let sql = format!("SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}'");
                server.psql("postgres", &sql) == [["0"]]
            }
            _ => true,
        }
    }

    /// Stops the server as a crash would.
    pub fn fell(&mut self) {
        match self {
            Self::Postgres(server) => server.stop_immediate(),
            Self::Sqlite(_) => panic!("a file has no server that could go away"),
        }
    }

    /// Starts it again.
    pub fn raise(&mut self) {
        if let Self::Postgres(server) = self {
            server.start();
        }
    }
}
