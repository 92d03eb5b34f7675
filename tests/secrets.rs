//! Secrets stay where they belong. A marker goes into every flag, variable and key, and is then looked for everywhere.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::path::Path;

use dragline_testkit::ask::ask;
use dragline_testkit::{Answer, Dragline, Finished, Site};

use crate::stored::{Stored, dragline, example, on_both_stores};
use crate::words::{commands, help, words};

on_both_stores!(what_a_crawl_is_given_is_seen_nowhere);

/// No other text contains this.
const MARKER: &str = "m4rk3rXy7";

fn assert_hidden(what: &str, text: &str) {
    let line = text.lines().find(|line| line.contains(MARKER)).unwrap_or_default();
    assert!(line.is_empty(), "{what} shows the secret: {line}");
}

fn assert_hidden_in(what: &str, finished: &Finished) {
    assert_hidden(&format!("{what}: stdout"), &finished.stdout);
    assert_hidden(&format!("{what}: stderr"), &finished.stderr);
}

fn assert_hidden_in_files(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            assert_hidden_in_files(&path);
        } else if !path.to_string_lossy().contains(".db") {
            assert_hidden(&path.display().to_string(), &String::from_utf8_lossy(&fs::read(&path).unwrap()));
        }
    }
}

/// Everything that the request of a crawl may carry, with a spider that repeats it in its errors and panics.
fn crawl(site: &Site, stored: &Stored) -> Dragline {
    let start = site.url(&format!("/?page=1&access_token={MARKER}"));
    let (origin, feed) = (site.url(""), format!("https://me:{MARKER}@feeds.example/x?sig={MARKER}"));
    let arguments = ["auth", "pwd", "passwd", "authorization", "cookie", "api_key", "session_id"];
    let crawl = example("nasty_spiders").args(["crawl", "indiscreet", "--start-url", &start, "--rate", "0"]);
    let crawl = arguments.iter().fold(crawl, |crawl, name| crawl.args(["-a", &format!("{name}={MARKER}")]));
    crawl
        .args(["-a", &format!("feed={feed}"), "--auth", &format!("{origin}=me:{MARKER}")])
        .args(["--header", &format!("X-Api-Key: {MARKER}"), "--header", &format!("X-Other: Bearer {MARKER}")])
        .args(["--store", &stored.url(), "--retries", "0", "--log", "trace", "--log-dir", "logs"])
        .args(["-o", "rows.jsonl", "--listen", "127.0.0.1:0", "--metrics-textfile", "last.prom"])
        .args(["--heartbeat-file", "heartbeat", "--notify", &site.url(&format!("/hook/{MARKER}"))])
        .args([format!("--sitemaps={}", site.url(&format!("/map.txt?access_token={MARKER}")))])
}

fn what_a_crawl_is_given_is_seen_nowhere(stored: &Stored) {
    let links = format!(
        "<a href='/panic?token={MARKER}'>p</a><a href='/error?sig={MARKER}'>e</a><a href='/fine'>f</a>"
    );
    let site = Site::builder()
        .handler(move |asked| match asked.path.split('?').next().unwrap_or_default() {
            "/" => Some(Answer::html(links.clone())),
            "/panic" | "/error" => Some(Answer::html("<p>x")),
            "/fine" => Some(Answer::html("<p>fine")),
            "/map.txt" => Some(Answer::text(format!("https://a.example/?sig={MARKER}\n"))),
            _ => None,
        })
        .start();
    site.hold();
    let command = crawl(&site, stored);
    let mut running = command.spawn();
    running.wait_until("it asks", std::time::Duration::from_secs(30), |it| {
        site.waiting() > 0 && it.stderr().contains("listening: /health")
    });
    let stderr = running.stderr();
    let (_, rest) = stderr.split_once("address=").unwrap();
    let address = rest.split_whitespace().next().unwrap().to_owned();
    for path in ["/health", "/status", "/ready", "/metrics"] {
        assert_hidden(path, &ask(&*address, path).unwrap().body);
    }
    site.release();
    let done = running.finish();
    assert_hidden_in("the crawl", &done);
    assert_eq!((stored.pages("done"), stored.pages("failed")), (2, 2), "{done}");
    assert_hidden_in_files(command.folder());
    // It was sent all the same.
    let sent = site.received();
    let first = sent.iter().find(|asked| asked.path.starts_with("/?page")).unwrap();
    assert!(first.path.contains(MARKER) && first.header("x-api-key") == Some(MARKER), "{first:?}");
    assert!(first.header("authorization").is_some_and(|value| value.starts_with("Basic ")), "{first:?}");
    // Only the address itself has the secret of the address.
    let told: Vec<_> = sent.iter().filter(|asked| asked.path == format!("/hook/{MARKER}")).collect();
    let [told] = &*told else { panic!("{told:?}") };
    assert_hidden("the notification", &String::from_utf8_lossy(&told.body));
    assert!(
        done.stderr.contains("the notification was not delivered: the server answers HTTP 404"),
        "{done}"
    );

    for (table, columns) in [
        ("crawl_runs", "name, args, stop_reason, stats, problems, figures"),
        ("crawl_requests", "error, reason, tag, host"),
        ("crawl_items", "item_key, url, data"),
        ("crawl_dead_letters", "url, payload, error"),
    ] {
        let rows = stored.query(&format!("select {columns} from {table}"));
        assert_hidden(table, &format!("{rows:?}").replace("\\n", "\n"));
    }
    // Only the frontier has it, because a resumed run needs it.
    assert_eq!(stored.count(&format!("select count(*) from crawl_requests where url like '%{MARKER}%'")), 4);

    let run = stored.query("select name from crawl_runs")[0][0].clone();
    let start = site.url(&format!("/panic?token={MARKER}"));
    for words in [
        &["runs", "list"][..],
        &["runs", "list", "--json"],
        &["runs", "show", &run],
        &["runs", "show", &run, "--json"],
        &["runs", "show", &run, "--path", &start],
        &["runs", "show", &run, "--path", &start, "--json"],
        &["dead-letters", "list"],
        &["export", &run],
    ] {
        let shown = example("nasty_spiders").args(words).args(["--store", &stored.url()]).run();
        assert_hidden_in(&words.join(" "), shown.assert_code(0));
    }
}

/// A store's URL as somebody pastes it, a token, and a header.
fn secrets() -> [String; 3] {
    [
        format!("postgres://me:{MARKER}@db/crawls"),
        format!("https://a.example/?access_token={MARKER}"),
        format!("Authorization: Bearer {MARKER}"),
    ]
}

/// Each of these with a secret, in turn.
fn with_secrets(names: impl IntoIterator<Item = String>) -> impl Iterator<Item = (String, String)> {
    names.into_iter().zip(secrets().into_iter().cycle())
}

fn flags_of(command: &[String]) -> BTreeSet<String> {
    words(&help(command)).into_iter().filter(|word| word.starts_with("--")).collect()
}

#[test]
fn a_secret_in_the_wrong_place_is_not_repeated() {
    let of_every_command = flags_of(&["list".to_owned()]);
    // `board` would serve until somebody ends it. Here it ends when it finds its address in use, after it has read all flags.
    let in_use = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = in_use.local_addr().unwrap().to_string();
    let mut tried = 0;
    // The demo would crawl.
    for command in commands().iter().filter(|command| command.first().is_some_and(|first| first != "demo")) {
        // Without a start URL, `site` ends before it crawls. `config show` takes the same flags, and gets them below.
        let is_crawl = command[0] == "crawl";
        let is_own = |flag: &String| is_crawl || !of_every_command.contains(flag);
        let flags = flags_of(command).into_iter().filter(is_own).filter(|_| command[0] != "config");
        for (flag, secret) in with_secrets(flags) {
            let mut call = dragline().args(command).args(is_crawl.then_some("site"));
            if command[0] == "board" && flag != "--listen" {
                call = call.args(["--listen", &address]);
            }
            assert_hidden_in(&format!("{command:?} {flag}"), &call.arg(format!("{flag}={secret}")).run());
            tried += 1;
        }
        let [pasted, ..] = secrets();
        assert_hidden_in(&format!("{command:?} SECRET"), &dragline().args(command).arg(&pasted).run());
        assert_hidden_in(
            &format!("{command:?} x SECRET"),
            &dragline().args(command).args(["x", &pasted]).run(),
        );
    }
    assert!(tried > 130, "{tried}");
    for secret in secrets() {
        assert_hidden_in("a command", &dragline().arg(&secret).run());
        for argument in [secret.clone(), format!("{secret}=1"), format!("limit={secret}")] {
            let crawl = dragline().args(["crawl", "site", "-a", &argument]).run();
            assert_hidden_in(&argument, crawl.assert_code(2));
        }
    }
}

#[test]
fn a_secret_in_any_variable_or_key_is_not_repeated() {
    let of_crawl = words(&help(&["crawl".to_owned()]));
    let variables: Vec<String> = of_crawl.into_iter().filter(|word| word.starts_with("DRAGLINE_")).collect();
    assert!(variables.len() > 80, "{variables:?}");
    for (variable, secret) in with_secrets(variables) {
        assert_hidden_in(&variable, &dragline().args(["config", "show"]).env(&variable, &secret).run());
    }
    let shown = dragline().args(["config", "show", "--format", "json"]).run().stdout.clone();
    let settings: Vec<serde_json::Value> = serde_json::from_str(&shown).unwrap();
    let names = settings.iter().map(|setting| setting["name"].as_str().unwrap().to_owned());
    for (name, secret) in with_secrets(names) {
        let own = format!("[spider.site]\n{name} = [\"{secret}\"]\n");
        for text in [format!("[crawl]\n{name} = \"{secret}\"\n"), own] {
            let call = dragline().args(["crawl", "site"]);
            fs::write(call.folder().join("dragline.toml"), text).unwrap();
            assert_hidden_in(&name, &call.run());
        }
    }
}

#[test]
fn a_renewed_secret_goes_on_with_the_run() {
    let site = Site::builder().page("/", Answer::html("<p>x")).start();
    let stored = Stored::sqlite();
    let crawl = |secret: &str| {
        let crawl = example("nasty_spiders").args(["crawl", "indiscreet", "--start-url", &site.url("/")]);
        crawl.args(["-a", &format!("auth={secret}"), "--store", &stored.url(), "--rate", "0"])
    };
    crawl("first").run().assert_code(0);
    crawl("second").run().assert_code(0);
    let names = stored.query("select distinct name from crawl_runs");
    assert_eq!(names.len(), 1, "{names:?}");
}

/// An argument that may say what is crawled is part of the run's name, even if its value is hidden. A sure credential is not.
#[test]
fn another_keyword_is_another_run_and_another_password_is_not() {
    let site = Site::generated(30, 2);
    site.hold();
    let stored = Stored::sqlite();
    let crawl = |argument: &str| {
        let crawl = example("nasty_spiders").args(["crawl", "indiscreet", "--start-url", &site.url("/")]);
        crawl.args(["-a", argument, "--store", &stored.url(), "--rate", "0", "--log", "info"])
    };
    let stop = |argument: &str, first_line: &str| {
        let mut running = crawl(argument).spawn();
        running.wait_until("it begins", std::time::Duration::from_secs(30), |it| {
            it.stderr().contains(first_line)
        });
        running.kill9()
    };
    for argument in ["keyword=rope", "keyword=silk", "author=me", "author=you", "key=minor", "key=major"] {
        stop(argument, "new run");
    }
    let names = stored.query("select distinct name from crawl_runs");
    assert_eq!(names.len(), 6, "{names:?}");
    assert_eq!(stored.count("select count(*) from crawl_runs where args like '%rope%'"), 1);
    assert_eq!(stored.count("select count(*) from crawl_runs where args like '%minor%'"), 0);
    stop("keyword=rope", "resuming");
    stop("key=minor", "resuming");

    stop("password=first", "new run");
    stop("password=second", "resuming")
        .assert_stderr("does not depend on these secret arguments")
        .assert_stderr("arguments=password");
    site.release();
}

/// A run with a name of its own keeps its first arguments and start URLs, and the log warns that it does.
#[test]
fn a_named_run_that_is_given_other_arguments_says_that_it_keeps_its_own() {
    let site = Site::generated(30, 2);
    let stored = Stored::sqlite();
    let crawl = |start: &str, argument: &str| {
        site.hold();
        let crawl = example("nasty_spiders").args(["crawl", "indiscreet", "--start-url", &site.url(start)]);
        let crawl = crawl.args(["-a", argument, "--store", &stored.url(), "--rate", "0", "--run", "nightly"]);
        let mut running = crawl.spawn();
        running.wait_until("it begins", std::time::Duration::from_secs(30), |_| site.waiting() > 0);
        let killed = running.kill9();
        site.release();
        killed
    };
    crawl("/", "keyword=rope").assert_stderr("new run");
    let same = crawl("/", "keyword=rope");
    same.assert_stderr("resuming");
    assert!(!same.stderr.contains("changed since the run began"), "{}", same.stderr);
    crawl("/1", "keyword=silk")
        .assert_stderr("the arguments changed since the run began")
        .assert_stderr("the start URLs changed since the run began")
        .assert_stderr("--fresh");
    site.release();
}
