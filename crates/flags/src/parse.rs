//! Values with units, and their allowed ranges. They are the same on the command line, in the environment and
//! in the file.

use std::num::{IntErrorKind, ParseIntError};
use std::str::FromStr;
use std::time::Duration;

/// Larger values are typos: 1 PiB.
const MAX_BYTES: usize = 1 << 50;
/// Longer chains of redirects are loops.
const MAX_HOPS: usize = 100;

/// `90s`, `1h 30m`, or a plain number of seconds.
pub fn duration(text: &str) -> Result<Duration, String> {
    if let Ok(seconds) = text.trim().parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).map_err(|error| format!("{error}; example: 90s"));
    }
    humantime::parse_duration(text.trim()).map_err(|error| format!("{error}; examples: 90s, 45m, 500ms"))
}

/// `8MiB`, `500kB`, or a plain number of bytes; at least one.
pub fn bytes(text: &str) -> Result<usize, String> {
    let size: bytesize::ByteSize = text.trim().parse().map_err(|error| format!("{error}; example: 8MiB"))?;
    match usize::try_from(size.as_u64()) {
        Ok(0) => Err("must be at least 1".to_owned()),
        Ok(size) if size <= MAX_BYTES => Ok(size),
        _ => Err("larger than the memory of any machine; example: 8MiB".to_owned()),
    }
}

/// The same, or 0 for no limit.
pub fn bytes_or_none(text: &str) -> Result<usize, String> {
    if text.trim() == "0" { Ok(0) } else { bytes(text) }
}

/// Requests per second: not negative, and finite.
pub fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.trim().parse().map_err(|_| "not a number; examples: 2, 0.5".to_owned())?;
    if rate.is_finite() && rate >= 0.0 {
        Ok(rate)
    } else {
        Err("must be 0 (no limit) or a positive number of requests per second".to_owned())
    }
}

/// A part of a whole: from 0 to 1.
pub fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text.trim().parse().map_err(|_| "not a number; example: 0.25".to_owned())?;
    if (0.0..=1.0).contains(&share) {
        Ok(share)
    } else {
        Err("must be from 0 to 1; example: 0.25".to_owned())
    }
}

/// `503`, `500-504`, `5xx`, or `none`: the first and the last status of a range. 0 stands for no answer.
pub fn statuses(text: &str) -> Result<(u16, u16), String> {
    let wrong = || "write a status (503), a range (500-504), a class (1xx to 5xx), or none".to_owned();
    let status = |text: &str| text.parse().ok().filter(|status| (100..=999).contains(status));
    let text = text.trim();
    if text == "none" {
        return Ok((0, 0));
    }
    if let Some(class) = text.strip_suffix("xx").or_else(|| text.strip_suffix("XX")) {
        let class: u16 = class.parse().ok().filter(|class| (1..=5).contains(class)).ok_or_else(wrong)?;
        return Ok((class * 100, class * 100 + 99));
    }
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    status(first).zip(status(last)).filter(|(first, last)| first <= last).ok_or_else(wrong)
}

/// The share by which a gap may be shorter or longer, at most half of it.
pub fn jitter(text: &str) -> Result<f64, String> {
    let jitter: f64 = text.trim().parse().map_err(|_| "not a number; example: 0.5".to_owned())?;
    if (0.0..=0.5).contains(&jitter) { Ok(jitter) } else { Err("must be from 0 to 0.5".to_owned()) }
}

/// A factor of at least 1.
pub fn factor(text: &str) -> Result<f64, String> {
    let factor: f64 = text.trim().parse().map_err(|_| "not a number; example: 2".to_owned())?;
    if (1.0..=1000.0).contains(&factor) { Ok(factor) } else { Err("must be from 1 to 1000".to_owned()) }
}

/// A positive number, fractions allowed.
pub fn positive(text: &str) -> Result<f64, String> {
    let number: f64 = text.trim().parse().map_err(|_| "not a number; example: 1.5".to_owned())?;
    if (0.001..=1e6).contains(&number) { Ok(number) } else { Err("must be from 0.001 to 1000000".to_owned()) }
}

/// The longest name of a run. An index of Postgres holds little more than twice as much.
const MAX_RUN_NAME_BYTES: usize = 1_000;

/// The name of a run. It is used to find the run, and it is displayed.
pub fn run_name(text: &str) -> Result<String, String> {
    if text.len() > MAX_RUN_NAME_BYTES {
        return Err(format!("must have at most {MAX_RUN_NAME_BYTES} bytes, and this has {}", text.len()));
    }
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err("must not be empty and must not contain control characters".to_owned());
    }
    Ok(text.to_owned())
}

/// A number, including 0.
pub fn number<N: FromStr<Err = ParseIntError>>(text: &str) -> Result<N, String> {
    text.trim().parse().map_err(|error: ParseIntError| match error.kind() {
        IntErrorKind::PosOverflow => "too large".to_owned(),
        _ => "must be a whole number, such as 100".to_owned(),
    })
}

/// A positive number.
pub fn count(text: &str) -> Result<usize, String> {
    match text.trim().parse() {
        Ok(0) => Err("must be at least 1".to_owned()),
        Ok(number) => Ok(number),
        Err(_) => Err("must be a whole number, such as 8".to_owned()),
    }
}

/// The number of redirects in a row. 0 follows none.
pub fn hops(text: &str) -> Result<usize, String> {
    match text.trim().parse() {
        Ok(hops) if hops <= MAX_HOPS => Ok(hops),
        Ok(_) => Err(format!("must be from 0 to {MAX_HOPS}")),
        Err(_) => Err("must be a whole number, such as 20".to_owned()),
    }
}

/// A file extension, with or without its dot, or `none`.
pub fn extension(text: &str) -> Result<String, String> {
    let name = text.trim();
    let bare = name.strip_prefix('.').unwrap_or(name);
    // An empty entry: the list may end with a comma.
    if name.is_empty() || (!bare.is_empty() && bare.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
        Ok(bare.to_owned())
    } else {
        Err("use letters and digits without a dot; the extension of a.tar.gz is gz".to_owned())
    }
}

/// The name of a parameter of a URL's query or path, as it is written there. A `*` at its end stands for anything.
pub fn parameter(text: &str) -> Result<String, String> {
    if text.contains(['=', '&', '?', '#', ';', '/']) {
        return Err("write only the parameter's name, without a value; example: utm_*".to_owned());
    }
    Ok(text.to_owned())
}

/// The time of a stop must be longer than the reserve for its last two steps.
pub fn shutdown_timeout(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        time if time < Duration::from_secs(4) => {
            Err("too short; use at least 4, because 2.5 s are reserved for cancelling and closing".to_owned())
        }
        time => Ok(time),
    }
}

/// Progress is checked twice a second.
pub fn progress_interval(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        time if time < Duration::from_secs(1) => {
            Err("must be at least 1s; --progress none turns the lines off".to_owned())
        }
        time => Ok(time),
    }
}

/// The loops send a heartbeat at least every second.
pub fn health_max_age(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        time if time < Duration::from_secs(2) => {
            Err("too short; use at least 2s, because loops send a heartbeat every second".to_owned())
        }
        time => Ok(time),
    }
}

/// A process sends a heartbeat every 5 s. If it has been silent for less than twice that, it may not hang. 0
/// means never.
pub fn take_over_after(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        time if time.is_zero() || time >= Duration::from_secs(10) => Ok(time),
        _ => Err(
            "too short; use at least 10s (or 0 for never), because a process writes a heartbeat every 5 s"
                .to_owned(),
        ),
    }
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
        assert!(bytes("many").is_err() && bytes("0").is_err() && bytes("99999999999GiB").is_err());
        assert_eq!(rate("0.5"), Ok(0.5));
        assert!(share("0.25") == Ok(0.25) && share("1") == Ok(1.0));
        assert!(share("1.5").is_err() && share("-0.1").is_err() && share("NaN").is_err());
        assert!(rate("-1").is_err() && rate("NaN").is_err() && rate("inf").is_err());
    }

    #[test]
    fn a_run_has_a_name_that_can_be_shown() {
        assert_eq!(run_name("2026-11 books"), Ok("2026-11 books".to_owned()));
        assert!(["", " ", "a\nb", "\u{1b}[31m"].into_iter().all(|name| run_name(name).is_err()));
        assert!(run_name(&"é".repeat(500)).is_ok());
        assert_eq!(
            run_name(&"é".repeat(501)),
            Err("must have at most 1000 bytes, and this has 1002".to_owned())
        );
    }

    #[test]
    fn a_status_is_a_number_some_in_a_row_a_class_or_none() {
        assert_eq!((statuses("503"), statuses(" 500-504")), (Ok((503, 503)), Ok((500, 504))));
        assert_eq!((statuses("5xx"), statuses("4XX")), (Ok((500, 599)), Ok((400, 499))));
        assert_eq!(statuses("none"), Ok((0, 0)));
        for wrong in
            ["", "5", "xx", "0xx", "6xx", "10xx", "5x", "65536", "abc", "-500", "504-500", "500-", "500-5xx"]
        {
            assert!(statuses(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn what_cannot_work_is_refused() {
        assert!(take_over_after("9").is_err());
        assert_eq!(take_over_after("0"), Ok(Duration::ZERO));
        assert!(shutdown_timeout("3").is_err());
        assert_eq!(shutdown_timeout("4s"), Ok(Duration::from_secs(4)));
        assert!(progress_interval("0.5").is_err() && progress_interval("1").is_ok());
        assert!(health_max_age("1").is_err() && health_max_age("2").is_ok());
        assert!(hops("101").is_err() && hops("-1").is_err() && hops("0") == Ok(0));
        assert_eq!((extension(".PDF"), extension("7z")), (Ok("PDF".to_owned()), Ok("7z".to_owned())));
        assert!([".", "..", "tar.gz", "*.zip", "a/b"].into_iter().all(|it| extension(it).is_err()));
        assert!(parameter("utm_*").is_ok() && parameter("a=b").is_err() && parameter("a&b").is_err());
        assert!(parameter(";jsessionid").is_err());
        assert!(count("0").is_err() && count("-1").is_err() && count("many").is_err());
        assert_eq!(count("7"), Ok(7));
    }
}
