//! A crawl that has the whole process to itself: signals stop it, the terminal or the log shows its progress, and the
//! process ends when its stop takes too long.

use std::env;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dragline_core::Spider;
use dragline_core::due::NotDue;
use dragline_runtime::logging::LogHandle;
use dragline_runtime::metrics::{Measured, Metrics};
use dragline_runtime::otlp::OtlpSettings;
use dragline_runtime::signals::{self, SignalListener};
use dragline_runtime::{Crawl, CrawlError, Ended, Overrun, progress};

use crate::exit::Exit;
use crate::failed::Failed;
use crate::program::Program;
use crate::settings::CommandSettings;

/// Time to write the last metrics when the process is forced to end.
const LAST_METRICS: Duration = Duration::from_millis(200);

/// A crawl that has ended, and the signal handlers that are still active. A signal then cuts off the report and the
/// export.
pub(crate) struct Attended {
    pub(crate) ended: Ended,
    pub(crate) signals: SignalListener,
}

/// Why there is no run.
pub(crate) enum NoRun {
    /// A stop came before the first request.
    Stopped,
    /// The last run is too young.
    NotDue(NotDue),
    /// Another process has finished the run.
    FinishedBefore { name: String, run_id: i64 },
}

/// The metrics of a crawl, which leave their last values in a file.
pub(crate) fn metrics(
    spider: &dyn Spider,
    settings: &CommandSettings,
    log: &LogHandle,
) -> Result<Arc<Metrics>, Failed> {
    let measured = Measured {
        spider: spider.name().to_owned(),
        run_name: settings.crawl.run_name(spider.name()),
        shutdown_timeout: settings.crawl.shutdown_timeout,
        textfiles: settings.metrics_textfile.iter().chain(&settings.last_metrics).cloned().collect(),
        otlp: otlp()?.map(|otlp| (otlp, settings.crawl.engine.client.clone())),
    };
    Ok(Metrics::new(measured, log.counts().clone())?)
}

/// Where traces and metrics are exported to. The variables are those of every program with OpenTelemetry, so there are no flags.
fn otlp() -> Result<Option<OtlpSettings>, Failed> {
    OtlpSettings::read(|name| env::var(name).ok()).map_err(|error| {
        Failed::usage(error.to_string())
            .hint("see OpenTelemetry in docs/operating.md; OTEL_SDK_DISABLED=true turns the export off")
    })
}

/// Runs a crawl to its end, if it begins.
pub(crate) fn crawl(
    spider: &Arc<dyn Spider>,
    program: &Program,
    settings: &CommandSettings,
    metrics: &Arc<Metrics>,
    log: &LogHandle,
) -> Result<Result<Attended, NoRun>, Failed> {
    log.about_run(&settings.crawl.run_name(spider.name()));
    let crawl = Crawl::with_settings(Arc::clone(spider), settings.crawl.clone())
        .pipelines(&program.pipelines)
        .downloaders(&program.downloaders);
    let signals = signals::listen(crawl.stop_value(), force(log)).map_err(|error| no_thread(&error))?;
    let running = match crawl.start(Arc::clone(metrics), end_process(metrics, log)) {
        Ok(running) => running,
        Err(CrawlError::StoppedEarly) => return Ok(Err(NoRun::Stopped)),
        Err(CrawlError::NotDue(not_due)) => return Ok(Err(NoRun::NotDue(not_due))),
        Err(CrawlError::FinishedBefore { name, run_id }) => {
            return Ok(Err(NoRun::FinishedBefore { name, run_id }));
        }
        Err(error) => return Err(error.into()),
    };
    log.about_run_id(running.run().key.run_id);
    signals.show_on_request(Arc::clone(running.diagnosis()));
    let shown = progress::start(settings.progress, &running, log.clone());
    running.wait();
    // Clear the terminal before the log says anything about the stop.
    let shown = shown.map(drop);
    let ended = running.close();
    shown.map_err(|error| no_thread(&error))?;
    signals.run_has_ended(ended.state() == dragline_core::store::RunState::Finished);
    Ok(Ok(Attended { ended, signals }))
}

/// The operating system refused a thread.
pub(crate) fn no_thread(error: &io::Error) -> Failed {
    Failed::error(format!("cannot start a thread: {error}"))
}

/// The action of a third signal.
fn force(log: &LogHandle) -> impl Fn() + Send + 'static {
    let log = log.clone();
    move || {
        // Remove the display from the terminal before the process ends.
        log.settle();
        Exit::Forced.now();
    }
}

/// The action of the watchdog when the stop takes too long. It doesn't wait for a blocked stderr.
fn end_process(metrics: &Arc<Metrics>, log: &LogHandle) -> Overrun {
    let (metrics, log) = (Arc::clone(metrics), log.clone());
    Box::new(move |diagnosis| {
        log.last_words(diagnosis);
        metrics.leave_by(Exit::Forced.code(), Instant::now() + LAST_METRICS);
        Exit::Forced.now();
    })
}
