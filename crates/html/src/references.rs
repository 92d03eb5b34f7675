//! Character references: `&amp;`, `&#8364;`, `&notit;`.

use html5ever::data::{C1_REPLACEMENTS, NAMED_ENTITIES};
use html5ever::tendril::StrTendril;

/// `CounterClockwiseContourIntegral` is the longest name.
const LONGEST_NAME: usize = 31;
/// `yacute` and others are the longest names that may stand without a `;`.
const LONGEST_WITHOUT_SEMICOLON: usize = 6;
const REPLACEMENT: char = '\u{FFFD}';

/// Where a reference is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Text,
    /// Here a name without `;` is text if a letter, a digit or `=` follows: `?a=1&copy=2`.
    Attribute,
}

/// What a reference stands for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    first: char,
    second: Option<char>,
    /// How many bytes it has, with the `&`.
    pub(crate) length: usize,
}

impl Reference {
    pub(crate) fn push_to(&self, text: &mut StrTendril) {
        text.push_char(self.first);
        if let Some(second) = self.second {
            text.push_char(second);
        }
    }
}

/// Reads the reference at the `&` that `bytes` begins with. `None` if the `&` is text.
pub(crate) fn read(bytes: &[u8], place: Place) -> Option<Reference> {
    match bytes.get(1)? {
        b'#' => numeric(bytes),
        byte if byte.is_ascii_alphanumeric() => named(bytes, place),
        _ => None,
    }
}

fn named(bytes: &[u8], place: Place) -> Option<Reference> {
    let name = &bytes[1..];
    let length = name.iter().take(LONGEST_NAME + 1).take_while(|byte| byte.is_ascii_alphanumeric()).count();
    if name.get(length) == Some(&b';')
        && let Some(reference) = known(&name[..=length])
    {
        return Some(reference);
    }
    let reference =
        (1..=length.min(LONGEST_WITHOUT_SEMICOLON)).rev().find_map(|length| known(&name[..length]))?;
    let next = bytes.get(reference.length);
    let is_text =
        place == Place::Attribute && next.is_some_and(|next| *next == b'=' || next.is_ascii_alphanumeric());
    (!is_text).then_some(reference)
}

/// The reference with exactly this name. The table also has the beginnings of names, without a character.
fn known(name: &[u8]) -> Option<Reference> {
    let (first, second) = *NAMED_ENTITIES.get(std::str::from_utf8(name).ok()?)?;
    let character = |code: u32| char::from_u32(code).filter(|it| *it != '\0');
    Some(Reference { first: character(first)?, second: character(second), length: name.len() + 1 })
}

fn numeric(bytes: &[u8]) -> Option<Reference> {
    let (base, start) = if matches!(bytes.get(2), Some(b'x' | b'X')) { (16, 3) } else { (10, 2) };
    let mut code: u32 = 0;
    let mut end = start;
    while let Some(digit) = bytes.get(end).and_then(|byte| char::from(*byte).to_digit(base)) {
        code = code.saturating_mul(base).saturating_add(digit);
        end += 1;
    }
    if end == start {
        return None;
    }
    let length = if bytes.get(end) == Some(&b';') { end + 1 } else { end };
    Some(Reference { first: character(code), second: None, length })
}

/// The character that a number stands for. The numbers 128 to 159 mean what they mean in windows-1252.
fn character(code: u32) -> char {
    let windows_1252 = || code.checked_sub(0x80).and_then(|at| *C1_REPLACEMENTS.get(at as usize)?);
    match code {
        0 => REPLACEMENT,
        _ => windows_1252().or_else(|| char::from_u32(code)).unwrap_or(REPLACEMENT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(reference: &str, place: Place) -> Option<(String, usize)> {
        let read = read(reference.as_bytes(), place)?;
        let mut text = StrTendril::new();
        read.push_to(&mut text);
        Some((text.to_string(), read.length))
    }

    #[test]
    fn the_longest_name_counts() {
        for (text, expected) in [
            ("&amp;x", Some(("&", 5))),
            ("&ampx", Some(("&", 4))),
            ("&notit;", Some(("¬", 4))),
            ("&notin;", Some(("∉", 7))),
            ("&CounterClockwiseContourIntegral;", Some(("∳", 33))),
            ("&nGt;", Some(("≫\u{20D2}", 5))),
            ("&fjlig;", Some(("fj", 7))),
            ("&nleq", None),
            ("&x", None),
            ("&;", None),
            ("&", None),
            ("& amp;", None),
        ] {
            let expected = expected.map(|(text, length)| (text.to_owned(), length));
            assert_eq!(expanded(text, Place::Text), expected, "{text}");
        }
        assert_eq!(expanded("&copy=2", Place::Attribute), None);
        assert_eq!(expanded("&copyright", Place::Attribute), None);
        assert_eq!(expanded("&copy", Place::Attribute), Some(("©".to_owned(), 5)));
        assert_eq!(expanded("&copy;=", Place::Attribute), Some(("©".to_owned(), 6)));
        assert_eq!(expanded("&copy-", Place::Attribute), Some(("©".to_owned(), 5)));
    }

    #[test]
    fn the_limits_of_names_are_those_of_the_table() {
        for name in NAMED_ENTITIES.entries().filter(|(_, codes)| codes.0 != 0).map(|(name, _)| name) {
            let length = name.trim_end_matches(';').len();
            let longest = if name.ends_with(';') { LONGEST_NAME } else { LONGEST_WITHOUT_SEMICOLON };
            assert!(length <= longest, "{name}");
            assert_eq!(expanded(&format!("&{name}"), Place::Text).unwrap().1, name.len() + 1);
        }
    }

    #[test]
    fn numbers_are_decimal_or_hexadecimal() {
        for (text, expected) in [
            ("&#65;", Some(("A", 5))),
            ("&#x41", Some(("A", 5))),
            ("&#X41g", Some(("A", 5))),
            ("&#0;", Some(("\u{FFFD}", 4))),
            ("&#13;", Some(("\r", 5))),
            ("&#128;", Some(("€", 6))),
            ("&#129;", Some(("\u{81}", 6))),
            ("&#xD800;", Some(("\u{FFFD}", 8))),
            ("&#x10FFFF;", Some(("\u{10FFFF}", 10))),
            ("&#x110000;", Some(("\u{FFFD}", 10))),
            ("&#4294967361;", Some(("\u{FFFD}", 13))),
            ("&#99999999999999999999;", Some(("\u{FFFD}", 23))),
            ("&#", None),
            ("&#x", None),
            ("&#;", None),
            ("&#xg", None),
        ] {
            let expected = expected.map(|(text, length)| (text.to_owned(), length));
            assert_eq!(expanded(text, Place::Text), expected, "{text}");
        }
    }
}
