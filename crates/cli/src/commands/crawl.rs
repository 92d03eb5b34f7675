//! `dragline crawl`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dragline_core::store::{RunInfo, RunState, RunSummary, Store};
use dragline_core::{PageState, Spider};

use super::{find_spider, print};
use crate::aftermath::Aftermath;
use crate::app::App;
use crate::arguments::Crawl;
use crate::blocking::Blocking;
use crate::export::{self, Target};
use crate::probes;
use crate::report::Report;
use crate::settings::{CommandSettings, Common};
use dragline_runtime::exit::{Exit, Failed};
use dragline_runtime::logging::LogHandle;
use dragline_runtime::metrics::Metrics;
use dragline_runtime::run::{Ended, crawl};
use dragline_runtime::start::no_thread;

/// After a stop the report must fit into what a container grants.
const READ_AFTER_STOP: Duration = Duration::from_secs(1);
/// A finished run may have millions of requests to count, and nobody waits for its process to end.
const READ_AT_THE_END: Duration = Duration::from_secs(30);
/// What it is given though the time is over: a store that is there answers in less.
const LEAST_READ: Duration = Duration::from_millis(200);
/// What reading and showing the report are given though the time is over.
const LEAST_LEFT: Duration = Duration::from_secs(1);
/// What saying so takes when that is over.
const LAST_WORDS: Duration = Duration::from_millis(500);

pub(super) fn run(arguments: Crawl, common: &Common, app: &App, log: &LogHandle) -> Result<Exit, Failed> {
    probes::arm();
    let spider = find_spider(&arguments.spider, &app.spiders)?;
    let settings = CommandSettings::combine(arguments.flags, common, &**spider)?;
    if let Some(target) = &settings.output {
        target.check(&spider.items())?;
    }
    let metrics = Metrics::new(spider.name(), &settings.crawl, log)?;
    let done = crawl_and_report(spider, &settings, &metrics, app, log);
    metrics.leave(done.as_ref().map_or_else(|failed| failed.exit, |exit| *exit));
    done
}

fn crawl_and_report(
    spider: &Arc<dyn Spider>,
    settings: &CommandSettings,
    metrics: &Arc<Metrics>,
    app: &App,
    log: &LogHandle,
) -> Result<Exit, Failed> {
    let Some(ended) = crawl(spider, &app.pipelines, &settings.crawl, settings.progress, metrics, log)? else {
        print("stopped during start-up, before the first request; the same command starts again\n")?;
        return Ok(Exit::Stopped);
    };
    // What follows may be cut off.
    metrics.ended(ended.state, ended.exit);
    after(&ended, settings, &**spider, log)
}

/// Report and export, read back from the store; says how the process ends.
pub(super) fn after(
    ended: &Ended,
    settings: &CommandSettings,
    spider: &dyn Spider,
    log: &LogHandle,
) -> Result<Exit, Failed> {
    let is_stopped = ended.state == RunState::Stopped;
    let deadline =
        is_stopped.then(|| Instant::now() + ended.left_of_stop.saturating_sub(LAST_WORDS).max(LEAST_LEFT));
    let is_exporting = !is_stopped && settings.output.is_some();
    let cut_exit = if is_exporting { Exit::Error } else { ended.exit };
    let cut = ended.signals.cut();
    let _aftermath =
        Aftermath::start(cut.clone(), deadline, cut_exit, log).map_err(|error| no_thread(&error))?;
    let limit = match ended.state {
        RunState::Stopped => READ_AFTER_STOP.min(ended.left_of_stop).max(LEAST_READ),
        _ => READ_AT_THE_END,
    };
    let blocking = Blocking::new()?.watched(&ended.watched.health).until(&cut);
    let store = dragline_store::open(&settings.crawl.store.0, &settings.crawl.store_settings)?;
    let summary = summary(&*store, &blocking, ended, spider, limit);
    if let Err(error) = &summary {
        tracing::warn!("the report lacks the store's figures: {}", error.what);
    }
    let summary = summary.ok();
    let report = report(ended, settings, summary.as_ref());

    let mut exit = ended.exit;
    let mut not_exported = None;
    if ended.state == RunState::Finished
        && let Some(target) = &settings.output
    {
        let run = RunInfo {
            run_id: ended.run.key.run_id,
            name: settings.crawl.run_name.clone(),
            spider: spider.name().to_owned(),
            state: ended.state,
        };
        // The report comes first, for the run is what it is.
        match export::export(&*store, &blocking, &run, &spider.items(), target) {
            Ok(rows) => tracing::info!(rows, "exported"),
            Err(failed) => not_exported = Some(failed),
        }
    } else if settings.output.is_some() {
        tracing::warn!("nothing was exported: the run is not finished; the same command goes on and exports");
    }
    let _ = blocking.wait(&*store, "closing", limit, async {
        store.close().await;
        Ok(())
    });

    // Rows on stdout are for a program; the report then goes where the log goes.
    if settings.output == Some(Target::Stdout) {
        log.text(&report);
    } else if let Err(failed) = print(&report) {
        // The report is lost, the run is not.
        tracing::warn!("{}", failed.what);
    }
    if let Some(failed) = not_exported {
        return Err(failed);
    }
    if let Some(pages) = summary.map(|summary| summary.pages)
        && exit == Exit::Finished
        && pages.of(PageState::Done) == 0
        && pages.of(PageState::Failed) + pages.of(PageState::Dead) > 0
    {
        exit = Exit::Error;
        let hint = format!("`dragline runs show {}` has their errors with URLs", ended.run.key.run_id);
        return Err(Failed { exit, ..Failed::error("no page was done: every request failed") }.hint(hint));
    }
    Ok(exit)
}

fn summary(
    store: &dyn Store,
    blocking: &Blocking,
    ended: &Ended,
    spider: &dyn Spider,
    limit: Duration,
) -> Result<RunSummary, Failed> {
    blocking.wait(store, "connect", limit, store.connect())?;
    let items = spider.items();
    blocking.wait(store, "reading the run's figures", limit, store.summary(ended.run.key.run_id, &items))
}

fn report(ended: &Ended, settings: &CommandSettings, summary: Option<&RunSummary>) -> String {
    let stats = ended.stats.snapshot();
    Report {
        run_name: &settings.crawl.run_name,
        run_id: ended.run.key.run_id,
        state: ended.state,
        reason: &ended.reason,
        summary,
        elapsed: ended.elapsed,
        pages_fetched: stats.pages_fetched,
        refused_links: stats.refused_links,
        drop_reasons: stats.drop_reasons,
        failures: stats.failures,
        stop: &ended.stop,
    }
    .render()
}
