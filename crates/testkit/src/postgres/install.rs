//! Finds the server's programs, and the user that may run them.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The environment variable that names the folder of `initdb` and `postgres`.
const BIN_VARIABLE: &str = "DRAGLINE_TEST_PG_BIN";

/// The users that can run the server when the tests run as root, because Postgres refuses to run as root.
const SERVER_USERS: [&str; 2] = ["postgres", "nobody"];

/// The folder with `initdb` and `postgres`.
///
/// # Panics
/// If no server is installed. The message explains what to do.
pub(super) fn bin() -> PathBuf {
    let named = std::env::var_os(BIN_VARIABLE).map(PathBuf::from);
    if let Some(named) = named {
        let found = server_folder(&named);
        return found
            .unwrap_or_else(|| panic!("{BIN_VARIABLE} is {}, which contains no server", named.display()));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path = std::env::split_paths(&path).collect::<Vec<_>>();
    let told = output("pg_config", &["--bindir"]).map(PathBuf::from);
    let mut candidates = in_path.into_iter().chain(told).chain(debian());
    candidates.find_map(|folder| server_folder(&folder)).unwrap_or_else(|| {
        panic!(
            "the tests need a PostgreSQL server and found none on this machine.\n\
             Install it:  apt-get install postgresql\n\
             or name the folder of its programs in {BIN_VARIABLE}"
        )
    })
}

/// The user and group ids that run the server. `None` for our own.
pub(super) fn server_user() -> Option<(u32, u32)> {
    let id = |args: &[&str]| output("id", args)?.parse::<u32>().ok();
    if id(&["-u"]) != Some(0) {
        return None;
    }
    let found = SERVER_USERS.iter().find_map(|user| Some((id(&["-u", user])?, id(&["-g", user])?)));
    Some(found.expect("as root the tests run Postgres as the user postgres or nobody; neither exists"))
}

/// The folder that really contains the server's programs. PATH may contain links to some of them.
fn server_folder(folder: &Path) -> Option<PathBuf> {
    let server = folder.join("postgres").canonicalize().ok()?;
    let bin = server.parent()?;
    ["initdb", "psql"].iter().all(|program| bin.join(program).is_file()).then(|| bin.to_owned())
}

/// Debian keeps each major version in a folder that is not in PATH. The newest comes first.
fn debian() -> Vec<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin")))
        })
        .collect();
    versions.sort_by(|a, b| b.cmp(a));
    versions.into_iter().map(|(_, folder)| folder).collect()
}

fn output(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
