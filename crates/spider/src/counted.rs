//! Numbers of things, for people: `1 host`, `2 hosts`.

use std::fmt::Display;

/// A number and its noun, which is given in the singular.
///
/// ```
/// use dragline_spider::counted::counted;
///
/// assert_eq!(counted(1, "host"), "1 host");
/// assert_eq!(counted(0, "flush"), "0 flushes");
/// ```
pub fn counted<N: Copy + Display + PartialEq + From<u8>>(count: N, noun: &str) -> String {
    let is_one = count == N::from(1);
    format!("{count} {}", noun_of(is_one, noun))
}

/// The singular or the plural of a noun. Use it next to a number that you format yourself.
pub fn noun_of(is_one: bool, noun: &str) -> String {
    if is_one {
        return noun.to_owned();
    }
    match noun.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'i', 'o', 'u']) => format!("{stem}ies"),
        _ if noun.ends_with(['s', 'x']) || noun.ends_with("sh") || noun.ends_with("ch") => {
            format!("{noun}es")
        }
        _ => format!("{noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_noun_has_the_form_for_its_number() {
        for (count, noun, text) in [
            (1_u64, "page", "1 page"),
            (0, "page", "0 pages"),
            (2, "dead letter", "2 dead letters"),
            (2, "retry", "2 retries"),
            (2, "day", "2 days"),
            (1, "flush", "1 flush"),
            (3, "batch", "3 batches"),
            (3, "process", "3 processes"),
        ] {
            assert_eq!(counted(count, noun), text);
        }
    }
}
