//! A signal that was ignored when a process started stays ignored, as with `nohup` and behind `&`.

use std::time::Duration;

use dragline_testkit::{Dragline, Site};

use crate::stored::{Stored, dragline};

const SOON: Duration = Duration::from_secs(30);

/// The crawl of a site, started by this command.
fn started_by(starter: &[&str], site: &Site, stored: &Stored) -> Dragline {
    let program = dragline().program().display().to_string();
    Dragline::new(starter[0]).args(&starter[1..]).arg(program).args(["crawl", "site", "--start-url"]).args([
        site.url("/"),
        "--store".to_owned(),
        stored.url(),
        "--rate".to_owned(),
        "0".to_owned(),
    ])
}

/// Sends `signals` in the middle of a crawl. They must not stop it.
fn goes_on_after(starter: &[&str], signals: &[&str]) {
    let (site, stored) = (Site::generated(20, 3), Stored::sqlite());
    site.hold_after(8);
    let mut running = started_by(starter, &site, &stored).spawn();
    running.wait_until("it crawls", SOON, |_| site.waiting() > 0 && stored.pages("done") > 0);
    for signal in signals {
        running.signal(signal);
    }
    site.release();
    running.finish().assert_code(0);
    assert_eq!(&stored.titles(), site.truth());
}

#[test]
fn nohup_keeps_a_crawl_going_when_its_terminal_closes() {
    goes_on_after(&["nohup"], &["HUP"]);
}

#[test]
fn a_crawl_in_the_background_of_a_script_is_not_stopped_by_ctrl_c() {
    let starter = ["sh", "-c", "trap '' INT QUIT; exec \"$0\" \"$@\""];
    goes_on_after(&starter, &["INT", "QUIT"]);
}

#[test]
fn whoever_runs_the_process_can_always_stop_it() {
    let (site, stored) = (Site::generated(20, 3), Stored::sqlite());
    site.hold_after(8);
    let starter = ["sh", "-c", "trap '' INT QUIT HUP TERM; exec \"$0\" \"$@\""];
    let mut running = started_by(&starter, &site, &stored).spawn();
    running.wait_until("it crawls", SOON, |_| site.waiting() > 0);
    running.signal("TERM");
    running.finish_within(SOON).assert_code(75);
    site.release();
}
