//! The tutorial and the how-to for item pipelines, followed: their programs are the examples, word by word, and do
//! what the documents say.

use std::fs;
use std::path::Path;
use std::time::Duration;

use dragline_testkit::{Running, wait_for};

use crate::stored::{Stored, dragline, example, on_both_stores};

const SOON: Duration = Duration::from_secs(20);

on_both_stores!(the_tutorials_program_crawls_the_demos_site, own_pipelines_drop_hold_back_and_change);

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

#[test]
fn the_tutorial_shows_the_examples_every_line() {
    let (tutorial, program) = (read("docs/tutorial.md"), read("examples/tutorial/main.rs"));
    let shown: Vec<&str> = rust_blocks(&tutorial).flat_map(str::lines).collect();
    // Its first line, `//!`, is the repository's.
    let program: Vec<&str> = program.lines().skip(2).collect();
    let missing: Vec<_> = program.iter().filter(|line| !shown.contains(line)).collect();
    assert!(missing.is_empty(), "docs/tutorial.md lacks these lines of the example: {missing:#?}");
    let other: Vec<_> = shown.iter().filter(|line| !program.contains(line)).collect();
    assert!(other.is_empty(), "docs/tutorial.md has lines that the example has not: {other:#?}");
}

/// What stands between "```rust" and "```".
fn rust_blocks(document: &str) -> impl Iterator<Item = &str> {
    document.split("```rust").skip(1).filter_map(|block| block.split_once('\n')?.1.split("```").next())
}

#[test]
fn the_samples_of_the_tutorial_are_the_demos_pages() {
    example("tutorial").arg("check").run().assert_code(0).assert_stdout("shelf.html");
}

/// `demo --serve`, and where it is: its usual port may be taken.
fn served() -> (Running, String) {
    let site = dragline().args(["demo", "--serve"]).spawn();
    let url = wait_for("the demo's site", SOON, || {
        let stdout = site.stdout();
        stdout.strip_prefix("serving ")?.split(' ').next().filter(|url| url.ends_with('/')).map(str::to_owned)
    });
    (site, url)
}

fn the_tutorials_program_crawls_the_demos_site(stored: &Stored) {
    let (site, url) = served();
    let crawl = ["crawl", "shop", "--start-url", &url, "--store", &stored.url(), "--rate", "0"];
    let finished = example("tutorial").args(crawl).run();
    finished.assert_code(0).assert_stdout("done 65").assert_stdout("book 60");
    finished.assert_stderr("created the table shop_books");
    let row =
        "select title, author, price, in_stock, published from shop_books where isbn = '978-0-00-000013'";
    assert_eq!(stored.query(row), [["The Patient Lantern", "W. Argyroneta", "18.81", "6", "1926-02-15"]]);
    site.signal("INT");
    site.finish().assert_code(0);
}

fn own_pipelines_drop_hold_back_and_change(stored: &Stored) {
    let (_site, url) = served();
    let crawl = ["crawl", "bargains", "--start-url", &url, "--store", &stored.url(), "--rate", "0"];
    let ended = example("own_pipeline").args(crawl).run();
    ended.assert_code(0).assert_stdout("done 65").assert_stdout("dropped   items: ");
    assert_eq!(
        stored.count(
            "select count(*) from bargains where in_stock = 0 or cast(price as double precision) > 20"
        ),
        0
    );
    assert_eq!(stored.count("select count(*) from bargains where title not like '%, The'"), 0);
    let letters = stored.query(
        "select distinct item_type from crawl_dead_letters where error like 'plausible: a price of 2%'",
    );
    assert_eq!(letters, [["bargain"]]);
    // Of 60 books, those with a price over 20 are held back first, and then those that are not in stock left out.
    let (kept, held_back) = (
        stored.count("select count(*) from bargains"),
        stored.count("select count(*) from crawl_dead_letters"),
    );
    let is_dear =
        |book: &usize| 5 + book % 20 > 20 || (5 + book % 20 == 20 && !(book * 37).is_multiple_of(100));
    assert_eq!(held_back, (0..60).filter(is_dear).count());
    assert_eq!(kept, (0..60).filter(|book| !is_dear(book) && book % 7 != 0).count());
}
