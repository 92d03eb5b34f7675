//! The CRITICAL block: what exceeded which limit, the status of every part, the likely causes in order, and
//! what to look at. It is for someone who finds a crawl that doesn't stop or doesn't move, and who has never
//! seen its code.

use std::fmt::Write as _;

use crate::diagnosis::Diagnosis;

/// A step of the stop: requests in flight.
pub(crate) const DOWNLOADS: &str = "downloads";
/// A step of the stop: pages that spiders are parsing.
pub(crate) const CRAWL_THREADS: &str = "crawl threads";
/// A step of the stop: the last flush and the end of all sessions.
pub(crate) const PERSISTENCE: &str = "persistence";

/// A possible reason for a hang, and how to check it.
struct Cause {
    /// The step in which it appears.
    step: &'static str,
    what: &'static str,
    look_at: &'static str,
}

/// The most common reason comes first.
const CAUSES: [Cause; 4] = [
    Cause {
        step: CRAWL_THREADS,
        what: "a spider's parse does not return: a crawl thread above has been parsing for many seconds",
        look_at: "that spider's parse function with that URL",
    },
    Cause {
        step: PERSISTENCE,
        what: "the database or its disk hangs: flushes are pending above, or the persistence thread is silent",
        look_at: "the database's load, locks (pg_stat_activity, pg_locks) and disk; for SQLite, the disk \
                  with the file",
    },
    Cause {
        step: DOWNLOADS,
        what: "a name server, a proxy or the network hangs: requests are in flight above",
        look_at: "the DNS resolver and the network route of this machine or container",
    },
    Cause {
        step: "",
        what: "the machine is out of CPU or memory, or the process was suspended",
        look_at: "the container's limits, the load, and the kernel's log",
    },
];

/// The block. The cause that fits the current step comes first.
pub(crate) fn block(exceeded: &str, diagnosis: &Diagnosis) -> String {
    let (step, _) = diagnosis.step();
    let mut text = format!("CRITICAL: {exceeded}.\nWhere it stood:\n{}", diagnosis.render());
    text.push_str("Likely causes, most likely first, and what to look at:\n");
    for (number, Cause { what, look_at, .. }) in (1..).zip(ordered(step)) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {number}. {what}.\n     Look at {look_at}.");
    }
    text.push_str(
        "Nothing is lost: everything that was not stored is still queued. Run the same command to resume.\n",
    );
    text
}

fn ordered(step: &str) -> impl Iterator<Item = &'static Cause> {
    let (first, others): (Vec<_>, Vec<_>) = CAUSES.iter().partition(|cause| cause.step == step);
    first.into_iter().chain(others)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_that_fits_the_step_comes_first_and_none_is_left_out() {
        for step in [DOWNLOADS, CRAWL_THREADS, PERSISTENCE] {
            let steps: Vec<_> = ordered(step).map(|cause| cause.step).collect();
            assert_eq!((steps[0], steps.len()), (step, CAUSES.len()));
        }
        assert_eq!(ordered("crawl").next().map(|cause| cause.step), Some(CRAWL_THREADS));
    }
}
