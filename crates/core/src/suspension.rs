//! Notices that this process did not run for a while: the machine was suspended, the container was frozen, the process was
//! stopped by a signal, or the clock jumped. Such time is not part of any time-out.
//!
//! Code that measures a time-out begins it with [`Since::now`]. While a crawl runs, its scheduler looks at the clocks several times a
//! second ([`Watch`]). So a long gap between two looks means that nothing ran. The look after it notices the gap, whichever thread
//! it is on.
//!
//! Linux has two clocks. `CLOCK_MONOTONIC`, which `Instant` and all timers use, stands still while the machine is suspended;
//! `CLOCK_BOOTTIME` goes on. So after a suspension no time-out ends early, but the connections are dead.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// A busy machine causes shorter gaps than this. The scheduler looks twice a second or more.
const GAP: Duration = Duration::from_secs(5);

/// The clocks belong to the machine, so all crawls of a process share this.
static LOOKS: Mutex<Looks> =
    Mutex::new(Looks { watches: 0, last: None, lost: Duration::ZERO, jumps: 0, jumped: Duration::ZERO });

#[derive(Debug)]
struct Looks {
    /// How many crawls look.
    watches: usize,
    /// The last look, on both clocks.
    last: Option<(Instant, Duration)>,
    /// The time that timers have counted and that must not count.
    lost: Duration,
    jumps: u64,
    /// The length of the last jump.
    jumped: Duration,
}

/// The moment at which something began. Only time in which the process ran counts from then on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Since {
    moment: Instant,
    lost_before: Duration,
}

/// While this exists, its owner calls [`Watch::look`] twice a second or more.
#[derive(Debug)]
pub struct Watch {
    seen: u64,
    lost: Duration,
}

/// A time in which nothing ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jump {
    /// Its length.
    pub length: Duration,
    /// The part that timers have counted. It is less if the machine was suspended.
    pub counted: Duration,
}

impl Since {
    /// Begins now.
    pub fn now() -> Self {
        let moment = Instant::now();
        Self { moment, lost_before: lost_until(moment) }
    }

    /// When it began, for people and for timers.
    pub fn moment(self) -> Instant {
        self.moment
    }

    /// How long the process has run since then.
    pub fn elapsed(self) -> Duration {
        let now = Instant::now();
        let lost = lost_until(now).saturating_sub(self.lost_before);
        now.saturating_duration_since(self.moment).saturating_sub(lost)
    }
}

/// The total time in which this process did not run, as far as timers have counted it.
fn lost_until(now: Instant) -> Duration {
    let mut looks = lock();
    looks.look(now, since_boot());
    looks.lost
}

impl Watch {
    /// From now on, the clocks are watched.
    pub fn begin() -> Self {
        let mut looks = lock();
        if looks.watches == 0 {
            // Nobody has looked for a while.
            looks.last = None;
        }
        looks.watches += 1;
        looks.look(Instant::now(), since_boot());
        Self { seen: looks.jumps, lost: looks.lost }
    }

    /// The jump since the last look, if there was one.
    pub fn look(&mut self, now: Instant) -> Option<Jump> {
        let mut looks = lock();
        looks.look(now, since_boot());
        if self.seen == looks.jumps {
            return None;
        }
        let jump = Jump { length: looks.jumped, counted: looks.lost.saturating_sub(self.lost) };
        (self.seen, self.lost) = (looks.jumps, looks.lost);
        Some(jump)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        lock().watches -= 1;
    }
}

impl Looks {
    fn look(&mut self, now: Instant, boot: Duration) {
        let Some((last, last_boot)) = self.last.replace((now, boot)) else { return };
        if self.watches == 0 {
            return;
        }
        let counted = now.saturating_duration_since(last);
        let length = counted.max(boot.saturating_sub(last_boot));
        if length > GAP {
            self.jumps += 1;
            self.jumped = length;
            self.lost += Some(counted).filter(|counted| *counted > GAP).unwrap_or_default();
        }
    }
}

fn lock() -> MutexGuard<'static, Looks> {
    LOOKS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The time since the machine has started, including the time in which it was suspended.
fn since_boot() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_on_either_clock_is_a_jump_and_only_timers_lose_time() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let mut looks =
            Looks { watches: 1, last: None, lost: Duration::ZERO, jumps: 0, jumped: Duration::ZERO };
        let mut at = |timer: u32, boot: u32| {
            looks.look(start + timer * second, boot * second);
            (looks.jumps, looks.lost.as_secs())
        };
        assert_eq!(at(0, 100), (0, 0));
        assert_eq!(at(4, 104), (0, 0), "a busy machine");
        assert_eq!(at(3604, 3704), (1, 3600), "the process was stopped");
        assert_eq!(at(3605, 9705), (2, 3600), "the machine was suspended");
        assert_eq!(at(7205, 9706), (3, 7200), "the clock jumped");
        looks.watches = 0;
        looks.look(start + 20_000 * second, 20_000 * second);
        assert_eq!(looks.jumps, 3, "nobody was looking");
    }
}
