//! Over TLS: HTTP/2 where the server has it, authorities of one's own, tunnels.

use dragline_testkit::{Dragline, ForwardProxy, SecureSite};

use crate::stored::{Stored, crawl_site};

fn crawl(site: &SecureSite, stored: &Stored) -> Dragline {
    crawl_site(&site.url("/"), stored).args(["--proxy", "none", "--retries", "0"])
}

fn trusting(site: &SecureSite, stored: &Stored) -> Dragline {
    crawl(site, stored).arg("--ca-file").arg(site.authority())
}

fn versions(site: &SecureSite) -> Vec<String> {
    let mut versions: Vec<String> =
        site.received().iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect();
    versions.sort();
    versions.dedup();
    versions
}

#[test]
fn http_2_is_spoken_where_the_server_has_it() {
    let (site, stored) = (SecureSite::start(), Stored::sqlite());
    trusting(&site, &stored).run().assert_code(0).assert_stdout("done 4, failed 0");
    assert_eq!((versions(&site), site.received().len()), (vec!["HTTP/2.0".to_owned()], 4));
}

#[test]
fn http_2_can_be_left_alone() {
    let (site, stored) = (SecureSite::start(), Stored::sqlite());
    trusting(&site, &stored)
        .args(["--http2", "false"])
        .run()
        .assert_code(0)
        .assert_stdout("done 4, failed 0");
    assert_eq!(versions(&site), ["HTTP/1.1"]);
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_refused() {
    let (site, stored) = (SecureSite::start(), Stored::sqlite());
    let crawls = [crawl(&site, &stored), crawl(&site, &stored).arg("--ca-file").arg(site.other_authority())];
    for crawl in crawls {
        crawl.args(["--robots", "false", "--fresh"]).run().assert_code(1);
    }
    let errors = stored.query("SELECT error FROM crawl_requests");
    assert_eq!(errors.len(), 2);
    assert!(errors.iter().all(|row| row[0].contains("certificate")), "{errors:?}");
    assert!(site.received().is_empty());
}

#[test]
fn a_file_that_holds_no_certificate_is_an_error_of_the_start() {
    let (site, stored) = (SecureSite::start(), Stored::sqlite());
    let path = site.folder().join("none.pem");
    let missing = crawl(&site, &stored).arg("--ca-file").arg(&path).run();
    missing.assert_stderr("none.pem").assert("it is an error", missing.code != Some(0));
}

#[test]
fn a_tunnel_carries_tls() {
    let (site, proxy) = (SecureSite::start(), ForwardProxy::start());
    for scheme in ["http", "socks5h"] {
        let stored = Stored::sqlite();
        let url = format!("{scheme}://{}", proxy.host());
        let crawl = crawl_site(&site.url("/"), &stored).args(["--proxy", &url]).env("no_proxy", "");
        crawl
            .env("NO_PROXY", "")
            .arg("--ca-file")
            .arg(site.authority())
            .run()
            .assert_code(0)
            .assert_stdout("done 4");
    }
    let passages = proxy.passages();
    let to = |how: &str| passages.iter().any(|passage| *passage == format!("{how} {}", site.host()));
    assert!(to("CONNECT") && to("SOCKS5"), "{passages:?}");
    assert_eq!(versions(&site), ["HTTP/2.0"]);
}
