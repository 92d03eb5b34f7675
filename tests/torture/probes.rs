//! Killed at chosen instants: at each of the places that a probe names, in the real program, on each store.

use dragline_testkit::torture::{Ground, Kind, Place, Rows, site};
use dragline_testkit::{Dragline, Finished};

use super::crawl_zoo;

/// Both stores reach these.
const PLACES: [&str; 24] = [
    // The first start: tables half made, a run without start requests.
    "start: own tables made",
    "start: item table made",
    "start: item table made:2",
    "start: locked",
    "start: run without requests",
    "start: run opened",
    // A flush, the first one and one in the middle.
    "flush: before",
    "flush: before:4",
    "flush: after pages",
    "flush: after pages:4",
    "flush: after requests",
    "flush: after requests:4",
    "flush: after bodies",
    "flush: after bodies:4",
    "flush: after items",
    "flush: after items:4",
    "flush: after states",
    "flush: after states:4",
    "flush: after COMMIT",
    "flush: after COMMIT:4",
    // What is read back, and the end.
    "refill: asked",
    "refill: read",
    "close: flushed",
    "close: gathered",
];

/// There the run is finished already: nothing is left to resume, and nothing is missing.
const AFTER_THE_END: [&str; 2] = ["close: run ended", "close: store closed"];

/// A resume that is killed itself; a run in its middle comes before it.
const IN_A_RESUME: [&str; 6] = [
    "start: locked",
    "start: epoch raised",
    "start: run opened",
    "refill: read",
    "marks: stored",
    "flush: after states",
];

/// A COPY is Postgres' own: of the start requests, of new requests, of items, of typed items.
const IN_COPY: [&str; 5] =
    ["COPY: under way", "COPY: under way:2", "COPY: under way:3", "COPY: under way:4", "COPY: under way:9"];

/// Postgres takes the first two steps of a flush in one.
const ON_SQLITE: [&str; 2] = ["flush: after epoch", "flush: after epoch:4"];

#[test]
fn killed_at_every_probe_on_postgres() {
    let mut fixture = Fixture::new(Kind::Postgres);
    PLACES.iter().chain(&IN_COPY).for_each(|probe| fixture.killed_at(probe));
    fixture.all_else();
}

#[test]
fn killed_at_every_probe_on_sqlite() {
    let mut fixture = Fixture::new(Kind::Sqlite);
    PLACES.iter().chain(&ON_SQLITE).for_each(|probe| fixture.killed_at(probe));
    fixture.all_else();
}

struct Fixture {
    ground: Ground,
    /// The crawl, but for its store.
    command: Dragline,
    /// What an undisturbed crawl leaves.
    wanted: Rows,
    crawls: usize,
    _site: dragline_testkit::Site,
}

impl Fixture {
    fn new(kind: Kind) -> Self {
        let (site, ground) = (site(24), Ground::new(kind));
        // Some pages of the site are missing on purpose.
        let command = crawl_zoo().args(["--start-url", &site.url("/gate"), "--tolerated-failed-share", "1"]);
        let place = ground.place("undisturbed");
        command.clone().args(["--store", &ground.url(&place)]).run().assert_code(0);
        let wanted = Rows::read(&ground, &place);
        Self { ground, command, wanted, crawls: 0, _site: site }
    }

    fn all_else(&mut self) {
        for probe in IN_A_RESUME {
            let (place, command) = self.fresh();
            killed(&command, "flush: before:4");
            killed(&command, probe);
            command.run().assert_code(0);
            self.assert_whole(&place, probe);
        }
        for probe in AFTER_THE_END {
            let (place, command) = self.fresh();
            killed(&command, probe);
            self.assert_whole(&place, probe);
        }
    }

    fn killed_at(&mut self, probe: &str) {
        let (place, command) = self.fresh();
        killed(&command, probe);
        assert_eq!(self.ground.standing(&place).finished, 0, "{probe}: it was finished already");
        command.run().assert_code(0);
        self.assert_whole(&place, probe);
    }

    fn fresh(&mut self) -> (Place, Dragline) {
        self.crawls += 1;
        let place = self.ground.place(&format!("crawl_{}", self.crawls));
        let command = self.command.clone().args(["--store", &self.ground.url(&place)]);
        (place, command)
    }

    fn assert_whole(&self, place: &Place, probe: &str) {
        let standing = self.ground.standing(place);
        assert_eq!((standing.runs, standing.finished), (1, 1), "{probe}: {standing:?}");
        let difference = self.wanted.difference(&Rows::read(&self.ground, place));
        assert!(difference.lost.is_empty() && difference.doubled.is_empty(), "{probe}: {difference:#?}");
        self.ground.clear(place);
    }
}

/// Runs the command until it reaches the probe, and dies there.
fn killed(command: &Dragline, probe: &str) -> Finished {
    let finished = command.clone().env("DRAGLINE_PROBE", probe).run();
    let place = probe.trim_end_matches(|c: char| c == ':' || c.is_ascii_digit());
    let died = finished.code.is_none() && finished.stderr.contains(&format!("probe: killed at {place:?}"));
    finished.assert(&format!("it reaches {probe:?} and dies there"), died);
    finished
}
