//! Metrics of the process: its log, its memory, its processor time.
//!
//! Memory and processor time don't use the usual names `process_…`, because the node exporter, which reads the
//! textfile, uses these names for itself.

use crate::logging::LogCounts;
use crate::usage::Usage;

use super::family::{Family, by, counter, gauge};

pub(super) const TITLE: &str = "The process";

pub(super) const LOG: &[Family<LogCounts>] = &[
    by(
        &[("level", "`error`, `warn`, `info`, `debug`, `trace`")],
        counter(
            "log_events_total",
            "Events in the log, including repeats that were held back.",
            |now, out| {
                for (level, count) in now.events() {
                    out.count_of(&[&level.to_lowercase()], count);
                }
            },
        ),
    ),
    counter(
        "dragline_log_repeats_total",
        "Events that were counted instead of written, because there were too many like them.",
        |now, out| {
            out.count(now.repeats());
        },
    ),
    by(
        &[("place", "`stderr`, `file`")],
        counter(
            "dragline_log_lines_dropped_total",
            "Log lines dropped because stderr or the log file was too slow.",
            |now, out| {
                out.count_of(&["stderr"], now.dropped());
                out.count_of(&["file"], now.dropped_by_file());
            },
        ),
    ),
];

/// Only on Linux.
pub(super) const USAGE: &[Family<Usage>] = &[
    gauge("dragline_resident_memory_bytes", "Resident memory.", |now, out| out.count(now.memory_bytes)),
    gauge("dragline_resident_memory_peak_bytes", "Peak resident memory.", |now, out| {
        out.count(now.memory_peak_bytes);
    }),
    counter("dragline_cpu_seconds_total", "Processor time of all threads, user and system.", |now, out| {
        out.value(now.cpu_seconds);
    }),
    gauge("dragline_threads", "Threads.", |now, out| out.count(now.threads)),
    gauge("dragline_open_files", "Open files and sockets.", |now, out| out.count(now.open_files)),
];
