//! The lives of one run. Each life has a scene, in which the keeper always knows what the process must report, and an end.

use std::time::{Duration, Instant};

use rand::RngExt;
use rand::rngs::StdRng;

use super::LAST;
use super::record::Record;
use super::scene::{Deck, LifeEnd, Scene};
use super::watched::{Watched, max_age};
use crate::process::Dragline;
use crate::proxy::{ChaosProxy, Link};
use crate::site::Site;
use crate::torture::{Ground, Place};
use crate::wait::{patience, try_wait_for, wait_for, wait_until};

/// The extra time that a busy machine may need for any limit below.
const SLACK: Duration = Duration::from_secs(5);
/// A store that works opens at once. A store that was away is tried again after a pause.
const OPENED: Duration = Duration::from_secs(5);
/// The next flush or heartbeat notices that the store is away. A store that takes a flush and does not answer counts as
/// away after 5 s.
const NOTICED: Duration = Duration::from_secs(12);
/// The next attempt notices that the store is back.
const NOTICED_AGAIN: Duration = Duration::from_secs(12);
/// The time from a signal to the first report of it.
const HEARD: Duration = Duration::from_secs(1);
/// The default of `SHUTDOWN_TIMEOUT_SECONDS`.
const STOP: Duration = Duration::from_secs(8);
/// How long a state must last.
const HELD_MS: u64 = 400;
/// The pages of a life, not counting those in hand.
const MAX_PAGES: usize = 40;
/// How long one life may wait for its pages. A crawl that hangs is a failure too.
const LIFE_LIMIT: Duration = Duration::from_secs(60);
/// The element on which the spider hangs.
const HANGS: &str = "<p id=hang>";

/// One run.
pub(super) struct KeptLife<'a> {
    pub(super) site: &'a Site,
    pub(super) ground: &'a Ground,
    pub(super) place: &'a Place,
    pub(super) proxy: Option<&'a ChaosProxy>,
    pub(super) command: Dragline,
}

impl KeptLife<'_> {
    /// Plays all lives, until the run is finished.
    pub(super) fn all(&mut self, restarts: usize, deck: &mut Deck, random: &mut StdRng, record: &mut Record) {
        loop {
            let is_last = record.restarts >= restarts;
            let (scene, end) = if is_last { (Scene::Stall, LifeEnd::Stop) } else { deck.draw(random) };
            // Requests of the previous process may still wait there for answers that nobody will read.
            self.site.release();
            wait_until("an empty gate", SLACK, || self.site.waiting() == 0);
            self.site.hold();
            let Some(mut watched) = self.begin(scene, end, random, record) else { continue };
            let pages = if is_last { usize::MAX } else { random.random_range(1..=MAX_PAGES) };
            if !self.crawls(&mut watched, pages, record) {
                watched.ends(STOP + SLACK).assert_code(0);
                watched.is_gone(true, record);
                return;
            }
            *record.played.entry(scene.name()).or_default() += 1;
            self.play(scene, &mut watched, random, record);
            self.end(end, &mut watched, random, record);
            record.restarts += 1;
            self.site.append("");
        }
    }

    /// Starts it, and waits until it runs. `None`: it was killed while it started.
    fn begin(&self, scene: Scene, end: LifeEnd, random: &mut StdRng, record: &mut Record) -> Option<Watched> {
        let link = match scene {
            Scene::StoreMissing => Some(Link::Refuse),
            Scene::StoreMute => Some(Link::Blackhole),
            _ => None,
        };
        if let (Some(proxy), Some(link)) = (self.proxy, link) {
            proxy.set(link);
        }
        let name =
            format!("{}, {}, restart {}, seed {}", scene.name(), end.name(), record.restarts, record.seed);
        let mut watched = Watched::start(&self.command, name);
        if let (Some(proxy), Some(_)) = (self.proxy, link) {
            watched.becomes("starting", SLACK, record);
            watched.stays("starting", held(random), record);
            proxy.set(Link::Pass);
        }
        if end == LifeEnd::KillAtOnce {
            let _ = try_wait_for(held(random), || None::<()>);
            self.end(end, &mut watched, random, record);
            record.restarts += 1;
            return None;
        }
        watched.becomes("running", OPENED + SLACK, record);
        Some(watched)
    }

    /// Lets this number of pages through and then makes the site stall again, with pages at its gate for a scene. During
    /// this time the process must report that it runs. `false` if only the last page was left and the process has ended.
    fn crawls(&self, watched: &mut Watched, pages: usize, record: &mut Record) -> bool {
        let enough = self.site.total_hits().saturating_add(pages);
        self.go_on();
        let mut hits = 0;
        let mut is_at_its_last_page = || {
            // Ask the store only when nothing moves, because that costs more than asking the site.
            let before = std::mem::replace(&mut hits, self.site.total_hits());
            hits == before && self.site.waiting() == 1 && self.ground.standing(self.place).queued == 1
        };
        let is_at_its_end = wait_for("the pages of a life", LIFE_LIMIT, || {
            if let Some(told) = watched.look(record)
                && told != "running"
            {
                watched.fail(&format!("it crawls and says {told}"));
            }
            if self.site.total_hits() >= enough {
                self.site.hold();
                // One of these may be the last page.
                if self.site.waiting() > 1 {
                    return Some(false);
                }
            }
            is_at_its_last_page().then_some(true)
        });
        if is_at_its_end {
            self.site.release();
        }
        !is_at_its_end
    }

    /// Opens the gate for all pages except the last. If the crawl ended, the keeper would not know what it must report.
    fn go_on(&self) {
        self.site.hold_page(LAST);
    }

    fn play(&self, scene: Scene, watched: &mut Watched, random: &mut StdRng, record: &mut Record) {
        watched.stays("running", held(random), record);
        match scene {
            Scene::Stall | Scene::StoreMissing | Scene::StoreMute => {}
            Scene::StoreAway => self.without_store(watched, ChaosProxy::go_away, random, record),
            Scene::BlackHole => {
                self.without_store(watched, |proxy| proxy.set(Link::Blackhole), random, record);
            }
            Scene::StoreLate => {
                self.link(|proxy| proxy.set(Link::Delay(Duration::from_millis(30))));
                self.go_on();
                watched.stays("running", held(random), record);
                self.site.hold();
                self.link(|proxy| proxy.set(Link::Pass));
            }
            Scene::Suspended => {
                watched.signal("STOP");
                watched.is_silent(record);
                watched.signal("CONT");
                watched.becomes("running", HEARD + SLACK, record);
                watched.never_said("CRITICAL");
                watched.stays("running", held(random), record);
            }
            Scene::ParseHangs => {
                self.site.append(HANGS);
                self.go_on();
                // It is within its limit, so a restart would only begin it again.
                watched.stays("running", max_age() + held(random), record);
            }
        }
    }

    fn without_store(
        &self,
        watched: &mut Watched,
        breaks: impl Fn(&ChaosProxy),
        random: &mut StdRng,
        record: &mut Record,
    ) {
        self.link(breaks);
        // A flush notices this or, while the site stalls, the run's heartbeat.
        if random.random_bool(0.5) {
            self.go_on();
        }
        watched.becomes("degraded", NOTICED + SLACK, record);
        watched.stays("degraded", held(random), record);
        self.site.hold();
        self.link(|proxy| proxy.set(Link::Pass));
        watched.becomes("running", NOTICED_AGAIN + SLACK, record);
    }

    fn end(&self, end: LifeEnd, watched: &mut Watched, random: &mut StdRng, record: &mut Record) {
        *record.played.entry(end.name()).or_default() += 1;
        let begun = Instant::now();
        match end {
            LifeEnd::Kill | LifeEnd::KillAtOnce => {
                watched.signal("KILL");
                let _ = watched.ends(SLACK);
                // Otherwise the next process finds what this one left behind, such as sessions or a lock.
                if random.random_bool(0.25) {
                    watched.is_gone(false, record);
                }
                return;
            }
            LifeEnd::Stop => {
                watched.signal("TERM");
                watch_the_stop(watched, record);
                watched.ends(STOP + SLACK).assert_code(75);
            }
            LifeEnd::Force => {
                watched.signal("TERM");
                watched.signal("INT");
                watch_the_stop(watched, record);
                let code = watched.ends(STOP + SLACK).code;
                if !matches!(code, Some(70 | 75)) {
                    watched.fail(&format!("a second signal gave {code:?}"));
                }
            }
        }
        record.stops.add(begun.elapsed());
        watched.is_gone(true, record);
        let ended = Instant::now();
        if try_wait_for(HEARD, || self.ground.is_at_rest(self.place).then_some(())).is_none() {
            watched.fail("sessions are left behind");
        }
        record.sessions_gone.add(ended.elapsed());
    }

    fn link(&self, change: impl Fn(&ChaosProxy)) {
        self.proxy.into_iter().for_each(change);
    }
}

/// From the first signal on, it is stopping, until it no longer answers.
fn watch_the_stop(watched: &mut Watched, record: &mut Record) {
    let begun = Instant::now();
    let mut is_told = false;
    wait_for("the end of a stop", STOP + SLACK, || {
        match watched.look(record).as_deref() {
            Some("stopping") if !is_told => {
                is_told = true;
                record.told.entry("stopping").or_default().add(begun.elapsed());
            }
            Some("stopping") => {}
            Some(other) if is_told || begun.elapsed() > patience(HEARD) => {
                watched.fail(&format!("it stops and says {other}"));
            }
            // It has not noticed the signal yet, or it is gone already.
            Some(_) | None => {}
        }
        (!watched.is_running()).then_some(())
    });
}

fn held(random: &mut StdRng) -> Duration {
    Duration::from_millis(random.random_range(0..HELD_MS))
}
