//! `dragline runs prune`: removes what old runs no longer need.
//!
//! A signal ends this process at once, as it ends every command but a crawl. Each batch is a transaction, so nothing is half done,
//! and the next call goes on.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dragline_core::Spider;
use dragline_core::counted::counted;
use dragline_core::probe::reach;
use dragline_core::prune::{
    KEPT_PAGES_PER_BATCH, PrunableRun, PruneAsk, PruneCounts, PrunePart, ROWS_PER_BATCH,
};
use dragline_core::runs::RunAsk;

use super::list::figures_now;
use super::show::items_of;
use super::{Runs, prune_changes, prune_kept, standing};
use crate::arguments::PruneRuns;
use crate::commands::print;
use crate::commands::table::table;
use crate::exit::Exit;
use crate::failed::Failed;
use crate::probes;

/// How many runs are read at once.
const RUNS_PER_READ: usize = 100;
/// How often the log says how far it is.
const TOLD_EVERY: Duration = Duration::from_secs(5);

pub(super) fn run(arguments: &PruneRuns, runs: &Runs, spiders: &[Arc<dyn Spider>]) -> Result<Exit, Failed> {
    probes::arm();
    check_filters(arguments, runs)?;
    let prunes_runs = arguments.keep.is_some() || arguments.older_than.is_some();
    match (arguments.dry_run, prunes_runs) {
        (true, true) => would_prune(arguments, runs)?,
        (false, true) => prune(arguments, runs, spiders)?,
        (_, false) => {}
    }
    if !arguments.dry_run {
        prune_kept::remove_loose_bodies(runs)?;
    }
    if let Some(max_bytes) = arguments.max_kept {
        prune_kept::run(max_bytes as u64, arguments, runs)?;
    }
    if let Some(older_than) = arguments.changes_older_than {
        prune_changes::run(older_than, arguments.dry_run, runs)?;
    }
    Ok(Exit::Finished)
}

/// A name that no run has is probably a typo.
fn check_filters(arguments: &PruneRuns, runs: &Runs) -> Result<(), Failed> {
    for (what, name, ask) in [
        ("of the name", &arguments.run, RunAsk { name: arguments.run.clone(), ..RunAsk::default() }),
        (
            "of the spider",
            &arguments.spider,
            RunAsk { spider: arguments.spider.clone(), ..RunAsk::default() },
        ),
    ] {
        if let Some(name) = name
            && runs.list(&RunAsk { limit: 1, ..ask })?.is_empty()
        {
            let problem = format!("{} has no run {what} {name:?}", runs.admin.location());
            return Err(Failed::error(problem)
                .hint("`dragline runs list` shows the names and the spiders of all runs"));
        }
    }
    Ok(())
}

/// Gives each run to `each`, the oldest first.
fn each_run(
    arguments: &PruneRuns,
    runs: &Runs,
    mut each: impl FnMut(&PrunableRun) -> Result<(), Failed>,
) -> Result<(), Failed> {
    let asked = PruneAsk {
        keep: arguments.keep,
        older_than: arguments.older_than,
        name: arguments.run.clone(),
        spider: arguments.spider.clone(),
        ..PruneAsk::default()
    };
    each_found(asked, runs, |run| each(run).map(ControlFlow::Continue))
}

/// Gives each run that is found to `each`, the oldest first, until it breaks.
pub(super) fn each_found(
    asked: PruneAsk,
    runs: &Runs,
    mut each: impl FnMut(&PrunableRun) -> Result<ControlFlow<()>, Failed>,
) -> Result<(), Failed> {
    let mut ask = PruneAsk { limit: RUNS_PER_READ, ..asked };
    loop {
        let found = runs.wait("looking for runs to prune", runs.admin.prunable_runs(&ask))?;
        let Some(last) = found.last() else { return Ok(()) };
        ask.after = last.run_id;
        for run in &found {
            if each(run)?.is_break() {
                return Ok(());
            }
        }
    }
}

fn count(run: &PrunableRun, arguments: &PruneRuns, runs: &Runs) -> Result<PruneCounts, Failed> {
    runs.wait("counting", runs.admin.count_prunable(run.run_id, arguments.letters))
}

fn would_prune(arguments: &PruneRuns, runs: &Runs) -> Result<(), Failed> {
    let (mut rows, mut all, mut staying, mut kept_staying) = (Vec::new(), PruneCounts::default(), 0, 0);
    each_run(arguments, runs, |run| {
        let mut counts = count(run, arguments, runs)?;
        if !arguments.letters {
            staying += std::mem::take(&mut counts.dead_letters);
        }
        kept_staying += counts.kept_staying;
        if counts.all() > 0 {
            all.add_all(&counts);
            let PruneCounts { requests, kept_pages, kept_bytes, dead_letters, .. } = counts;
            let counts = [requests, kept_pages, dead_letters].map(|count| count.to_string());
            let [requests, kept_pages, dead_letters] = counts;
            let kept_bytes = prune_kept::told(kept_bytes);
            let ended = standing::moment(&run.finished_at);
            let state = run.state.as_str().to_owned();
            rows.push([
                run.run_id.to_string(),
                run.name.clone(),
                state,
                ended,
                requests,
                kept_pages,
                kept_bytes,
                dead_letters,
            ]);
        }
        Ok(())
    })?;
    let mut text = String::new();
    if !rows.is_empty() {
        let headings = ["id", "run", "state", "ended", "requests", "kept pages", "their bytes", "letters"];
        let runs = rows.len() as u64;
        text = table(headings, rows);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "this would remove {} of {}", told(&all), counted(runs, "run"));
    }
    text.push_str(if all.all() == 0 { NOTHING } else { "nothing was removed, because of --dry-run\n" });
    print(&(text + &letters_stay(staying) + &kept_stay(kept_staying)))
}

/// The answer when there is nothing to do.
const NOTHING: &str = "there is nothing to prune\n";

fn letters_stay(letters: u64) -> String {
    match letters {
        0 => String::new(),
        _ => format!(
            "{} and the requests of their pages stay: `dragline dead-letters retry` stores them, and --letters \
             removes them\n",
            counted(letters, "dead letter")
        ),
    }
}

fn kept_stay(pages: u64) -> String {
    match pages {
        0 => String::new(),
        _ => format!(
            "{} of these runs {}, because later runs found the pages unchanged and need them, or because a replay or \
             reparse has not ended\n",
            counted(pages, "kept page"),
            if pages == 1 { "stays" } else { "stay" }
        ),
    }
}

fn prune(arguments: &PruneRuns, runs: &Runs, spiders: &[Arc<dyn Spider>]) -> Result<(), Failed> {
    let began = Instant::now();
    let (mut all, mut pruned, mut staying) = (PruneCounts::default(), BTreeSet::new(), 0);
    // Their kept pages may have stayed only because of a run that is pruned after them.
    let mut with_kept_pages: Vec<(i64, String)> = Vec::new();
    each_run(arguments, runs, |run| {
        let before = count(run, arguments, runs)?;
        let has_letters = before.dead_letters > 0;
        let to_remove = before.all() - if arguments.letters { 0 } else { before.dead_letters };
        if !arguments.letters {
            staying += before.dead_letters;
        }
        if before.kept_staying > 0 {
            with_kept_pages.push((run.run_id, run.name.clone()));
        }
        if to_remove == 0 {
            // Its rows were deleted by hand, or it had none. It is not looked at again if nothing of it is left.
            if !has_letters && before.kept_staying == 0 {
                let figures = figures(run, runs, spiders)?;
                let begin = runs.admin.begin_prune(run.run_id, false, figures.as_ref());
                runs.wait("marking the run as pruned", begin)?;
                runs.wait("ending the pruning", runs.admin.end_prune(run.run_id))?;
            }
            return Ok(());
        }
        let Some(removed) = prune_one(run, arguments, runs, spiders, to_remove)? else { return Ok(()) };
        pruned.insert(run.run_id);
        all.add_all(&removed);
        print(&format!("run {} (id {}): removed {}\n", run.name, run.run_id, told(&removed)))
    })?;
    let mut kept_staying = 0;
    for (run_id, name) in with_kept_pages {
        let removed = prune_kept::remove_from_pruned(run_id, runs)?;
        if removed.kept_pages > 0 {
            pruned.insert(run_id);
            all.add_all(&removed);
            print(&format!("run {name} (id {run_id}): removed {}\n", told(&removed)))?;
        }
        kept_staying += removed.kept_staying;
    }
    let mut text = if pruned.is_empty() {
        NOTHING.to_owned()
    } else {
        format!(
            "pruned {} in {:.1} s: removed {}\n{}\n",
            counted(pruned.len() as u64, "run"),
            began.elapsed().as_secs_f64(),
            told(&all),
            runs.admin.freed_space()
        )
    };
    text.push_str(&letters_stay(staying));
    text.push_str(&kept_stay(kept_staying));
    print(&text)
}

/// What the run held, if that was not counted when it ended. Afterwards it can't be counted any more.
fn figures(
    run: &PrunableRun,
    runs: &Runs,
    spiders: &[Arc<dyn Spider>],
) -> Result<Option<dragline_core::run_verdict::EndFigures>, Failed> {
    if run.figures.is_some() {
        return Ok(None);
    }
    // Without the spider, only the rows in `crawl_items` can be counted.
    let items = items_of(&run.spider, spiders).unwrap_or_default();
    figures_now(run.run_id, runs, &items).map(Some)
}

/// Prunes one run, `to_remove` rows. `None` if it has been opened again since it was found.
fn prune_one(
    run: &PrunableRun,
    arguments: &PruneRuns,
    runs: &Runs,
    spiders: &[Arc<dyn Spider>],
    to_remove: u64,
) -> Result<Option<PruneCounts>, Failed> {
    let figures = figures(run, runs, spiders)?;
    let begin = runs.admin.begin_prune(run.run_id, arguments.letters, figures.as_ref());
    if !runs.wait("marking the run as pruned", begin)? {
        return Ok(None);
    }
    let parts = [
        arguments.letters.then_some(PrunePart::DeadLetters),
        Some(PrunePart::KeptPages { after: None }),
        Some(PrunePart::Requests { after: None }),
        Some(PrunePart::Cookies),
        Some(PrunePart::Hosts),
    ];
    let (mut removed, mut told_at) = (PruneCounts::default(), Instant::now());
    for part in parts.into_iter().flatten() {
        let mut next = Some(part);
        while let Some(part) = next {
            let max_rows = match part {
                PrunePart::KeptPages { .. } => KEPT_PAGES_PER_BATCH,
                _ => ROWS_PER_BATCH,
            };
            let batch = runs.wait("pruning", runs.admin.prune_batch(run.run_id, &part, max_rows))?;
            reach("prune: batch done");
            removed.add(&part, &batch);
            next = batch.next;
            if told_at.elapsed() >= TOLD_EVERY {
                told_at = Instant::now();
                tracing::info!(
                    run = run.name,
                    run_id = run.run_id,
                    rows = removed.all(),
                    of = to_remove,
                    "pruning; Ctrl-C stops it, and the same command goes on"
                );
            }
        }
    }
    runs.wait("ending the pruning", runs.admin.end_prune(run.run_id))?;
    Ok(Some(removed))
}

/// `120 requests, 3 kept pages`.
fn told(counts: &PruneCounts) -> String {
    let PruneCounts { requests, kept_pages, kept_bytes, dead_letters, cookies, hosts, .. } = *counts;
    let mut parts = Vec::new();
    if requests > 0 || counts.all() == 0 {
        parts.push(counted(requests, "request"));
    }
    if kept_pages > 0 {
        parts.push(format!("{} ({})", counted(kept_pages, "kept page"), prune_kept::told(kept_bytes)));
    }
    for (count, what) in [(dead_letters, "dead letter"), (cookies, "cookie"), (hosts, "host note")] {
        if count > 0 {
            parts.push(counted(count, what));
        }
    }
    parts.join(", ")
}
