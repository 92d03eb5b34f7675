//! Metrics of the export over OTLP itself.

use super::family::{Family, by, counter};
use crate::otlp::OtlpCounts;

pub(super) const TITLE: &str = "The export over OTLP";

/// Only if a collector is set.
pub(super) const FAMILIES: &[Family<OtlpCounts>] = &[
    by(
        &[("result", "`sent`, `dropped`")],
        counter(
            "dragline_otlp_traces_total",
            "Traces of pages that a collector took, or that were dropped because it was too slow or away.",
            |now, out| {
                out.count_of(&["sent"], now.sent());
                out.count_of(&["dropped"], now.dropped());
            },
        ),
    ),
    counter("dragline_otlp_failures_total", "Messages that the collector did not take.", |now, out| {
        out.count(now.failed());
    }),
];
