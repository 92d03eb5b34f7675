//! Cue times: when a track begins in its mix.
//!
//! MixesDB writes minutes (`[012]`) or hours, minutes and seconds (`[1:02:33]`), and a `?` for each digit that nobody knows
//! (`[3?]`, `[1:0?:??]`). A [`Cue`] is therefore the earliest moment that fits, and how much later it may really be.

use serde::Serialize;

/// When a track begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cue {
    /// The digits as they are written, without brackets.
    pub text: String,
    /// The earliest moment that fits, in ms from the beginning of the mix. `None` if no digit is known, or if it is not a
    /// time (`12:75`).
    pub at_ms: Option<u64>,
    /// The track begins less than this after `at_ms`: 60,000 for `012`, 1,000 for `1:02:33`, 600,000 for `3?`.
    pub precision_ms: Option<u64>,
}

const SECOND_MS: u64 = 1_000;
const MINUTE_MS: u64 = 60 * SECOND_MS;
const HOUR_MS: u64 = 60 * MINUTE_MS;

impl Cue {
    /// Reads what stands between the brackets. `None` if that is not the form of a cue: one number of up to three digits
    /// (minutes), `MM:SS` or `H:MM:SS`, where each digit may be a `?`.
    pub fn parse(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.split(':').collect();
        // How many digits each field may have, and what one of it lasts.
        let shape: &[(std::ops::RangeInclusive<usize>, u64)] = match fields.len() {
            1 => &[(1..=3, MINUTE_MS)],
            2 => &[(1..=3, MINUTE_MS), (2..=2, SECOND_MS)],
            3 => &[(1..=2, HOUR_MS), (2..=2, MINUTE_MS), (2..=2, SECOND_MS)],
            _ => return None,
        };
        let fits = |field: &str, digits: &std::ops::RangeInclusive<usize>| {
            digits.contains(&field.len()) && field.bytes().all(|byte| byte.is_ascii_digit() || byte == b'?')
        };
        if !fields.iter().zip(shape).all(|(field, (digits, _))| fits(field, digits)) {
            return None;
        }
        let (mut earliest, mut latest) = (0, 0);
        let mut is_time = text.bytes().any(|byte| byte.is_ascii_digit());
        for (at, (field, (_, unit))) in fields.iter().zip(shape).enumerate() {
            let (least, most) = bounds(field, at > 0);
            is_time &= at == 0 || least < 60;
            earliest += least * unit;
            latest += most * unit;
        }
        let last_unit = shape.last().map_or(SECOND_MS, |(_, unit)| *unit);
        Some(Self {
            text: text.to_owned(),
            at_ms: is_time.then_some(earliest),
            precision_ms: is_time.then_some(latest - earliest + last_unit),
        })
    }

    /// A cue that a page gives as a number of seconds.
    pub fn from_seconds(seconds: u32) -> Self {
        Self {
            text: format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60),
            at_ms: Some(u64::from(seconds) * SECOND_MS),
            precision_ms: Some(SECOND_MS),
        }
    }
}

/// The least and the greatest number that a field may be. Behind a colon, the greatest is 59.
fn bounds(field: &str, is_sixtieth: bool) -> (u64, u64) {
    let (mut least, mut most) = (0, 0);
    for (at, byte) in field.bytes().enumerate() {
        let (low, high) = match byte {
            b'?' if is_sixtieth && at == 0 => (0, 5),
            b'?' => (0, 9),
            digit => (u64::from(digit - b'0'), u64::from(digit - b'0')),
        };
        least = least * 10 + low;
        most = most * 10 + high;
    }
    (least, most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cue_is_the_earliest_moment_and_how_exact_it_is() {
        for (text, at_ms, precision_ms) in [
            ("00", 0, 60_000),
            ("012", 12 * 60_000, 60_000),
            ("7", 7 * 60_000, 60_000),
            ("117", 117 * 60_000, 60_000),
            ("3?", 30 * 60_000, 600_000),
            ("1?", 10 * 60_000, 600_000),
            ("?5", 5 * 60_000, 91 * 60_000),
            ("0??", 0, 6_000_000),
            ("1?0", 100 * 60_000, 91 * 60_000),
            ("03:45", 225_000, 1_000),
            ("59:5?", 3_590_000, 10_000),
            ("75:10", 4_510_000, 1_000),
            ("1:02:33", 3_753_000, 1_000),
            ("12:34:56", 45_296_000, 1_000),
            ("1:0?:??", 3_600_000, 600_000),
            ("1:??:??", 3_600_000, 3_600_000),
        ] {
            let cue = Cue::parse(text).unwrap();
            assert_eq!((cue.at_ms, cue.precision_ms), (Some(at_ms), Some(precision_ms)), "{text}");
            assert_eq!(cue.text, text);
        }
    }

    #[test]
    fn a_cue_without_a_known_digit_or_out_of_range_is_kept_without_a_time() {
        for text in ["?", "??", "???", "??:??", "?:??:??", "12:75", "1:60:00"] {
            let cue = Cue::parse(text).unwrap();
            assert_eq!((cue.at_ms, cue.precision_ms), (None, None), "{text}");
        }
    }

    #[test]
    fn other_texts_are_not_cues() {
        for text in [
            "",
            ":",
            "1:2",
            "12:3",
            "1234",
            "1:02:3",
            "1:2:03:04",
            "12a",
            "x",
            " 12",
            "106-2",
            "١٢",
            "1:02:033",
        ] {
            assert_eq!(Cue::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn seconds_are_exact() {
        let cue = Cue::from_seconds(3_753);
        assert_eq!(
            (cue.text.as_str(), cue.at_ms, cue.precision_ms),
            ("1:02:33", Some(3_753_000), Some(1_000))
        );
    }
}
