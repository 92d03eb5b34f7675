//! Killed at any instant, any number of times: the rows are those of a crawl that nobody disturbed.

mod hung;
#[cfg(debug_assertions)]
mod probes;

use dragline_testkit::Dragline;
use dragline_testkit::torture::{Kind, Toll, Torture, Weapon, new_seed};

use crate::stored::example;

/// A crawl of `zoo`, whose items are of every kind of table, in small flushes so that there are many commits.
pub(crate) fn crawl_zoo() -> Dragline {
    example("nasty_spiders").args(["crawl", "zoo", "--rate", "0", "--host-concurrency", "8"]).args([
        "--flush-rows",
        "60",
        "--flush-interval",
        "30ms",
        "--keep-pages",
    ])
}

fn torture(store: Kind, weapons: &[Weapon], strikes: usize) -> Toll {
    let command = crawl_zoo();
    let toll =
        Torture { command, store, weapons: weapons.to_vec(), strikes, pages: 240, seed: new_seed() }.run();
    println!("{toll}");
    toll.assert_nothing_lost_or_doubled();
    toll
}

fn killed_at_random(store: Kind) {
    let toll = torture(store, &[Weapon::Kill], 30);
    let (kills, between) = (toll.kills, toll.kills_between_commits);
    assert!(kills >= 30 && between * 2 > kills, "only {between} of {kills} kills fell between two commits");
}

#[test]
fn thirty_kills_on_postgres() {
    killed_at_random(Kind::Postgres);
}

#[test]
fn thirty_kills_on_sqlite() {
    killed_at_random(Kind::Sqlite);
}

#[test]
fn the_database_and_the_crawl_are_killed() {
    let toll = torture(Kind::Postgres, &[Weapon::Outage, Weapon::Both, Weapon::Both], 8);
    assert!(toll.outages >= 8 && toll.kills > 0, "{toll}");
}

fn stopped_at_random(store: Kind) {
    let toll = torture(store, &[Weapon::Term], 30);
    // The default of SHUTDOWN_TIMEOUT_SECONDS.
    assert!(toll.slowest_stop.as_secs_f64() < 8.0, "{toll}");
}

#[test]
fn thirty_stops_on_postgres() {
    stopped_at_random(Kind::Postgres);
}

#[test]
fn thirty_stops_on_sqlite() {
    stopped_at_random(Kind::Sqlite);
}

#[test]
fn stops_that_are_cut_off_on_postgres() {
    torture(Kind::Postgres, &[Weapon::TermKill], 8);
}

#[test]
fn stops_that_are_cut_off_on_sqlite() {
    torture(Kind::Sqlite, &[Weapon::TermKill], 8);
}
