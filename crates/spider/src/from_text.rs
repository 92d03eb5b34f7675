//! Values that are read from the texts of a page.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use rust_decimal::Decimal;
use serde_json::Value as Json;
use url::Url;

use crate::error::{Error, Result};
use crate::json;
use crate::page::Page;
use crate::pattern::shortened;

/// A value that an extracted field can have.
///
/// | type | reads |
/// |---|---|
/// | `String` | the text |
/// | integers | a whole number in range, such as `-7` |
/// | `f32`, `f64`, [`Decimal`] | a number with a point, such as `51.77` |
/// | `bool` | `true` or `false`, `yes` or `no`, `on` or `off`, `1` or `0` |
/// | [`NaiveDate`] | `2026-01-31` |
/// | [`DateTime<Utc>`](DateTime) | `2026-01-31T12:00:00+01:00`, or a date as in e-mails and feeds |
/// | [`Url`] | a link, as the page means it |
/// | [`Json`] | a JSON document, such as the text of a script |
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from text",
    note = "add `parse = path::to::function` for a function `fn(&str) -> Result<{Self}>`, or `extract` for a struct that derives Extract"
)]
pub trait FromText: Sized {
    /// Reads it from `text`, found on `page`.
    ///
    /// # Errors
    /// When the text is not such a value.
    fn from_text(text: &str, page: &Page) -> Result<Self>;
}

/// A date or a moment that is read by a format, with the specifiers of [`chrono::format::strftime`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no format",
    note = "`format` is for NaiveDate and DateTime<Utc>"
)]
pub trait FromFormat: Sized {
    /// Reads it from `text` by `format`.
    ///
    /// # Errors
    /// When the text does not have that format.
    fn from_format(text: &str, format: &str) -> Result<Self>;
}

impl FromText for String {
    fn from_text(text: &str, _page: &Page) -> Result<Self> {
        Ok(text.to_owned())
    }
}

impl FromText for Url {
    fn from_text(text: &str, page: &Page) -> Result<Self> {
        Ok(page.absolute(text)?)
    }
}

impl FromText for bool {
    fn from_text(text: &str, _page: &Page) -> Result<Self> {
        match text.trim().to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Ok(true),
            "false" | "no" | "off" | "0" => Ok(false),
            _ => Err(is_not(text, "true or false")),
        }
    }
}

impl FromText for Decimal {
    fn from_text(text: &str, _page: &Page) -> Result<Self> {
        Decimal::from_str_exact(text.trim()).map_err(|_| is_not(text, "a decimal number"))
    }
}

impl FromText for NaiveDate {
    fn from_text(text: &str, _page: &Page) -> Result<Self> {
        text.trim()
            .parse()
            .map_err(|_| is_not(text, "a date such as 2026-01-31; name another format with `format`"))
    }
}

impl FromText for DateTime<Utc> {
    fn from_text(text: &str, _page: &Page) -> Result<Self> {
        let text = text.trim();
        let moment = DateTime::parse_from_rfc3339(text).or_else(|_| DateTime::parse_from_rfc2822(text));
        let expected = "a moment such as 2026-01-31T12:00:00Z; name another format with `format`";
        Ok(moment.map_err(|_| is_not(text, expected))?.to_utc())
    }
}

impl FromText for Json {
    fn from_text(text: &str, _page: &Page) -> Result<Self> {
        json::read(text).map_err(|error| is_not(text, &format!("JSON ({error})")))
    }
}

impl FromFormat for NaiveDate {
    fn from_format(text: &str, format: &str) -> Result<Self> {
        Self::parse_from_str(text.trim(), format)
            .map_err(|_| is_not(text, &format!("a date by the format {format:?}")))
    }
}

/// A format without an offset means UTC.
impl FromFormat for DateTime<Utc> {
    fn from_format(text: &str, format: &str) -> Result<Self> {
        let text = text.trim();
        let zoned = DateTime::parse_from_str(text, format).map(|moment| moment.to_utc());
        let moment =
            zoned.or_else(|_| NaiveDateTime::parse_from_str(text, format).map(|moment| moment.and_utc()));
        moment.map_err(|_| is_not(text, &format!("a moment by the format {format:?}")))
    }
}

macro_rules! from_str {
    ($($number:ty, $expected:expr;)+) => {$(
        impl FromText for $number {
            fn from_text(text: &str, _page: &Page) -> Result<Self> {
                text.trim().parse().map_err(|_| is_not(text, &$expected))
            }
        }
    )+};
}

macro_rules! whole_numbers {
    ($($number:ty)+) => {
        from_str! { $($number, format!("a whole number from {} to {}", <$number>::MIN, <$number>::MAX);)+ }
    };
}

whole_numbers! { i8 i16 i32 i64 isize u8 u16 u32 u64 usize }
from_str! {
    f32, "a number";
    f64, "a number";
}

fn is_not(text: &str, expected: &str) -> Error {
    Error::new(format!("{:?} is not {expected}", shortened(text)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stored_page::StoredPage;

    fn read<T: FromText>(text: &str) -> Result<T> {
        T::from_text(text, &StoredPage::new("https://a.example/b/", "").page().unwrap())
    }

    #[test]
    fn values_are_read_from_texts() {
        assert_eq!(read::<i8>(" -7\n").unwrap(), -7);
        assert_eq!(read::<u64>("18446744073709551615").unwrap(), u64::MAX);
        assert_eq!(read::<Decimal>("51.770").unwrap().to_string(), "51.770");
        assert_eq!(read::<f64>("1e3").unwrap().to_string(), "1000");
        assert!(read::<bool>("Yes").unwrap() && !read::<bool>("0").unwrap());
        assert_eq!(read::<NaiveDate>("2026-01-31").unwrap().to_string(), "2026-01-31");
        assert_eq!(read::<Url>("c?d#e").unwrap().as_str(), "https://a.example/b/c?d#e");
        assert_eq!(read::<Json>("{\"a\": 1}").unwrap()["a"], 1);
        let noon = "2026-01-31T11:00:00Z".parse::<DateTime<Utc>>().unwrap();
        for text in ["2026-01-31T12:00:00+01:00", "Sat, 31 Jan 2026 11:00:00 GMT"] {
            assert_eq!(read::<DateTime<Utc>>(text).unwrap(), noon, "{text}");
        }
        assert_eq!(DateTime::<Utc>::from_format("31.1.2026 11:00", "%d.%m.%Y %H:%M").unwrap(), noon);
        assert_eq!(DateTime::<Utc>::from_format("31.1.2026 12:00 +0100", "%d.%m.%Y %H:%M %z").unwrap(), noon);
        assert_eq!(NaiveDate::from_format("January 31, 2026", "%B %d, %Y").unwrap(), noon.date_naive());
    }

    #[test]
    fn other_texts_are_shown_with_what_was_expected() {
        let errors = [
            read::<i8>("128").unwrap_err(),
            read::<u8>("-1").unwrap_err(),
            read::<Decimal>("£5").unwrap_err(),
            read::<NaiveDate>("31.1.2026").unwrap_err(),
            read::<bool>("maybe").unwrap_err(),
            read::<f64>("1,5").unwrap_err(),
            NaiveDate::from_format("x", "%Y").unwrap_err(),
        ];
        let expected = [
            "\"128\" is not a whole number from -128 to 127",
            "\"-1\" is not a whole number from 0 to 255",
            "\"£5\" is not a decimal number",
            "\"31.1.2026\" is not a date such as 2026-01-31; name another format with `format`",
            "\"maybe\" is not true or false",
            "\"1,5\" is not a number",
            "\"x\" is not a date by the format \"%Y\"",
        ];
        assert_eq!(errors.map(|error| error.to_string()), expected);
    }
}
