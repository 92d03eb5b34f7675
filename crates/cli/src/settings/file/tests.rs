//! The settings that a file may contain, and the errors for those that it may not.

use super::*;

fn parse(text: &str) -> Result<File, Failed> {
    let spiders = ["books", "quotes"].map(str::to_owned);
    File::parse(text, Path::new("dragline.toml"), &spiders)
}

#[test]
fn values_are_those_that_a_flag_takes() {
    let file = parse(
        "store = 'sqlite:x.db'\n[crawl]\nrate = 0.5\nflush_bytes = '1MiB'\nretries = 2\nrobots = false\n",
    );
    let file = file.unwrap();
    let values = |key| file.entry(("crawl", key)).map(|entry| (entry.values[0].as_str(), entry.line));
    assert_eq!(values("rate"), Some(("0.5", 3)));
    assert_eq!(values("flush_bytes"), Some(("1MiB", 4)));
    assert_eq!(values("retries"), Some(("2", 5)));
    assert_eq!(values("robots"), Some(("false", 6)));
    assert_eq!(file.entry(("", "store")).unwrap().values, ["sqlite:x.db"]);
}

#[test]
fn a_host_has_a_table_of_its_own() {
    let file = parse(
        "[host.'Example.com']\nrate = 0.5\nconcurrency = 1\n\n[host.'*.example.com:8080']\nrate = 0\nrobots = false\n",
    );
    let file = file.unwrap();
    // Sorted by name.
    let [below, one] = file.hosts() else { panic!("{:?}", file.hosts()) };
    assert_eq!((one.rate_per_second, one.concurrency, one.robots), (Some(Some(0.5)), Some(1), None));
    assert_eq!((below.rate_per_second, below.jitter, below.robots), (Some(None), None, Some(false)));
    let (_, entries) = file.host_entries();
    let lines: Vec<_> = entries.map(|it| (it.pattern.to_string(), it.key.to_owned(), it.line)).collect();
    let has = |pattern: &str, key: &str, line| lines.contains(&(pattern.to_owned(), key.to_owned(), line));
    assert!(has("example.com", "concurrency", 3) && has("*.example.com:8080", "rate", 6), "{lines:?}");
    for (text, line, says, hint) in [
        ("[host.'a b']\nrate = 1\n", 1, "not a host", "[host."),
        (
            "[host.'http://example.com/']\nrate = 1\n",
            1,
            "without http:// and without a path: \"example.com\"",
            "[host.",
        ),
        ("[host]\nrate = 1\n", 2, "a table for each host", "[host."),
        ("[host.'a.example']\nrate = 1\n[host.'A.example']\nrate = 50\n", 1, "has two tables", "[host."),
        ("[host.'a.example']\nratte = 1\n", 2, "unknown name `ratte`", "did you mean `rate`?"),
        ("[host.'a.example']\nretries = 1\n", 2, "unknown name `retries`", "rate, concurrency"),
        ("[host.'a.example']\nconcurrency = 0\n", 2, "at least 1", "concurrency"),
        ("[host.'a.example']\njitter = 0.7\n", 2, "from 0 to 0.5", "jitter"),
        ("[host.'a.example']\nrate = [1, 2]\n", 2, "", ""),
    ] {
        let failed = parse(text).unwrap_err();
        assert!(failed.what.contains(&format!("line {line}")) && failed.what.contains(says), "{failed}");
        assert!(failed.hint.as_deref().unwrap_or_default().contains(hint), "{failed}");
    }
}

#[test]
fn every_setting_of_a_crawl_has_its_place_but_what_belongs_to_one_call() {
    let of_one_call = [
        "config",
        "spider",
        "schedule",
        "start_urls",
        "tag",
        "args",
        "run",
        "fresh",
        "force_run",
        "output",
        "stop_with_stdin",
        "supervised",
        "after_run",
    ];
    let all = Arguments::command();
    for command in [&all, all.find_subcommand("crawl").unwrap()] {
        for flag in command.get_arguments() {
            let id = flag.get_id().as_str();
            assert_eq!(place(command, flag).is_none(), of_one_call.contains(&id), "{id}");
        }
    }
}

#[test]
fn an_unknown_name_is_told_with_its_place_and_the_one_that_was_meant() {
    for (text, line, meant) in [
        ("[crawl]\nratte = 1\n", 2, "`rate`"),
        ("\n\nstroe = 'x'\n", 3, "`store`"),
        ("[crawl]\nhost-concurrency = 1\n", 2, "`host_concurrency`"),
        ("[crawl]\nstore = 'x'\n", 2, "put `store` at the top"),
        ("\nrate = 1\n", 2, "put `rate` under [crawl]"),
        ("host-concurrency = 1\n", 1, "put `host_concurrency` under [crawl]"),
        ("[crwal]\nrate = 1\n", 1, "in [crawl]"),
        ("config = 'x'\n", 1, "use --config or DRAGLINE_CONFIG"),
        ("[crawl]\nfresh = true\n", 2, "use --fresh or DRAGLINE_FRESH"),
        ("[crawl]\nrun = 'x'\n", 2, "use --run or DRAGLINE_RUN"),
        ("[crawl]\nstart_url = 'x'\n", 2, "use --start-url or DRAGLINE_START_URLS"),
        ("spider = 'x'\n", 1, "[spider.books]"),
        ("[crawl]\nrate = 1\nrate = 2\n", 3, "use each name once"),
        ("[crawl]\nrate = 1\n[crawl]\n", 3, "use each name once"),
        ("[crawl]\nrate = much\n", 2, "text in quotes"),
    ] {
        let failed = parse(text).unwrap_err();
        assert!(failed.what.contains(&format!("line {line}")), "{failed}");
        assert!(failed.hint.as_ref().unwrap().contains(meant), "{failed}");
    }
}

#[test]
fn a_wrong_value_is_told_with_its_place_and_never_shown() {
    for wrong in [
        "store = \"postgres://me:secret@db/x",
        "store = 's://me:secret@a'\nstore = 's://me:secret@b'\n",
        "log_format = 'secret'\n",
        "[crawl]\nflush_interval = 'secret'\n",
        "[crawl]\nrobots = 'secret'\n",
        "[crawl]\nrate = { secret = 1 }\n",
        "[crawl]\nrate = [1, 'secret']\n",
        "[crawl]\nconcurrency = 0\n",
        "[crawl]\nretries = 0x10\n",
        "[crawl]\nshutdown_timeout = 3\n",
        "store = 1979-05-27\n",
        "crawl = 'secret'\n",
    ] {
        let failed = parse(wrong).unwrap_err();
        assert!(failed.what.contains("line "), "{failed}");
        assert!(!format!("{failed}").contains("secret"), "{failed}");
    }
}

#[test]
fn a_spider_has_a_table_of_its_own_that_goes_before_the_one_for_all() {
    let file = parse(
        "[crawl]\nrate = 2\nretries = 1\n\n[spider.books]\nrate = 0.5\nlimit = 7\n\
         start_urls = ['http://a.example/?ids=1,2', 'http://b.example/']\ntag = 'book'\n\
         [spider.books.args]\ncategory = 'a=b'\npages = 3\nids = [1, 2]\n\
         [spider.quotes]\nargs = ['tag=love', 'note=a=b']\n",
    );
    let file = file.unwrap();
    let all = Arguments::command();
    let crawl = all.find_subcommand("crawl").unwrap();
    let value = |file: &File, id: &str| {
        let flag = crawl.get_arguments().find(|flag| flag.get_id() == id).unwrap();
        file.entry_of(crawl, flag).map(|entry| (entry.values.join(" "), entry.line))
    };
    let books = file.clone().for_spider(Some("books"));
    assert_eq!(value(&books, "rate"), Some(("0.5".to_owned(), 6)));
    assert_eq!(value(&books, "retries"), Some(("1".to_owned(), 3)));
    assert_eq!(value(&books, "limit"), Some(("7".to_owned(), 7)));
    assert_eq!(value(&books, "start_urls").unwrap().0, "http://a.example/?ids=1,2 http://b.example/");
    assert_eq!(value(&books, "tag").unwrap().0, "book");
    let arguments = |file: &File| -> Vec<String> { file.arguments().iter().map(|it| it.0.clone()).collect() };
    assert_eq!(arguments(&books), ["category=a=b", "ids=1,2", "pages=3"]);
    let quotes = file.clone().for_spider(Some("quotes"));
    assert_eq!(arguments(&quotes), ["tag=love", "note=a=b"]);
    for other in [quotes, file.clone().for_spider(Some("site")), file.clone()] {
        assert_eq!(value(&other, "rate"), Some(("2".to_owned(), 2)));
        assert_eq!((value(&other, "limit"), value(&other, "start_urls")), (None, None));
    }
    assert!(arguments(&file).is_empty());
}

#[test]
fn what_cannot_be_in_the_table_of_a_spider_is_told_with_what_can() {
    for (text, line, says, hint) in [
        ("[spider.boks]\nrate = 1\n", 1, "no spider \"boks\"", "it has books, quotes"),
        ("[spider]\nrate = 1\n", 2, "no spider \"rate\"", "it has books, quotes"),
        ("spider = 'books'\n", 1, "a table for each spider", "[spider.books]"),
        ("[spider]\nbooks = 1\n", 2, "a table for each spider", "[spider.books]"),
        ("[spider.books]\nratte = 1\n", 2, "unknown name `ratte`", "did you mean `rate`?"),
        ("[spider.books]\nzzz = 1\n", 2, "unknown name `zzz`", "host_concurrency"),
        ("[spider.books]\nzzz = 1\n", 2, "unknown name `zzz`", "start_urls, tag"),
        ("[spider.books]\nrate = 'hunter2'\n", 2, "not a number", "--rate"),
        ("[spider.books]\nstore = 'x'\n", 2, "does not belong in [spider.NAME]", "at the top"),
        ("[spider.books]\nrun = 'x'\n", 2, "for a single call", "--run"),
        ("[spider.books]\nargs = ['hunter2']\n", 2, "not NAME=VALUE", "category"),
        ("[spider.books]\nargs = 7\n", 2, "not NAME=VALUE", "category"),
        ("[spider.books.args]\nlimit = 7\n", 1, "`limit` is not an argument", "args ="),
        ("[spider.books.args]\na = { hunter2 = 1 }\n", 1, "the argument `a`", "args ="),
    ] {
        let failed = parse(text).unwrap_err();
        assert!(failed.what.contains(&format!("line {line}")) && failed.what.contains(says), "{failed}");
        assert!(failed.hint.as_deref().unwrap_or_default().contains(hint), "{failed}");
        assert!(!format!("{failed}").contains("hunter2"), "{failed}");
    }
}

#[test]
fn a_schedule_has_keys_of_its_own_and_settings_of_its_crawls() {
    let file = parse(
        "[crawl]\nrate = 4\nretries = 7\nlisten = '127.0.0.1:9'\n[spider.books]\nrate = 2\nretry_base_delay = '3s'\nargs = { category = 'art', lang = 'de' }\n\
         [schedule.nightly]\nspider = 'books'\ncron = ['30 3 * * *', '0 12 * * SUN']\ntime_zone = 'Europe/Berlin'\n\
         jitter = '5m'\nrate = 0.5\nargs = { category = 'poetry' }\n",
    );
    let file = file.unwrap();
    let schedule = file.schedule("nightly").unwrap();
    assert_eq!((&*schedule.spider, schedule.times.expressions().count()), ("books", 2));
    assert_eq!(schedule.settings.jitter, std::time::Duration::from_secs(300));
    let chosen = file.clone().for_schedule(Some("nightly"), Some("books")).unwrap();
    let all = Arguments::command();
    let crawl = all.find_subcommand("crawl").unwrap();
    let value = |file: &File, key: &str| {
        let flag = crawl.get_arguments().find(|flag| flag.get_id() == key).unwrap();
        file.entry_of(crawl, flag).map(|entry| entry.values[0].clone())
    };
    let values = ["rate", "retry_base_delay", "retries", "jitter"].map(|key| value(&chosen, key));
    assert_eq!(values, [Some("0.5"), Some("3s"), Some("7"), None].map(|it| it.map(str::to_owned)));
    assert_eq!(value(&chosen, "listen"), None, "several processes can't share it");
    let of_spider = file.clone().for_schedule(None, Some("books")).unwrap();
    assert_eq!(value(&of_spider, "rate").as_deref(), Some("2"));
    let arguments: Vec<String> = chosen.arguments().into_iter().map(|it| it.0).collect();
    assert_eq!(arguments, ["category=art", "lang=de", "category=poetry"], "the last one counts");
    assert!(file.clone().for_schedule(Some("weekly"), None).unwrap_err().hint.unwrap().contains("nightly"));
    assert!(file.for_schedule(Some("nightly"), Some("quotes")).unwrap_err().what.contains("books"));
}

#[test]
fn a_wrong_schedule_is_refused_with_a_suggestion() {
    for (text, line, says, hint) in [
        ("[schedule]\nspider = 'books'\n", 2, "a table for each schedule", "[schedule.nightly]"),
        ("schedule = 1\n", 1, "a table for each schedule", "[schedule.nightly]"),
        ("[schedule.a]\ncron = '0 3 * * *'\n", 1, "needs a spider", ""),
        ("[schedule.a]\nspider = 'books'\n", 1, "needs a cron expression", ""),
        ("[schedule.a]\nspider = 'boks'\ncron = '0 3 * * *'\n", 1, "no spider \"boks\"", "books"),
        ("[schedule.a]\nspider = 'books'\ncron = 'often'\n", 1, "not a cron expression", ""),
        (
            "[schedule.a]\nspider = 'books'\ntimezone = 'UTC'\n",
            3,
            "unknown name `timezone`",
            "did you mean `time_zone`?",
        ),
        ("[schedule.a]\nspider = 'books'\nratte = 1\n", 3, "unknown name `ratte`", "did you mean `rate`?"),
        ("[schedule.a]\nspider = 'books'\nstart_url = 'x'\n", 3, "unknown name `start_url`", "`start_urls`"),
        (
            "[schedule.a]\nspider = 'books'\nif_running = 'wait'\n",
            3,
            "must be one of skip, queue, replace",
            "",
        ),
        ("[schedule.a]\nspider = 'books'\nrate = -1\n", 3, "`rate`", ""),
        (
            "[schedule.a]\nspider = 'books'\nstore = 'sqlite:x.db'\n",
            3,
            "does not belong in [schedule.NAME]",
            "at the top",
        ),
        ("[schedule.'a b']\nspider = 'books'\ncron = '0 3 * * *'\n", 1, "letters, digits", ""),
    ] {
        let failed = parse(text).unwrap_err();
        assert!(
            failed.what.contains(&format!("line {line}")) && failed.what.contains(says),
            "{text}: {failed}"
        );
        assert!(failed.hint.as_deref().unwrap_or_default().contains(hint), "{text}: {failed}");
    }
}
