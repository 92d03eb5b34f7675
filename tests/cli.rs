//! The command line: its words, its errors, its exit codes.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use dragline_testkit::{Answer, Site, wait_for, wait_until};

use crate::stored::{Stored, crawl_site, dragline, example, on_both_stores};

const SOON: Duration = Duration::from_secs(20);

on_both_stores!(a_run_is_exported, the_schema_is_printed_applied_and_checked);

#[test]
fn an_invalid_selector_is_an_error_before_the_first_request() {
    let site = Site::builder().page("/", Answer::html("<h1>never asked for</h1>")).start();
    example("nasty_spiders")
        .args(["crawl", "mistyped", "--start-url", &site.url("/")])
        .run()
        .assert_code(2)
        .assert_stderr("the spider mistyped cannot start: \"li.next a[\" is not a CSS selector");
    assert_eq!(site.total_hits(), 0);
}

#[test]
fn wrong_words_are_usage_errors_with_advice() {
    for (words, told) in [
        (&["crawl"][..], "the spiders are books, mixesdb, quotes, site, tracklists1001"),
        (&["crawl", "qoutes"], "quotes"),
        (&["crawl", "site", "--limit", "many"], "limit"),
        (&["crawl", "site", "--no-such-flag"], "--no-such-flag"),
        (&["crawl", "site"], "--start-url"),
        (&["crawl", "site", "--start-url", "example.com"], "https://"),
        (&["crawl", "site", "--start-url", "ftp://example.com/"], "https://"),
        (&["crawl", "quotes", "-a", "limit"], "NAME=VALUE"),
        (&["crawl", "quotes", "--concurrency", "0"], "at least 1"),
        (&["crawl", "quotes", "--shutdown-timeout", "3"], "at least 4"),
        (&["crawl", "quotes", "--rate", "-1"], "rate"),
        (&["crawl", "quotes", "--rate", "1e-320"], "rate_per_second = 1e-320 is invalid"),
        (&["crawl", "quotes", "--user-agent", "a\nb"], "characters that a header cannot contain"),
        (&["crawl", "quotes", "--concurrency", "18446744073709551615"], "at most"),
        (&["crawl", "quotes", "--request-timeout", "0"], "longer than zero"),
        (&["crawl", "site", "--start-url", "http://me:hunter2@a.example/"], "--auth 'http://a.example="),
        (&["crawl", "quotes", "--store", "mysql://me:hunter2@db/x"], "use postgres://"),
        (&["runs", "list", "--store", "mysql://me:hunter2@db/x"], "use postgres://"),
        (&["schema", "check", "--store", "mysql://me:hunter2@db/x"], "use postgres://"),
        (&["crawl", "quotes", "-o", "rows.xlsx"], ".jsonl"),
        (&["crawl", "quotes", "--config", "missing.toml"], "missing.toml"),
        (&["crawl", "quotes", "--config", "missing.toml"], "hint: --config or DRAGLINE_CONFIG names it"),
        (&["crawl", "quotes", "--limit", "many"], "must be a whole number, such as 100"),
        (&["nonsense"], "nonsense"),
    ] {
        let finished = dragline().args(words).run();
        finished.assert_code(2).assert_stderr("error:").assert_stderr(told);
        assert!(finished.stdout.is_empty(), "{words:?} wrote to stdout");
        assert!(!finished.stderr.contains("hunter2"), "{}", finished.stderr);
    }
}

#[test]
fn help_teaches_and_the_version_is_told() {
    dragline().arg("--help").run().assert_code(0).assert_stdout("Examples:").assert_stdout("75 stopped");
    dragline().args(["crawl", "--help"]).run().assert_code(0).assert_stdout("[env: DRAGLINE_RATE=]");
    dragline().arg("--version").run().assert_code(0).assert_stdout(env!("CARGO_PKG_VERSION"));
    dragline().arg("list").run().assert_code(0).assert_stdout("quotes").assert_stdout("crawl_items");
}

#[test]
fn settings_come_from_file_environment_and_flags_in_this_order() {
    let (site, stored) = (Site::generated(40, 4), Stored::sqlite());
    let base = dragline().args(["crawl", "site", "--start-url", &site.url("/"), "--fresh"]);
    let file =
        format!("store = \"{}\"\n[crawl]\nrate = 0\nhost_concurrency = 8\nretries = 1\n", stored.url());
    fs::write(base.folder().join("dragline.toml"), file).unwrap();
    base.clone().env("DRAGLINE_LIMIT", "3").run().assert_code(0);
    assert_eq!(stored.pages("done"), 3, "the file names the store, the environment the limit");
    base.clone().env("DRAGLINE_LIMIT", "3").args(["--limit", "5"]).run().assert_code(0);
    assert_eq!(stored.pages("done"), 8, "a flag wins over the environment");
    base.clone().args(["-a", "limit=2"]).run().assert_code(0);
    assert_eq!(stored.pages("done"), 10, "-a limit means the same as --limit");

    fs::write(base.folder().join("dragline.toml"), "[crawl]\nratte = 1\n").unwrap();
    base.clone().run().assert_code(2).assert_stderr("ratte").assert_stderr("dragline.toml, line 2");
    fs::write(base.folder().join("dragline.toml"), "[crawl]\nrate = 0\nlimit = 2\n").unwrap();
    let base = base.args(["--store", &stored.url()]);
    base.clone().env("DRAGLINE_LIMIT", "").env("DATABASE_URL", "").run().assert_code(0);
    assert_eq!(stored.pages("done"), 12, "an empty variable counts as unset: the limit is the file's");
    base.clone().args(["-a", "limit=1"]).run().assert_code(0);
    assert_eq!(stored.pages("done"), 13, "-a limit wins over the file, as the flag does");
    let wrong = base.env("DRAGLINE_RATE", "fast");
    wrong.run().assert_code(2).assert_stderr("--rate").assert_stderr("comes from the variable DRAGLINE_RATE");
    let by_flag = wrong.args(["--rate", "faster"]).run();
    by_flag.assert_code(2).assert("the flag is at fault", !by_flag.stderr.contains("variable"));
}

#[test]
fn a_variable_that_sets_nothing_is_told() {
    let slip = dragline().env("DRAGLINE_RATTE", "1").env("DRAGLINE_PROBE_DEED", "hang");
    for words in [&["list"][..], &["config", "show"]] {
        let finished = slip.clone().args(words).run();
        finished.assert_code(0).assert_stderr("DRAGLINE_RATTE is unknown");
        finished.assert_stderr("did you mean DRAGLINE_RATE?");
        finished.assert("those of tests are known", !finished.stderr.contains("PROBE"));
    }
}

fn a_run_is_exported(stored: &Stored) {
    let site = Site::generated(12, 3);
    let crawl = crawl_site(&site.url("/"), stored).args(["-o", "rows.jsonl"]);
    crawl.run().assert_code(0);
    let lines = fs::read_to_string(crawl.folder().join("rows.jsonl")).unwrap();
    let rows: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let titles = rows.iter().map(|row| (text(row, "url"), text(row, "title"))).collect();
    assert_eq!(site.truth(), &titles);
    assert!(rows.iter().all(|row| row["_type"] == "page" && row["status"] == 200));

    let export = |words: &[&str]| {
        let command = dragline().args(["export", "1", "--store", &stored.url()]).args(words);
        (command.run(), command.folder().to_owned(), command)
    };
    let (finished, ..) = export(&[]);
    assert_eq!(finished.assert_code(0).stdout, lines, "the same rows, later");
    let (finished, folder, _keep) = export(&["-o", "rows.csv"]);
    finished.assert_code(0);
    let csv = fs::read_to_string(folder.join("rows.csv")).unwrap();
    assert_eq!(csv.lines().count(), 13, "{csv}");
    assert!(csv.starts_with("url,title,"), "{csv}");

    dragline()
        .args(["export", "nobody", "--store", &stored.url()])
        .run()
        .assert_code(1)
        .assert_stderr("nobody");
    let (finished, ..) = export(&["--item", "quote"]);
    finished.assert_code(2).assert_stderr("page");

    // Another run of the spider sees one page, and that page's row is its own from now on.
    let again = crawl_site(&site.url("/"), stored).args(["--run", "again"]);
    again.clone().args(["--limit", "1"]).run().assert_code(0);
    let (finished, ..) = export(&[]);
    assert_eq!(finished.assert_code(0).stdout.lines().count(), 11);
    finished.assert("11 rows are worth no warning", !finished.stderr.contains("WARN"));
    again.run().assert_code(0);
    let (finished, ..) = export(&[]);
    finished
        .assert_code(0)
        .assert_stderr("a later run has seen those of run 1")
        .assert_stderr("dragline export 3");
    assert_eq!(finished.stdout, "");
}

fn text(row: &serde_json::Value, name: &str) -> String {
    row[name].as_str().unwrap().to_owned()
}

fn the_schema_is_printed_applied_and_checked(stored: &Stored) {
    let schema = |action: &str| dragline().args(["schema", action, "--store", &stored.url()]).run();
    schema("print").assert_code(0).assert_stdout("crawl_requests").assert_stdout("quotes");
    schema("check").assert_code(1);
    schema("apply").assert_code(0);
    schema("check").assert_code(0);
    schema("apply").assert_code(0);
}

#[test]
fn a_health_check_finds_a_crawl_where_the_settings_file_has_it() {
    let (site, stored) = (Site::generated(20, 3), Stored::sqlite());
    site.hold();
    let file = "[crawl]\nlisten = '127.0.0.1:9'\nheartbeat_file = 'heartbeat'\nhealth_max_age = '90s'\n";
    let crawl = crawl_site(&site.url("/"), &stored).args(["--listen", "127.0.0.1:0"]);
    fs::write(crawl.folder().join("dragline.toml"), file).unwrap();
    let mut running = crawl.spawn();
    let heartbeat = crawl.folder().join("heartbeat");
    running.wait_until("the heartbeat is written", SOON, |_| heartbeat.exists());
    let check = |words: &[&str]| dragline().cwd(crawl.folder()).arg("healthcheck").args(words).run();
    check(&[]).assert_code(0).assert_stdout("healthy: pid");
    check(&["--heartbeat-file", "elsewhere"]).assert_code(1).assert_stdout("nothing listens at 127.0.0.1:9");
    site.release();
    running.finish().assert_code(0);
    check(&[]).assert_code(1).assert_stdout("nothing listens at 127.0.0.1:9");

    let nowhere = dragline().arg("healthcheck");
    nowhere.run().assert_code(2).assert_stderr("add --listen ADDR or --heartbeat-file FILE");
    fs::write(nowhere.folder().join("dragline.toml"), "[crawl]\nlisten = '127.0.0.1:9'\nratte = 1\n")
        .unwrap();
    nowhere.run().assert_code(2).assert_stderr("ignoring the settings file").assert_stderr("ratte");
    let told = nowhere.args(["--listen", "127.0.0.1:9"]).run();
    told.assert_code(1).assert_stdout("nothing listens at 127.0.0.1:9");
}

#[test]
fn health_follows_the_working_loops() {
    let site = Site::generated(20, 3);
    let stored = Stored::sqlite();
    let file = tempfile::tempdir().unwrap();
    let file = file.path().join("heartbeat");
    let name = file.to_str().unwrap();
    let check = |more: &[&str]| dragline().args(["healthcheck", "--heartbeat-file", name]).args(more).run();
    check(&[]).assert_code(1).assert_stdout("no heartbeat file");

    site.hold();
    let mut crawl = crawl_site(&site.url("/"), &stored).args(["--heartbeat-file", name]).spawn();
    crawl.wait_until("the heartbeat is written", SOON, |_| file.exists());
    check(&[]).assert_code(0).assert_stdout("healthy");

    // A process that hangs gives no heartbeat, whatever else still answers.
    crawl.signal("STOP");
    wait_until("the hang is noticed", SOON, || check(&["--max-age", "2s"]).code == Some(1));
    crawl.signal("CONT");
    wait_until("it has come round again", SOON, || check(&["--max-age", "4s"]).code == Some(0));
    site.release();
    crawl.finish().assert_code(0);
    check(&[]).assert_code(1);

    let future = std::time::SystemTime::now() + Duration::from_secs(300);
    fs::write(&file, "{\"pid\":1,\"phase\":\"crawling\",\"scheduler_ms\":0,\"persistence_ms\":0}").unwrap();
    check(&[]).assert_code(1).assert_stdout("old");
    fs::File::options().write(true).open(&file).unwrap().set_modified(future).unwrap();
    check(&[]).assert_code(1);
    let device = dragline().args(["healthcheck", "--heartbeat-file", "/dev/null"]).run();
    device.assert_code(1).assert_stdout("not a regular file");
    dragline().arg("healthcheck").run().assert_code(2).assert_stderr("heartbeat-file");
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let (site, stored) = (Site::generated(200, 5), Stored::sqlite());
    crawl_site(&site.url("/"), &stored).run().assert_code(0);
    let mut export = Command::new(env!("CARGO_BIN_EXE_dragline"))
        .args(["export", "1", "--store", &stored.url()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(export.stdout.take());
    let output = export.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_log_that_nobody_takes_holds_up_nothing() {
    let site = Site::generated(60, 4);
    let crawl = |stderr: Stdio| {
        let stored = Stored::sqlite();
        let child = Command::new(env!("CARGO_BIN_EXE_dragline"))
            .args(["crawl", "site", "--start-url", &site.url("/"), "--store", &stored.url(), "--rate", "0"])
            .args(["--host-concurrency", "16", "--log", "trace"])
            .stdout(Stdio::null())
            .stderr(stderr)
            .spawn();
        (child.unwrap(), stored)
    };
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let (mut on_full, first) = crawl(full.into());
    let (mut on_closed, second) = crawl(Stdio::piped());
    drop(on_closed.stderr.take());
    // Nobody reads this one, and trace lines fill a pipe's 64 KiB at once.
    let (mut on_blocked, third) = crawl(Stdio::piped());
    for child in [&mut on_full, &mut on_closed, &mut on_blocked] {
        let status = wait_for("the end of the crawl", SOON, || child.try_wait().unwrap());
        assert_eq!(status.code(), Some(0));
    }
    for stored in [first, second, third] {
        assert_eq!(stored.pages("done"), 60);
    }
}

#[test]
fn a_stdout_that_takes_nothing_holds_up_no_stop() {
    let site = Site::generated(60, 4);
    let stored = Stored::sqlite();
    let (_reader, mut writer) = std::io::pipe().unwrap();
    // As much as a pipe holds.
    std::io::Write::write_all(&mut writer, &vec![b'x'; 64 << 10]).unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_dragline"))
        .args(["crawl", "site", "--start-url", &site.url("/"), "--store", &stored.url(), "--rate", "0"])
        .stdout(writer)
        .stderr(Stdio::null())
        .spawn();
    let mut child = child.unwrap();
    wait_until("the run is finished", SOON, || {
        stored.pages("done") == 60 && stored.runs()[0].0 == "finished"
    });
    // Whether the process still closes the store or writes its report already: a signal cuts that off.
    assert!(child.try_wait().unwrap().is_none(), "the report found room");
    Command::new("kill").arg(child.id().to_string()).status().unwrap();
    let status = wait_for("the end of the process", SOON, || child.try_wait().unwrap());
    assert_eq!(status.code(), Some(0));
}

#[test]
fn an_export_that_cannot_be_written_is_told_before_the_crawl() {
    let site = Site::generated(3, 2);
    let stored = Stored::sqlite();
    let crawl = crawl_site(&site.url("/"), &stored).args(["-o", "/nowhere/rows.jsonl"]);
    crawl.run().assert_code(2).assert_stderr("/nowhere").assert_stderr("hint");
    let quotes =
        dragline().args(["crawl", "quotes", "-o", "/nowhere/rows.csv", "--start-url", &site.url("/")]);
    quotes.run().assert_code(2).assert_stderr("/nowhere/rows.quote.csv").assert_stderr("hint");
    assert_eq!(site.received().len(), 0);
}

#[test]
fn several_item_types_are_exported_into_a_csv_file_each() {
    let quote = "<div class=quote><span class=text>Knots hold</span><small class=author>Ann</small></div>";
    let site = Site::builder().page("/", Answer::html(quote)).start();
    let crawl = dragline().args(["crawl", "quotes", "--start-url", &site.url("/"), "-o", "rows.csv"]);
    fs::write(crawl.folder().join("rows.author.csv"), "of yesterday").unwrap();
    let done = crawl.run();
    done.assert_code(0).assert_stderr("rows.quote.csv").assert_stderr("rows.author.csv");
    let rows = |of: &str| fs::read_to_string(crawl.folder().join(format!("rows.{of}.csv"))).unwrap();
    assert_eq!(rows("quote").lines().count(), 2, "{}", rows("quote"));
    assert!(rows("quote").contains("\nKnots hold,Ann,"), "{}", rows("quote"));
    assert!(rows("author").starts_with("name,") && rows("author").lines().count() == 1, "{}", rows("author"));
    let mut files: Vec<_> = fs::read_dir(crawl.folder()).unwrap().map(|it| it.unwrap().file_name()).collect();
    files.retain(|name| name.to_string_lossy().contains("csv"));
    files.sort();
    assert_eq!(files, ["rows.author.csv", "rows.quote.csv"]);
}

#[test]
fn a_comma_in_a_start_url_is_part_of_it() {
    let site =
        Site::builder().handler(|asked| asked.path.starts_with("/l").then(|| Answer::html("<p>x"))).start();
    let [one, other] = ["/list?ids=1,2,3", "/list/a,b;c=1,2"].map(|path| site.url(path));
    let crawl = || dragline().args(["crawl", "site", "--rate", "0"]);
    let both = format!("{one},{other}");
    for crawl in [
        crawl().args(["--start-url", &one, "--start-url", &other]),
        crawl().args(["--start-url", &both]),
        crawl().args(["-a", &format!("start_urls={both}")]),
        crawl().env("DRAGLINE_START_URLS", &both),
        crawl().env("DRAGLINE_ARGS", format!("start_urls={one}\nstart_urls={other}\n")),
        crawl().env("DRAGLINE_START_URLS", format!("{one}\n{other}\n")),
    ] {
        let before = site.hits("/list?ids=1,2,3") + site.hits("/list/a,b;c=1,2");
        crawl.run().assert_code(0).assert_stdout("done 2");
        assert_eq!(site.hits("/list?ids=1,2,3") + site.hits("/list/a,b;c=1,2"), before + 2);
    }
}

#[test]
fn a_program_with_spiders_of_its_own_has_every_command() {
    let own = example("own_spiders");
    own.clone().arg("list").run().assert_code(0);
    own.clone().args(["crawl", "no-such-spider"]).run().assert_code(2);
    let help = own.clone().arg("--help").run();
    help.assert_code(0).assert_stdout("  own_spiders crawl headings --limit 20 -o headings.jsonl");
    own.clone().arg("--version").run().assert_code(0).assert_stdout("own_spiders (dragline ");
    let mut told = vec![help, own.clone().args(["crawl", "--help"]).run()];
    for wrong in [
        &["crawl"][..],
        &["crawl", "headngs"],
        &["runs", "show", "7"],
        &["runs", "retry", "nobody", "--failed"],
        &["dead-letters", "show", "7"],
        &["schema", "check"],
        &["crawl", "offers", "-a", "sction=x"],
    ] {
        let finished = own.clone().args(wrong).run();
        finished.assert("an error", finished.code != Some(0));
        told.push(finished);
    }
    for finished in &told {
        let text = format!("{}{}", finished.stdout, finished.stderr);
        for word in ["`dragline ", "dragline crawl", "dragline runs", "quotes", "'site'", "crawl site"] {
            finished.assert(word, !text.contains(word));
        }
    }
    own.clone().args(["runs", "show", "7"]).run().assert_stderr("`own_spiders runs list`");
}
