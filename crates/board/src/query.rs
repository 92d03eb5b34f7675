//! The parameters of a request. A wrong one is an error that says what is right, for programs and people alike.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::answer::Refused;

/// The longest value, in characters. `openapi.json` says the same.
const MAX_VALUE_CHARS: usize = 200;

/// A part of a path, if it is not too long.
pub(crate) fn path_part(text: &str) -> Result<&str, Refused> {
    if is_too_long(text) {
        return Err(Refused::wrong(format!("a name in an address has at most {MAX_VALUE_CHARS} characters")));
    }
    Ok(text)
}

/// A whole number. It may be written as `7.0`, because for JSON and for many programs that is the same number.
pub(crate) fn whole_number(text: &str) -> Option<i64> {
    text.strip_suffix(".0").unwrap_or(text).parse().ok().filter(|_| !text.starts_with('+'))
}

fn is_too_long(text: &str) -> bool {
    text.chars().nth(MAX_VALUE_CHARS).is_some()
}

/// The parameters of a request, each given once.
#[derive(Debug, Default)]
pub(crate) struct Query(BTreeMap<String, String>);

impl Query {
    /// Reads parameters of these names. An empty text counts as none, because a form sends all of its fields.
    pub(crate) fn read(raw: Option<&str>, names: &[&str]) -> Result<Self, Refused> {
        let mut given = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(raw.unwrap_or_default().as_bytes()) {
            if !names.contains(&&*name) {
                let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                return Err(Refused::wrong("unknown parameter").hint(format!("the parameters are: {known}")));
            }
            if is_too_long(&value) || value.contains('\0') {
                return Err(Refused::wrong(format!(
                    "{name}: at most {MAX_VALUE_CHARS} characters, and no NUL character"
                )));
            }
            if given.insert(name.clone().into_owned(), value.into_owned()).is_some() {
                return Err(Refused::wrong(format!("{name}: give it once")));
            }
        }
        Ok(Self(given))
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A number in this range. No form sends an empty one.
    pub(crate) fn number(&self, name: &str, range: &RangeInclusive<i64>) -> Result<Option<i64>, Refused> {
        let Some(text) = self.0.get(name) else { return Ok(None) };
        match whole_number(text) {
            Some(number) if range.contains(&number) => Ok(Some(number)),
            _ => {
                Err(Refused::wrong(format!("{name}: not a number from {} to {}", range.start(), range.end())))
            }
        }
    }

    /// How many rows to show, up to `most`.
    pub(crate) fn limit(&self, most: usize, default: usize) -> Result<usize, Refused> {
        let range = 1..=i64::try_from(most).unwrap_or(i64::MAX);
        let limit = self.number("limit", &range)?;
        Ok(limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(default))
    }

    /// One of these words.
    pub(crate) fn one_of<T>(
        &self,
        name: &str,
        words: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Refused> {
        let Some(text) = self.text(name) else { return Ok(None) };
        parse(text).map(Some).ok_or_else(|| {
            Refused::wrong(format!("{name}: unknown value")).hint(format!("the values are: {words}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrong_parameter_is_told() {
        let read = |raw: &str| Query::read(Some(raw), &["limit", "spider"]);
        let query = read("limit=7&spider=a%20b").unwrap();
        assert_eq!((query.limit(10, 5).unwrap(), query.text("spider")), (7, Some("a b")));
        assert_eq!(read("spider=").unwrap().text("spider"), None);
        assert_eq!(Query::read(None, &[]).unwrap().limit(10, 5).unwrap(), 5);
        assert!(read(&format!("spider={}", "ä".repeat(200))).is_ok() && path_part(&"ä".repeat(200)).is_ok());
        assert!(
            read(&format!("spider={}", "a".repeat(201))).is_err() && path_part(&"a".repeat(201)).is_err()
        );
        for wrong in ["limits=7", "limit=1&limit=2", "spider=%00"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert_eq!(read("limit=7.0").unwrap().limit(10, 5).unwrap(), 7);
        for wrong in [
            "limit=",
            "limit=0",
            "limit=11",
            "limit=x",
            "limit=-1",
            "limit=%2B1",
            "limit=1.5",
            "limit=.0",
            "limit=1.0.0",
            "limit=99999999999999999999",
        ] {
            assert!(read(wrong).unwrap().limit(10, 5).is_err(), "{wrong}");
        }
    }
}
