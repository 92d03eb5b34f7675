//! The keeper runs a crawl as an orchestrator would, while the site and the database misbehave. It starts the process,
//! asks for its state, stops or kills it, and starts it again until the run is finished.
//!
//! ```text
//!  a life:   start ─► starting? ─► running ─► some pages ─► the site stalls ─► a scene ─► an end
//!  a round:  a fresh database ─► lives, until the run is finished ─► compare all rows
//!  a watch:  one undisturbed crawl ─► rounds, until there were enough restarts ─► the record
//! ```
//!
//! The keeper causes every situation itself, so it always knows what the process must report. It keeps asking. A wrong,
//! late or missing answer ends the watch. One seed determines every scene and every end.

mod life;
mod record;
mod scene;
mod watched;

use std::path::PathBuf;
use std::time::Instant;

use rand::SeedableRng;
use rand::rngs::StdRng;

use self::life::KeptLife;
pub use self::record::{Record, Seen};
use self::scene::Deck;
use crate::process::Dragline;
use crate::proxy::ChaosProxy;
use crate::site::{Answer, Site};
use crate::torture::{Ground, Kind, Rows, site_builder};

/// Pages whose first two answers fail: a closed connection, then a 503.
const SHAKY_PAGES: usize = 12;

/// The page that is held back while the crawl must not end.
const LAST: &str = "/last";

/// The plan of a watch.
#[derive(Clone, Debug)]
pub struct Keeper {
    /// The command without `--start-url`, `--store` and the flags for watching it: see [`Keeper::crawl`]. Its spider must
    /// never return from a page with an element whose id is `hang`.
    pub command: Dragline,
    /// The kind of store.
    pub store: Kind,
    /// How often the process is started again at least.
    pub restarts: usize,
    /// Pages of the site.
    pub pages: usize,
    /// The seed of all random numbers.
    pub seed: u64,
}

impl Keeper {
    /// The crawl to run: small flushes, so that there are many commits, and two threads that can hang.
    pub fn crawl(nasty_spiders: impl Into<PathBuf>) -> Dragline {
        Dragline::new(nasty_spiders)
            .args(["crawl", "zoo", "--rate", "0", "--host-concurrency", "8", "--crawl-threads", "2"])
            // Pages fail on purpose, so a failure must not slow the crawl down.
            .args(["--slow-down", "1", "--host-failures", "0"])
            .args(["--flush-rows", "60", "--flush-interval", "30ms", "--retries", "5"])
    }

    /// Runs the watch.
    ///
    /// # Panics
    /// If a process reports a wrong state or ends in a wrong way.
    pub fn run(&self) -> Record {
        eprintln!("keeper on {:?}: seed {}", self.store, self.seed);
        let begun = Instant::now();
        let site = site(self.pages);
        let ground = Ground::new(self.store);
        let command = self.command.clone().args(["--start-url", &site.url("/kept")]);

        shaky(&site);
        let place = ground.place("undisturbed");
        command.clone().args(["--store", &ground.url(&place)]).run().assert_code(0);
        let wanted = Rows::read(&ground, &place);
        ground.clear(&place);

        let mut random = StdRng::seed_from_u64(self.seed);
        let mut deck = Deck::new(self.store);
        let mut record = Record { seed: self.seed, ..Record::default() };
        while record.restarts < self.restarts {
            record.rounds += 1;
            let place = ground.place(&format!("round_{}", record.rounds));
            let (proxy, url) = match self.store {
                Kind::Postgres => {
                    let (proxy, url) = ChaosProxy::before(&ground.url(&place));
                    (Some(proxy), url)
                }
                Kind::Sqlite => (None, ground.url(&place)),
            };
            // The first requests of each round fail again.
            shaky(&site);
            let command = command.clone().args(["--store", &url]);
            let mut life =
                KeptLife { site: &site, ground: &ground, place: &place, proxy: proxy.as_ref(), command };
            life.all(self.restarts, &mut deck, &mut random, &mut record);
            let found = wanted.difference(&Rows::read(&ground, &place));
            record.difference.lost.extend(found.lost);
            record.difference.doubled.extend(found.doubled);
            ground.clear(&place);
        }
        record.elapsed = begun.elapsed();
        record
    }
}

/// The site of a torture, plus pages that fail at first.
fn site(pages: usize) -> Site {
    let shaky = (0..SHAKY_PAGES).map(|number| format!("<a href={}>shaky</a>", shaky_path(number)));
    site_builder(pages)
        .page(
            "/kept",
            Answer::html(format!(
                "<a href=/gate>in</a> <a href={LAST}>out</a> {}",
                shaky.collect::<String>()
            )),
        )
        .page(LAST, Answer::html("<title>the last page</title>"))
        .start()
}

fn shaky_path(number: usize) -> String {
    format!("/shaky/{number}")
}

fn shaky(site: &Site) {
    for number in 0..SHAKY_PAGES {
        let answers = [Answer::dropped(), Answer::new(503), Answer::html("<title>at last</title>")];
        site.set_answers(&shaky_path(number), answers);
    }
}
