//! Exports traces of pages and the metrics over OTLP, as HTTP with protobuf, if the environment names a collector.
//!
//! ```text
//!  crawl threads ══ traces ══► thread `otlp` ──► collector
//!  registry of the metrics ──────┘ (read when it is time)
//! ```
//!
//! It never slows a crawl down: the queue is bounded, and what does not fit is dropped and counted. A collector that is away is one
//! warning. At the end, the rest is sent within [`FLUSH_LIMIT`].
//!
//! The messages are those of `opentelemetry-proto`. The SDK of OpenTelemetry is not used: it has no way to send metrics that exist
//! already, so each would have to be declared a second time.

mod messages;
mod settings;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::Utc;
use dragline_core::page_traces::{PageTrace, PageTraces, TraceId};
use dragline_core::worker::Worker;
use dragline_engine::{ClientSettings, Poster};
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use prometheus::Registry;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};
use url::Url;

use self::messages::Described;
pub use self::settings::{OtlpProblem, OtlpSettings, VARIABLES};

/// Traces that wait, at most. This and the next two are the values of the specification (`OTEL_BSP_…`).
const MAX_QUEUED: usize = 2_048;
/// Traces in one message.
const MAX_BATCH: usize = 512;
/// A trace waits for others at most this long.
const BATCH_AFTER: Duration = Duration::from_secs(5);
/// The time for the rest at the end. With the 8 s of a stop, this fits into the 10 s that a container gets.
pub const FLUSH_LIMIT: Duration = Duration::from_secs(1);
/// The thread ends a little after its last message.
const MARGIN: Duration = Duration::from_millis(100);

/// What was exported, for the metrics.
#[derive(Clone, Debug, Default)]
pub(crate) struct OtlpCounts(Arc<Counted>);

#[derive(Debug, Default)]
struct Counted {
    sent: AtomicU64,
    dropped: AtomicU64,
    failed: AtomicU64,
}

impl OtlpCounts {
    /// Traces that a collector has taken.
    pub(crate) fn sent(&self) -> u64 {
        self.0.sent.load(Ordering::Relaxed)
    }

    /// Traces that were dropped.
    pub(crate) fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }

    /// Messages that no collector has taken.
    pub(crate) fn failed(&self) -> u64 {
        self.0.failed.load(Ordering::Relaxed)
    }

    fn drop_traces(&self, traces: usize) {
        self.0.dropped.fetch_add(traces as u64, Ordering::Relaxed);
    }
}

/// The export of one crawl.
pub(crate) struct Otlp {
    worker: Worker<()>,
    /// Until when the rest may be sent, once the crawl has ended.
    end: watch::Sender<Option<Instant>>,
    sampler: Option<Arc<Sampler>>,
    counts: OtlpCounts,
}

/// Takes traces from the crawl threads.
struct Sampler {
    share: f64,
    queue: mpsc::Sender<(TraceId, PageTrace)>,
    counts: OtlpCounts,
}

impl PageTraces for Sampler {
    fn begin(&self) -> Option<TraceId> {
        let id: TraceId = rand::random();
        is_sampled(&id, self.share).then_some(id)
    }

    fn end(&self, id: TraceId, trace: PageTrace) {
        if self.queue.try_send((id, trace)).is_err() {
            self.counts.drop_traces(1);
        }
    }
}

/// The lower 63 bits of an id decide, so that every program decides alike about a trace.
#[allow(clippy::cast_precision_loss)] // a share is not that exact
fn is_sampled(id: &TraceId, share: f64) -> bool {
    let mut low = [0; 8];
    low.copy_from_slice(&id[8..]);
    let chance = (u64::from_be_bytes(low) >> 1) as f64 / (1_u64 << 63) as f64;
    share >= 1.0 || chance < share
}

impl Otlp {
    /// Starts the export.
    ///
    /// # Errors
    /// A description of the problem, if no thread or no client can be made.
    pub(crate) fn start(
        settings: OtlpSettings,
        client: &ClientSettings,
        registry: Registry,
        spider: &str,
        run: &str,
    ) -> Result<Self, String> {
        let poster = Poster::for_operator(client).map_err(|error| error.to_string())?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| error.to_string())?;
        let counts = OtlpCounts::default();
        let (queue, traces) = mpsc::channel(MAX_QUEUED);
        let (end, ended) = watch::channel(None);
        let share = settings.sampled;
        let sampler =
            settings.traces.is_some().then(|| Arc::new(Sampler { share, queue, counts: counts.clone() }));
        let described = Described::new(&settings.resource, spider, run);
        let exporter = Exporter {
            settings,
            described,
            registry,
            poster,
            traces,
            ended,
            counts: counts.clone(),
            is_failing: false,
        };
        let worker = Worker::spawn("otlp", move || {
            runtime.block_on(exporter.run());
            // A name that is being resolved must not hold up the end.
            runtime.shutdown_background();
        })
        .map_err(|error| error.to_string())?;
        Ok(Self { worker, end, sampler, counts })
    }

    /// The taker of traces, if they are exported.
    pub(crate) fn traces(&self) -> Option<Arc<dyn PageTraces>> {
        self.sampler.clone().map(|sampler| sampler as Arc<dyn PageTraces>)
    }

    pub(crate) fn counts(&self) -> OtlpCounts {
        self.counts.clone()
    }

    /// Sends the rest, and the last values of the metrics. Waits until that is done, for [`FLUSH_LIMIT`] at most.
    pub(crate) fn end(&self) {
        let limit = std::time::Instant::now() + FLUSH_LIMIT;
        self.end.send_replace(Some(limit.into()));
        if self.worker.join_until(limit + MARGIN).is_err() {
            tracing::warn!("the last traces and metrics were not exported in time");
        }
    }
}

/// The thread.
struct Exporter {
    settings: OtlpSettings,
    described: Described,
    registry: Registry,
    poster: Poster,
    traces: mpsc::Receiver<(TraceId, PageTrace)>,
    ended: watch::Receiver<Option<Instant>>,
    counts: OtlpCounts,
    is_failing: bool,
}

impl Exporter {
    async fn run(mut self) {
        let every = |period| {
            let mut ticks = interval_at(Instant::now() + period, period);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks
        };
        let (mut batch_ticks, mut metric_ticks) = (every(BATCH_AFTER), every(self.settings.interval));
        let mut batch = Vec::new();
        let mut has_traces = self.settings.traces.is_some();
        let mut ended = self.ended.clone();
        loop {
            tokio::select! {
                biased;
                _ = ended.wait_for(Option::is_some) => break,
                _ = metric_ticks.tick() => self.send_metrics().await,
                _ = batch_ticks.tick() => self.send_traces(&mut batch).await,
                got = self.traces.recv_many(&mut batch, MAX_BATCH), if has_traces && batch.len() < MAX_BATCH => {
                    has_traces = got > 0;
                    if batch.len() >= MAX_BATCH {
                        self.send_traces(&mut batch).await;
                    }
                }
            }
        }
        loop {
            while batch.len() < MAX_BATCH
                && let Ok(trace) = self.traces.try_recv()
            {
                batch.push(trace);
            }
            if batch.is_empty() {
                break;
            }
            self.send_traces(&mut batch).await;
        }
        self.send_metrics().await;
    }

    async fn send_traces(&mut self, batch: &mut Vec<(TraceId, PageTrace)>) {
        let Some(url) = self.settings.traces.clone().filter(|_| !batch.is_empty()) else { return };
        let message = self.described.traces(batch);
        if self.send(&url, message).await {
            self.counts.0.sent.fetch_add(batch.len() as u64, Ordering::Relaxed);
        } else {
            self.counts.drop_traces(batch.len());
        }
        batch.clear();
    }

    async fn send_metrics(&mut self) {
        let Some(url) = self.settings.metrics.clone() else { return };
        let message = self.described.metrics(&self.registry.gather(), Utc::now());
        self.send(&url, message).await;
    }

    /// Whether the collector has taken the message.
    async fn send(&mut self, url: &Url, message: Vec<u8>) -> bool {
        let mut headers = self.settings.headers.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        let sent = timeout(self.settings.timeout, self.poster.post(url, headers, message));
        let result = tokio::select! {
            sent = sent => match sent {
                Ok(Ok(posted)) if (200..300).contains(&posted.status) => Ok(()),
                Ok(Ok(posted)) => Err(format!("HTTP {}", posted.status)),
                Ok(Err(problem)) => Err(problem),
                Err(_) => Err(format!("no answer within {} s", self.settings.timeout.as_secs_f64())),
            },
            () = out_of_time(self.ended.clone()) => Err("the process ends".to_owned()),
        };
        self.say(url, result.as_ref().err());
        result.is_ok()
    }

    /// Says once that the collector is away, and once that it is back.
    fn say(&mut self, url: &Url, problem: Option<&String>) {
        let was_failing = std::mem::replace(&mut self.is_failing, problem.is_some());
        let collector = url.host_str().unwrap_or_default();
        match problem {
            Some(problem) => {
                self.counts.0.failed.fetch_add(1, Ordering::Relaxed);
                if !was_failing {
                    tracing::warn!(
                        collector,
                        error = problem,
                        "traces and metrics cannot be exported, and the crawl goes on; is the collector running, and does it speak \
                         OTLP over HTTP at this address?"
                    );
                }
            }
            None if was_failing => {
                tracing::info!(collector, "traces and metrics are exported again");
            }
            None => {}
        }
    }
}

/// Returns when the time for the last messages is over.
async fn out_of_time(mut ended: watch::Receiver<Option<Instant>>) {
    let until = ended.wait_for(Option::is_some).await.ok().and_then(|until| *until);
    if let Some(until) = until {
        sleep_until(until).await;
    }
}

#[cfg(test)]
mod tests;
