//! The page and the endpoints at a Unix socket.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use dragline_testkit::ask_socket;

use super::*;

fn asked_at(socket: &Path, path: &str) -> Asked {
    let words = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    ask_socket(socket, &words).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn at(socket: &Path) -> String {
    format!("unix:{}", socket.display())
}

#[test]
fn the_page_is_at_a_socket_that_only_its_owner_can_open() {
    let (stored, folder) = (Stored::sqlite(), tempfile::tempdir().unwrap());
    crawl_site(&Site::generated(5, 2).url("/"), &stored).run().assert_code(0);
    let socket = folder.path().join("page.sock");
    let board = dragline().args(["board", "--listen", &at(&socket), "--store", &stored.url()]);
    let mut first = board.spawn();
    first.wait_until("it serves", SOON, |it| it.stdout().contains(&format!("at {} until", at(&socket))));
    assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(asked_at(&socket, "/runs/1").body.contains("finished"));
    // A socket at which a process listens is not taken from it.
    board.run().assert_code(1).assert_stderr("another process listens at this socket");
    assert_eq!(asked_at(&socket, "/").status, 200);
    first.kill9();
    assert!(socket.exists(), "a killed process leaves its file behind");
    let mut second = board.spawn();
    second.wait_until("it serves", SOON, |it| it.stdout().contains("until Ctrl-C"));
    assert_eq!(asked_at(&socket, "/").status, 200);
    second.signal("TERM");
    second.finish().assert_code(0);
    assert!(!socket.exists(), "a process that stops takes its file with it");
    fs::write(&socket, "something else").unwrap();
    board.run().assert_code(1).assert_stderr("not a socket");
    let long = format!("unix:/tmp/{}", "a".repeat(200));
    let refused = dragline().args(["board", "--listen", &long, "--store", &stored.url()]).run();
    refused.assert_code(2).assert_stderr("bytes");
}

#[test]
fn a_crawl_at_a_socket_is_checked_there() {
    let (site, stored) = (Site::generated(60, 3), Stored::sqlite());
    site.hold_after(10);
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("crawl.sock");
    let check = dragline().args(["healthcheck", "--listen", &at(&socket)]);
    check.run().assert_code(1).assert_stdout("nothing listens at unix:");
    let crawl = crawl_site(&site.url("/"), &stored).args(["--listen", &at(&socket)]).spawn();
    wait_for("it is healthy", SOON, || check.run().stdout.starts_with("healthy").then_some(()));
    check.run().assert_code(0).assert_stdout("healthy: pid");
    assert!(asked_at(&socket, "/metrics").body.contains("dragline_run_state"));
    wait_for("the run is on its page", SOON, || {
        asked_at(&socket, "/").body.contains("running").then_some(())
    });
    site.release();
    crawl.finish().assert_code(0);
    assert!(!socket.exists());
    check.run().assert_code(1).assert_stdout("nothing listens at unix:");
}
