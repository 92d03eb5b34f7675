//! A real `PgBouncer` before a test's database.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::install;
use super::server::{OwnServer, USER, free_port};
use crate::wait::try_wait_for;

const START_LIMIT: Duration = Duration::from_secs(60);
/// Another program may take a free port before the pooler binds it.
const START_ATTEMPTS: usize = 5;
/// Debian keeps programs of servers in a folder that not every PATH has.
const FOLDERS: [&str; 2] = ["/usr/sbin", "/usr/local/sbin"];

/// Runs the pooler until whoever started it is gone, and removes its files. The arguments: the program, its folder.
const WATCHER: &str = r#"
program=$1 folder=$2
"$program" -q "$folder/pgbouncer.ini" >>"$folder/pooler.log" 2>&1 &
pooler=$!
read -r order
kill -INT "$pooler" 2>/dev/null
kill -QUIT "$pooler" 2>/dev/null
wait "$pooler"
rm -rf "$folder"
"#;

/// A pooler. It ends when it is dropped, or with the process.
#[derive(Debug)]
pub struct Pooler {
    watcher: Child,
    port: u16,
    /// Removed by the watcher.
    folder: TempDir,
}

impl Pooler {
    /// Starts one before a server, with these lines of `pgbouncer.ini` besides those that tests need.
    ///
    /// # Panics
    /// If it isn't installed, or does not come up.
    pub(super) fn before(server: &OwnServer, settings: &[&str]) -> Self {
        for _ in 0..START_ATTEMPTS {
            if let Some(pooler) = Self::try_start(server, settings) {
                return pooler;
            }
        }
        panic!("PgBouncer did not start with {settings:?}")
    }

    /// The connection URL of a database behind it.
    pub fn url_of(&self, database: &str) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/{database}", self.port)
    }

    fn try_start(server: &OwnServer, settings: &[&str]) -> Option<Self> {
        let folder =
            tempfile::Builder::new().prefix("dragline-pooler-").tempdir().expect("a temporary folder");
        let port = free_port();
        let configuration = format!(
            "[databases]\n* = host={} port={} user={USER}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = any\nlogfile = {}/pgbouncer.log\n{}\n",
            server.socket_folder().display(),
            server.port(),
            folder.path().display(),
            settings.join("\n"),
        );
        let file = folder.path().join("pgbouncer.ini");
        std::fs::write(&file, configuration).expect("the pooler's configuration");
        let mut watcher = Command::new("/bin/sh");
        watcher
            .args(["-c", WATCHER, "dragline-pooler"])
            .arg(program())
            .arg(folder.path())
            .current_dir(folder.path())
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if let Some((uid, gid)) = install::server_user() {
            for path in [folder.path(), &file] {
                chown(path, Some(uid), Some(gid)).expect("a folder for the pooler's user");
            }
            watcher.uid(uid).gid(gid);
        }
        let mut pooler = Self { watcher: watcher.spawn().expect("the shell"), port, folder };
        let up = try_wait_for(START_LIMIT, || {
            if answers(port) {
                return Some(true);
            }
            let log = std::fs::read_to_string(pooler.folder.path().join("pooler.log")).unwrap_or_default();
            (log.contains("FATAL") || log.contains("not found")).then_some(false)
        });
        if up != Some(true) {
            pooler.end();
            return None;
        }
        Some(pooler)
    }

    fn end(&mut self) {
        // Closing its pipe is the order to end and to clean up.
        drop(self.watcher.stdin.take());
        let _ = self.watcher.wait();
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        self.end();
    }
}

/// Asks for encryption, which the pooler refuses with one letter.
fn answers(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { return false };
    let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
    let mut letter = [0];
    stream.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]).is_ok() && stream.read_exact(&mut letter).is_ok()
}

fn program() -> std::path::PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders =
        std::env::split_paths(&path).chain(FOLDERS.iter().map(|folder| Path::new(folder).to_owned()));
    let mut programs = folders.map(|folder| folder.join("pgbouncer"));
    programs.find(|program| program.is_file()).unwrap_or_else(|| {
        panic!(
            "the tests need PgBouncer and found none on this machine.\n\
             Install it:  apt-get install pgbouncer   (or `./test --prepare`)"
        )
    })
}
