//! Through a proxy: all of a run, or one request; and credentials, for sites and for proxies.

use dragline_testkit::{Answer, Dragline, ForwardProxy, Received, Site};

use crate::stored::{Stored, crawl_site};

const PASSWORD: &str = "hunter2";
/// A proxy that does not work is an outage of the crawl's own side, which usually may last much longer.
const SHORT_OUTAGE: [&str; 4] = ["--robots", "false", "--max-network-outage", "1s"];
/// `me:hunter2`
const BASIC: &str = "Basic bWU6aHVudGVyMg==";

fn stored() -> Stored {
    Stored::sqlite()
}

fn site() -> Site {
    Site::builder()
        .page("/", Answer::html("<title>one</title><a href=/two>two</a>"))
        .page("/two", Answer::html("<title>two</title>"))
        .start()
}

/// Hides the machine's own proxy settings from these tests.
fn crawl(site: &Site, stored: &Stored) -> Dragline {
    let crawl = crawl_site(&site.url("/"), stored).args(["--log", "debug"]);
    ["http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"]
        .into_iter()
        .fold(crawl, |crawl, name| crawl.env(name, ""))
}

/// Crawls both pages; neither log nor database know the password.
fn crawl_whole(crawl: &Dragline, stored: &Stored) {
    let finished = crawl.run();
    finished.assert_code(0).assert_stdout("done 2, failed 0");
    let log = [finished.stdout.as_str(), finished.stderr.as_str()].concat();
    assert!(!log.contains(PASSWORD) && !log.contains(&BASIC[6..]), "{log}");
    let file = std::fs::read(stored.url().strip_prefix("sqlite:").unwrap()).unwrap();
    assert!(!file.windows(PASSWORD.len()).any(|bytes| bytes == PASSWORD.as_bytes()));
}

#[test]
fn a_run_goes_through_an_http_proxy() {
    let (site, proxy, stored) = (site(), ForwardProxy::start(), stored());
    crawl_whole(&crawl(&site, &stored).args(["--proxy", &format!("http://{}", proxy.host())]), &stored);
    let mut passages = proxy.passages();
    passages.sort();
    assert_eq!(passages, ["/", "/robots.txt", "/two"].map(|path| format!("GET {}", site.url(path))));
}

#[test]
fn a_run_goes_through_a_socks_proxy() {
    let (site, proxy, stored) = (site(), ForwardProxy::for_user("me", PASSWORD, BASIC), stored());
    let with_password = format!("socks5://me:{PASSWORD}@{}", proxy.host());
    crawl_whole(&crawl(&site, &stored).env("DRAGLINE_PROXY", &with_password), &stored);
    assert!(!proxy.passages().is_empty());
    assert!(proxy.passages().iter().all(|passage| *passage == format!("SOCKS5 {}", site.host())));
}

#[test]
fn a_proxys_password_may_stand_apart() {
    let (site, proxy, stored) = (site(), ForwardProxy::for_user("me", PASSWORD, BASIC), stored());
    let origin = format!("http://{}", proxy.host());
    let refused = crawl(&site, &stored).args(["--proxy", &origin]).args(SHORT_OUTAGE).run();
    refused.assert_code(75).assert_stderr("407");
    assert_eq!(stored.query("SELECT state FROM crawl_requests"), [["queued"]], "the page is not at fault");
    let auth = format!("{origin}=me:{PASSWORD}");
    crawl_whole(&crawl(&site, &stored).args(["--proxy", &origin]).env("DRAGLINE_AUTH", &auth), &stored);
    assert_eq!(proxy.passages().len(), 3);
    assert!(site.received().iter().all(|asked| asked.header("authorization").is_none()), "it is the proxy's");
}

#[test]
fn the_environments_proxy_is_taken_unless_told_otherwise() {
    let (site, proxy) = (site(), ForwardProxy::start());
    let url = format!("http://{}", proxy.host());
    crawl_after(&site, &[("HTTP_PROXY", &url)], &[]);
    let through = proxy.passages().len();
    assert!(through >= 3);
    crawl_after(&site, &[("HTTP_PROXY", &url)], &["--proxy", "none"]);
    crawl_after(&site, &[("HTTP_PROXY", &url), ("NO_PROXY", "127.0.0.1")], &[]);
    crawl_after(&site, &[("NO_PROXY", "127.0.0.1")], &["--proxy", &url]);
    assert_eq!(proxy.passages().len(), through, "nothing more came");
}

fn crawl_after(site: &Site, variables: &[(&str, &str)], args: &[&str]) {
    let stored = stored();
    let crawl = crawl(site, &stored).args(args);
    let crawl = variables.iter().fold(crawl, |crawl, (name, value)| crawl.env(name, value));
    crawl.run().assert_code(0).assert_stdout("done 2, failed 0");
}

#[test]
fn a_proxy_that_is_away_is_named_without_its_password() {
    let (site, stored) = (site(), stored());
    let finished = crawl(&site, &stored)
        .env("DRAGLINE_PROXY", format!("http://me:{PASSWORD}@127.0.0.1:1"))
        .args(["--retries", "0"])
        .args(SHORT_OUTAGE)
        .run();
    finished.assert_code(75).assert_stderr("connection refused");
    assert!(!finished.stderr.contains(PASSWORD), "{}", finished.stderr);
    assert_eq!(stored.query("SELECT state FROM crawl_requests"), [["queued"]]);
}

#[test]
fn credentials_and_headers_go_where_they_belong() {
    let answer = |asked: &Received| match asked.header("authorization") {
        Some(BASIC) => Some(Answer::html("<title>in</title><a href=/two>two</a>")),
        _ => Some(Answer::text("who are you?").status(401)),
    };
    let site = Site::builder().handler(answer).start();
    let other = Site::builder().page("/", Answer::redirect(302, &site.url("/"))).start();
    let stored = stored();
    let crawl = crawl(&other, &stored)
        .args(["--header", "X-Greeting: hello", "--header", "Accept-Language: de"])
        .env("DRAGLINE_AUTH", format!("http://{}=me:{PASSWORD}", site.host()));
    let finished = crawl.run();
    finished.assert_code(0).assert_stdout("done 2, failed 0");
    assert!(other.received().iter().all(|asked| asked.header("authorization").is_none()));
    for asked in site.received().iter().chain(&other.received()) {
        assert_eq!(
            (asked.header("x-greeting"), asked.header("accept-language")),
            (Some("hello"), Some("de"))
        );
    }
    assert!(!finished.stderr.contains(PASSWORD));
}

#[test]
fn secrets_on_the_command_line_are_not_repeated() {
    for (flag, value) in
        [("--auth", "hunter2"), ("--header", "Authorization: hunter2"), ("--proxy", "me:hunter2@p")]
    {
        let refused = crawl(&site(), &stored()).args([flag, value]).run();
        refused.assert_code(2).assert_stderr(flag);
        assert!(!refused.stderr.contains(PASSWORD), "{}", refused.stderr);
    }
    let help = crate::stored::dragline().args(["crawl", "--help"]).env("DRAGLINE_AUTH", PASSWORD).run();
    assert!(!help.stdout.contains(PASSWORD));
}
