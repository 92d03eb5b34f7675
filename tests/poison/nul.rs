//! A NUL character: a dead letter, unless the user chose to have it replaced.

use crate::stored::{Stored, on_both_stores};

use super::{crawl_at_once, letters, site_of};

on_both_stores!(a_nul_is_replaced_only_if_asked_for);

fn a_nul_is_replaced_only_if_asked_for(stored: &Stored) {
    let site = site_of(&["nul", "fine"], &[]);
    let crawl = crawl_at_once(&site, stored);
    crawl.clone().args(["--run", "as-it-is"]).run().assert_code(65).assert_stdout("dead 1");
    assert_eq!(stored.count("select count(*) from nasty_things where url like '%nul'"), 0);

    let replaced = crawl.clone().args(["--run", "replaced", "--replace-nul"]).run();
    replaced.assert_code(0).assert_stdout("dead 0");
    let text = "select text from nasty_things where url like '%/nul'";
    assert_eq!(stored.query(text), [["a\u{fffd}b"]]);
    crawl.env("DRAGLINE_REPLACE_NUL", "false").args(["--run", "not-replaced"]).run().assert_stdout("dead 1");

    // The payload of this letter differs from what the spider found, so only a flag applies it. The other item of its page
    // was stored at once.
    stored.execute("delete from nasty_things");
    let refused = letters(stored, &["retry", "--all", "--run", "as-it-is"]);
    refused.assert_code(1).assert_stdout("applied 0 dead letters").assert_stdout("--replace-nul");
    assert_eq!(stored.query(text).len(), 0);
    let applied = letters(stored, &["retry", "--all", "--run", "as-it-is", "--replace-nul"]);
    applied.assert_code(0).assert_stdout("applied 1 dead letter; 1 more page is done");
    assert_eq!(stored.query(text), [["a\u{fffd}b"]]);
    assert_eq!(stored.pages("dead"), 1, "that of the third run");
    let of_run = "select state from crawl_requests where run_id = 1 and url like '%/nul'";
    assert_eq!(stored.query(of_run), [["done"]]);
}
