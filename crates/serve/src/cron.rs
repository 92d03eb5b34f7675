//! Cron expressions in a time zone.
//!
//! When clocks change, the rule is that of the cron of Unix systems. An expression with a fixed hour and minute happens once on
//! each day that it names: if its time is skipped, it happens at the first moment after the gap, and if its time comes twice, it
//! happens the first time. An expression with `*` or a step in its hours or minutes follows the real time: it does not happen
//! in the gap, and it happens in both of the doubled hours.
//!
//! The expressions are read by `croner`, because it has this rule, `L`, `W` and `#`, and searches backwards. The crate `cron` has
//! a field for seconds in every expression, counts weekdays from Sunday = 1, and skips a time in a gap.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};

/// The moments at which a schedule is due.
#[derive(Clone, Debug)]
pub struct Times {
    expressions: Vec<(String, Cron)>,
    zone: Tz,
}

/// Moments between two others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occurrences {
    /// The latest ones, the earliest first.
    pub latest: Vec<DateTime<Utc>>,
    /// Whether there are earlier ones, too.
    pub are_more: bool,
}

impl Times {
    /// Reads expressions with five fields, or names such as `@daily`.
    ///
    /// # Errors
    /// When one of them is not a cron expression, or when it never happens.
    pub fn new(expressions: &[String], zone: Tz) -> Result<Self, String> {
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let mut read = Vec::new();
        for text in expressions {
            let cron = parser.parse(text.trim()).map_err(|error| {
                format!(
                    "{text:?} is not a cron expression ({error}); write minute, hour, day of the month, month and day of the \
                     week, such as \"30 3 * * *\" for 03:30 on each day"
                )
            })?;
            // 2000 had a leap day, so every day of a year comes within the search.
            let start = DateTime::<Utc>::UNIX_EPOCH.with_timezone(&zone);
            if cron.find_next_occurrence(&start, true).is_err() {
                return Err(format!("{text:?} never happens"));
            }
            read.push((text.clone(), cron));
        }
        Ok(Self { expressions: read, zone })
    }

    /// The expressions as they were written.
    pub fn expressions(&self) -> impl Iterator<Item = &str> {
        self.expressions.iter().map(|(text, _)| text.as_str())
    }

    /// The time zone.
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// The first moment after this one.
    pub fn next_after(&self, moment: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let moment = moment.with_timezone(&self.zone);
        let next = |cron: &Cron| cron.find_next_occurrence(&moment, false).ok();
        self.expressions.iter().filter_map(|(_, cron)| next(cron)).min().map(|next| next.to_utc())
    }

    /// The moments after `after`, up to and including `until`; only the latest `max` of them.
    pub fn between(&self, after: DateTime<Utc>, until: DateTime<Utc>, max: usize) -> Occurrences {
        let mut found = BTreeSet::new();
        for (_, cron) in &self.expressions {
            let mut at = until.with_timezone(&self.zone);
            let mut is_inclusive = true;
            // One more than wanted shows that there are more.
            for _ in 0..=max {
                match cron.find_previous_occurrence(&at, is_inclusive) {
                    Ok(before) if before > after => {
                        found.insert(before.to_utc());
                        (at, is_inclusive) = (before, false);
                    }
                    _ => break,
                }
            }
        }
        let are_more = found.len() > max;
        let latest = found.into_iter().rev().take(max).collect::<Vec<_>>().into_iter().rev().collect();
        Occurrences { latest, are_more }
    }
}

/// Reads a name of the IANA time zone database.
///
/// # Errors
/// When there is no such zone. The nearest name is suggested.
pub fn time_zone(name: &str) -> Result<Tz, String> {
    name.trim().parse().map_err(|_| {
        let closeness = |zone: &Tz| strsim::jaro_winkler(&zone.name().to_lowercase(), &name.to_lowercase());
        let near = TZ_VARIANTS.iter().max_by(|a, b| closeness(a).total_cmp(&closeness(b)));
        let near = near.map_or("UTC", |zone| zone.name());
        format!("there is no time zone {name:?}; did you mean {near}?")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(expressions: &[&str], zone: &str) -> Times {
        let expressions: Vec<String> = expressions.iter().map(|it| (*it).to_owned()).collect();
        Times::new(&expressions, time_zone(zone).unwrap()).unwrap()
    }

    fn moment(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    /// The local times between two moments, found forwards. The search backwards must find the same ones.
    fn local(times: &Times, after: &str, until: &str) -> Vec<String> {
        let (after, until) = (moment(after), moment(until));
        let mut found = Vec::new();
        let mut at = after;
        while let Some(next) = times.next_after(at).filter(|next| *next <= until) {
            found.push(next);
            at = next;
        }
        let backwards = times.between(after, until, 1000);
        assert_eq!(backwards, Occurrences { latest: found.clone(), are_more: false });
        found.iter().map(|it| it.with_timezone(&times.zone()).format("%dT%H:%M%:::z").to_string()).collect()
    }

    #[test]
    fn a_skipped_time_happens_after_the_gap_and_a_doubled_one_once() {
        // In Berlin, 02:00 to 03:00 was skipped on 29 March 2026, and came twice on 25 October.
        let spring = ("2026-03-28T00:00:00Z", "2026-03-30T12:00:00Z");
        let autumn = ("2026-10-24T00:00:00Z", "2026-10-26T12:00:00Z");
        let nightly = times(&["30 2 * * *"], "Europe/Berlin");
        assert_eq!(local(&nightly, spring.0, spring.1), ["28T02:30+01", "29T03:00+02", "30T02:30+02"]);
        assert_eq!(local(&nightly, autumn.0, autumn.1), ["24T02:30+02", "25T02:30+02", "26T02:30+01"]);
    }

    #[test]
    fn a_step_follows_the_real_time() {
        let half_hourly = times(&["*/30 * * * *"], "Europe/Berlin");
        let spring = local(&half_hourly, "2026-03-29T00:00:00Z", "2026-03-29T02:00:00Z");
        assert_eq!(spring, ["29T01:30+01", "29T03:00+02", "29T03:30+02", "29T04:00+02"]);
        let autumn = local(&half_hourly, "2026-10-24T23:30:00Z", "2026-10-25T01:30:00Z");
        assert_eq!(autumn, ["25T02:00+02", "25T02:30+02", "25T02:00+01", "25T02:30+01"]);
    }

    #[test]
    fn several_expressions_are_one_list_of_moments() {
        let two = times(&["0 3 * * *", "0 3,15 * * MON"], "UTC");
        let found = local(&two, "2026-11-29T00:00:00Z", "2026-12-01T00:00:00Z");
        assert_eq!(found, ["29T03:00+00", "30T03:00+00", "30T15:00+00"]);
    }

    #[test]
    fn only_the_latest_moments_are_found() {
        let minutely = times(&["* * * * *"], "UTC");
        let found = minutely.between(moment("2025-01-01T00:00:00Z"), moment("2026-01-01T00:00:30Z"), 2);
        assert_eq!(found.latest, [moment("2025-12-31T23:59:00Z"), moment("2026-01-01T00:00:00Z")]);
        assert!(found.are_more);
        // The end belongs to it, and the beginning doesn't.
        let one = minutely.between(moment("2026-01-01T00:00:00Z"), moment("2026-01-01T00:01:00Z"), 2);
        assert_eq!(one, Occurrences { latest: vec![moment("2026-01-01T00:01:00Z")], are_more: false });
    }

    #[test]
    fn what_never_happens_or_is_no_expression_is_refused() {
        for (text, told) in [
            ("0 3 30 2 *", "never happens"),
            ("0 0 3 * * *", "minute, hour"),
            ("60 * * * *", "minute, hour"),
            ("nightly", "minute, hour"),
            ("", "minute, hour"),
        ] {
            let error = Times::new(&[text.to_owned()], Tz::UTC).unwrap_err();
            assert!(error.contains(told), "{text:?}: {error}");
        }
        assert!(Times::new(&["@daily".to_owned(), "0 3 29 2 *".to_owned()], Tz::UTC).is_ok());
        assert!(time_zone("Europe/Berln").unwrap_err().contains("did you mean Europe/Berlin?"));
    }
}
