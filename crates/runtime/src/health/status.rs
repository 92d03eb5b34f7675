//! The body of `/health` and `/status`, as JSON: what a person wants to know about a running crawl.

use std::collections::BTreeMap;
use std::time::Instant;

use chrono::{SecondsFormat, Utc};
use dragline_core::run_verdict::RunVerdict;
use dragline_engine::StatsSnapshot;
use serde::Serialize;
use serde_json::{Value as Json, json};

use super::{Health, HealthState, Verdict};
use crate::usage::Usage;

/// The state, and the process and run that it belongs to.
#[derive(Debug, Serialize)]
struct Identity<'a> {
    status: &'static str,
    why: &'a str,
    pid: u32,
    spider: &'a str,
    run: &'a str,
    /// `null` until the run is open.
    run_id: Option<i64>,
    uptime_seconds: f64,
    timestamp: String,
}

impl Health {
    /// The state with all details. It is the same for `/health` and `/status`, because someone who finds a
    /// crawl unwell also needs the rest.
    pub(crate) fn status(&self, verdict: &Verdict) -> Json {
        let crawl = self.crawl.get();
        let identity = Identity {
            status: verdict.state.name(),
            why: &verdict.why,
            pid: std::process::id(),
            spider: &self.spider,
            run: &self.run_name,
            run_id: crawl.map(|crawl| crawl.run_id),
            uptime_seconds: seconds(self.began),
            timestamp: Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true),
        };
        let mut body = json!(identity);
        body["process"] = json!(Usage::now());
        body["verdict"] = json!(self.run_verdict().map(RunVerdict::as_str));
        body["problems"] = self.run_verdict().map_or_else(|| json!([]), RunVerdict::problems_json);
        let Some(parts) = crawl.map(|crawl| &crawl.parts) else { return body };

        let (engine, store) = (parts.stats.snapshot(), parts.persistence.status());
        body["pages"] = json!({
            "fetched": engine.pages_fetched,
            "stored": store.flushed_pages,
            "given_up": engine.given_up,
            "dead": store.dead_pages,
            "failed_by_reason": failed_by_reason(&engine),
        });
        body["items"] = json!({
            "kept": engine.items_kept,
            "stored": store.items,
            "dropped": engine.items_dropped,
            "dropped_by_reason": engine.drop_reasons,
            "quarantined": engine.items_quarantined,
            "rules": engine.rules.to_json(),
            "look_ups": look_ups(&engine),
        });
        body["queues"] = json!({
            "window_requests": engine.window_requests,
            "hosts_waiting": engine.waiting_hosts,
            "waiting_pages": engine.waiting_pages,
            "inbox_pages": store.inbox_pages,
            "batch_pages": store.batch_pages,
            "batch_rows": store.batch_rows,
            "batch_bytes": store.batch_bytes,
        });
        body["tasks"] = json!({
            "in_flight": engine.in_flight,
            "parsing": (0..parts.desks.count()).filter_map(|desk| {
                let activity = parts.desks.activity(desk)?;
                let thread = format!("crawl-{desk}");
                Some(json!({ "thread": thread, "url": activity.url, "seconds": activity.since.elapsed().as_secs_f64() }))
            }).collect::<Vec<_>>(),
            "pending_flushes": store.pending_flushes,
            "pending_rows": store.pending_rows,
        });
        let outage = engine.network_outage.as_ref();
        // A crawl may also be degraded because no host can be reached.
        let is_degraded_by_store = verdict.state == HealthState::Degraded && outage.is_none();
        body["store"] = json!({
            "reachable": store.outage_since.is_none() && !is_degraded_by_store,
            "unreachable_seconds": store.outage_since.map(seconds),
            "seconds_since_commit": store.last_commit.map(seconds),
            "rows_stored": store.flushed_rows,
        });
        body["network"] = json!({
            "reachable": outage.is_none(),
            "unreachable_seconds": outage.map(|outage| seconds(outage.since)),
            "error": outage.map(|outage| outage.error.as_str()),
            "outages": engine.network_outages,
            "connections": engine.connections,
        });
        body["memory"] = json!({
            "limit_bytes": parts.memory_limit,
            "fetching_pauses": parts.hold.is_put(),
        });
        body["retries"] = json!(engine.retries);
        body["pace"] = json!({
            "waits_asked": engine.waits_asked,
            "slow_downs": engine.slow_downs,
            "host_pauses": engine.host_pauses,
            "hosts_down": engine.hosts_down,
            "requests_host_down": engine.host_down,
        });
        body
    }
}

/// How many pages failed or are dead, by the code of the reason.
fn failed_by_reason(engine: &StatsSnapshot) -> BTreeMap<&'static str, u64> {
    engine.failures_by_reason().into_iter().map(|(reason, count)| (reason.code(), count)).collect()
}

/// What became of look-ups, by step and result.
fn look_ups(engine: &StatsSnapshot) -> BTreeMap<&str, BTreeMap<&'static str, u64>> {
    engine.look_ups.iter().map(|(step, counts)| (step.as_str(), counts.named().into())).collect()
}

fn seconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64()
}
