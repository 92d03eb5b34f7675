//! A backup may be made at any moment of a crawl: restored, it is a run that goes on.

use std::time::Duration;

use dragline_testkit::torture::{Ground, Kind, Rows, site};
use dragline_testkit::wait_until;

use crate::torture::crawl_zoo;

const SOON: Duration = Duration::from_secs(30);

fn restored_and_resumed(kind: Kind) {
    let (site, ground) = (site(300), Ground::new(kind));
    // One page is held back, or a fast machine is at the crawl's end before the backup is.
    site.hold_page("/moved/0");
    let crawl = crawl_zoo().args(["--start-url", &site.url("/gate")]);
    let original = ground.place("original");
    let running = crawl.clone().args(["--store", &ground.url(&original)]).spawn();
    wait_until("pages are done", SOON, || ground.standing(&original).done > 20);
    let copy = ground.copy(&original, "restored");
    site.release();
    running.finish_within(SOON).assert_code(0);

    let standing = ground.standing(&copy);
    assert!(standing.done > 20 && standing.queued > 0, "a backup of a run in its middle: {standing:?}");
    crawl.args(["--store", &ground.url(&copy)]).run().assert_code(0).assert_stderr("resuming");
    assert_eq!(Rows::read(&ground, &copy), Rows::read(&ground, &original));
}

#[test]
fn made_in_mid_crawl_on_postgres() {
    restored_and_resumed(Kind::Postgres);
}

#[test]
fn made_in_mid_crawl_on_sqlite() {
    restored_and_resumed(Kind::Sqlite);
}
