//! `dragline runs prune --changes-older-than TIME`: old rows of the change feed go.

use std::time::{Duration, Instant};

use dragline_core::counted::counted;
use dragline_core::probe::reach;
use dragline_core::prune::ROWS_PER_BATCH;

use super::Runs;
use crate::commands::print;
use crate::failed::Failed;

/// How often the log says how far it is.
const TOLD_EVERY: Duration = Duration::from_secs(5);

pub(super) fn run(older_than: Duration, dry_run: bool, runs: &Runs) -> Result<(), Failed> {
    if dry_run {
        let rows = runs.wait("counting changes", runs.admin.count_old_changes(older_than))?;
        return print(&format!("this would remove {} of the change feed\n", counted(rows, "row")));
    }
    let (mut removed, mut told_at) = (0, Instant::now());
    loop {
        let rows = runs.wait("removing changes", runs.admin.prune_changes(older_than, ROWS_PER_BATCH))?;
        reach("prune: batch done");
        removed += rows;
        if rows == 0 {
            return print(&format!("removed {} of the change feed\n", counted(removed, "row")));
        }
        if told_at.elapsed() >= TOLD_EVERY {
            told_at = Instant::now();
            tracing::info!(rows = removed, "removing changes; Ctrl-C stops it, and the same command goes on");
        }
    }
}
