//! For tests only: a real Postgres per test process, test sites on loopback, a proxy that breaks the link to the
//! database, disks that are soon full, child processes, bounded waits, torture, and a keeper.
//!
//! Nothing here is a mock. The server is the installed Postgres, the sites answer over real sockets, and the program under
//! test is the built binary. If something is missing on the machine, the test fails loudly and is not skipped.

// A test kit reports a problem by failing the test with all details.
#![allow(clippy::expect_used, clippy::unwrap_used)]

pub mod ask;
pub mod bad_server;
pub mod certificates;
pub mod forward_proxy;
pub mod hostile;
pub mod keeper;
pub mod postgres;
pub mod process;
pub mod proxy;
pub mod secure_site;
pub mod site;
pub mod small_disk;
pub mod sqlite;
pub mod torture;
pub mod vectors;
pub mod wait;

pub use ask::{Asked, ask, ask_socket, ask_with};
pub use bad_server::BadServer;
pub use forward_proxy::ForwardProxy;
pub use hostile::HostilePage;
pub use postgres::{
    OwnServer, Pooler, SuspendedServer, TestDatabase, database, database_encoded, database_of_own_server,
    durable_server, server,
};
pub use process::{Dragline, Finished, Running};
pub use proxy::{ChaosProxy, Link, Strike};
pub use secure_site::SecureSite;
pub use site::{Answer, MEMBER, Received, Site, SiteBuilder};
pub use small_disk::SmallDisk;
pub use wait::{patience, wait_for, wait_until};
