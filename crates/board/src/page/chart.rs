//! Charts as SVG. The shapes stretch with the page, and the texts next to them are HTML, so they stay readable on a phone.

use std::fmt::Write as _;

use chrono::DateTime;
use maud::{Markup, html};

use super::words::{moment, rate};
use crate::read::TimelineView;

/// The size of the drawing. It is stretched to its place.
const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 100.0;
const VIEW: &str = "0 0 600 100";

/// Fewer bars than this leave places free on the left, so that a bar is never wider than a place.
const FEWEST_PLACES: usize = 12;

/// The time of a few flushes.
const FEW_FLUSHES_MS: i64 = 2_500;

/// The figure that a timeline shows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Pages,
    Items,
}

/// A total at a moment.
type Total = (i64, u64);

/// How many pages or items per second there were over time. Nothing with fewer than two moments.
pub(super) fn rates(timeline: &TimelineView, of: Of) -> Option<Markup> {
    let points = timeline.0.iter();
    let (title, totals): (&str, Vec<Total>) = match of {
        Of::Pages => ("Pages per second", points.map(|point| (point.0, point.1)).collect()),
        Of::Items => ("Items per second", points.map(|point| (point.0, point.2)).collect()),
    };
    let steps = steps(&totals);
    let (first, last) = (totals.first()?.0, totals.last()?.0);
    let most = steps.iter().map(|step| step.2).fold(0.0, f64::max);
    let end = steps.last()?.2;
    let span = to_f64(last - first).max(1.0);
    let x = |ms: i64| to_f64(ms - first) / span * WIDTH;
    let y = |rate: f64| HEIGHT - if most > 0.0 { rate / most * (HEIGHT - 4.0) } else { 0.0 };
    let mut line = String::new();
    for (from, to, rate) in &steps {
        // Writing to a String cannot fail.
        let _ = write!(line, "{:.1},{:.1} {:.1},{:.1} ", x(*from), y(*rate), x(*to), y(*rate));
    }
    let area = format!("0,{HEIGHT} {line}{WIDTH},{HEIGHT}");
    let told = format!("{title}: at most {}, and {} at the end", rate(most), rate(end));
    Some(html! {
        figure class="chart" {
            figcaption { (title) span class="dim" { " · at most " (rate(most)) } }
            svg viewBox=(VIEW) preserveAspectRatio="none" role="img" aria-label=(told) {
                polygon class="area" points=(area) {}
                polyline class="line" points=(line.trim_end()) {}
            }
            div class="axis" { (at(first)) (at(last)) }
        }
    })
}

/// The rate from each moment to the next, over a few flushes and over a fortieth of the time at least. Otherwise single flushes
/// would hide the course. The last step is as long as the others, because otherwise a run that
/// goes on would seem to stand still between two flushes.
fn steps(totals: &[Total]) -> Vec<(i64, i64, f64)> {
    let (Some(first), Some(last)) = (totals.first(), totals.last()) else { return Vec::new() };
    let span = last.0 - first.0;
    let least = (span / 40).max(FEW_FLUSHES_MS.min(span / 6)).max(1);
    let mut ends = vec![*first];
    for total in totals {
        if ends.last().is_some_and(|end| total.0 - end.0 >= least) {
            ends.push(*total);
        }
    }
    if ends.len() > 1 {
        ends.pop();
        ends.push(*last);
    }
    let step = |(from, to): (&Total, &Total)| {
        #[allow(clippy::cast_precision_loss)] // it is drawn
        let rate = to.1.saturating_sub(from.1) as f64 / (to_f64(to.0 - from.0) / 1_000.0);
        (from.0, to.0, rate)
    };
    ends.iter().zip(ends.iter().skip(1)).map(step).collect()
}

fn at(unix_ms: i64) -> Markup {
    let text = DateTime::from_timestamp_millis(unix_ms)
        .map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
    html! { span { (moment(&text.unwrap_or_default())) } }
}

#[allow(clippy::cast_precision_loss)] // milliseconds fit
fn to_f64(number: i64) -> f64 {
    number as f64
}

/// A bar of a history.
pub(super) struct Bar {
    /// Its height.
    pub(super) value: f64,
    /// What a pointer sees.
    pub(super) told: String,
    /// Whether it is odd.
    pub(super) is_odd: bool,
    /// Whether the run failed, or has problems.
    pub(super) is_bad: bool,
}

/// Bars, the oldest first. `summary` is for readers who don't see them, and `ends` says when the first and the last bar were.
pub(super) fn bars(title: &str, most: &str, summary: &str, ends: &[String; 2], bars: &[Bar]) -> Markup {
    let top = bars.iter().map(|bar| bar.value).fold(0.0, f64::max);
    #[allow(clippy::cast_precision_loss)] // a few dozen bars
    let width = WIDTH / (bars.len().max(FEWEST_PLACES) as f64);
    #[allow(clippy::cast_precision_loss)]
    let x = |at: usize| (at + FEWEST_PLACES.saturating_sub(bars.len())) as f64 * width + width * 0.1;
    let height = |value: f64| if top > 0.0 { (value / top * (HEIGHT - 4.0)).max(1.0) } else { 1.0 };
    html! {
        figure class="chart" {
            figcaption { (title) span class="dim" { " · at most " (most) } }
            svg viewBox=(VIEW) preserveAspectRatio="none" role="img" aria-label=(summary) {
                @for (at, bar) in bars.iter().enumerate() {
                    rect class=(class(bar)) x=(format!("{:.1}", x(at))) width=(format!("{:.1}", width * 0.8))
                        y=(format!("{:.1}", HEIGHT - height(bar.value))) height=(format!("{:.1}", height(bar.value))) {
                        title { (bar.told) }
                    }
                }
            }
            div class="axis" { span { (ends[0]) } span { (ends[1]) } }
        }
    }
}

fn class(bar: &Bar) -> &'static str {
    match (bar.is_bad, bar.is_odd) {
        (true, _) => "bar bad",
        (false, true) => "bar odd",
        (false, false) => "bar",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_that_of_its_step() {
        let told: Vec<_> = steps(&[(0, 0), (1_000, 10), (3_000, 10), (4_000, 40)]);
        assert_eq!(told, [(0, 1_000, 10.0), (1_000, 3_000, 0.0), (3_000, 4_000, 30.0)]);
        let between_two_flushes = steps(&[(0, 0), (3_000, 30), (6_000, 60), (6_500, 60)]);
        assert_eq!(between_two_flushes, [(0, 3_000, 10.0), (3_000, 6_500, 30.0 / 3.5)]);
        assert!(steps(&[]).is_empty() && steps(&[(5, 1)]).is_empty() && steps(&[(5, 1), (5, 2)]).is_empty());
        let many: Vec<Total> = (0..240_i64).map(|at| (at * 10, at.unsigned_abs())).collect();
        assert!(steps(&many).len() <= 41, "{}", steps(&many).len());
    }

    #[test]
    fn a_chart_says_what_it_shows() {
        let timeline = TimelineView(vec![(0, 0, 0, 0), (1_000, 10, 20, 0), (2_000, 15, 21, 1)]);
        let drawn = rates(&timeline, Of::Items).unwrap().into_string();
        assert!(
            drawn.contains("aria-label=\"Items per second: at most 20.0, and 1.0 at the end\""),
            "{drawn}"
        );
        assert!(!drawn.contains("NaN") && !drawn.contains("style="), "{drawn}");
        assert!(rates(&TimelineView(vec![(0, 0, 0, 0)]), Of::Pages).is_none());
        let bar = Bar { value: 0.0, told: "<b>".to_owned(), is_odd: false, is_bad: false };
        let drawn =
            bars("Items", "0", "none", &["2026-11-30".into(), "2026-12-01".into()], &[bar]).into_string();
        assert!(drawn.contains("&lt;b&gt;") && !drawn.contains("NaN"), "{drawn}");
    }
}
