//! Kept going as an orchestrator would, while sites and stores misbehave: each state is told truthfully and in time,
//! and nothing is lost. `docs/reliability.md` has the figures of hundreds of restarts.

use dragline_testkit::keeper::Keeper;
use dragline_testkit::torture::{Kind, new_seed};

use crate::stored::example_path;

fn kept(store: Kind, restarts: usize, pages: usize) {
    let command = Keeper::crawl(example_path("nasty_spiders"));
    let record = Keeper { command, store, restarts, pages, seed: new_seed() }.run();
    println!("{record}");
    record.assert_nothing_lost_or_doubled();
    for state in ["running", "stopping", "stuck"] {
        assert!(record.told.contains_key(state), "never {state}\n{record}");
    }
}

#[test]
fn each_scene_once_on_postgres() {
    kept(Kind::Postgres, 8, 120);
}

#[test]
fn each_scene_on_sqlite() {
    kept(Kind::Sqlite, 4, 60);
}
