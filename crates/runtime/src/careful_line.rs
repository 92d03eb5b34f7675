//! The line in the log that says that a start is careful, why, and what it does.

use dragline_core::counted::counted;
use dragline_core::store::OpenedRun;
use dragline_core::suspects::{CarefulStart, MAX_DEATHS, Suspect};
use tracing::warn;

/// Writes the line to the log, if the start is careful.
pub(crate) fn say(run: &OpenedRun) {
    let Some(careful) = &run.careful else { return };
    let CarefulStart { was_killed, suspects, .. } = careful;
    let why = if *was_killed {
        "the last process ended without recording how"
    } else {
        "an earlier process ended without recording how"
    };
    let minutes = careful.watches_for().as_secs().div_ceil(60);
    let marks = format!(
        "for {}, each page is marked in the store before it is fetched, so that a page that ends the process is found",
        counted(minutes, "minute")
    );
    let tried = if suspects.is_empty() {
        String::new()
    } else {
        let (pages, are) = (counted(suspects.len(), "page"), if suspects.len() == 1 { "is" } else { "are" });
        format!("; {pages} that it had in hand {are} tried one at a time")
    };
    warn!(suspects = suspects.len(), "{why}, so this start is careful: {marks}{tried}");
    for Suspect { queued, deaths } in suspects.iter().filter(|suspect| suspect.deaths > 0) {
        let url = queued.request.url().as_str();
        let what = if *deaths >= MAX_DEATHS {
            "it is given up now".to_owned()
        } else {
            format!(
                "it is tried again in {}, and given up after {MAX_DEATHS} times",
                counted(careful.settles_after().as_secs(), "second")
            )
        };
        warn!(url, deaths, "a process ended while this page was the only one in hand; {what}");
    }
}
