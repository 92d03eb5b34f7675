//! The progress display: rows of a terminal, in its current width.
//!
//! Nothing is left out on a narrow terminal. Facts that don't fit into a row go to the next one.

use std::fmt::Write as _;
use std::time::Duration;

use bytesize::ByteSize;
use dragline_core::PageState;
use dragline_core::counted::noun_of;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::figures::Figures;
use crate::visible::is_obeyed;

/// No terminal is narrower than this.
const LEAST_COLUMNS: usize = 20;
/// The largest width of a limit's bar.
const MAX_BAR: usize = 40;
const BETWEEN: &str = " · ";

/// The rows, for a terminal of this size.
pub(super) fn rows(figures: &Figures, with_hosts: bool, (columns, height): (u16, u16)) -> Vec<String> {
    // On some terminals, a row that fills the last column continues on the next row.
    let columns = usize::from(columns).saturating_sub(1).max(LEAST_COLUMNS);
    let mut rows = flow(&facts(figures), columns);
    if let Some(limit) = figures.limit {
        rows.extend(limit_rows(figures, limit, columns));
    }
    if with_hosts {
        rows.extend(host_rows(figures, columns));
    }
    let most = usize::from(height).saturating_sub(2).max(1);
    if rows.len() > most {
        rows.truncate(most);
    }
    rows
}

fn facts(figures: &Figures) -> Vec<String> {
    let pages = &figures.pages;
    let count = |state| number(pages.of(state));
    let mut facts = vec![
        figures.spider.clone(),
        format!("{} done", count(PageState::Done)),
        format!("{} failed", count(PageState::Failed)),
        format!("{} skipped", count(PageState::Skipped)),
    ];
    if pages.of(PageState::Dead) > 0 {
        facts.push(format!("{} dead", count(PageState::Dead)));
    }
    facts.extend([
        counted(figures.items, "item"),
        format!("{:.1} pages/s", figures.pages_per_second),
        format!("{}/s", bytes(figures.bytes_per_second)),
        format!("{} queued ({} in the window)", number(pages.queued), number(figures.window)),
        format!("{} in flight", number(figures.in_flight)),
    ]);
    if figures.waiting_hosts > 0 {
        facts.push(format!("{} waiting", counted(figures.waiting_hosts, "host")));
    }
    if figures.retries > 0 {
        facts.push(counted(figures.retries, "retry"));
    }
    facts.push(counted(figures.errors, "error"));
    facts.push(match figures.outage {
        Some(outage) => format!("STORE AWAY for {}", time(outage)),
        None => format!("last commit {:.1} s ago", figures.last_commit.as_secs_f64()),
    });
    if let Some(outage) = figures.network_outage {
        facts.push(format!("NETWORK AWAY for {}", time(outage)));
    }
    facts.push(time(figures.elapsed));
    facts
}

/// The facts in as few rows as possible.
fn flow(facts: &[String], columns: usize) -> Vec<String> {
    let mut rows: Vec<String> = Vec::new();
    for fact in facts {
        match rows.last_mut() {
            Some(row) if row.width() + BETWEEN.width() + fact.width() <= columns => {
                row.push_str(BETWEEN);
                row.push_str(fact);
            }
            _ => rows.push(shorten(fact, columns)),
        }
    }
    rows
}

fn limit_rows(figures: &Figures, limit: u64, columns: usize) -> Vec<String> {
    let done = figures.pages.of(PageState::Done).min(limit);
    let percent = done * 100 / limit.max(1);
    let mut words = vec![format!("{percent} % of {}", counted(limit, "page"))];
    match figures.left {
        Some(left) => words.push(format!("about {} left", time(left))),
        None => words.push("time left unknown".to_owned()),
    }
    let text = words.join(", ");
    let room = columns.saturating_sub(text.width() + 3).min(MAX_BAR);
    if room < 10 {
        return flow(&words, columns);
    }
    let full = usize::try_from(done * room as u64 / limit.max(1)).unwrap_or(room).min(room);
    vec![format!("[{}{}] {text}", "=".repeat(full), " ".repeat(room - full))]
}

fn host_rows(figures: &Figures, columns: usize) -> Vec<String> {
    let hosts = &figures.hosts;
    let widest = hosts.busiest.iter().map(|host| host.name.width()).max().unwrap_or(0).min(columns / 2);
    let mut rows: Vec<String> = hosts
        .busiest
        .iter()
        .map(|host| {
            let name = shorten(&host.name, widest);
            let gap = " ".repeat(widest - name.width());
            let mut row =
                format!("  {name}{gap}  {} in flight, {} waiting", host.in_flight, number(host.queued));
            if let Some((rest, why)) = host.rests_for {
                let _ = write!(row, ", next in {:.1} s ({})", rest.as_secs_f64(), why.as_str());
            }
            shorten(&row, columns)
        })
        .collect();
    if hosts.others > 0 {
        rows.push(shorten(&format!("  … and {}", counted(hosts.others as u64, "more host")), columns));
    }
    rows
}

/// Cuts a text to this many columns. Removes control characters, because a terminal would obey them.
fn shorten(text: &str, columns: usize) -> String {
    let text: String = text.chars().map(|c| if c.is_control() || is_obeyed(c) { '?' } else { c }).collect();
    if text.width() <= columns {
        return text;
    }
    let (mut short, mut width) = (String::new(), 0);
    for c in text.chars() {
        width += c.width().unwrap_or(0);
        if width >= columns {
            break;
        }
        short.push(c);
    }
    short.push('…');
    short
}

/// `1,234 hosts`.
fn counted(count: u64, noun: &str) -> String {
    format!("{} {}", number(count), noun_of(count == 1, noun))
}

/// `1,234,567`.
fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a rate is neither negative nor beyond 64 bits
fn bytes(per_second: f64) -> String {
    ByteSize(per_second as u64).display().iec().to_string()
}

/// A duration in whole seconds: `4m 11s`.
fn time(time: Duration) -> String {
    humantime::format_duration(Duration::from_secs(time.as_secs())).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use dragline_core::store::PageCounts;
    use dragline_engine::{BusyHost, BusyHosts, RestReason};
    use std::collections::BTreeMap;

    fn figures() -> Figures {
        Figures {
            spider: "quotes".to_owned(),
            pages: PageCounts {
                queued: 43_210,
                ended: BTreeMap::from([
                    (PageState::Done, 1_234),
                    (PageState::Failed, 3),
                    (PageState::Skipped, 12),
                ]),
            },
            items: 1_005_678,
            pages_per_second: 12.34,
            bytes_per_second: 1_300_000.0,
            in_flight: 8,
            window: 512,
            last_commit: Duration::from_millis(420),
            elapsed: Duration::from_secs(251),
            limit: Some(5_000),
            left: Some(Duration::from_secs(312)),
            ..Figures::default()
        }
    }

    #[test]
    fn every_fact_is_there_at_any_width() {
        for columns in [20, 40, 80, 200] {
            let rows = rows(&figures(), false, (columns, 60));
            for row in &rows {
                assert!(row.width() < usize::from(columns).max(LEAST_COLUMNS + 1), "{columns}: {row}");
            }
            let text = rows.join(" ");
            let facts =
                ["1,234 done", "3 failed", "12 skipped", "1,005,678 items", "12.3 pages/s", "8 in flight"];
            for fact in facts
                .iter()
                .chain(&["last commit 0.4 s", "4m 11s", "24 % of 5,000"])
                .filter(|_| columns >= 40)
            {
                assert!(text.contains(fact), "{columns}: {fact} is not in {rows:#?}");
            }
        }
        assert_eq!(rows(&figures(), false, (200, 60)).len(), 2);
        assert!(rows(&figures(), false, (40, 60)).len() >= 5);
    }

    #[test]
    fn busy_hosts_have_a_row_each_and_a_low_terminal_is_not_overrun() {
        let host = |name: &str, rests_for| BusyHost {
            name: name.into(),
            in_flight: 2,
            queued: 41,
            pace: Duration::ZERO,
            slots: 2,
            rests_for,
        };
        let hosts = BusyHosts {
            busiest: vec![
                host("a.example:443", None),
                host("b\u{1b}[2J.example", Some((Duration::from_secs(3), RestReason::Asked))),
            ],
            others: 7,
        };
        let figures = Figures { hosts, limit: None, ..figures() };
        let shown = rows(&figures, true, (200, 60));
        assert_eq!(shown[1], "  a.example:443  2 in flight, 41 waiting");
        assert!(
            shown[2].contains("b?[2J.example") && shown[2].ends_with("next in 3.0 s (asked)"),
            "{shown:?}"
        );
        assert_eq!(shown[3], "  … and 7 more hosts");
        assert_eq!(rows(&figures, true, (200, 4)).len(), 2);
    }

    #[test]
    fn an_outage_takes_the_place_of_the_last_commit() {
        let away = Some(Duration::from_secs(75));
        let figures = Figures { network_outage: away, ..figures() };
        assert!(rows(&figures, false, (200, 50)).join("").contains("NETWORK AWAY for"));
        let figures = Figures { outage: away, ..figures };
        let text = rows(&figures, false, (200, 60)).join("\n");
        assert!(text.contains("STORE AWAY for 1m 15s") && !text.contains("last commit"), "{text}");
    }
}
