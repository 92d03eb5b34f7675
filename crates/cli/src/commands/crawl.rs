//! `dragline crawl`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dragline_core::Spider;
use dragline_core::due::NotDue;
use dragline_core::store::{RunInfo, RunState, Store};
use dragline_core::value::timestamp_text;
use dragline_flags::text;
use dragline_runtime::blocking::Blocking;
use dragline_runtime::logging::LogHandle;
use dragline_runtime::notify::{self, Notice};
use dragline_runtime::{CrawlOutcome, CrawlReport, Ended, shown};
use dragline_serve::{ENDPOINT, LAST_METRICS};

use super::{find_spider, print};
use crate::aftermath::Aftermath;
use crate::arguments::Crawl;
use crate::attended::{self, Attended, NoRun, no_thread};
use crate::exit::Exit;
use crate::export::{self, Target};
use crate::failed::Failed;
use crate::paint::Paint;
use crate::program::Program;
use crate::settings::{CommandSettings, Common};
use crate::{life_line, probes, report};

/// The least time for reading and showing the report, even if the time of the stop is up.
const LEAST_LEFT: Duration = Duration::from_secs(1);
/// A notification ends so much earlier than the time of the stop.
const BEFORE_THE_DEADLINE: Duration = Duration::from_millis(200);
/// The words before and after the reason why no run is due.
const NOT_DUE: &str = "no run is due, so nothing was fetched: ";
const FORCE: &str = "--force-run starts it now";
/// The time reserved for the last log lines after that.
const LAST_WORDS: Duration = Duration::from_millis(500);

pub(super) fn run(
    arguments: Crawl,
    common: &Common,
    program: &Program,
    log: &LogHandle,
) -> Result<Exit, Failed> {
    probes::arm();
    if arguments.stop_with_stdin {
        life_line::hold().map_err(|error| no_thread(&error))?;
    }
    let spider = find_spider(&arguments.spider, &program.spiders)?;
    let mut flags = arguments.flags;
    flags.identity.run = flags.identity.run.or(arguments.schedule);
    let mut settings = CommandSettings::combine(flags, &common.store, &common.file)?;
    settings.crawl.log_dir = common.log_dir();
    settings.crawl.supervised_at = arguments.supervised.as_ref().map(|folder| folder.join(ENDPOINT));
    settings.crawl.after_run = arguments.after_run;
    settings.last_metrics = arguments.supervised.map(|folder| folder.join(LAST_METRICS));
    if let Some(target) = &settings.output {
        target.check(&spider.items())?;
    }
    go(spider, &settings, program, log)
}

/// Crawls with these settings, or does the reparse that they ask for.
pub(super) fn go(
    spider: &Arc<dyn Spider>,
    settings: &CommandSettings,
    program: &Program,
    log: &LogHandle,
) -> Result<Exit, Failed> {
    let metrics = attended::metrics(&**spider, settings, log)?;
    let done = match attended::crawl(spider, program, settings, &metrics, log) {
        // The metrics file keeps the values of the last run. Those of this process would say that the crawl did nothing.
        Ok(Err(NoRun::NotDue(not_due))) => return nothing_to_do(&not_due, settings),
        Ok(Err(NoRun::FinishedBefore { name, run_id })) => return finished_before(&name, run_id, settings),
        Ok(Err(NoRun::Stopped)) => stopped_early(),
        Ok(Ok(attended)) => {
            // From here on, a signal may cut the rest off.
            metrics.ended(attended.ended.state(), Exit::from(attended.ended.outcome()).code());
            after(&attended, settings, &**spider, log)
        }
        Err(failed) => Err(failed),
    };
    metrics.leave(done.as_ref().map_or_else(|failed| failed.exit, |exit| *exit).code());
    done
}

fn stopped_early() -> Result<Exit, Failed> {
    print("stopped during start-up, before the first request; run the same command to start again\n")?;
    Ok(Exit::Stopped)
}

/// Says that another process has done it all.
fn finished_before(name: &str, run_id: i64, settings: &CommandSettings) -> Result<Exit, Failed> {
    tracing::info!(run = name, run_id, "another process has finished the run, so nothing is fetched");
    say_instead("another process has finished the run; nothing was fetched", "", settings)
}

/// Says why no run is due, and what to do about it.
fn nothing_to_do(not_due: &NotDue, settings: &CommandSettings) -> Result<Exit, Failed> {
    tracing::info!(
        run = not_due.name,
        run_id = not_due.run_id,
        finished_at = %timestamp_text(&not_due.finished_at),
        due_at = %timestamp_text(&not_due.due_at()),
        min_interval = text::duration(not_due.min_interval),
        hint = "--force-run starts a run now",
        "no run is due, so nothing is fetched"
    );
    say_instead(&format!("{NOT_DUE}{not_due}"), &format!("; {FORCE}"), settings)
}

/// Says, in place of a report, why there was no crawl, and what to do about it.
fn say_instead(why: &str, advice: &str, settings: &CommandSettings) -> Result<Exit, Failed> {
    match &settings.output {
        // Rows on stdout are for a program.
        Some(Target::Stdout) => {}
        Some(_) => print(&shown(&format!("{why}; nothing was exported{advice}\n")))?,
        None => print(&shown(&format!("{why}{advice}\n")))?,
    }
    Ok(Exit::Finished)
}

/// Prints the report, writes the export and tells those who want to know, all of it from the store. Returns the exit code.
pub(super) fn after(
    attended: &Attended,
    settings: &CommandSettings,
    spider: &dyn Spider,
    log: &LogHandle,
) -> Result<Exit, Failed> {
    let Attended { ended, signals } = attended;
    let is_stopped = ended.state() == RunState::Stopped;
    let time_left = ended.left_of_stop().saturating_sub(LAST_WORDS).max(LEAST_LEFT);
    let deadline = is_stopped.then(|| Instant::now() + time_left);
    let is_exporting = !is_stopped && settings.output.is_some();
    let cut_exit = if is_exporting { Exit::Error } else { ended.outcome().into() };
    let cut = signals.cut();
    let _aftermath =
        Aftermath::start(cut.clone(), deadline, cut_exit, log).map_err(|error| no_thread(&error))?;
    let blocking = Blocking::new()?.watched(ended.health()).until(&cut);
    let store = ended.open_store()?;
    let report = ended.report(&*store, &blocking);
    let not_exported = export_rows(ended, &*store, &blocking, &report, settings, spider).err();
    blocking.close(&*store, ended.reading_limit());

    // Rows on stdout are for a program, so the report then goes to the log.
    if settings.output == Some(Target::Stdout) {
        log.text(&report::render(&report, Paint::NONE), &report::render(&report, Paint::stderr()));
    } else if let Err(failed) = print(&shown(&report::render(&report, Paint::stdout()))) {
        // Only the report is lost, not the run.
        tracing::warn!("{}", failed.what);
    }
    let done = not_exported.map_or_else(|| exit_of(&report), Err);
    // A second signal means that nobody wants to wait any longer.
    if ended.outcome() != CrawlOutcome::Forced {
        let exit_code = done.as_ref().map_or_else(|failed| failed.exit, |exit| *exit).code();
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let limit = left.map_or(settings.notify.timeout, |left| left.saturating_sub(BEFORE_THE_DEADLINE));
        let notice = Notice { report: &report, exit_code };
        notify::send(&settings.notify, &settings.crawl.engine.client, &notice, limit, &blocking);
    }
    done
}

/// Writes the rows of a finished run to where its user wants them.
fn export_rows(
    ended: &Ended,
    store: &dyn Store,
    blocking: &Blocking,
    report: &CrawlReport,
    settings: &CommandSettings,
    spider: &dyn Spider,
) -> Result<(), Failed> {
    let Some(target) = &settings.output else { return Ok(()) };
    if ended.state() != RunState::Finished {
        tracing::warn!(
            "nothing was exported, because the run is not finished; run the same command to \
                        finish and export it"
        );
        return Ok(());
    }
    let run = RunInfo {
        run_id: report.run_id(),
        name: report.run_name().to_owned(),
        spider: spider.name().to_owned(),
        kind: dragline_core::RunKind::Crawl,
        state: ended.state(),
    };
    let rows = export::export(store, blocking, &run, &spider.items(), target)?;
    tracing::info!(rows, "exported");
    Ok(())
}

/// How the process ends, if nothing else goes wrong.
fn exit_of(report: &CrawlReport) -> Result<Exit, Failed> {
    if report.is_fruitless() {
        let hint = format!("`dragline runs show {}` shows their errors with URLs", report.run_id());
        return Err(Failed::error("no page was done, because every request failed").hint(hint));
    }
    if let Some(rule) = report.broken_rule() {
        let hint = format!(
            "the rows are stored; `dragline runs show {}` shows what their columns hold, next to the last run",
            report.run_id()
        );
        return Err(Failed::error(format!("the run is finished, but {rule}")).hint(hint));
    }
    if let Some(verdict) = report.verdict().filter(|verdict| !verdict.is_good()) {
        let hint = format!("`dragline runs show {}` shows the failed pages with URLs", report.run_id());
        let codes: Vec<&str> = verdict.problems.iter().map(|problem| problem.code.as_str()).collect();
        let first = verdict.problems.first().map_or("", |problem| problem.text.as_str());
        tracing::error!(problems = codes.join(" "), hint, "the run is finished with problems: {first}");
    }
    Ok(report.outcome().into())
}
