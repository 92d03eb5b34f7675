//! The time of day and its zone, which are left out of a date.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

/// `2020-05-03T14:30:00.5+02:00`, `14:30 (UTC)`, `at 2:30 p.m.`, `2 PM`, `à 14h30`, `14.30 Uhr`, `kl. 14:30`.
const TIME: &str = r"(?xi)
    (?: \b (?: at | um | à | om | kl | klo | в | о | às | alle | ore | las ) \b \.? \s* )?
    (?: \b | T )
    (?: (?: [01]?\d | 2[0-3] ) : [0-5]\d (?: : [0-6]\d (?: [.,]\d{1,9} )? )? (?: \s* [ap]\.?m )?
      | (?: [01]?\d | 2[0-3] ) \s? h (?: \s? [0-5]\d )?
      | (?: [01]?\d | 2[0-3] ) [.:] [0-5]\d \s* Uhr
      | (?: 1[0-2] | 0?[1-9] ) \s? [ap]\.?m
    )
    (?: \s* (?: Z | (?: UTC | GMT )? \s* [+-]\d{2}:?\d{2} | UTC | GMT | UT | [ECMP][SD]T | (?: C | E | W ) ES?T | BST | MSK | JST | Uhr ) )?
    \b
    (?: \s* \( [A-Z]{2,5} \) )?
";

/// `20200503T143000Z`, where the date is only digits.
const BASIC: &str = r"^\s*(\d{8})T\d{4}(?:\d{2})?(?:Z|[+-]\d{2}:?\d{2})?\s*$";

// If a test builds them, they are valid.
static TIMES: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(TIME).ok());
static BASICS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(BASIC).ok());

/// The text without times of day.
pub(super) fn cut(text: &str) -> Cow<'_, str> {
    let (Some(times), Some(basics)) = (&*TIMES, &*BASICS) else { return text.into() };
    match basics.captures(text).and_then(|found| found.get(1)) {
        Some(date) => date.as_str().into(),
        None => times.replace_all(text, " "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_cut_out() {
        Regex::new(TIME).unwrap();
        Regex::new(BASIC).unwrap();
        for (text, left) in [
            ("2020-05-03T14:30", "2020-05-03"),
            ("2020-05-03T14:30:00Z", "2020-05-03"),
            ("2020-05-03 14:30:00.123456+02:00", "2020-05-03"),
            ("20200503T143000Z", "20200503"),
            ("20200503T1430", "20200503"),
            ("03 May 2020 14:30:00 +0000 (UTC)", "03 May 2020"),
            ("Sun May 3 14:30:00 UTC 2020", "Sun May 3 2020"),
            ("3 May 2020 at 2:30 p.m.", "3 May 2020 ."),
            ("3 May 2020 2 PM", "3 May 2020"),
            ("3 mai 2020 à 14h30", "3 mai 2020"),
            ("3. Mai 2020 um 14.30 Uhr", "3. Mai 2020"),
            ("3. Mai 2020, 14:30 Uhr", "3. Mai 2020,"),
            ("14:00–16:00 3 May 2020", "– 3 May 2020"),
            ("3 May 2020", "3 May 2020"),
            ("3.5.2020", "3.5.2020"),
            ("3 May 2020 25:00", "3 May 2020 25:00"),
            ("3 May 2020 14:300", "3 May 2020 14:300"),
        ] {
            assert_eq!(cut(text).split_whitespace().collect::<Vec<_>>().join(" "), left, "{text}");
        }
    }
}
