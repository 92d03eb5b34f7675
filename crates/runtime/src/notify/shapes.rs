//! What a message says, and its shape for Slack, for Discord and for any other program.

use dragline_core::PageState;
use dragline_core::item_figures::FigureDrop;
use dragline_core::run_verdict::RunVerdict;
use dragline_core::secrets;
use serde_json::{Map, Value as Json, json};

use crate::outcome::CrawlOutcome;
use crate::report::CrawlReport;

/// Discord takes 2,000 characters. Slack shortens a message later.
const MAX_TEXT_CHARS: usize = 1_900;
/// The number of problems and drops that have a line. `runs show` has all of them.
const MAX_TOLD: usize = 10;

/// The shape of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotifyFormat {
    /// `{"text": …}`, as Slack and Mattermost read it.
    Slack,
    /// `{"content": …}`, as Discord reads it.
    Discord,
    /// The facts of the run as JSON, for a program.
    Plain,
}

impl NotifyFormat {
    /// The format that the server of this name reads.
    pub fn of_host(host: &str) -> Self {
        let is_at = |domain: &str| {
            host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        match host {
            _ if is_at("slack.com") || is_at("slack-gov.com") => Self::Slack,
            _ if is_at("discord.com") || is_at("discordapp.com") => Self::Discord,
            _ => Self::Plain,
        }
    }
}

/// How a run ended.
pub struct Notice<'a> {
    /// Its report.
    pub report: &'a CrawlReport,
    /// The exit code that the process will have.
    pub exit_code: u8,
}

impl Notice<'_> {
    /// The message, without secrets.
    pub(super) fn message(&self, format: NotifyFormat) -> String {
        let mut message = match format {
            NotifyFormat::Slack => json!({ "text": escaped_for_slack(&self.text()) }),
            // Nobody is called by a text that a site has written.
            NotifyFormat::Discord => json!({ "content": self.text(), "allowed_mentions": { "parse": [] } }),
            NotifyFormat::Plain => self.facts(),
        };
        secrets::hide_in_json(&mut message);
        message.to_string()
    }

    /// The first line says whether somebody has to do something.
    fn text(&self) -> String {
        let report = self.report;
        let word = match report.verdict() {
            Some(verdict) if verdict.is_good() && report.drops().is_empty() => "good",
            Some(verdict) if verdict.is_good() => "good, but the site may have changed",
            Some(_) => "problems",
            None if report.outcome() == CrawlOutcome::Stopped => "stopped; the same command resumes it",
            None => "not judged",
        };
        let mut lines = vec![format!(
            "{} (run {}): {}, {word}, exit code {}",
            report.run_name(),
            report.run_id(),
            report.state().as_str(),
            self.exit_code
        )];
        if report.reason() != report.state().as_str() {
            lines.push(format!("reason: {}", report.reason()));
        }
        let told = report.verdict().into_iter().flat_map(|verdict| &verdict.problems);
        let told =
            told.map(|problem| problem.text.clone()).chain(report.drops().iter().map(FigureDrop::text));
        let told: Vec<String> = told.collect();
        lines.extend(told.iter().take(MAX_TOLD).map(|text| format!("• {text}")));
        if let Some(more) = told.len().checked_sub(MAX_TOLD).filter(|more| *more > 0) {
            lines.push(format!("… and {more} more"));
        }
        if let Some(queued) = report.queued() {
            let pages = PageState::ALL.map(|state| (state, report.pages(state).unwrap_or_default()));
            let pages = pages.iter().filter(|(_, count)| *count > 0);
            let pages: Vec<String> = pages.map(|(state, count)| format!("{state} {count}")).collect();
            lines.push(format!("pages: {}, queued {queued}", pages.join(", ")));
            let items = report.items().unwrap_or_default().iter();
            let items: Vec<String> = items.map(|(name, count)| format!("{name} {count}")).collect();
            lines.push(format!(
                "items: {}",
                if items.is_empty() { "none".to_owned() } else { items.join(", ") }
            ));
        }
        for (rows, what) in [(report.gone(), "removed"), (report.marked(), "marked")] {
            let rows: Vec<String> = rows.iter().map(|(name, rows)| format!("{name} {rows}")).collect();
            if !rows.is_empty() {
                lines.push(format!("gone rows {what}: {}", rows.join(", ")));
            }
        }
        lines.push(format!("took: {:.1} s", report.elapsed().as_secs_f64()));
        shortened(&lines.join("\n"))
    }

    fn facts(&self) -> Json {
        let report = self.report;
        let pages: Option<Map<String, Json>> = report.queued().map(|queued| {
            let of = |state| (state, report.pages(state).unwrap_or_default());
            let ended = PageState::ALL.map(of).map(|(state, count)| (state.to_string(), Json::from(count)));
            ended.into_iter().chain([("queued".to_owned(), queued.into())]).collect()
        });
        let items: Option<Map<String, Json>> = report
            .items()
            .map(|items| items.iter().map(|(name, count)| (name.clone(), Json::from(*count))).collect());
        let drops: Vec<Json> = report.drops().iter().map(FigureDrop::to_json).collect();
        json!({
            "event": "run_ended",
            "run_id": report.run_id(),
            "run": report.run_name(),
            "spider": report.spider(),
            "state": report.state().as_str(),
            "reason": report.reason(),
            "exit_code": self.exit_code,
            "verdict": report.verdict().map(RunVerdict::as_str),
            "problems": report.verdict().map_or_else(|| json!([]), RunVerdict::problems_json),
            "drops": drops,
            "pages": pages,
            "items": items,
            "gone": report.gone(),
            "marked": report.marked(),
            "dead_letters": report.dead_letters(),
            "kind": report.kind().as_str(),
            "pages_fetched": report.pages_fetched(),
            "pages_read": report.pages_read(),
            "seconds": report.elapsed().as_secs_f64(),
            "text": self.text(),
        })
    }
}

/// Slack reads these three characters as markup.
fn escaped_for_slack(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_TEXT_CHARS - 1) {
        Some((end, _)) if end < text.len() => format!("{}…", &text[..end]),
        _ => text.to_owned(),
    }
}
