//! The program finds its Postgres as psql does, and says what is wrong when it must not trust it.

use std::path::Path;
use std::time::Duration;

use dragline_testkit::certificates::Authority;
use dragline_testkit::{ChaosProxy, Dragline, Link, OwnServer, Site, database, server};

use crate::stored::dragline;

/// Every answer takes 200 ms, and a first start needs very many of them.
#[test]
fn a_slow_link_slows_a_first_start_down_and_does_not_fail_it() {
    let database = database();
    let (proxy, url) = ChaosProxy::before(&database.url());
    proxy.set(Link::Delay(Duration::from_millis(100)));
    let site = Site::generated(5, 2);
    let crawl =
        dragline().args(["crawl", "site", "--start-url", &site.url("/"), "--store", &url, "--rate", "0"]);
    crawl.run().assert_code(0).assert_stdout("done 5");
    for command in
        [&["runs", "list"][..], &["runs", "show", "site"], &["schema", "apply"], &["schema", "check"]]
    {
        dragline().args(command).args(["--store", &url]).run().assert_code(0);
    }
    // The same for a command that makes everything, over a link that is twice as slow.
    let other = self::database();
    let (proxy, url) = ChaosProxy::before(&other.url());
    proxy.set(Link::Delay(Duration::from_millis(200)));
    // The tables of all spiders take more than a hundred answers.
    let apply = dragline().args(["schema", "apply", "--store", &url]).limit(Duration::from_secs(300));
    apply.run().assert_code(0);
}

/// Two processes that open one SQLite file by two names would write two logs and destroy it.
#[test]
fn a_sqlite_file_with_two_names_is_refused_and_a_symbolic_link_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let (file, other) = (folder.path().join("crawl.db"), folder.path().join("other.db"));
    let run = |command: &[&str], file: &Path| {
        dragline().args(command).args(["--store", &format!("sqlite:{}", file.display())]).run()
    };
    run(&["schema", "apply"], &file).assert_code(0);
    std::os::unix::fs::symlink(&file, &other).unwrap();
    run(&["runs", "list"], &other).assert_code(0);
    std::fs::remove_file(&other).unwrap();
    std::fs::hard_link(&file, &other).unwrap();
    for file in [&file, &other] {
        for command in [&["runs", "list"][..], &["schema", "apply"], &["crawl", "quotes"]] {
            let refused = run(command, file);
            refused
                .assert_code(1)
                .assert_stderr("has 2 names (hard links)")
                .assert_stderr("hint: keep one name");
        }
    }
    std::fs::remove_file(&other).unwrap();
    run(&["runs", "list"], &file).assert_code(0);
}

/// A command that reaches the store, with libpq's variables for a server.
fn with_variables(server: &OwnServer) -> Dragline {
    at(server, "postgres://")
}

fn at(server: &OwnServer, url: &str) -> Dragline {
    dragline()
        .args(["schema", "apply", "--store", url])
        .env("PGHOST", "localhost")
        .env("PGPORT", server.port().to_string())
        .env("PGUSER", "dragline")
        .env("PGDATABASE", "postgres")
}

#[test]
fn a_bare_url_and_variables_are_enough() {
    let server = server();
    with_variables(&server).env("PGPASSWORD", "well-kept").run().assert_code(0);
    let refused = with_variables(&server).env("PGPASSWORD", "hunter2").run();
    refused.assert_code(1).assert_stderr("the password comes from PGPASSWORD");
    assert!(!refused.stderr.contains("hunter2"), "{}", refused.stderr);
    let in_url = at(&server, "postgres://dragline:hunter2@localhost/postgres").run();
    in_url.assert_code(1).assert_stderr("the password comes from the store's URL");
    let folder = server.socket_folder().display().to_string();
    with_variables(&server).env("PGHOST", &folder).run().assert_code(0);
    let mistaken = with_variables(&server).env("PGSSLMODE", "on").run();
    mistaken.assert_code(2).assert_stderr("PGSSLMODE").assert_stderr("hint: sslmode can be disable, prefer");
}

#[cfg(unix)]
#[test]
fn a_password_file_in_the_home_folder_is_used_when_nobody_else_may_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let (server, home) = (server(), tempfile::tempdir().unwrap());
    let file = home.path().join(".pgpass");
    std::fs::write(&file, "localhost:*:*:dragline:well-kept\n").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let command = with_variables(&server).env("HOME", home.path());
    command.clone().run().assert_code(0);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    command.run().assert_code(1).assert_stderr("chmod 600").assert_stderr("password missing");
}

#[test]
fn the_authorities_of_the_machine_are_asked_when_told() {
    let (ours, other, folder) = (Authority::new(), Authority::new(), tempfile::tempdir().unwrap());
    let mut server = server();
    server.encrypt(&ours.sign("some server", &["localhost"]), &ours.pem());
    let command = with_variables(&server).env("PGPASSWORD", "well-kept").env("PGSSLROOTCERT", "system");
    for (authority, code) in [(&ours, 0), (&other, 1)] {
        // This is how the list of trusted authorities is replaced for one process.
        let file = folder.path().join(format!("{code}.crt"));
        std::fs::write(&file, authority.pem()).unwrap();
        let finished = command.clone().env("SSL_CERT_FILE", &file).run();
        finished.assert_code(code);
        if code == 1 {
            finished
                .assert_stderr("not signed by a CA that is trusted here")
                .assert_stderr("hint: sslrootcert");
        }
    }
}
