//! A crawl that is kept running as by an orchestrator, while sites and stores misbehave. It reports each state correctly and
//! in time, and nothing is lost. `docs/reliability.md` has the figures of hundreds of restarts.

use dragline_testkit::keeper::Keeper;
use dragline_testkit::torture::{Kind, new_seed};

use crate::stored::example_path;

fn kept(store: Kind, restarts: usize, pages: usize) {
    let command = Keeper::crawl(example_path("nasty_spiders"));
    let record = Keeper { command, store, restarts, pages, seed: new_seed() }.run();
    println!("{record}");
    record.assert_nothing_lost_or_doubled();
    for state in ["running", "stopping"] {
        assert!(record.told.contains_key(state), "never {state}\n{record}");
    }
}

/// This number of lives plays each scene and each end, because they are drawn from a deck.
const RESTARTS: usize = 9;

#[test]
fn each_scene_on_postgres() {
    kept(Kind::Postgres, RESTARTS, 200);
}

#[test]
fn each_scene_on_sqlite() {
    kept(Kind::Sqlite, RESTARTS, 200);
}
