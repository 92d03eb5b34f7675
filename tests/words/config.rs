//! `dragline config`: each value with its origin, and no secret.

use std::fs;

use serde_json::{Value as Json, json};

use crate::stored::dragline;
use crate::tidy::source::repository;

const FILE: &str =
    "store = 'postgres://me:hunter2@db/crawls'\n\n[crawl]\nrate = 0.5\nretries = 1\nlimit = 9\n";

#[test]
fn each_setting_is_shown_with_the_layer_that_it_comes_from() {
    let show = dragline().args(["config", "show"]).env("DRAGLINE_RETRIES", "7").env("DRAGLINE_LIMIT", "");
    let show = show.args(["--flush-interval", "3s", "-a", "token=hunter2", "-a", "tag=love"]);
    fs::write(show.folder().join("dragline.toml"), FILE).unwrap();
    let text = show.clone().run().assert_code(0).stdout.clone();
    assert!(!text.contains("hunter2"), "{text}");
    let json = show.args(["--format", "json"]).run().assert_code(0).stdout.clone();
    assert!(!json.contains("hunter2"), "{json}");
    let settings: Vec<Json> = serde_json::from_str(&json).unwrap();
    let named = |name: &str| settings.iter().find(|setting| setting["name"] == name).unwrap();
    let file = |line: u32| json!({ "from": "file", "path": "dragline.toml", "line": line });
    for (name, values, origin, line) in [
        ("store", json!(["postgres://me:***@db/crawls"]), file(1), "dragline.toml:1"),
        ("rate", json!(["0.5"]), file(4), "dragline.toml:4"),
        ("limit", json!(["9"]), file(6), "dragline.toml:6"),
        (
            "retries",
            json!(["7"]),
            json!({ "from": "variable", "name": "DRAGLINE_RETRIES" }),
            "$DRAGLINE_RETRIES",
        ),
        ("flush_interval", json!(["3s"]), json!({ "from": "flag" }), "flag"),
        ("args", json!(["token=***", "tag=love"]), json!({ "from": "flag" }), "flag"),
        ("concurrency", json!(["32"]), json!({ "from": "default" }), "default"),
        ("crawl_threads", json!([]), json!({ "from": "default" }), "default"),
    ] {
        assert_eq!((&named(name)["values"], &named(name)["origin"]), (&values, &origin), "{name}");
        let row = text.lines().find(|row| row.split_whitespace().next() == Some(name)).unwrap();
        assert!(row.ends_with(line), "{row}");
    }
    assert_eq!(named("crawl_threads")["otherwise"], "one per core");
    let spaced = dragline().args(["config", "show", "--retry-statuses", "503,  500-504, 5xx"]).run();
    spaced.assert_code(0).assert_stdout(" 503, 500-504, 5xx ");
}

#[test]
fn the_store_s_other_variable_is_told_under_its_name() {
    let show =
        |show: dragline_testkit::Dragline| show.args(["config", "show"]).run().assert_code(0).stdout.clone();
    let url = "postgres://me:hunter2@db/crawls";
    let text = show(dragline().env("DATABASE_URL", url));
    assert!(text.contains("postgres://me:***@db/crawls") && text.contains("$DATABASE_URL"), "{text}");
    let text = show(dragline().env("DATABASE_URL", url).env("DRAGLINE_STORE", "sqlite:x.db"));
    assert!(text.contains("sqlite:x.db") && text.contains("$DRAGLINE_STORE"), "{text}");
}

#[test]
fn a_wrong_layer_is_told_and_not_shown_around() {
    let show = dragline().args(["config", "show"]);
    show.clone().args(["--rate", "-1"]).run().assert_code(2).assert_stderr("--rate");
    show.clone().args(["--config", "missing.toml"]).run().assert_code(2).assert_stderr("missing.toml");
    fs::write(show.folder().join("dragline.toml"), "[crawl]\nhost_concurrancy = 1\n").unwrap();
    show.run().assert_code(2).assert_stderr("line 2").assert_stderr("did you mean `host_concurrency`?");
}

#[test]
fn what_a_crawl_would_refuse_is_refused_after_it_is_shown() {
    for refused in [
        ["--concurrency", "1000000"],
        ["--crawl-threads", "100000"],
        ["--rate", "0.000001"],
        ["--request-timeout", "0"],
        ["--user-agent", ""],
        ["--auth", "shop.example=me:hunter2"],
        ["--header", "no colon"],
        ["--proxy", "nonsense"],
        ["--start-url", "ftp://a.example/"],
        ["-a", "noequals"],
        ["-o", "rows.xml"],
        ["--store", "mysql://db/crawls"],
    ] {
        let words = [&refused[..], &["--start-url", "http://127.0.0.1:9/"]].concat();
        let crawl = dragline().args(["crawl", "site"]).args(&words).run();
        crawl.assert("a crawl refuses it", crawl.code != Some(0));
        let show = dragline().args(["config", "show"]).args(&words).run();
        show.assert_stdout("flush_rows").assert("with its code", show.code == crawl.code);
        let same = show.stderr.lines().next() == crawl.stderr.lines().next();
        show.assert(&format!("in the words of the crawl: {}", crawl.stderr), same);
    }
}

#[test]
fn the_settings_reference_is_made_of_the_declarations() {
    let document = fs::read_to_string(repository().join("docs/settings.md")).unwrap();
    let call = dragline();
    let copy = call.folder().join("settings.md");
    fs::write(&copy, &document).unwrap();
    call.clone().args(["config", "reference", "settings.md"]).run().assert_code(0);
    let fresh = fs::read_to_string(&copy).unwrap();
    let same = fresh == document;
    assert!(
        same,
        "run `cargo run -- config reference docs/settings.md`: a flag, its help or its default has changed"
    );
    call.args(["config", "reference", "missing.md"]).run().assert_code(1).assert_stderr("missing.md");
}

#[test]
fn the_table_of_a_spider_counts_for_that_spider() {
    let file = "[crawl]\nrate = 2\nretries = 1\n\n[spider.quotes]\nrate = 0.5\nargs = { tag = 'love' }\n\n\
                [spider.site]\nstart_urls = ['http://a.example/?ids=1,2']\n";
    let shown = |words: &[&str]| {
        let call = dragline().args(["config", "show"]).args(words).args(["--format", "json"]);
        fs::write(call.folder().join("dragline.toml"), file).unwrap();
        let text = call.run().assert_code(0).stdout.clone();
        let settings: Vec<Json> = serde_json::from_str(&text).unwrap();
        move |name: &str| {
            let named = settings.iter().filter(|setting| setting["name"] == name);
            named
                .map(|setting| (setting["values"].clone(), setting["origin"]["line"].clone()))
                .collect::<Vec<_>>()
        }
    };
    let (all, quotes, site) = (shown(&[]), shown(&["quotes"]), shown(&["site"]));
    assert_eq!(all("rate"), [(json!(["2"]), json!(2))]);
    assert_eq!(quotes("rate"), [(json!(["0.5"]), json!(6))]);
    assert_eq!((quotes("retries"), quotes("args")), (all("retries"), vec![(json!(["tag=love"]), json!(7))]));
    assert_eq!(site("start_urls"), [(json!(["http://a.example/?ids=1,2"]), json!(10))]);
    assert_eq!(all("args"), [(json!([]), Json::Null)]);
    // Variables and flags go before it, and an argument replaces the one of its name.
    let given = shown(&["quotes", "--rate", "3", "-a", "tag=life"]);
    assert_eq!(given("rate"), [(json!(["3"]), Json::Null)]);
    assert_eq!(given("args"), [(json!(["tag=life"]), Json::Null)]);
    let wrong = dragline().args(["list"]);
    fs::write(wrong.folder().join("dragline.toml"), "[spider.qoutes]\nrate = 1\n").unwrap();
    wrong
        .run()
        .assert_code(2)
        .assert_stderr("no spider \"qoutes\"")
        .assert_stderr("it has books, mixesdb, quotes, site, tracklists1001");
}
