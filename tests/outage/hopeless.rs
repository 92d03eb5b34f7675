//! A page at which the database fails for ever, while it does other work: the page is dead, and the run ends.

use std::time::Duration;

use dragline_testkit::{Answer, Site};

use crate::stored::{Stored, example};

/// A database that does this when it gets the thing of the page `/bad`.
fn fails_with(statement: &str) -> Stored {
    let stored = Stored::postgres();
    example("nasty_spiders").args(["schema", "apply", "--store", &stored.url()]).run().assert_code(0);
    stored.execute(&format!(
        "create function fail() returns trigger language plpgsql as $$ begin {statement}; return new; end $$;
         create trigger fail before insert on nasty_things for each row when (new.text = 'bad')
             execute function fail()"
    ));
    stored
}

fn costs_one_page(stored: &Stored, options: &str, code: &str) {
    let links: String = ["bad", "one", "two", "three"].map(|name| format!("<a href=/{name}>x</a>")).concat();
    let mut site = Site::builder().page("/", Answer::html(links));
    for name in ["one", "two", "three"] {
        site = site.page(&format!("/{name}"), Answer::html("fine"));
    }
    let site =
        site.page("/bad", Answer::html("<a href=/next>n</a>")).page("/next", Answer::html("last")).start();
    let crawl = example("nasty_spiders").limit(Duration::from_secs(180));
    let store = format!("{}{options}", stored.url());
    let finished = crawl
        .args(["crawl", "nasty", "--start-url", &site.url("/"), "--store", &store, "--rate", "0"])
        // The limit is reached only after the page is out of the way.
        .args(["--limit", "5", "--flush-rows", "1"])
        .run();
    finished.assert_code(65).assert_stdout("done 5, failed 0, skipped 0, dead 1, queued 0");
    let row = stored.query("select url, reason from crawl_requests where state = 'dead'");
    assert_eq!(row, [[site.url("/bad").as_str(), "store_gave_up"]]);
    let letters = stored.query("select item_type, sqlstate from crawl_dead_letters order by item_type");
    assert_eq!(letters, [["note", code], ["thing", code]]);
    assert_eq!(stored.count("select count(*) from nasty_things"), 5);
    assert_eq!(stored.runs()[0].0, "finished");
}

#[test]
fn a_statement_that_always_takes_too_long_costs_its_page() {
    costs_one_page(&fails_with("perform pg_sleep(60)"), "?options=-cstatement_timeout%3D500", "57014");
}

#[test]
fn a_limit_of_the_server_costs_its_page() {
    let raise = "raise exception 'idle in transaction' using errcode = '25P03'";
    costs_one_page(&fails_with(raise), "", "25P03");
}

#[test]
fn a_session_that_always_breaks_costs_its_page() {
    costs_one_page(&fails_with("perform pg_terminate_backend(pg_backend_pid())"), "", "57P01");
}
