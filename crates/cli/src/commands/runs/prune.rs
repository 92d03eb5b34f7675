//! `dragline runs prune`: removes what old runs no longer need.
//!
//! A signal ends this process at once, as it ends every command but a crawl. Each batch is a transaction, so nothing is half done,
//! and the next call goes on.

use std::fmt::Write as _;
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
use super::{Runs, standing};
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
    if arguments.dry_run { would_prune(arguments, runs) } else { prune(arguments, runs, spiders) }
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
    let mut ask = PruneAsk {
        keep: arguments.keep,
        older_than: arguments.older_than,
        name: arguments.run.clone(),
        spider: arguments.spider.clone(),
        after: 0,
        limit: RUNS_PER_READ,
    };
    loop {
        let found = runs.wait("looking for runs to prune", runs.admin.prunable_runs(&ask))?;
        let Some(last) = found.last() else { return Ok(()) };
        ask.after = last.run_id;
        found.iter().try_for_each(&mut each)?;
    }
}

fn count(run: &PrunableRun, arguments: &PruneRuns, runs: &Runs) -> Result<PruneCounts, Failed> {
    runs.wait("counting", runs.admin.count_prunable(run.run_id, arguments.letters))
}

fn would_prune(arguments: &PruneRuns, runs: &Runs) -> Result<Exit, Failed> {
    let (mut rows, mut all, mut staying) = (Vec::new(), PruneCounts::default(), 0);
    each_run(arguments, runs, |run| {
        let mut counts = count(run, arguments, runs)?;
        if !arguments.letters {
            staying += std::mem::take(&mut counts.dead_letters);
        }
        if counts.all() > 0 {
            all.add_all(&counts);
            let PruneCounts { requests, kept_pages, dead_letters, .. } = counts;
            let counts = [requests, kept_pages, dead_letters].map(|count| count.to_string());
            let [requests, kept_pages, dead_letters] = counts;
            let ended = standing::moment(&run.finished_at);
            let state = run.state.as_str().to_owned();
            rows.push([
                run.run_id.to_string(),
                run.name.clone(),
                state,
                ended,
                requests,
                kept_pages,
                dead_letters,
            ]);
        }
        Ok(())
    })?;
    let mut text = String::new();
    if !rows.is_empty() {
        let headings = ["id", "run", "state", "ended", "requests", "kept pages", "letters"];
        let runs = rows.len() as u64;
        text = table(headings, rows);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "this would remove {} of {}", told(&all), counted(runs, "run"));
    }
    text.push_str(if all.all() == 0 { NOTHING } else { "nothing was removed, because of --dry-run\n" });
    print(&(text + &letters_stay(staying)))?;
    Ok(Exit::Finished)
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

fn prune(arguments: &PruneRuns, runs: &Runs, spiders: &[Arc<dyn Spider>]) -> Result<Exit, Failed> {
    let began = Instant::now();
    let (mut all, mut pruned, mut staying) = (PruneCounts::default(), 0, 0);
    each_run(arguments, runs, |run| {
        let before = count(run, arguments, runs)?;
        let has_letters = before.dead_letters > 0;
        let to_remove = before.all() - if arguments.letters { 0 } else { before.dead_letters };
        if !arguments.letters {
            staying += before.dead_letters;
        }
        if to_remove == 0 {
            // Its rows were deleted by hand, or it had none. It is not looked at again if nothing of it is left.
            if !has_letters {
                let figures = figures(run, runs, spiders)?;
                let begin = runs.admin.begin_prune(run.run_id, false, figures.as_ref());
                runs.wait("marking the run as pruned", begin)?;
                runs.wait("ending the pruning", runs.admin.end_prune(run.run_id))?;
            }
            return Ok(());
        }
        let Some(removed) = prune_one(run, arguments, runs, spiders, to_remove)? else { return Ok(()) };
        pruned += 1;
        all.add_all(&removed);
        print(&format!("run {} (id {}): removed {}\n", run.name, run.run_id, told(&removed)))
    })?;
    let mut text = if pruned == 0 {
        NOTHING.to_owned()
    } else {
        format!(
            "pruned {} in {:.1} s: removed {}\n{}\n",
            counted(pruned, "run"),
            began.elapsed().as_secs_f64(),
            told(&all),
            runs.admin.freed_space()
        )
    };
    text.push_str(&letters_stay(staying));
    print(&text)?;
    Ok(Exit::Finished)
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
        Some(PrunePart::KeptPages),
        Some(PrunePart::Requests { after: None }),
        Some(PrunePart::Cookies),
        Some(PrunePart::Hosts),
    ];
    let (mut removed, mut told_at) = (PruneCounts::default(), Instant::now());
    for part in parts.into_iter().flatten() {
        let mut next = Some(part);
        while let Some(part) = next {
            let max_rows = if part == PrunePart::KeptPages { KEPT_PAGES_PER_BATCH } else { ROWS_PER_BATCH };
            let batch = runs.wait("pruning", runs.admin.prune_batch(run.run_id, &part, max_rows))?;
            reach("prune: batch done");
            removed.add(&part, batch.rows);
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
    let PruneCounts { requests, kept_pages, dead_letters, cookies, hosts } = *counts;
    let mut parts = vec![counted(requests, "request")];
    for (count, what) in
        [(kept_pages, "kept page"), (dead_letters, "dead letter"), (cookies, "cookie"), (hosts, "host note")]
    {
        if count > 0 {
            parts.push(counted(count, what));
        }
    }
    parts.join(", ")
}
