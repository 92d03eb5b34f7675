//! `dragline runs retry` and `end`: reopen a run, or end it.

use std::fmt::Write as _;
use std::time::Duration;

use dragline_core::counted::counted;
use dragline_core::runs::{Requeue, Requeued, RunRecord};

use super::Runs;
use crate::arguments::RetryRun;
use crate::commands::print;
use crate::exit::Exit;
use crate::failed::Failed;

/// Millions of requests need some time, but a store that hangs must not take forever.
const RETRY_LIMIT: Duration = Duration::from_secs(3600);
/// The reason of a run that a person has ended.
const BY_HAND: &str = "ended by hand";

pub(super) fn run(arguments: &RetryRun, runs: &Runs) -> Result<Exit, Failed> {
    print(&requeued(arguments, runs)?)?;
    Ok(Exit::Finished)
}

/// Puts failed requests back, and says what was done.
pub(crate) fn requeued(arguments: &RetryRun, runs: &Runs) -> Result<String, Failed> {
    let run = runs.find(&arguments.run)?;
    runs.lock(&run)?;
    let ask = Requeue {
        run_id: run.run_id,
        statuses: arguments.status.clone(),
        reason: arguments.reason,
        error: arguments.error.clone(),
        host: arguments.host.as_deref().map(str::to_ascii_lowercase),
    };
    let work = runs.admin.requeue_failed(&ask);
    let done = runs.blocking.wait(&*runs.admin, "putting failed requests back", RETRY_LIMIT, work)?;
    Ok(told(&run, &done))
}

pub(super) fn end(run: &str, runs: &Runs) -> Result<Exit, Failed> {
    let run = runs.find(run)?;
    let (name, run_id) = (&run.name, run.run_id);
    runs.lock(&run)?;
    if !runs.wait("ending the run", runs.admin.give_up_run(run_id, BY_HAND))? {
        let state = run.state.as_str();
        return Err(Failed::error(format!("run {name} (id {run_id}) has already ended, as {state}"))
            .hint("you don't have to end it; the next crawl starts a new run"));
    }
    print(&format!(
        "run {name} (id {run_id}) is now failed: {BY_HAND}; the next crawl of this name starts a new run\n"
    ))?;
    Ok(Exit::Finished)
}

fn told(run: &RunRecord, done: &Requeued) -> String {
    let (name, run_id) = (&run.name, run.run_id);
    if done.requests == 0 {
        let mut text =
            format!("run {name} (id {run_id}) has no such failed requests, so nothing was changed\n");
        if done.is_reason_missing {
            text.push_str(
                "its requests that failed under an older version have no reason; use --status or --error\n",
            );
        }
        return text;
    }
    let mut text = format!(
        "run {name} (id {run_id}): {} {} queued again\n",
        counted(done.requests, "failed request"),
        if done.requests == 1 { "is" } else { "are" },
    );
    if let Some(reason) = &done.new_reason() {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "the run is {reason}");
        if done.reason.as_deref() == Some("limit") {
            let _ = writeln!(
                text,
                "it had reached its page limit, so with the same --limit it would end at once"
            );
        }
        if done.others_queued {
            let _ =
                writeln!(text, "other requests are still queued in this run, and they will be fetched too");
        }
    }
    text.push_str("run the same crawl command to resume it\n");
    text
}
