//! Values with units, the same on the command line, in the environment and in the file.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de::Error};

use crate::listen::ListenAddr;

/// `90s`, `1h 30m`, or a plain number of seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    if let Ok(seconds) = text.trim().parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).map_err(|error| format!("{error}; example: 90s"));
    }
    humantime::parse_duration(text.trim()).map_err(|error| format!("{error}; examples: 90s, 45m, 500ms"))
}

/// `8MiB`, `500kB`, or a plain number of bytes.
pub(crate) fn bytes(text: &str) -> Result<usize, String> {
    let size: bytesize::ByteSize = text.trim().parse().map_err(|error| format!("{error}; example: 8MiB"))?;
    usize::try_from(size.as_u64()).map_err(|_| "larger than this machine's memory can be".to_owned())
}

/// Requests per second: not negative, and finite.
pub(crate) fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.trim().parse().map_err(|_| "not a number; examples: 2, 0.5".to_owned())?;
    if rate.is_finite() && rate >= 0.0 {
        Ok(rate)
    } else {
        Err("must be 0 (no limit) or a positive number of requests per second".to_owned())
    }
}

/// A part of a whole: from 0 to 1.
pub(crate) fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text.trim().parse().map_err(|_| "not a number; example: 0.25".to_owned())?;
    if (0.0..=1.0).contains(&share) {
        Ok(share)
    } else {
        Err("must be from 0 to 1; example: 0.25".to_owned())
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Integer(u64),
    Float(f64),
    Text(String),
}

impl Written {
    fn text(self) -> String {
        match self {
            Self::Integer(number) => number.to_string(),
            Self::Float(number) => number.to_string(),
            Self::Text(text) => text,
        }
    }
}

pub(crate) fn duration_in_file<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    duration(&Written::deserialize(from)?.text()).map(Some).map_err(D::Error::custom)
}

pub(crate) fn bytes_in_file<'de, D: Deserializer<'de>>(from: D) -> Result<Option<usize>, D::Error> {
    bytes(&Written::deserialize(from)?.text()).map(Some).map_err(D::Error::custom)
}

pub(crate) fn address_in_file<'de, D: Deserializer<'de>>(from: D) -> Result<Option<ListenAddr>, D::Error> {
    ListenAddr::parse(&String::deserialize(from)?).map(Some).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_understood_and_nonsense_is_told() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("8"), Ok(Duration::from_secs(8)));
        assert_eq!(duration("0.5"), Ok(Duration::from_millis(500)));
        assert!(duration("-1").is_err() && duration("soon").is_err());
        assert_eq!(bytes("8MiB"), Ok(8 << 20));
        assert_eq!(bytes("100"), Ok(100));
        assert!(bytes("many").is_err());
        assert_eq!(rate("0.5"), Ok(0.5));
        assert!(share("0.25") == Ok(0.25) && share("1") == Ok(1.0));
        assert!(share("1.5").is_err() && share("-0.1").is_err() && share("NaN").is_err());
        assert!(rate("-1").is_err() && rate("NaN").is_err() && rate("inf").is_err());
    }
}
