//! The date of an entry, in the forms that sites write: W3C dates (<https://www.w3.org/TR/NOTE-datetime>), and those of e-mails.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};

/// The forms of a moment with a time zone.
const ZONED: [&str; 2] = ["%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%dT%H:%M%z"];
/// The forms without one. They count as UTC.
const UNZONED: [&str; 2] = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"];
/// A longer text cannot be a date.
const MAX_BYTES: usize = 64;

/// The moment that `text` names; `None` if it names none. A date is its midnight in UTC, a month its first day, and a year its
/// first month.
pub(super) fn moment(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if text.len() > MAX_BYTES || !text.is_ascii() {
        return None;
    }
    let day = match text.len() {
        4 => NaiveDate::parse_from_str(&format!("{text}-01-01"), "%Y-%m-%d").ok(),
        7 => NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d").ok(),
        10 => NaiveDate::parse_from_str(text, "%Y-%m-%d").ok(),
        _ => None,
    };
    if let Some(day) = day {
        return Some(day.and_time(NaiveTime::MIN).and_utc());
    }
    with_time(text).or_else(|| DateTime::parse_from_rfc2822(text).ok().map(|moment| moment.to_utc()))
}

/// A date and a time, with `T` or a space between them.
fn with_time(text: &str) -> Option<DateTime<Utc>> {
    let (day, time) = text.split_at_checked(10)?;
    let time = time.strip_prefix(['T', 't', ' '])?.trim_start();
    let joined = match time.strip_suffix(['Z', 'z']) {
        Some(time) => format!("{day}T{}+0000", time.trim_end()),
        None => format!("{day}T{time}"),
    };
    let zoned = ZONED.iter().find_map(|form| DateTime::parse_from_str(&joined, form).ok());
    zoned.map(|moment| moment.to_utc()).or_else(|| {
        let unzoned = UNZONED.iter().find_map(|form| NaiveDateTime::parse_from_str(&joined, form).ok());
        unzoned.map(|moment| moment.and_utc())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_sites_write_them() {
        for (text, expected) in [
            ("2026", "2026-01-01T00:00:00Z"),
            ("2026-03", "2026-03-01T00:00:00Z"),
            (" 2026-03-09\n", "2026-03-09T00:00:00Z"),
            ("2026-03-09T10:20Z", "2026-03-09T10:20:00Z"),
            ("2026-03-09T10:20+02:00", "2026-03-09T08:20:00Z"),
            ("2026-03-09T10:20:30+0200", "2026-03-09T08:20:30Z"),
            ("2026-03-09T10:20:30.45-01:00", "2026-03-09T11:20:30.450Z"),
            ("2026-03-09t10:20:30z", "2026-03-09T10:20:30Z"),
            ("2026-03-09 10:20:30", "2026-03-09T10:20:30Z"),
            ("2026-03-09 10:20", "2026-03-09T10:20:00Z"),
            ("Mon, 09 Mar 2026 10:20:30 +0200", "2026-03-09T08:20:30Z"),
            ("Mon, 09 Mar 2026 10:20:30 GMT", "2026-03-09T10:20:30Z"),
        ] {
            let expected = expected.parse::<DateTime<Utc>>().unwrap();
            assert_eq!(moment(text), Some(expected), "{text}");
        }
        for text in [
            "",
            "yesterday",
            "2026-13",
            "2026-02-30",
            "09.03.2026",
            "0000-00-00",
            "2026-03-09T25:00Z",
            "2026-03-09T",
            "ä026",
            "12345",
        ] {
            assert_eq!(moment(text), None, "{text}");
        }
        assert_eq!(moment(&"2".repeat(1_000_000)), None);
    }
}
