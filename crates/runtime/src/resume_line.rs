//! The first line of a crawl: whether a run is new or resumed, and how its last process ended.

use dragline_core::PageState;
use dragline_core::run_kind::RunKind;
use dragline_core::runs::REOPENED;
use dragline_core::store::{OpenedRun, Resumed, RunState};
use tracing::{info, warn};

/// Writes the line to the log.
pub(crate) fn say(name: &str, run: &OpenedRun) {
    let run_id = run.key.run_id;
    match &run.resumed {
        None => {
            let what = match run.key.kind {
                RunKind::Crawl | RunKind::Import => "new run",
                RunKind::Replay => "new replay: kept pages are read, and only the others are fetched",
                RunKind::Reparse => "new reparse: only kept pages are read",
            };
            info!(run = name, run_id, spider = &*run.key.spider, "{what}");
            if run.key.kind == RunKind::Replay && !run.has_kept_pages {
                warn!(
                    spider = &*run.key.spider,
                    "no run of this spider has kept a page, so the replay fetches all of them; crawl once with \
                     --keep-pages"
                );
            }
        }
        Some(resumed) => {
            let pages = &resumed.pages;
            info!(
                run = name,
                run_id,
                spider = &*run.key.spider,
                start = run.key.epoch,
                queued = pages.queued,
                done = pages.of(PageState::Done),
                failed = pages.of(PageState::Failed),
                skipped = pages.of(PageState::Skipped),
                dead = pages.of(PageState::Dead),
                "resuming: {}",
                last_end(resumed)
            );
        }
    }
}

/// How the last process ended.
fn last_end(resumed: &Resumed) -> String {
    let who = resumed
        .last_process
        .as_ref()
        .map_or_else(String::new, |process| format!(" (pid {} on {})", process.pid, process.hostname));
    let when = resumed
        .heartbeat_at
        .map_or_else(String::new, |at| format!("; its last heartbeat was at {}", at.format("%F %T UTC")));
    match (resumed.state, &resumed.stop_reason) {
        // These are by far the most common causes. A store that was away at the end is another.
        (RunState::Running, _) => {
            format!("the last process{who} did not record how it ended, so it was killed or crashed{when}")
        }
        (_, Some(reason)) if reason.starts_with(REOPENED) => format!("the run was {reason}"),
        (_, Some(reason)) => format!("the last process{who} stopped normally: {reason}"),
        (_, None) => format!("the last process{who} stopped normally"),
    }
}
