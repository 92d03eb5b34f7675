//! The lives of one tortured crawl. Each ends by a strike, except the last one, which ends by itself.

use std::time::{Duration, Instant};

use rand::RngExt;
use rand::rngs::StdRng;

use super::ground::{Ground, Place, Standing};
use super::{Toll, Torture, Weapon};
use crate::process::{Dragline, Running};
use crate::site::Site;
use crate::wait::{try_wait_for, wait_until};

/// How long one life may wait for its moment. A crawl that hangs is a failure too.
const LIFE_LIMIT: Duration = Duration::from_secs(60);
/// A stop may take 8 s by default, and a busy machine needs some more time to notice that it is over.
const STOP_LIMIT: Duration = Duration::from_secs(15);
/// One of this number of strikes comes at a random time after the start, which may be before the first commit.
const STRIKES_BY_TIME: u32 = 5;
/// The time between a request and the strike: from before its page is parsed to after its commit.
const AFTER_REQUEST_MS: u64 = 60;
/// How long the database stays away at most, not counting its start. Also the longest time from SIGTERM to SIGKILL.
const MAX_GRACE_MS: u64 = 500;

/// The figures that scale the random moments.
pub(super) struct Moments {
    pub(super) pages: usize,
    /// How long an undisturbed crawl takes.
    pub(super) length: Duration,
}

/// When to strike.
enum Moment {
    /// This long after the start.
    After(Duration),
    /// This long after the site has seen this number of further requests.
    Requests(usize, Duration),
    /// The last life ends by itself.
    Never,
}

/// One crawl.
pub(super) struct TorturedLife<'a> {
    pub(super) site: &'a Site,
    pub(super) ground: &'a mut Ground,
    pub(super) place: &'a Place,
    pub(super) command: Dragline,
}

impl TorturedLife<'_> {
    /// Plays all lives, until the run is finished.
    pub(super) fn all(&mut self, moments: &Moments, plan: &Torture, random: &mut StdRng, toll: &mut Toll) {
        let mut survivor = None;
        let mut now = Standing::default();
        while now.finished == 0 {
            let mut running = survivor.take().unwrap_or_else(|| self.command.spawn());
            let pause = Duration::from_millis(random.random_range(0..AFTER_REQUEST_MS));
            let moment =
                if toll.strikes >= plan.strikes { Moment::Never } else { moments.any(pause, random) };
            let weapon = plan.weapons[random.random_range(0..plan.weapons.len())];
            let grace = Duration::from_millis(random.random_range(0..MAX_GRACE_MS));
            let kills = toll.kills;
            if self.comes(&moment, &mut running) {
                survivor = self.strike(weapon, running, grace, toll);
            } else {
                running.finish().assert_code(0);
            }
            now = if survivor.is_some() { self.ground.standing(self.place) } else { self.standing() };
            assert!(now.runs <= 1, "a run was given up and another one begun: {now:?}");
            if toll.kills > kills && now.done > 0 && now.queued > 0 {
                toll.kills_between_commits += 1;
            }
        }
        // The run is finished, so the process ends in a moment.
        if let Some(running) = survivor {
            running.finish().assert_code(0);
        }
    }

    /// Waits for the moment. `false` if the process ended before.
    fn comes(&self, moment: &Moment, running: &mut Running) -> bool {
        let seen = self.site.total_hits();
        let (limit, pause) = match moment {
            Moment::After(time) => (*time, Duration::ZERO),
            Moment::Requests(_, pause) => (LIFE_LIMIT, *pause),
            Moment::Never => (LIFE_LIMIT, Duration::ZERO),
        };
        let came = try_wait_for(limit, || match moment {
            _ if !running.is_running() => Some(false),
            Moment::Requests(more, _) => (self.site.total_hits() >= seen + more).then_some(true),
            Moment::After(_) | Moment::Never => None,
        });
        let came = came.unwrap_or_else(|| {
            assert!(matches!(moment, Moment::After(_)), "the crawl came nowhere within {LIFE_LIMIT:?}");
            running.is_running()
        });
        came && try_wait_for(pause, || (!running.is_running()).then_some(())).is_none()
    }

    /// Strikes. Returns the process if it survives.
    fn strike(
        &mut self,
        weapon: Weapon,
        mut running: Running,
        grace: Duration,
        toll: &mut Toll,
    ) -> Option<Running> {
        toll.strikes += 1;
        if matches!(weapon, Weapon::Outage | Weapon::Both) {
            self.ground.fell();
            // Long enough for the crawl to notice, or not.
            let _ = try_wait_for(grace, || (!running.is_running()).then_some(()));
            toll.outages += 1;
        }
        let survivor = match weapon {
            Weapon::Kill | Weapon::Both => {
                running.kill9();
                toll.kills += 1;
                None
            }
            Weapon::Term => {
                let asked = Instant::now();
                running.signal("TERM");
                let finished = running.finish_within(STOP_LIMIT);
                // A process that does not listen for signals yet dies of one, as any program does. It has begun nothing
                // and logged nothing.
                let is_deaf = finished.code.is_none() && finished.stderr.is_empty();
                finished
                    .assert("a stop ends with 75, or 0", is_deaf || matches!(finished.code, Some(0 | 75)));
                if is_deaf {
                    toll.kills += 1;
                } else {
                    toll.slowest_stop = toll.slowest_stop.max(asked.elapsed());
                    toll.stops += 1;
                }
                wait_until("no session is left behind", STOP_LIMIT, || self.ground.is_at_rest(self.place));
                None
            }
            Weapon::TermKill => {
                running.signal("TERM");
                let _ = try_wait_for(grace, || (!running.is_running()).then_some(()));
                running.kill9();
                toll.kills += 1;
                None
            }
            Weapon::Outage => Some(running),
        };
        if matches!(weapon, Weapon::Outage | Weapon::Both) {
            self.ground.raise();
        }
        survivor
    }

    /// The progress of the run. If nothing is queued any more, this waits until no session is at work, because one may be
    /// about to write that the run is finished.
    fn standing(&self) -> Standing {
        let standing = self.ground.standing(self.place);
        if standing.queued > 0 {
            return standing;
        }
        wait_until("the sessions of a dead process end", LIFE_LIMIT, || self.ground.is_at_rest(self.place));
        self.ground.standing(self.place)
    }
}

impl Moments {
    fn any(&self, pause: Duration, random: &mut StdRng) -> Moment {
        if random.random_ratio(1, STRIKES_BY_TIME) {
            return Moment::After(self.length.mul_f64(random.random_range(0.0..1.0)));
        }
        Moment::Requests(random.random_range(1..=self.pages.div_ceil(8)), pause)
    }
}
