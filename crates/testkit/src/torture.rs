//! Torture: a crawl is killed at random moments and started again, over and over, until it is finished. Then its rows must
//! equal those of an undisturbed crawl.
//!
//! ```text
//!  a life:  start the command ─► wait for a random moment ─► strike ─► look how the run stands
//!  a round: a fresh database ─► lives, until the run is finished ─► compare all rows
//!  torture: one undisturbed crawl ─► rounds, until enough was struck ─► the toll
//! ```
//!
//! One seed determines every moment and every weapon. It does not determine the scheduling of a real machine, so a seed
//! repeats the plan of a torture but not its course.

mod ground;
mod life;
mod rows;

use std::fmt;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rand::SeedableRng;
use rand::rngs::StdRng;

pub use self::ground::{Ground, Kind, Place, Standing};
use self::life::{Moments, TorturedLife};
pub use self::rows::{Difference, Rows};
use crate::process::Dragline;
use crate::site::{Answer, Site, SiteBuilder};

/// What happens to a crawl.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weapon {
    /// SIGKILL.
    Kill,
    /// SIGTERM. The process must exit with 75, or with 0 if nothing was left to do.
    Term,
    /// SIGTERM, and SIGKILL soon after, which cuts the stop off.
    TermKill,
    /// The database is stopped as by a crash and started again. The crawl waits and goes on.
    Outage,
    /// The database is stopped, the crawl killed, the database started.
    Both,
}

/// The plan of a torture.
#[derive(Clone, Debug)]
pub struct Torture {
    /// The command without `--start-url` and `--store`. It must not limit the crawl.
    pub command: Dragline,
    /// The kind of store.
    pub store: Kind,
    /// The weapons, one of which is chosen at random for each life.
    pub weapons: Vec<Weapon>,
    /// How often it is struck at least.
    pub strikes: usize,
    /// Pages of the site.
    pub pages: usize,
    /// The seed of all random numbers.
    pub seed: u64,
}

/// What a torture did, and its results.
#[derive(Clone, Debug, Default)]
pub struct Toll {
    /// The seed of its random numbers.
    pub seed: u64,
    /// Tortured crawls that reached their end.
    pub rounds: usize,
    /// How often a crawl was struck.
    pub strikes: usize,
    /// Processes killed.
    pub kills: usize,
    /// How many of them died between the first commit and the last: with some pages done and some queued.
    pub kills_between_commits: usize,
    /// Processes that got SIGTERM and stopped.
    pub stops: usize,
    /// The longest time from SIGTERM to the exit.
    pub slowest_stop: Duration,
    /// How often the database went away.
    pub outages: usize,
    /// Rows of one undisturbed crawl, by table.
    pub rows: Vec<(String, usize)>,
    /// Rows that were lost or doubled, over all rounds.
    pub difference: Difference,
    /// How long it took.
    pub elapsed: Duration,
}

/// Slow enough that a process dies with some requests under way, and a crawl takes a second.
const SITE_DELAY: Duration = Duration::from_millis(2);
/// The number of pages that are gone, and of pages that have moved.
const ODD_PAGES: usize = 15;
/// The environment variable with the seed of a torture, to repeat it.
const SEED_VARIABLE: &str = "DRAGLINE_TORTURE_SEED";

/// The seed of the environment variable `DRAGLINE_TORTURE_SEED`, or one that the clock gives.
///
/// # Panics
/// If the variable is not a number.
pub fn new_seed() -> u64 {
    match std::env::var(SEED_VARIABLE) {
        Ok(seed) => seed.parse().unwrap_or_else(|error| panic!("{SEED_VARIABLE}={seed}: {error}")),
        // Microseconds, so that people can read and type it.
        Err(_) => {
            SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.subsec_micros().into())
        }
    }
}

/// A generated site with the start page `/gate`. Some pages are gone and some have moved, so that requests end in every
/// state that needs no fault.
pub fn site(pages: usize) -> Site {
    site_builder(pages).start()
}

/// The same, not started yet.
pub(crate) fn site_builder(pages: usize) -> SiteBuilder {
    let odd = (0..ODD_PAGES).map(|it| format!("<a href=/gone/{it}>x</a> <a href=/moved/{it}>y</a>"));
    Site::builder()
        .generated(pages, 4)
        .page("/gate", Answer::html(format!("<a href=/>in</a> {}", odd.collect::<String>())))
        .handler(|asked| match asked.path.strip_prefix("/moved/") {
            Some(number) => Some(Answer::redirect(301, &format!("/new/{number}"))),
            None => asked.path.starts_with("/new/").then(|| Answer::html("<title>moved</title>")),
        })
        .delay(SITE_DELAY)
}

impl Torture {
    /// Runs the torture.
    ///
    /// # Panics
    /// If a process or a run ends in a wrong way.
    pub fn run(&self) -> Toll {
        eprintln!("torture on {:?}: seed {}", self.store, self.seed);
        let begun = Instant::now();
        let site = site(self.pages);
        let mut ground = Ground::new(self.store);
        let command = self.command.clone().args(["--start-url", &site.url("/gate")]);

        let place = ground.place("undisturbed");
        let undisturbed = command.clone().args(["--store", &ground.url(&place)]).run();
        undisturbed.assert_code(0);
        let wanted = Rows::read(&ground, &place);
        ground.clear(&place);

        let mut random = StdRng::seed_from_u64(self.seed);
        let moments = Moments { pages: self.pages, length: undisturbed.elapsed };
        let rows = wanted.counts().map(|(table, rows)| (table.to_owned(), rows)).collect();
        let mut toll = Toll { seed: self.seed, rows, ..Toll::default() };
        while toll.strikes < self.strikes {
            toll.rounds += 1;
            let place = ground.place(&format!("round_{}", toll.rounds));
            let command = command.clone().args(["--store", &ground.url(&place)]);
            let mut life = TorturedLife { site: &site, ground: &mut ground, place: &place, command };
            life.all(&moments, self, &mut random, &mut toll);
            let found = wanted.difference(&Rows::read(&ground, &place));
            toll.difference.lost.extend(found.lost);
            toll.difference.doubled.extend(found.doubled);
            ground.clear(&place);
        }
        toll.elapsed = begun.elapsed();
        toll
    }
}

impl Toll {
    /// Fails unless every row exists exactly once.
    ///
    /// # Panics
    /// With the wrong rows and the seed.
    #[track_caller]
    pub fn assert_nothing_lost_or_doubled(&self) {
        assert_eq!(self.difference, Difference::default(), "seed {}\n{self}", self.seed);
    }
}

impl fmt::Display for Toll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<String> = self.rows.iter().map(|(table, rows)| format!("{rows} in {table}")).collect();
        writeln!(f, "seed                           {}", self.seed)?;
        writeln!(f, "crawls tortured to their end   {}", self.rounds)?;
        writeln!(f, "rows of each                   {}", rows.join(", "))?;
        writeln!(f, "kills                          {}", self.kills)?;
        writeln!(f, "  between two commits          {}", self.kills_between_commits)?;
        writeln!(f, "stops                          {}", self.stops)?;
        writeln!(f, "  slowest, seconds             {:.2}", self.slowest_stop.as_secs_f64())?;
        writeln!(f, "outages of the database        {}", self.outages)?;
        writeln!(f, "rows lost                      {}", self.difference.lost.len())?;
        writeln!(f, "rows doubled                   {}", self.difference.doubled.len())?;
        write!(f, "seconds                        {:.0}", self.elapsed.as_secs_f64())
    }
}
