//! One server: its files, its start and its end.

use std::fs::Permissions;
use std::io::Write;
use std::marker::PhantomData;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use rand::RngExt;
use tempfile::TempDir;

use super::install;
use crate::certificates::Certified;
use crate::process;
use crate::wait::try_wait_for;

pub(super) const USER: &str = "dragline";
/// Connections over TCP need this password, so that tests can use a wrong one.
const PASSWORD: &str = "well-kept";
/// On a loaded machine with two cores a start takes a few seconds.
const START_LIMIT: Duration = Duration::from_secs(60);
/// Another program may take a free port before the server binds it.
const START_ATTEMPTS: usize = 5;

/// These ports are below those that systems give to connections and sites. So none of them takes the port of a stopped server.
const PORTS: Range<u16> = 12_000..32_000;

/// Makes the cluster at the first start, then runs the server until told to stop or until whoever started it
/// is gone; in the second case nobody needs the files any more. The arguments: the folder of programs, the
/// server's folder, its port, its superuser, the settings.
const WATCHER: &str = r#"
bin=$1 folder=$2 port=$3 user=$4
shift 4
[ -d "$folder/data" ] || "$bin/initdb" --no-sync --encoding=UTF8 --locale=C --auth-local=trust \
    --auth-host=scram-sha-256 --username="$user" --pwfile="$folder/password" "$folder/data" >>"$folder/server.log" 2>&1
"$bin/postgres" -D "$folder/data" -k "$folder" -p "$port" "$@" >>"$folder/server.log" 2>&1 &
server=$!
order=
read -r order
kill -QUIT "$server" 2>/dev/null
# If it was suspended, it hears that only when it goes on.
kill -CONT "$server" 2>/dev/null
wait "$server"
[ "$order" = stop ] || rm -rf "$folder"
"#;

/// Without fsync the tests are fast. Killing the server still loses nothing that it wrote, because the machine stays up.
const FAST: &str = "fsync=off";

/// The other settings. The time zone cannot be mistaken for UTC.
const SETTINGS: [&str; 5] = [
    "listen_addresses=127.0.0.1",
    "max_connections=200",
    "shared_buffers=64MB",
    "log_min_messages=warning",
    "timezone=Asia/Kathmandu",
];

/// The log messages of a server that has given up.
const GIVEN_UP: [&str; 3] = ["initdb: error:", "FATAL:  could not", "postgres: could not"];

/// A server of a test's own. It ends when it is dropped, or with the process.
#[derive(Debug)]
pub struct OwnServer {
    bin: PathBuf,
    folder: TempDir,
    user: Option<(u32, u32)>,
    port: u16,
    watcher: Option<Child>,
    /// Starts a server with production settings: committed data is on the disk.
    is_durable: bool,
}

impl OwnServer {
    /// Makes a new cluster and starts its server.
    pub(super) fn new(is_durable: bool) -> Self {
        let folder = tempfile::Builder::new().prefix("dragline-pg-").tempdir().expect("a temporary folder");
        let mut server = Self {
            bin: install::bin(),
            folder,
            user: install::server_user(),
            port: 0,
            watcher: None,
            is_durable,
        };
        server.give_folder();
        for _ in 0..START_ATTEMPTS {
            server.port = free_port();
            if server.try_start() {
                return server;
            }
        }
        panic!("Postgres did not start:\n{}", server.log())
    }

    /// Its connection URL, password included.
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// Its port on 127.0.0.1. It stays the same over a stop.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether it was started and not stopped since.
    pub fn is_running(&self) -> bool {
        self.watcher.is_some()
    }

    /// Starts it again after a stop.
    ///
    /// # Panics
    /// When it does not come up; its log is shown.
    pub fn start(&mut self) {
        assert!(self.try_start(), "Postgres did not start again:\n{}", self.log());
    }

    /// Stops it as a crash would: no checkpoint, sessions are cut off.
    pub fn stop_immediate(&mut self) {
        if let Some(mut watcher) = self.watcher.take() {
            if let Some(orders) = watcher.stdin.as_mut() {
                orders.write_all(b"stop\n").expect("the server's watcher hears");
            }
            watcher.wait().expect("the end of the server");
        }
    }

    /// Suspends all of its processes until the value is dropped. Connections are accepted by the system, and nobody answers.
    ///
    /// # Panics
    /// When it is not running.
    pub fn suspend(&self) -> SuspendedServer<'_> {
        let file =
            std::fs::read_to_string(self.path().join("data/postmaster.pid")).expect("a running server");
        let first: u32 = file.lines().next().and_then(|line| line.trim().parse().ok()).expect("its pid");
        // It starts no more children once it stands still.
        process::suspend(first);
        let children = process::children(first);
        children.iter().copied().for_each(process::suspend);
        SuspendedServer { pids: children.into_iter().chain([first]).collect(), _of: PhantomData }
    }

    /// Turns on TLS, and restarts the server. It then accepts client certificates that `clients` signed.
    ///
    /// # Panics
    /// When it does not come up again.
    pub fn encrypt(&mut self, certified: &Certified, clients: &str) {
        let files = [
            ("ssl_cert_file", "server.crt", certified.certificate.as_str()),
            ("ssl_key_file", "server.key", certified.key.as_str()),
            ("ssl_ca_file", "clients.crt", clients),
        ];
        for (setting, name, text) in files {
            let path = self.path().join(name);
            std::fs::write(&path, text).expect("a file of the server's");
            std::fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("rights");
            if let Some((uid, gid)) = self.user {
                chown(&path, Some(uid), Some(gid)).expect("a file for the server's user");
            }
            self.query(&format!("ALTER SYSTEM SET {setting} = '{}'", path.display()));
        }
        self.query("ALTER SYSTEM SET ssl = on");
        self.stop_immediate();
        self.start();
    }

    /// Sets who may connect over TCP, with lines of `pg_hba.conf`, and restarts the server. Anyone may connect over
    /// its socket.
    ///
    /// # Panics
    /// When it does not come up again.
    pub fn admit(&mut self, rules: &str) {
        let text = format!("local all all trust\n{rules}\n");
        std::fs::write(self.path().join("data/pg_hba.conf"), text).expect("the server's rules");
        self.stop_immediate();
        self.start();
    }

    /// The folder of its socket. Connections over the socket need no password.
    pub fn socket_folder(&self) -> &Path {
        self.path()
    }

    /// The rows of a query on its database `postgres` as text; null is `NULL`.
    ///
    /// # Panics
    /// When the server refuses it.
    #[track_caller]
    pub fn query(&self, sql: &str) -> Vec<Vec<String>> {
        self.psql("postgres", sql)
    }

    /// The connection URL of one of its databases.
    pub fn url_of(&self, database: &str) -> String {
        format!("postgres://{USER}:{PASSWORD}@127.0.0.1:{}/{database}", self.port)
    }

    /// The rows of a query on one of its databases.
    ///
    /// # Panics
    /// When the server refuses it.
    #[track_caller]
    pub fn psql(&self, database: &str, sql: &str) -> Vec<Vec<String>> {
        let output = self.run_psql(database, sql);
        let (text, errors) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "psql: {sql}\n{errors}");
        // psql ends the last record with a newline, whatever the record separator is.
        let Some(records) = text.strip_suffix('\n') else { return Vec::new() };
        records.split('\u{1e}').map(|record| record.split('\u{1f}').map(str::to_owned).collect()).collect()
    }

    /// A new database with all its tables in a new folder under `folder`.
    pub fn database_in(&self, folder: &Path, name: &str) {
        let tables = folder.join(name);
        std::fs::create_dir(&tables).expect("a folder for the tables");
        if let Some((uid, gid)) = self.user {
            chown(&tables, Some(uid), Some(gid)).expect("a folder for the server's user");
        }
        self.psql("postgres", &format!("CREATE TABLESPACE {name}_space LOCATION '{}'", tables.display()));
        self.psql("postgres", &format!("CREATE DATABASE {name} TABLESPACE {name}_space"));
    }

    /// Dumps a database as it is at this moment, and loads the dump into a new one.
    ///
    /// # Panics
    /// When one of Postgres' programs refuses.
    pub fn copy(&self, from: &str, to: &str) {
        let at = ["-U", USER, "-h", &self.path().display().to_string(), "-p", &self.port.to_string()]
            .map(str::to_owned);
        let dump = self.path().join(format!("{to}.sql"));
        let (mut dumps, mut loads) =
            (Command::new(self.bin.join("pg_dump")), Command::new(self.bin.join("psql")));
        dumps.args(&at).arg(from).arg("-f").arg(&dump);
        loads.args(&at).args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", to, "-f"]).arg(&dump);
        self.psql("postgres", &format!("CREATE DATABASE {to}"));
        for mut program in [dumps, loads] {
            let output = program.stdin(Stdio::null()).output().expect("pg_dump and psql");
            assert!(output.status.success(), "{program:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }

    /// What the server wrote to its log.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path().join("server.log")).unwrap_or_default()
    }

    fn run_psql(&self, database: &str, sql: &str) -> Output {
        Command::new(self.bin.join("psql"))
            .args(["-X", "-q", "-A", "-t", "-F", "\u{1f}", "-R", "\u{1e}", "-P", "null=NULL"])
            .args(["-v", "ON_ERROR_STOP=1", "-U", USER, "-d", database, "-p", &self.port.to_string()])
            .arg("-h")
            .arg(self.path())
            .args(["-c", sql])
            .stdin(Stdio::null())
            .output()
            .expect("the program psql")
    }

    /// Writes the password for the new cluster, and gives the file and the folder to the server's user.
    fn give_folder(&self) {
        let password = self.path().join("password");
        std::fs::write(&password, PASSWORD).expect("the password file");
        if let Some((uid, gid)) = self.user {
            for path in [self.path(), &password] {
                chown(path, Some(uid), Some(gid)).expect("a folder for the server's user");
            }
        }
    }

    /// Whether it came up.
    fn try_start(&mut self) -> bool {
        assert!(self.watcher.is_none(), "the server is running already");
        let logged = self.log().len();
        let mut watcher = Command::new("/bin/sh");
        watcher
            .args(["-c", WATCHER, "dragline-postgres"])
            .args([self.bin.as_path(), self.path()])
            .args([self.port.to_string().as_str(), USER])
            .args(
                SETTINGS
                    .iter()
                    .chain((!self.is_durable).then_some(&FAST))
                    .flat_map(|setting| ["-c", setting]),
            )
            // The folder that the tests run in may be closed to the server's user.
            .current_dir(self.path())
            // The script has its own process group, so a Ctrl-C that ends the tests does not end the script before
            // its work is done.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if let Some((uid, gid)) = self.user {
            watcher.uid(uid).gid(gid);
        }
        self.watcher = Some(watcher.spawn().expect("the shell"));
        let up = try_wait_for(START_LIMIT, || {
            if self.run_psql("postgres", "SELECT").status.success() {
                return Some(true);
            }
            let log = self.log();
            let new = log.get(logged..).unwrap_or_default();
            GIVEN_UP.iter().any(|words| new.contains(words)).then_some(false)
        });
        if up != Some(true) {
            self.stop_immediate();
        }
        up == Some(true)
    }

    /// Where its files are.
    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// A server that stands still. It goes on when this is dropped.
#[derive(Debug)]
pub struct SuspendedServer<'a> {
    pids: Vec<u32>,
    _of: PhantomData<&'a OwnServer>,
}

impl Drop for SuspendedServer<'_> {
    fn drop(&mut self) {
        for pid in &self.pids {
            // One of them may have been killed in the meantime.
            let _ = process::kill("CONT", *pid);
        }
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        if let Some(mut watcher) = self.watcher.take() {
            // Closing its pipe is the order to end and to clean up.
            drop(watcher.stdin.take());
            let _ = watcher.wait();
        }
    }
}

pub(super) fn free_port() -> u16 {
    let mut random = rand::rng();
    let mut ports = (0..1_000).map(|_| random.random_range(PORTS));
    ports.find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok()).expect("a free port")
}
