//! What the server tells about itself: its health, and counts for metrics.
//!
//! The supervisor writes this, and an endpoint reads it from another thread, so that an answer waits for nobody.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use dragline_core::counted::counted;
use serde_json::{Value as Json, json};

/// A server whose loop has not moved for longer hangs. One look at a store that does not answer takes 5 s.
pub const LOOP_MAX_AGE: Duration = Duration::from_secs(30);
/// A server whose store has not answered for longer is not ready.
pub const STORE_MAX_AGE: Duration = Duration::from_secs(30);

/// The status of a server.
#[derive(Debug)]
pub struct Status {
    began: Instant,
    now: Mutex<Now>,
}

#[derive(Debug)]
struct Now {
    looked: Instant,
    answered: Option<Instant>,
    /// Why the store has not answered the last question.
    away: Option<String>,
    is_stopping: bool,
    workers: usize,
    schedules: usize,
    running: Vec<RunningCrawl>,
    standings: Vec<Standing>,
    /// By schedule, spider and what ended.
    counts: BTreeMap<(&'static str, String, String, &'static str), u64>,
}

/// A crawl that runs.
#[derive(Clone, Debug)]
pub(crate) struct RunningCrawl {
    pub(crate) schedule: String,
    pub(crate) spider: String,
    pub(crate) pid: u32,
    pub(crate) began: Instant,
    pub(crate) run_id: Option<i64>,
    pub(crate) is_stopping: bool,
    /// With all that it has started, in bytes.
    pub(crate) memory: u64,
}

/// How a schedule stands.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    pub(crate) schedule: String,
    pub(crate) spider: String,
    /// Processes that have failed since the last tick that was done.
    pub(crate) failures: u32,
    /// How long its oldest tick has been waiting for its start.
    pub(crate) overdue: Duration,
}

/// What an endpoint answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Health {
    /// Whether its loop moves. Otherwise, a new start helps.
    pub is_alive: bool,
    /// Whether it starts crawls.
    pub is_ready: bool,
    /// Everything as JSON.
    pub body: Json,
}

/// How many ticks have ended, by state.
pub(crate) const TICKS: &str = "dragline_serve_ticks_total";
/// How many processes have ended, by how.
pub(crate) const ENDS: &str = "dragline_serve_process_ends_total";
/// How many processes had to be killed.
pub(crate) const KILLS: &str = "dragline_serve_forced_kills_total";

impl Default for Status {
    fn default() -> Self {
        let now = Now {
            looked: Instant::now(),
            answered: None,
            away: None,
            is_stopping: false,
            workers: 0,
            schedules: 0,
            running: Vec::new(),
            standings: Vec::new(),
            counts: BTreeMap::new(),
        };
        Self { began: Instant::now(), now: Mutex::new(now) }
    }
}

impl Status {
    pub(crate) fn looked(
        &self,
        workers: usize,
        schedules: usize,
        running: Vec<RunningCrawl>,
        is_stopping: bool,
    ) {
        let mut now = self.lock();
        now.looked = Instant::now();
        (now.workers, now.schedules, now.running, now.is_stopping) =
            (workers, schedules, running, is_stopping);
    }

    pub(crate) fn answered(&self) {
        let mut now = self.lock();
        (now.answered, now.away) = (Some(Instant::now()), None);
    }

    /// The store has not answered.
    pub(crate) fn is_away(&self, why: String) {
        self.lock().away = Some(why);
    }

    pub(crate) fn count(&self, family: &'static str, schedule: &str, spider: &str, what: &'static str) {
        self.add(family, schedule, spider, what, 1);
    }

    /// With 0, there is something to see from now on.
    pub(crate) fn add(
        &self,
        family: &'static str,
        schedule: &str,
        spider: &str,
        what: &'static str,
        more: u64,
    ) {
        let key = (family, schedule.to_owned(), spider.to_owned(), what);
        *self.lock().counts.entry(key).or_default() += more;
    }

    pub(crate) fn stand(&self, all: Vec<Standing>) {
        self.lock().standings = all;
    }

    /// How the server is.
    pub fn health(&self) -> Health {
        let now = self.lock();
        let (looked, answered) = (now.looked.elapsed(), now.answered.map(|at| at.elapsed()));
        let is_alive = looked <= LOOP_MAX_AGE;
        let has_store = answered.is_some_and(|age| age <= STORE_MAX_AGE);
        let status = match (is_alive, now.is_stopping, has_store) {
            (false, ..) => "stuck",
            (true, true, _) => "stopping",
            (true, false, false) if answered.is_none() => "starting",
            (true, false, true) if now.away.is_none() => "serving",
            (true, false, _) => "store away",
        };
        let crawls = counted(now.running.len() as u64, "crawl");
        let mut why = format!("{crawls} running on {}", counted(now.workers as u64, "worker"));
        if let Some(away) = &now.away {
            let silent = match answered {
                Some(age) => format!("has not answered for {} s", age.as_secs()),
                None => "has not answered yet".to_owned(),
            };
            // Writing to a String cannot fail.
            let _ = write!(why, "; nothing new is started, because the store {silent}: {away}");
        }
        if !is_alive {
            let _ = write!(why, "; the server has not looked at its crawls for {} s", looked.as_secs());
        }
        let running: Vec<Json> = now
            .running
            .iter()
            .map(|it| {
                json!({
                    "schedule": it.schedule,
                    "spider": it.spider,
                    "run": it.schedule,
                    "run_id": it.run_id,
                    "pid": it.pid,
                    "seconds": it.began.elapsed().as_secs_f64(),
                    "stopping": it.is_stopping,
                    "memory_bytes": it.memory,
                })
            })
            .collect();
        let standings: Vec<Json> = now
            .standings
            .iter()
            .map(|it| {
                json!({
                    "schedule": it.schedule,
                    "failures_in_a_row": it.failures,
                    "overdue_seconds": it.overdue.as_secs_f64(),
                })
            })
            .collect();
        let body = json!({
            "status": status,
            "why": why,
            "pid": std::process::id(),
            "uptime_seconds": self.began.elapsed().as_secs_f64(),
            "seconds_since_look": looked.as_secs_f64(),
            "seconds_since_store_answer": answered.map(|age| age.as_secs_f64()),
            "workers": now.workers,
            "schedules": now.schedules,
            "running": running,
            "standings": standings,
        });
        // A short outage is no reason to send traffic elsewhere.
        Health { is_alive, is_ready: is_alive && has_store && !now.is_stopping, body }
    }

    /// The metrics in the text format of Prometheus.
    pub fn metrics(&self) -> String {
        let now = self.lock();
        let mut text = String::new();
        let mut family = |name: &str, kind: &str, help: &str, samples: &[(String, f64)]| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
            for (labels, value) in samples {
                let _ = writeln!(text, "{name}{labels} {value}");
            }
        };
        #[allow(clippy::cast_precision_loss)]
        let plain = |value: usize| [(String::new(), value as f64)];
        family("dragline_serve_workers", "gauge", "How many crawls run at once.", &plain(now.workers));
        family("dragline_serve_schedules", "gauge", "Schedules in the settings file.", &plain(now.schedules));
        let running: Vec<(String, f64)> = now
            .running
            .iter()
            .map(|it| (labels(&it.schedule, &it.spider, None), it.began.elapsed().as_secs_f64()))
            .collect();
        family(
            "dragline_serve_running_seconds",
            "gauge",
            "How long the process of a crawl has been running.",
            &running,
        );
        let of_schedules = |value: fn(&Standing) -> f64| -> Vec<(String, f64)> {
            now.standings.iter().map(|it| (labels(&it.schedule, &it.spider, None), value(it))).collect()
        };
        family(
            "dragline_serve_failures_in_a_row",
            "gauge",
            "Processes of a schedule that have failed since its last tick that was done.",
            &of_schedules(|it| f64::from(it.failures)),
        );
        family(
            "dragline_serve_overdue_seconds",
            "gauge",
            "How long the oldest tick of a schedule has been waiting for its start.",
            &of_schedules(|it| it.overdue.as_secs_f64()),
        );
        #[allow(clippy::cast_precision_loss)]
        let memory: Vec<(String, f64)> =
            now.running.iter().map(|it| (labels(&it.schedule, &it.spider, None), it.memory as f64)).collect();
        family(
            "dragline_serve_memory_bytes",
            "gauge",
            "Memory of a crawl and of all that it has started.",
            &memory,
        );
        let age = now.answered.map_or(f64::INFINITY, |at| at.elapsed().as_secs_f64());
        let age_text = if age.is_finite() { age } else { -1.0 };
        family(
            "dragline_serve_store_answer_age_seconds",
            "gauge",
            "Time since the store has answered, or -1 before its first answer.",
            &[(String::new(), age_text)],
        );
        for (name, label, help) in [
            (TICKS, "state", "Ticks that ended on this server, by state."),
            (ENDS, "end", "Processes that ended, by how."),
            (KILLS, "reason", "Processes that had to be killed, or that the kernel killed, by reason."),
        ] {
            #[allow(clippy::cast_precision_loss)]
            let samples: Vec<(String, f64)> = now
                .counts
                .iter()
                .filter(|((of, ..), _)| *of == name)
                .map(|((_, schedule, spider, what), count)| {
                    let more = (!label.is_empty()).then_some((label, *what));
                    (labels(schedule, spider, more), *count as f64)
                })
                .collect();
            family(name, "counter", help, &samples);
        }
        text
    }

    fn lock(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The run of a schedule has its name. Names of spiders and schedules need no escapes.
fn labels(schedule: &str, spider: &str, more: Option<(&str, &str)>) -> String {
    let more = more.map(|(name, value)| format!(",{name}=\"{value}\"")).unwrap_or_default();
    format!("{{spider=\"{spider}\",run=\"{schedule}\"{more}}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_ready_while_its_store_answers() {
        let status = Status::default();
        assert_eq!((status.health().is_alive, status.health().is_ready), (true, false));
        status.answered();
        status.looked(4, 2, Vec::new(), false);
        assert!(status.health().is_ready);
        assert_eq!(status.health().body["status"], "serving");
        status.is_away("connection refused".to_owned());
        let health = status.health();
        assert!(health.is_alive && health.is_ready, "a short outage");
        assert_eq!(health.body["status"], "store away");
        let why = health.body["why"].as_str().unwrap();
        assert!(why.ends_with("because the store has not answered for 0 s: connection refused"), "{why}");
        status.answered();
        assert_eq!(status.health().body["status"], "serving");
        status.looked(4, 2, Vec::new(), true);
        assert_eq!((status.health().is_alive, status.health().is_ready), (true, false));
    }

    #[test]
    fn counts_have_the_labels_spider_and_run() {
        let status = Status::default();
        status.count(TICKS, "nightly", "books", "done");
        status.count(TICKS, "nightly", "books", "done");
        status.count(KILLS, "nightly", "books", "memory");
        let text = status.metrics();
        assert!(
            text.contains("dragline_serve_ticks_total{spider=\"books\",run=\"nightly\",state=\"done\"} 2\n"),
            "{text}"
        );
        assert!(
            text.contains(
                "dragline_serve_forced_kills_total{spider=\"books\",run=\"nightly\",reason=\"memory\"} 1\n"
            ),
            "{text}"
        );
    }
}
