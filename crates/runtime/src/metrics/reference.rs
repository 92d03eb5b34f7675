//! The tables in `docs/metrics.md`, generated from the declarations.

use std::fmt::Write as _;

use super::family::{Family, Kind};
use super::{crawling, persistence, process, run, stopping, telemetry};

/// All metrics, group by group, in Markdown.
pub fn tables() -> String {
    let mut text = String::new();
    title(&mut text, run::TITLE);
    rows(&mut text, run::FAMILIES);
    title(&mut text, crawling::TITLE);
    rows(&mut text, crawling::FAMILIES);
    title(&mut text, persistence::TITLE);
    rows(&mut text, persistence::FAMILIES);
    title(&mut text, stopping::TITLE);
    rows(&mut text, stopping::FAMILIES);
    title(&mut text, process::TITLE);
    rows(&mut text, process::LOG);
    rows(&mut text, process::USAGE);
    title(&mut text, telemetry::TITLE);
    rows(&mut text, telemetry::FAMILIES);
    text.trim_start().to_owned()
}

// Writing to a String cannot fail.
fn title(text: &mut String, title: &str) {
    let _ = write!(text, "\n### {title}\n\n| metric | kind | labels | what |\n|---|---|---|---|\n");
}

fn rows<S>(text: &mut String, families: &[Family<S>]) {
    for Family { name, kind, help, labels, .. } in families {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let labels: Vec<_> = labels.iter().map(|(name, values)| format!("`{name}`: {values}")).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{} ", labels.join("; ")) };
        let _ = writeln!(text, "| `{name}` | {kind} | {labels}| {} |", help.trim_end_matches('.'));
    }
}
