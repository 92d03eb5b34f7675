//! Repeats: each place in the code may log only a limited number of lines in a window of time. The rest are
//! counted, and the log then says how many there were ("… 214 more like this").
//!
//! This only applies to INFO and WARN. ERROR lines are never held back, and anyone who turns on DEBUG wants all
//! of it.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::{Event, Level, Subscriber};
use tracing_log::NormalizeEvent;
use tracing_subscriber::layer::{Context, Layer};

use super::counts::LogCounts;
use super::counts::level_name;
use super::events::{Fields, target};
use super::line::Line;
use super::outputs::Outputs;

/// The window in which repeats are counted.
const WINDOW: Duration = Duration::from_secs(10);
/// How many places are tracked. If there were more, nothing would be held back, but there aren't.
const MAX_PLACES: usize = 2_048;

/// Holds repeats back.
pub(super) struct Repeats {
    places: Mutex<HashMap<u64, Place>>,
    /// Lines of one place that are let through in a window. 0 means all of them.
    limit: u64,
    counts: LogCounts,
    outputs: Arc<Outputs>,
}

/// The layer in front of the one that writes.
pub(super) struct Limit(pub(super) Arc<Repeats>);

struct Place {
    since: Instant,
    passed: u64,
    held: u64,
    /// The first line that was held back.
    like: Option<Line>,
}

impl Repeats {
    pub(super) fn new(limit: u64, counts: LogCounts, outputs: Arc<Outputs>) -> Self {
        Self { places: Mutex::default(), limit, counts, outputs }
    }

    /// Logs how many lines were held back in past windows, or at the end, in all of them.
    pub(super) fn tell(&self, all: bool) {
        let now = Instant::now();
        let mut told = Vec::new();
        self.places().retain(|_, place| {
            let is_over = all || now >= place.since + WINDOW;
            if is_over {
                told.extend(place.summary());
            }
            !is_over
        });
        for line in told {
            self.outputs.send(&line);
        }
    }

    fn may_pass(&self, event: &Event<'_>) -> bool {
        let level = *event.metadata().level();
        if self.limit == 0 || !matches!(level, Level::INFO | Level::WARN) {
            return true;
        }
        let (key, now) = (key(event), Instant::now());
        let mut ended = None;
        let (passes, is_first_held) = {
            let mut places = self.places();
            if places.len() >= MAX_PLACES && !places.contains_key(&key) {
                return true;
            }
            let place = places.entry(key).or_insert_with(|| Place::new(now));
            if now >= place.since + WINDOW {
                ended = place.summary();
                *place = Place::new(now);
            }
            let passes = place.passed < self.limit;
            if passes {
                place.passed += 1;
            } else {
                place.held += 1;
            }
            (passes, place.held == 1)
        };
        // Do this outside the lock, because the `Debug` of a value may do anything, even log or panic.
        if let Some(line) = ended {
            self.outputs.send(&line);
        }
        if !passes {
            self.counts.repeat();
        }
        if !passes && is_first_held {
            let mut fields = Fields::default();
            event.record(&mut fields);
            let mut line = Line::now(level_name(level), fields.message);
            line.target = target(event);
            if let Some(place) = self.places().get_mut(&key) {
                place.like = Some(line);
            }
        }
        passes
    }

    fn places(&self) -> MutexGuard<'_, HashMap<u64, Place>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Subscriber> Layer<S> for Limit {
    fn event_enabled(&self, event: &Event<'_>, _context: Context<'_, S>) -> bool {
        self.0.counts.event(*event.metadata().level());
        self.0.may_pass(event)
    }
}

impl Place {
    fn new(now: Instant) -> Self {
        Self { since: now, passed: 0, held: 0, like: None }
    }

    fn summary(&mut self) -> Option<Line> {
        let like = self.like.take()?;
        let held = self.held;
        let seconds = self.since.elapsed().as_secs().max(1);
        let message = format!("… {held} more like this in {seconds} s: {}", like.message);
        let mut line = Line { target: like.target, ..Line::now(like.level, message) };
        line.add("more", held.into());
        Some(line)
    }
}

/// The place in the code. All lines of the `log` crate come through the same place, so their own target counts.
fn key(event: &Event<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    event.metadata().callsite().hash(&mut hasher);
    if let Some(origin) = event.normalized_metadata() {
        (origin.target(), origin.file(), origin.line()).hash(&mut hasher);
    }
    hasher.finish()
}
