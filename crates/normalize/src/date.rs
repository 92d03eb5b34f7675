//! Dates in many languages, in stated formats.

mod read;
mod time_of_day;
mod words;

use std::fmt;

use chrono::{Datelike as _, NaiveDate};

use crate::shortened;

pub use self::words::LANGUAGES;

/// A text with a date is not longer than this, in bytes.
const MAX_TEXT_BYTES: usize = 200;

/// Years of two digits below this are in the 2000s, and the others in the 1900s: 68 is 2068, and 69 is 1969, as POSIX has it.
pub const PIVOT: u32 = 69;

/// The part that comes first in a date of only numbers. A year of four digits in front is always the year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DateOrder {
    /// `03/05/2020` is in May.
    DayFirst,
    /// `03/05/2020` is in March.
    MonthFirst,
    /// `20/05/03` is in May 2020. `03/05/2020` is an error.
    YearFirst,
}

/// How much of a date is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Exactness {
    /// Only the year.
    Year,
    /// The year and the month.
    Month,
    /// The day.
    Day,
}

/// A day, a month or a year. Its text is `2020-05-03`, `2020-05` or `2020`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PartialDate {
    first_day: NaiveDate,
    exactness: Exactness,
}

impl PartialDate {
    /// How much is known.
    pub fn exactness(self) -> Exactness {
        self.exactness
    }

    /// The day, if it is known.
    pub fn day(self) -> Option<NaiveDate> {
        (self.exactness == Exactness::Day).then_some(self.first_day)
    }

    /// The day, or the first day of the month or year.
    pub fn first_day(self) -> NaiveDate {
        self.first_day
    }

    /// The year.
    pub fn year(self) -> i32 {
        self.first_day.year()
    }

    /// The month, from 1 to 12, if it is known.
    pub fn month(self) -> Option<u32> {
        (self.exactness >= Exactness::Month).then(|| self.first_day.month())
    }
}

impl fmt::Display for PartialDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format = match self.exactness {
            Exactness::Year => "%Y",
            Exactness::Month => "%Y-%m",
            Exactness::Day => "%Y-%m-%d",
        };
        write!(f, "{}", self.first_day.format(format))
    }
}

/// Why a text is not a date.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a date: {problem}")]
#[non_exhaustive]
pub struct DateError {
    /// The text, or its beginning.
    pub text: String,
    /// What is wrong with it.
    pub problem: DateProblem,
}

/// What is wrong with a date.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DateProblem {
    /// Nothing is in it.
    #[error("it is empty")]
    Empty,
    /// Nobody writes a date like that.
    #[error("it is longer than {MAX_TEXT_BYTES} bytes: select only the element with the date")]
    TooLong,
    /// A word that is not a month, a day of the week, or a small word between them.
    #[error("the word {0:?} is not known in dates")]
    UnknownWord(String),
    /// A character that dates don't have.
    #[error("it contains {0:?}")]
    UnknownCharacter(char),
    /// A word that means different months in different languages.
    #[error("{0:?} is another month in another language: name the language with `date_in`")]
    AmbiguousMonth(String),
    /// Two months, as in a range.
    #[error("it names several months")]
    SeveralMonths,
    /// No year.
    #[error("it has no year")]
    NoYear,
    /// The year is at the end, but it should be first.
    #[error("its year is not first: choose whether the day or the month is first")]
    YearNotFirst,
    /// Its numbers are not those of one date.
    #[error("its numbers are not a day, a month and a year")]
    OtherNumbers,
    /// There is no such day.
    #[error("month {month} of {year} has no day {day}")]
    Impossible {
        /// The year.
        year: u32,
        /// The month as written.
        month: u32,
        /// The day as written.
        day: u32,
    },
    /// The day is not known, and it is wanted.
    #[error("it has no day")]
    NoDay,
    /// The language is not one of [`LANGUAGES`].
    #[error("the language {0:?} is not known")]
    UnknownLanguage(String),
}

/// The date in a text that is a date and nothing else. It may be in any of [`LANGUAGES`].
///
/// | format | examples |
/// |---|---|
/// | ISO 8601 | `2020-05-03`, `20200503`, `2020-05-03T14:30:00+02:00`, `2020-05`, `2020` |
/// | RFC 2822 | `Sun, 03 May 2020 14:30:00 +0000` |
/// | names of months | `3 May 2020`, `May 3rd, 2020`, `3 de mayo de 2020`, `1er mai 2020`, `3. Mai 2020`, `3 мая 2020 г.`, `2020. május 3.`, `May 2020` |
/// | numbers, in the given order | `3.5.2020`, `03/05/20`, `5/2020` |
/// | numbers with signs or words | `2020年5月3日`, `2020년 5월 3일`, `ngày 3 tháng 5 năm 2020` |
///
/// Days of the week, ordinals, articles and the time of day are left out. The date is the one that is written: it is not
/// moved by a time zone. Years of two digits depend on [`PIVOT`].
///
/// Other texts are errors: relative words (`yesterday`, `2 days ago`), ranges, dates without a year, days that don't exist,
/// words around the date, other calendars than the Gregorian one, and a time of day in words or with Chinese or Korean signs.
/// Croatian `listopad` is October and Polish `listopad` is November: for these, use [`date_in`].
///
/// ```
/// use dragline_normalize::{DateOrder, Exactness, date};
///
/// for text in ["Sunday, 3rd May 2020", "3 мая 2020 г.", "2020年5月3日", "03/05/2020"] {
///     assert_eq!(date(text, DateOrder::DayFirst)?.to_string(), "2020-05-03");
/// }
/// let partial = date("mai 2020", DateOrder::DayFirst)?;
/// assert_eq!((partial.exactness(), partial.day()), (Exactness::Month, None));
/// assert!(date("31 June 2020", DateOrder::DayFirst).is_err());
/// # Ok::<(), dragline_normalize::DateError>(())
/// ```
///
/// # Errors
/// If it is not a date in these formats.
pub fn date(text: &str, order: DateOrder) -> Result<PartialDate, DateError> {
    dated(text, order, words::Languages::MAX)
}

/// The date in a text, with names of months in one language. Its tag is one of [`LANGUAGES`].
///
/// ```
/// use dragline_normalize::{DateOrder, date, date_in};
///
/// assert!(date("3. listopada 2020.", DateOrder::DayFirst).is_err());
/// assert_eq!(date_in("3. listopada 2020.", DateOrder::DayFirst, "hr")?.to_string(), "2020-10-03");
/// assert_eq!(date_in("3 listopada 2020", DateOrder::DayFirst, "pl")?.to_string(), "2020-11-03");
/// # Ok::<(), dragline_normalize::DateError>(())
/// ```
///
/// # Errors
/// As [`date`], and if the language is not known.
pub fn date_in(text: &str, order: DateOrder, language: &str) -> Result<PartialDate, DateError> {
    match words::language(language) {
        Some(language) => dated(text, order, language),
        None => Err(error(text, DateProblem::UnknownLanguage(language.to_owned()))),
    }
}

/// The day in a text, for `parse = dragline::normalize::day_first` of a field: [`date`] with [`DateOrder::DayFirst`].
///
/// ```
/// assert_eq!(dragline_normalize::day_first("3/5/2020")?.to_string(), "2020-05-03");
/// # Ok::<(), dragline_normalize::DateError>(())
/// ```
///
/// # Errors
/// As [`date`], and if only the month or the year is known.
pub fn day_first(text: &str) -> Result<NaiveDate, DateError> {
    day(text, DateOrder::DayFirst)
}

/// The day in a text, for `parse = dragline::normalize::month_first` of a field: [`date`] with [`DateOrder::MonthFirst`].
///
/// ```
/// assert_eq!(dragline_normalize::month_first("5/3/2020")?.to_string(), "2020-05-03");
/// # Ok::<(), dragline_normalize::DateError>(())
/// ```
///
/// # Errors
/// As [`date`], and if only the month or the year is known.
pub fn month_first(text: &str) -> Result<NaiveDate, DateError> {
    day(text, DateOrder::MonthFirst)
}

/// The day in a text, for `parse = dragline::normalize::year_first` of a field: [`date`] with [`DateOrder::YearFirst`].
///
/// ```
/// assert_eq!(dragline_normalize::year_first("20.5.3")?.to_string(), "2020-05-03");
/// # Ok::<(), dragline_normalize::DateError>(())
/// ```
///
/// # Errors
/// As [`date`], and if only the month or the year is known.
pub fn year_first(text: &str) -> Result<NaiveDate, DateError> {
    day(text, DateOrder::YearFirst)
}

fn day(text: &str, order: DateOrder) -> Result<NaiveDate, DateError> {
    date(text, order)?.day().ok_or_else(|| error(text, DateProblem::NoDay))
}

fn dated(text: &str, order: DateOrder, languages: words::Languages) -> Result<PartialDate, DateError> {
    let too_long = text.len() > MAX_TEXT_BYTES;
    let read = if too_long { Err(DateProblem::TooLong) } else { read::read(text, order, languages) };
    read.map_err(|problem| error(text, problem))
}

fn error(text: &str, problem: DateProblem) -> DateError {
    DateError { text: shortened(text), problem }
}

#[cfg(test)]
mod tests;
