//! The text of default values, as a person would write them.

use std::fmt::Display;
use std::time::Duration;

use crate::Limit;

/// `90s`, `30m`, `24h` or `500ms`: short durations stay in seconds.
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    if time.subsec_nanos() > 0 {
        return format!("{}ms", time.as_millis());
    }
    match seconds {
        0 => "0".to_owned(),
        _ if seconds.is_multiple_of(3600) => format!("{}h", seconds / 3600),
        600.. if seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    }
}

/// `8MiB`, `500KiB`, or a number of bytes.
pub fn bytes(size: usize) -> String {
    match size {
        0 => "0".to_owned(),
        _ if size.is_multiple_of(1 << 20) => format!("{}MiB", size >> 20),
        _ if size.is_multiple_of(1 << 10) => format!("{}KiB", size >> 10),
        _ => size.to_string(),
    }
}

/// A limit as the text of its value; `0` if there is none.
pub fn limit<T>(limit: Limit<T>, text: impl Fn(T) -> String) -> String {
    limit.map_or_else(|| "0".to_owned(), text)
}

/// A number as it is.
pub fn number(value: impl Display) -> String {
    value.to_string()
}

/// Ranges of statuses, separated by commas: `408,500-504`.
pub fn statuses(ranges: &[(u16, u16)]) -> String {
    let range = |(first, last): &(u16, u16)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    ranges.iter().map(range).collect::<Vec<_>>().join(",")
}

/// The entries of a list, separated by commas.
pub fn list<T: Display>(entries: &[T]) -> String {
    entries.iter().map(T::to_string).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    #[test]
    fn the_text_of_a_value_is_read_as_that_value() {
        for seconds in [0, 1, 60, 300, 599, 600, 601, 3600, 5400, 86_400] {
            let time = Duration::from_secs(seconds);
            assert_eq!(parse::duration(&duration(time)), Ok(time), "{seconds}");
        }
        let half = Duration::from_millis(500);
        assert_eq!((duration(half), parse::duration("500ms")), ("500ms".to_owned(), Ok(half)));
        assert_eq!(duration(Duration::from_secs(1800)), "30m");
        for size in [1, 1000, 500 << 10, 8 << 20, (8 << 20) + 1] {
            assert_eq!(parse::bytes(&bytes(size)), Ok(size));
        }
        assert_eq!((bytes(256 << 10), limit(None::<u64>, number)), ("256KiB".to_owned(), "0".to_owned()));
    }
}
