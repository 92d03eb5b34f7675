//! Arguments of a spider and its routes: a mistake in them is found before the first request.

use dragline_testkit::{Answer, Site};

use crate::stored::{dragline, example};

#[test]
fn wrong_arguments_end_a_crawl_before_it_begins() {
    let library = || example("nasty_spiders").args(["crawl", "library", "--store", "sqlite:never.db"]);
    let quotes = || dragline().args(["crawl", "quotes", "--store", "sqlite:never.db"]);
    let site = || dragline().args(["crawl", "site", "--start-url", "http://127.0.0.1:9/"]);
    for (command, given, told) in [
        (library(), &[][..], "the argument \"shelf\" is missing: give it with -a shelf=…"),
        (library(), &["shelf=a", "boks=3"], "unknown argument \"boks\": did you mean \"books\"?"),
        (library(), &["shelf=a", "colour=red"], "unknown argument \"colour\""),
        (
            library(),
            &["shelf=a", "colour=red"],
            "books (integer, 0 or more, default 2): How many books of it",
        ),
        (library(), &["shelf=a", "books=many"], "invalid value \"many\""),
        (library(), &["shelf=a", "since=today"], "it takes: date, as 2026-12-31"),
        (
            library(),
            &["shelf=a", "api_token=hunter2"],
            "the argument \"api_token\" has an invalid value; it takes",
        ),
        (library(), &["shelf=attic"], "no route of the spider has the tag \"attic\""),
        (quotes(), &["tg=love"], "did you mean \"tag\"?"),
        (quotes(), &["tg=love"], "tag (text): only the quotes of this tag"),
        (site(), &["depth=3"], "Arguments::new().with_optional(\"depth\", "),
    ] {
        let arguments = given.iter().flat_map(|argument| ["-a", argument]);
        let command = command.args(arguments);
        let finished = command.run();
        finished.assert_code(2).assert_stderr(told);
        finished.assert("the secret", !finished.stderr.contains("hunter2"));
        assert!(!command.folder().join("never.db").exists(), "the store was opened");
    }
}

#[test]
fn arguments_reach_every_page_and_an_unknown_tag_fails_the_page_that_emits_it() {
    let shelves =
        "<p id=rope><a href=/b/1>1</a> <a href=/b/2>2</a></p> <p id=sails><a href=/untagged>3</a></p>";
    let site = Site::builder()
        .page("/", Answer::html(shelves))
        .page("/b/1", Answer::html("<title>Knots</title>"))
        .page("/b/2", Answer::html("<title>Splices</title>"))
        .start();
    let crawl = |shelf: &str, more: &[&str]| {
        let library =
            example("nasty_spiders").args(["crawl", "library", "--rate", "0", "--start-url", &site.url("/")]);
        library.args(["-a", &format!("shelf={shelf}"), "-o", "rows.jsonl"]).args(more)
    };
    let rope = crawl("rope", &["-a", "books=1"]);
    rope.run().assert_code(0);
    let rows = std::fs::read_to_string(rope.folder().join("rows.jsonl")).unwrap();
    assert_eq!(rows.lines().count(), 1, "{rows}");
    assert!(rows.contains("/b/1") && rows.contains("\"rope\""), "{rows}");
    let sails = crawl("sails", &[]).run();
    sails
        .assert_code(1)
        .assert_stderr("no route of the spider has the tag \\\"boook\\\" (did you mean \\\"book\\\"?)");
    assert_eq!(site.hits("/untagged"), 0);
}

#[test]
fn start_urls_may_have_a_tag() {
    let site = Site::builder().page("/b/1", Answer::html("<title>Knots</title>")).start();
    let crawl = |words: &[&str]| {
        let library = example("nasty_spiders").args(["crawl", "library", "-a", "shelf=rope", "--rate", "0"]);
        library.args(["-o", "rows.jsonl"]).args(words)
    };
    let book = crawl(&["--start-url", &site.url("/b/1"), "--tag", "book"]);
    book.run().assert_code(0);
    let rows = std::fs::read_to_string(book.folder().join("rows.jsonl")).unwrap();
    assert!(rows.lines().count() == 1 && rows.contains("/b/1"), "{rows}");
    let wrong = crawl(&["--start-url", &site.url("/b/1"), "--tag", "boook"]).run();
    wrong
        .assert_code(2)
        .assert_stderr("no route of the spider has the tag \"boook\" (did you mean \"book\"?)");
    wrong.assert_stderr("its routes are the start (no tag), \"book\"");
    crawl(&["--tag", "book"]).run().assert_code(2).assert_stderr("is for start URLs, and none is given");
}

#[test]
fn fetch_and_check_take_arguments_too() {
    let site = Site::builder().page("/", Answer::html("<p id=rope><a href=/b/1>1</a>")).start();
    let fetch = |words: &[&str]| example("nasty_spiders").args(["fetch", &site.url("/")]).args(words).run();
    let shown = fetch(&["--spider", "library", "-a", "shelf=rope"]);
    shown.assert_code(0).assert_stdout("/b/1 [book]");
    fetch(&["--spider", "library"]).assert_code(2).assert_stderr("the argument \"shelf\" is missing");
    fetch(&["-a", "shelf=rope"]).assert_code(2).assert_stderr("--spider");

    let checked = example("nasty_spiders").args(["check", "library"]).run();
    checked
        .assert_code(1)
        .assert_stdout("the argument \"shelf\" is missing")
        .assert_stdout("no route of the spider has the tag \"boook\"")
        .assert_stdout("as expected")
        .assert_stderr("2 of 3 samples with a mistake");
}

#[test]
fn a_spider_is_listed_with_its_arguments_columns_and_samples() {
    let library = example("nasty_spiders").args(["list", "library"]).run();
    library.assert_code(0);
    for told in [
        "library: books of a shelf\n",
        "shelf      text                 required  The shelf to look at\n",
        "books      integer, 0 or more   2         How many books of it\n",
        "since      date, as 2026-12-31  -         Only books since this day\n",
        "library_book  crawl_items  url     text  key\n",
        "                           shelf   text\n",
        "shelves.html  -    https://library.example/\n",
    ] {
        library.assert_stdout(told);
    }
    dragline().args(["list", "site"]).run().assert_code(0).assert_stdout("no arguments\n");
    dragline().args(["list", "qoutes"]).run().assert_code(2).assert_stderr("quotes");
}
