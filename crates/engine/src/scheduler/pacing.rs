//! Applies a host's answers to its pace. A change is logged with its cause and its end, counted, and noted for the process
//! that resumes the run.

use std::time::{Duration, Instant};

use dragline_core::chrono::{TimeDelta, Utc};

use super::Scheduler;
use crate::hosts::{HostId, RestReason};
use crate::pace::{Answered, Broken, Changed};

/// A host that rests for longer than this gives most of its places in the window away.
const LONG_REST: Duration = Duration::from_secs(5);

impl Scheduler {
    /// A host has answered with a status.
    pub(super) fn host_answered(&mut self, host: HostId, answer: Answered) {
        let now = Instant::now();
        let changed = self.hosts.update(host, |host| host.pace.answered(answer, now));
        if changed.is_something() {
            self.pace_changed(host, changed, &format!("HTTP {}", answer.status), now);
        }
    }

    /// A request that was sent at that moment had no answer. `requests` have failed because of it for the first time.
    pub(super) fn host_failed(&mut self, host: HostId, sent_at: Instant, requests: u32, error: &str) {
        let now = Instant::now();
        let changed = self.hosts.update(host, |host| host.pace.failed(sent_at, requests, error, now));
        if changed.is_something() {
            self.pace_changed(host, changed, error, now);
        }
    }

    /// A host has answered, though not with a page.
    pub(super) fn host_is_back(&mut self, host: HostId) {
        let changed = self.hosts.update(host, |host| host.pace.is_back());
        if changed.is_something() {
            self.pace_changed(host, changed, "", Instant::now());
        }
    }

    /// A host asks for a rest, with this status.
    pub(super) fn rest_as_asked(&mut self, host: HostId, rest: Duration, status: u16) {
        let now = Instant::now();
        self.parts.stats.waits_asked.add(1);
        if self.hosts.update(host, |host| host.log_memory.asks_for_rest(now, now + rest)) {
            let name = &self.hosts.get(host).name;
            tracing::warn!(
                host = %name,
                status,
                rest_ms = rest.as_millis(),
                until = %clock_after(rest),
                "the host asks for a rest, so no requests go there for a while"
            );
        }
        self.rest_long(host, now + rest, RestReason::Asked, now);
        self.note(host, &format!("HTTP {status}"));
    }

    fn pace_changed(&mut self, host: HostId, changed: Changed, why: &str, now: Instant) {
        let name = self.hosts.get(host).name.clone();
        if let Some(period) = changed.slowed_to {
            self.parts.stats.slow_downs.add(1);
            let period_ms = period.as_millis();
            tracing::info!(host = %name, why, period_ms, "the host refuses requests, so they go there less often: one per period");
        }
        if changed.has_recovered {
            tracing::info!(host = %name, "the host gets requests as often as before");
        }
        if changed.is_back {
            tracing::info!(host = %name, "the host answers again");
        }
        match changed.broken {
            Some(Broken::Paused { since, until }) => {
                self.parts.stats.host_pauses.add(1);
                let pause = until.saturating_duration_since(now);
                let (pause_ms, clock) = (pause.as_millis(), clock_after(pause));
                if since == now {
                    tracing::warn!(
                        host = %name,
                        error = why,
                        pause_ms,
                        until = %clock,
                        "the host keeps failing, so no requests go there for a while; they stay queued, and one of them tries it again"
                    );
                } else {
                    let paused_ms = now.saturating_duration_since(since).as_millis();
                    tracing::info!(host = %name, error = why, paused_ms, until = %clock, "the host still fails");
                }
                self.rest_long(host, until, RestReason::Failing, now);
            }
            Some(Broken::Down { until }) => {
                self.parts.stats.hosts_down.add(1);
                let clock = clock_after(until.saturating_duration_since(now));
                tracing::warn!(
                    host = %name,
                    error = why,
                    until = %clock,
                    "the host kept failing for too long (see the setting `max_host_pause`), so its requests fail"
                );
            }
            None => {}
        }
        self.note(host, why);
    }

    /// Lets a host rest. If it rests for long, it gives most of its places in the window to others.
    fn rest_long(&mut self, host: HostId, until: Instant, why: RestReason, now: Instant) {
        self.hosts.rest(host, until, why);
        if until.saturating_duration_since(now) > LONG_REST {
            self.window.trim(host, &self.hosts);
            self.let_go();
        }
    }

    /// Notes what a process that resumes the run must know about a host.
    fn note(&self, host: HostId, why: &str) {
        let host = self.hosts.get(host);
        self.parts.sink.note_host(host.pace.note(&host.name, host.waits_until(), why));
    }
}

/// The time of day after this time, for people.
fn clock_after(time: Duration) -> String {
    let then = TimeDelta::from_std(time).ok().and_then(|time| Utc::now().checked_add_signed(time));
    then.map_or_else(|| "never".to_owned(), |then| then.format("%H:%M:%S UTC").to_string())
}
