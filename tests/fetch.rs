//! `dragline fetch`: one page as a crawl would fetch it, and what a spider would make of it.

use std::fs;

use dragline_testkit::bad_server::nobody;
use dragline_testkit::{Answer, Dragline, Finished, Site};
use serde_json::{Value as Json, json};

use crate::stored::dragline;

fn fetch(url: &str, words: &[&str]) -> Dragline {
    dragline().args(["fetch", url]).args(words)
}

fn told(finished: &Finished) -> Json {
    serde_json::from_str(&finished.stdout).unwrap_or_else(|error| panic!("{error}: {}", finished.stdout))
}

/// Gzip of `<title>squeezed</title>`.
const SQUEEZED: &str = "1f8b08000000000002ffb329c92cc949b52b2e2c4d4dad4a4db1d187f0016e68805317000000";

fn site() -> Site {
    let bytes =
        (0..SQUEEZED.len()).step_by(2).map(|at| u8::from_str_radix(&SQUEEZED[at..at + 2], 16).unwrap());
    Site::builder()
        .robots(
            "User-agent: *\nDisallow: /private\nAllow: /old*r\nCrawl-delay: 3\n\nSitemap: https://a.example/map.xml\n",
        )
        .page("/old", Answer::redirect(301, "/older?a=1"))
        .page("/older?a=1", Answer::redirect(302, "/new"))
        .page("/new", Answer::html("").header("Content-Encoding", "gzip").body(bytes.collect::<Vec<u8>>()))
        .page("/private", Answer::html("secret"))
        .page("/loop", Answer::redirect(302, "/loop"))
        .page("/down", Answer::html("<p>not now").status(503))
        .page("/large", Answer::html("x".repeat(100_000)))
        .page(
            "/links",
            Answer::html(
                "<title>links</title><a href='/new'>1</a><a href='/new#x'>2</a><a href='mailto:me'>3</a>\
             <a href='http://elsewhere.example/'>4</a>",
            ),
        )
        .handler(|asked| {
            let header = |name| asked.header(name).unwrap_or("-").to_owned();
            let body = String::from_utf8_lossy(&asked.body).into_owned();
            let told = [asked.method.clone(), header("x-mine"), header("content-type"), body].join("|");
            (asked.path == "/echo").then(|| Answer::text(told))
        })
        .start()
}

#[test]
fn every_hop_is_shown_with_its_robots_rule_and_its_times() {
    let site = site();
    let finished = fetch(&site.url("/old"), &["--json"]).run();
    let shown = told(finished.assert_code(0));
    assert_eq!((&shown["final_url"], &shown["status"]), (&json!(site.url("/new")), &json!(200)));
    assert_eq!((&shown["bytes"], &shown["content_encoding"]), (&json!(23), &json!("gzip")));
    let statuses: Vec<&Json> = (0..3).map(|hop| &shown["hops"][hop]["answer"]["status"]).collect();
    assert_eq!(statuses, [301, 302, 200]);
    let robots = |hop: usize| (&shown["hops"][hop]["robots"], &shown["hops"][hop]["robots_txt"]);
    let map = ["https://a.example/map.xml"];
    let says = |line: Json, rule: Json| json!({ "line": line, "rule": rule, "crawl_delay_seconds": 3.0, "honoured_delay_seconds": 3.0, "sitemaps": map });
    assert_eq!(robots(0), (&json!("allowed, one request in 3 s"), &says(Json::Null, Json::Null)));
    let second = json!("allowed (line 3, Allow: /old*r), one request in 3 s");
    assert_eq!(robots(1), (&second, &says(json!(3), json!("Allow: /old*r"))));
    for hop in shown["hops"].as_array().unwrap() {
        let answer = &hop["answer"];
        assert!(answer["total_seconds"].as_f64() >= answer["first_byte_seconds"].as_f64(), "{answer}");
    }
    assert_eq!(site.hits("/robots.txt"), 1, "asked once for the host");
    fetch(&site.url("/old"), &[])
        .run()
        .assert_code(0)
        .assert_stdout("HTTP/1.1 301 Moved Permanently")
        .assert_stdout("header   location: /older?a=1")
        .assert_stdout("first byte after")
        .assert_stdout("body     23 bytes, sent as gzip");
}

#[test]
fn a_body_goes_down_the_pipe_and_nothing_else_does() {
    let site = site();
    let finished = fetch(&site.url("/old"), &["--body"]).run();
    finished.assert_code(0).assert_stderr("301 Moved Permanently");
    assert_eq!(finished.stdout, "<title>squeezed</title>");
    let to_file = fetch(&site.url("/down"), &["-o", "page.html"]);
    to_file.run().assert_code(1).assert_stderr("HTTP 503").assert_stdout("503 Service Unavailable");
    assert_eq!(fs::read_to_string(to_file.folder().join("page.html")).unwrap(), "<p>not now");
    assert_eq!(site.hits("/down"), 1, "it is not tried again");
    let echoed = fetch(&site.url("/echo"), &["-H", "X-Mine: yes", "--data", "a=1", "-o", "-"]).run();
    assert_eq!(echoed.assert_code(0).stdout, "POST|yes|application/x-www-form-urlencoded|a=1");
    let typed = fetch(
        &site.url("/echo"),
        &["-H", "content-type: text/x", "--data", "b", "--method", "put", "--body"],
    );
    assert_eq!(typed.run().assert_code(0).stdout, "PUT|-|text/x|b");
    assert!(!to_file.folder().join("dragline.db").exists(), "no store is touched");
}

#[test]
fn what_selectors_find_goes_down_the_pipe() {
    let site = site();
    let links = fetch(&site.url("/links"), &["--select", "a::attr(href)"]).run();
    links.assert_code(0).assert_stderr("200 OK");
    assert_eq!(links.stdout, "/new\n/new#x\nmailto:me\nhttp://elsewhere.example/\n");
    let two = fetch(&site.url("/links"), &["--select", "title, b", "--select", "h1::text"]).run();
    two.assert_code(0).assert_stderr("h1::text finds nothing on this page");
    assert_eq!(two.stdout, "title, b\n  links\nh1::text\n");
    let json = fetch(&site.url("/links"), &["--json", "--select", "title"]).run();
    assert_eq!(told(json.assert_code(0))["selected"], json!([{ "css": "title", "found": ["links"] }]));
    // Also on a page that a crawl would not parse.
    let down = fetch(&site.url("/down"), &["--select", "p"]).run();
    assert_eq!(down.assert_code(1).stdout, "not now\n");
    for wrong in ["a[", "a::hover", ""] {
        let refused = fetch(&site.url("/never"), &["--select", wrong]).run();
        refused.assert_code(2).assert_stderr("--select").assert_stderr("is not a CSS selector");
    }
    fetch(&site.url("/never"), &["--select", "a", "-o", "-"]).run().assert_code(2).assert_stderr("-o -");
    assert_eq!(site.hits("/never"), 0);
}

#[test]
fn what_cannot_be_had_is_told() {
    let site = site();
    let denied = fetch(&site.url("/private"), &[]).run();
    denied
        .assert_code(1)
        .assert_stdout("robots   denied (line 2, Disallow: /private), one request in 3 s")
        .assert_stdout("sitemap  https://a.example/map.xml")
        .assert_stderr("robots.txt forbids this page: line 2, Disallow: /private")
        .assert_stderr("--robots false");
    assert_eq!(site.hits("/private"), 0);
    let short = fetch(&site.url("/private"), &["--max-crawl-delay", "1s"]).run();
    short.assert_stdout(", one request in 1 s (it asks for 3 s)");
    let unasked = fetch(&site.url("/private"), &["--robots", "false"]).run();
    unasked.assert_code(0).assert_stdout("robots   not asked");
    fetch(&site.url("/loop"), &[]).run().assert_code(1).assert_stderr("too many redirects");
    fetch(&site.url("/gone"), &[]).run().assert_code(1).assert_stderr("HTTP 404");
    let large = fetch(&site.url("/large"), &["--max-body", "10KiB"]).run();
    large.assert_code(1).assert_stderr("body larger than").assert_stdout("200 OK");
    let gone = fetch(&nobody("/"), &["--robots", "false"]).run();
    gone.assert_code(1).assert_stderr("connection refused");
    for (url, words, hint) in [
        ("example.com", &[][..], "https://"),
        ("http://me:hunter2@a.example/", &[], "Authorization"),
        ("http://a.example/", &["-H", "nonsense hunter2"], "NAME: VALUE"),
        ("http://a.example/", &["--meta", "x"], "NAME=JSON"),
        ("http://a.example/", &["--spider", "qoutes"], "quotes"),
        ("http://a.example/", &["--body", "--json"], "--json"),
    ] {
        let wrong = fetch(url, words).run();
        wrong.assert_code(2).assert_stderr(hint);
        assert!(!wrong.stderr.contains("hunter2"), "{}", wrong.stderr);
    }
}

#[test]
fn the_name_for_robots_is_that_of_the_user_agent_or_the_one_given() {
    let site = Site::builder()
        .robots("User-agent: acmebot\nDisallow: /a\n\nUser-agent: other-bot\nDisallow: /o\n")
        .page("/a", Answer::html("a"))
        .page(
            "/o",
            Answer::html("<a href=/x rel=nofollow>x</a> <a href=/y>y</a>").header("X-Robots-Tag", "noindex"),
        )
        .start();
    let acme = ["--user-agent", "Mozilla/5.0 (compatible; AcmeBot/2.0; +https://acme.example)"];
    let other = ["--robots-agent", "Other-Bot"];
    for (path, words, code) in
        [("/a", &[][..], 0), ("/a", &acme, 1), ("/o", &acme, 0), ("/o", &other, 1), ("/a", &other, 0)]
    {
        fetch(&site.url(path), words).run().assert_code(code);
    }
    fetch(&site.url("/a"), &["--robots-agent", "acme bot/1"])
        .run()
        .assert_code(2)
        .assert_stderr("robots_agent");
    let emitted = |words: &[&str]| {
        let words = [&["--spider", "site", "--json"], words].concat();
        let emitted = told(fetch(&site.url("/o"), &words).run().assert_code(0))["emitted"].clone();
        let refused =
            emitted["refused"].as_array().unwrap().iter().map(|it| it["reason"].to_string()).collect();
        (emitted["requests"].as_array().unwrap().len(), emitted["items"].as_array().unwrap().len(), refused)
    };
    let nothing: Vec<String> = Vec::new();
    assert_eq!(emitted(&[]), (2, 1, nothing));
    let (requests, items, refused) = emitted(&["--page-robots", "nofollow,noindex"]);
    assert_eq!((requests, items), (1, 0));
    assert_eq!(refused, ["\"item dropped (noindex)\"", "\"link nofollow\""]);
}

#[test]
fn a_spider_shows_what_it_would_emit_and_what_would_be_refused() {
    let site = site();
    let finished = fetch(&site.url("/links"), &["--spider", "site", "--json"]).run();
    let emitted = told(finished.assert_code(0))["emitted"].clone();
    assert_eq!(
        (&emitted["state"], &emitted["items"][0]["fields"]["title"]),
        (&json!("done"), &json!("links"))
    );
    assert_eq!(emitted["requests"], json!([{"method": "GET", "url": site.url("/new")}]));
    let refused: Vec<&str> =
        emitted["refused"].as_array().unwrap().iter().map(|it| it["reason"].as_str().unwrap()).collect();
    assert!(refused.contains(&"link off-site"), "{refused:?}");
    assert!(refused.contains(&"request duplicate"), "{refused:?}");
    fetch(&site.url("/links"), &["--spider", "site"])
        .run()
        .assert_code(0)
        .assert_stdout("page done")
        .assert_stdout("items 1")
        .assert_stdout("link off-site: http://elsewhere.example/");
    let failed = fetch(&site.url("/down"), &["--spider", "site"]).run();
    failed.assert_code(1).assert_stderr("HTTP 503");
}

#[test]
fn what_is_not_reached_is_told_and_so_are_links_that_are_not_followed() {
    let site = Site::builder()
        .page(
            "/",
            Answer::html(
                "<title>links</title><a href=/a.zip>1</a><a href=/x/x/x>2</a><a href=/print>3</a><a href=/ok>4</a>",
            ),
        )
        .page("/sent-on", Answer::html("<meta http-equiv=refresh content='0;url=/#part'>"))
        .start();
    let denied = fetch(&site.url("/"), &["--deny-private-networks"]).run();
    let shown = denied.assert_code(1).stderr.clone();
    assert!(shown.contains("127.0.0.1 is a loopback address"), "{shown}");
    assert_eq!(site.total_hits(), 0);

    let shown = told(
        fetch(&site.url("/sent-on"), &["--json", "--spider", "site", "--deny", "print"]).run().assert_code(0),
    );
    assert_eq!(shown["final_url"], json!(site.url("/#part")));
    let refused: Vec<&str> = shown["emitted"]["refused"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|it| it["reason"].as_str())
        .collect();
    assert_eq!(refused, ["link extension", "link repeating", "link denied"]);
    assert_eq!(shown["emitted"]["requests"].as_array().unwrap().len(), 1);
}

#[test]
fn a_pattern_that_is_none_is_told_before_anything_is_fetched() {
    let finished = fetch("http://127.0.0.1:9/", &["--allow", "("]).run();
    let told = &finished.assert_code(2).stderr;
    assert!(told.contains("\"(\" is not a regular expression: unclosed group"), "{told}");
}
