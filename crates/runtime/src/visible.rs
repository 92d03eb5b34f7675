//! Texts from elsewhere on a terminal. Sites, databases, files and the environment may contain characters that a terminal obeys:
//! escape sequences move the cursor or change the title, and marks of direction turn a text around. On a terminal,
//! these characters are made visible instead.
//!
//! A pipe or a file gets the data as it is.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};

/// The colours of this program. Another text that contains one of these two can only be red or not.
const COLOURS: [&str; 2] = ["\u{1b}[31m", "\u{1b}[0m"];

/// Whether a terminal would obey the character and not show it: control characters, and marks that turn the direction.
pub fn is_obeyed(c: char) -> bool {
    let turns = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || (c.is_control() && !matches!(c, '\n' | '\t'))
}

/// The text with `\u001b` in place of such a character. JSON stays JSON.
pub fn visible(text: &str) -> Cow<'_, str> {
    escaped(text, &[])
}

/// The same for a text that has colours of this program.
pub fn visible_with_colours(text: &str) -> Cow<'_, str> {
    escaped(text, &COLOURS)
}

fn escaped<'a>(text: &'a str, allowed: &[&str]) -> Cow<'a, str> {
    if !text.contains(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let (mut shown, mut rest) = (String::with_capacity(text.len() + 16), text);
    while let Some(at) = rest.find(is_obeyed) {
        shown.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(colour) = allowed.iter().find(|colour| rest.starts_with(**colour)) {
            shown.push_str(colour);
            rest = &rest[colour.len()..];
        } else if let Some(c) = rest.chars().next() {
            // Writing to a String cannot fail.
            let _ = write!(shown, "\\u{:04x}", u32::from(c));
            rest = &rest[c.len_utf8()..];
        }
    }
    shown.push_str(rest);
    Cow::Owned(shown)
}

/// Writes data to a terminal, with everything visible that a terminal would obey. Bytes that are not UTF-8 become U+FFFD.
pub struct VisibleWriter<W: Write> {
    to: W,
    /// The beginning of a character whose end has not come yet.
    begun: Vec<u8>,
}

impl<W: Write> VisibleWriter<W> {
    /// Writes to this terminal.
    pub fn new(to: W) -> Self {
        Self { to, begun: Vec::new() }
    }
}

impl<W: Write> Write for VisibleWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let all = [std::mem::take(&mut self.begun).as_slice(), bytes].concat();
        let mut rest = all.as_slice();
        loop {
            match std::str::from_utf8(rest) {
                Ok(text) => {
                    self.to.write_all(visible(text).as_bytes())?;
                    return Ok(bytes.len());
                }
                Err(error) => {
                    let (text, other) = rest.split_at(error.valid_up_to());
                    self.to.write_all(visible(&String::from_utf8_lossy(text)).as_bytes())?;
                    let Some(wrong) = error.error_len() else {
                        self.begun = other.to_vec();
                        return Ok(bytes.len());
                    };
                    self.to.write_all("\u{fffd}".as_bytes())?;
                    rest = &other[wrong..];
                }
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "a\u{1b}]0;x\u{7}\u{9b}2J\r\u{7f}\u{202e}\u{2066}b";
    const SHOWN: &str = "a\\u001b]0;x\\u0007\\u009b2J\\u000d\\u007f\\u202e\\u2066b";

    #[test]
    fn what_a_terminal_obeys_is_shown() {
        assert_eq!(visible(HOSTILE), SHOWN);
        assert!(matches!(visible("plain\n\ttext äöü 日本"), Cow::Borrowed(_)));
        assert_eq!(
            visible_with_colours("\u{1b}[31mred\u{1b}[0m\u{1b}[2J"),
            "\u{1b}[31mred\u{1b}[0m\\u001b[2J"
        );
        assert_eq!(visible("\u{1b}[31m"), "\\u001b[31m");
    }

    #[test]
    fn data_may_come_in_any_pieces() {
        let text = format!("{HOSTILE}日本\n");
        for size in 1..text.len() {
            let mut written = VisibleWriter::new(Vec::new());
            for piece in text.as_bytes().chunks(size) {
                written.write_all(piece).unwrap();
            }
            assert_eq!(String::from_utf8(written.to).unwrap(), format!("{SHOWN}日本\n"), "{size}");
        }
        let mut written = VisibleWriter::new(Vec::new());
        written.write_all(b"\x9b2J\xff.").unwrap();
        assert_eq!(String::from_utf8(written.to).unwrap(), "\u{fffd}2J\u{fffd}.");
    }
}
