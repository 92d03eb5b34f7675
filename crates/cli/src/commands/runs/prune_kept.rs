//! `dragline runs prune --max-kept SIZE`: the oldest ended runs lose their kept pages, until the others have no more than that.

use std::fmt::Write as _;
use std::ops::ControlFlow;

use bytesize::ByteSize;
use dragline_core::counted::counted;
use dragline_core::probe::reach;
use dragline_core::prune::{
    BODIES_PER_BATCH, KEPT_PAGES_PER_BATCH, PrunableRun, PruneAsk, PruneCounts, PrunePart,
};

use super::prune::each_found;
use super::{Runs, standing};
use crate::arguments::PruneRuns;
use crate::commands::print;
use crate::commands::table::table;
use crate::failed::Failed;

/// How many marked runs are looked at again for each further one. Their answers may have stayed only because of that run.
const MARKED_RUNS: usize = 1_000;

/// Bytes for people.
pub(super) fn told(bytes: u64) -> String {
    ByteSize(bytes).display().iec().to_string()
}

pub(super) fn run(max_bytes: u64, arguments: &PruneRuns, runs: &Runs) -> Result<(), Failed> {
    let kept = kept_bytes(runs)?;
    if kept <= max_bytes {
        return print(&format!("{} are kept, no more than --max-kept {}\n", told(kept), told(max_bytes)));
    }
    if arguments.dry_run {
        would_prune(kept, max_bytes, arguments, runs)
    } else {
        prune(kept, max_bytes, arguments, runs)
    }
}

fn kept_bytes(runs: &Runs) -> Result<u64, Failed> {
    runs.wait("adding up the kept pages", runs.admin.kept_bytes())
}

/// Gives the ended runs that have kept pages to `each`, the oldest first.
fn each_run(
    arguments: &PruneRuns,
    runs: &Runs,
    each: impl FnMut(&PrunableRun) -> Result<ControlFlow<()>, Failed>,
) -> Result<(), Failed> {
    let ask = PruneAsk {
        name: arguments.run.clone(),
        spider: arguments.spider.clone(),
        with_kept_pages: true,
        ..PruneAsk::default()
    };
    each_found(ask, runs, each)
}

fn would_prune(kept: u64, max_bytes: u64, arguments: &PruneRuns, runs: &Runs) -> Result<(), Failed> {
    let (mut left, mut rows) = (kept, Vec::new());
    each_run(arguments, runs, |run| {
        if left <= max_bytes {
            return Ok(ControlFlow::Break(()));
        }
        let counts = runs.wait("counting", runs.admin.count_prunable(run.run_id, false))?;
        if counts.kept_pages > 0 {
            left = left.saturating_sub(counts.kept_bytes);
            rows.push([
                run.run_id.to_string(),
                run.name.clone(),
                standing::moment(&run.finished_at),
                counts.kept_pages.to_string(),
                told(counts.kept_bytes),
            ]);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let runs = counted(rows.len() as u64, "run");
    let mut text = table(["id", "run", "ended", "kept pages", "their bytes"], rows);
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "this would remove the kept pages of {runs}: at least {} of {}\nnothing was removed, because of --dry-run",
        told(kept - left),
        told(kept)
    );
    print(&text)
}

fn prune(kept: u64, max_bytes: u64, arguments: &PruneRuns, runs: &Runs) -> Result<(), Failed> {
    let (mut left, mut pruned, mut all) = (kept, 0, PruneCounts::default());
    let mut marked: Vec<i64> = Vec::new();
    each_run(arguments, runs, |run| {
        if left <= max_bytes {
            return Ok(ControlFlow::Break(()));
        }
        let begin = runs.admin.begin_prune_kept(run.run_id);
        if !runs.wait("marking the run as one that loses its kept pages", begin)? {
            return Ok(ControlFlow::Continue(()));
        }
        marked.push(run.run_id);
        let mut removed = PruneCounts::default();
        for run_id in marked.iter().rev().take(MARKED_RUNS) {
            remove(*run_id, runs, &mut removed)?;
        }
        left = left.saturating_sub(removed.kept_bytes);
        pruned += u64::from(removed.kept_pages > 0);
        all.add_all(&removed);
        Ok(ControlFlow::Continue(()))
    })?;
    let mut text = format!(
        "removed {} ({}) of {}; {} are still kept\n",
        counted(all.kept_pages, "kept page"),
        told(all.kept_bytes),
        counted(pruned, "run"),
        told(left)
    );
    if left > max_bytes {
        text.push_str(
            "that is still more than --max-kept: the rest belongs to runs that have not ended, that need it, or that \
             were not asked for\n",
        );
    }
    text.push_str(&runs.admin.freed_space());
    print(&(text + "\n"))
}

/// Removes kept pages of a run that was pruned before, and counts those that still stay.
pub(super) fn remove_from_pruned(run_id: i64, runs: &Runs) -> Result<PruneCounts, Failed> {
    let mut removed = PruneCounts::default();
    remove(run_id, runs, &mut removed)?;
    let left = runs.wait("counting", runs.admin.count_prunable(run_id, false))?;
    removed.kept_staying = left.kept_staying;
    runs.wait("ending the pruning", runs.admin.end_prune(run_id))?;
    Ok(removed)
}

/// Removes the kept pages of a marked run, except those that other runs need.
fn remove(run_id: i64, runs: &Runs, removed: &mut PruneCounts) -> Result<(), Failed> {
    let mut next = Some(PrunePart::KeptPages { after: None });
    while let Some(part) = next {
        let batch = runs.admin.prune_batch(run_id, &part, KEPT_PAGES_PER_BATCH);
        let batch = runs.wait("pruning", batch)?;
        reach("prune: batch done");
        removed.add(&part, &batch);
        next = batch.next;
    }
    Ok(())
}

/// Removes bodies that no kept page refers to. People who delete rows by hand leave some.
pub(super) fn remove_loose_bodies(runs: &Runs) -> Result<(), Failed> {
    let (mut after, mut bodies, mut bytes) = (None, 0, 0);
    loop {
        let batch = runs.admin.prune_bodies(after, BODIES_PER_BATCH);
        let batch = runs.wait("looking for bodies without pages", batch)?;
        bodies += batch.bodies;
        bytes += batch.bytes;
        after = batch.next;
        if after.is_none() {
            break;
        }
    }
    if bodies > 0 {
        print(&format!(
            "removed {} ({}) that no kept page had any more\n",
            counted(bodies, "body"),
            told(bytes)
        ))?;
    }
    Ok(())
}
