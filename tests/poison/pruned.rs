//! `dragline runs prune` and dead letters: they are items that are stored nowhere else.

use dragline_testkit::Finished;

use crate::stored::{Stored, example, on_both_stores};

use super::retried::{mend, refuse_bad_ones};
use super::{crawl_at_once, letters, site_of};

on_both_stores!(letters_stay_with_their_pages_and_can_be_retried, letters_go_only_where_that_is_said,);

fn prune(stored: &Stored, words: &[&str]) -> Finished {
    let words = [&["runs", "prune", "--older-than", "0"], words].concat();
    let done = example("nasty_spiders").args(words).args(["--store", &stored.url()]).run();
    done.assert_code(0);
    done
}

fn requests(stored: &Stored) -> usize {
    stored.count("select count(*) from crawl_requests")
}

/// A run with three done pages and two dead ones, each with two letters.
fn crawled(stored: &Stored) {
    refuse_bad_ones(stored);
    let site = site_of(&["bad", "bad2", "fine"], &["fine"]);
    crawl_at_once(&site, stored).run().assert_code(65).assert_stdout("dead 2");
    assert_eq!((requests(stored), letters_there(stored)), (5, 4));
}

fn letters_there(stored: &Stored) -> usize {
    stored.count("select count(*) from crawl_dead_letters")
}

fn letters_stay_with_their_pages_and_can_be_retried(stored: &Stored) {
    crawled(stored);
    let dry = prune(stored, &["--dry-run"]);
    dry.assert_stdout("this would remove 3 requests of 1 run").assert_stdout("4 dead letters");
    prune(stored, &[]).assert_stdout("removed 3 requests\n").assert_stdout("--letters removes them");
    assert_eq!((requests(stored), letters_there(stored)), (2, 4));
    prune(stored, &[]).assert_stdout("nothing to prune").assert_stdout("4 dead letters");

    mend(stored);
    letters(stored, &["retry", "--all"])
        .assert_code(0)
        .assert_stdout("applied 4 dead letters; 2 more pages are done");
    assert_eq!(stored.count("select count(*) from nasty_things where text like 'bad%'"), 2);
    // Now nothing keeps these pages any more.
    prune(stored, &[]).assert_stdout("removed 2 requests\n");
    assert_eq!((requests(stored), letters_there(stored)), (0, 0));
}

fn letters_go_only_where_that_is_said(stored: &Stored) {
    crawled(stored);
    prune(stored, &["--letters", "--dry-run"]).assert_stdout("5 requests, 4 dead letters of 1 run");
    prune(stored, &["--letters"]).assert_stdout("removed 5 requests, 4 dead letters");
    assert_eq!((requests(stored), letters_there(stored)), (0, 0));
    letters(stored, &["retry", "1"]).assert_code(1).assert_stdout("runs prune --letters");
    let refused = letters(stored, &["retry", "--all", "--run", "1"]);
    refused.assert_code(1).assert_stderr("was pruned with --letters");
    letters(stored, &["list"]).assert_code(0).assert_stdout("no dead letters");
}
