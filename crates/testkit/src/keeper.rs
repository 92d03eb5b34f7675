//! The keeper: keeps a crawl going as an orchestrator would, while its site and its database misbehave. It starts
//! the process, asks how it is, stops or kills it, and starts it again until the run is finished.
//!
//! ```text
//!  a life:   start ─► starting? ─► running ─► some pages ─► the site stalls ─► a scene ─► an end
//!  a round:  a fresh database ─► lives, until the run is finished ─► compare all rows
//!  a watch:  one undisturbed crawl ─► rounds, until there were enough restarts ─► the record
//! ```
//!
//! At every moment the keeper knows what the process must say of itself, for it made the moment; it asks all the
//! time, and a wrong answer, one that comes too late or none at all ends the watch. Every scene and every end come
//! from one seed.

mod life;
mod record;
mod scene;
mod watched;

use std::path::PathBuf;
use std::time::Instant;

use rand::SeedableRng;
use rand::rngs::StdRng;

use self::life::Life;
pub use self::record::{Record, Seen};
use self::scene::Deck;
use crate::process::Dragline;
use crate::proxy::ChaosProxy;
use crate::site::{Answer, Site};
use crate::torture::{Ground, Kind, Rows, site_builder};

/// Pages whose first two answers fail: one connection closes, then comes a 503.
const SHAKY_PAGES: usize = 12;

/// The page that is held back for as long as a crawl may not come to its end.
const LAST: &str = "/last";

/// The plan of a watch.
#[derive(Clone, Debug)]
pub struct Keeper {
    /// The command, but for `--start-url`, `--store` and what it is watched by: [`Keeper::crawl`]. Its spider must
    /// never come back from a page with an element whose id is `hang`.
    pub command: Dragline,
    /// Where it stores.
    pub store: Kind,
    /// How often the process is started again, at least.
    pub restarts: usize,
    /// Pages of the site.
    pub pages: usize,
    /// Where all chance comes from.
    pub seed: u64,
}

impl Keeper {
    /// The crawl that is kept: small flushes, so that there are many commits, and two threads to hang.
    pub fn crawl(nasty_spiders: impl Into<PathBuf>) -> Dragline {
        Dragline::new(nasty_spiders)
            .args(["crawl", "zoo", "--rate", "0", "--host-concurrency", "8", "--crawl-threads", "2"])
            // Its pages fail on purpose, which is no reason to wait.
            .args(["--slow-down", "1", "--host-failures", "0"])
            .args(["--flush-rows", "60", "--flush-interval", "30ms", "--retries", "5"])
    }

    /// Carries it out.
    ///
    /// # Panics
    /// When a process says something of itself that is not so, or ends in a way that it should not.
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
            // Failures of the first asking come anew with each round.
            shaky(&site);
            let command = command.clone().args(["--store", &url]);
            let mut life =
                Life { site: &site, ground: &ground, place: &place, proxy: proxy.as_ref(), command };
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

/// The site of a torture, with pages beside it that fail at first.
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
