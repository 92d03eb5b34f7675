//! The text that is tokenized, with its line ends normalised.

use html5ever::tendril::StrTendril;
use memchr::{memchr, memchr2};

/// The text of a page. Line ends (CR, CR LF) become LF, as the standard says ("preprocessing the input stream").
///
/// A byte order mark isn't removed: whoever decodes a page removes it.
///
/// ```
/// use dragline_html::Input;
///
/// let mut input = Input::with_capacity(20);
/// input.push("one\r");
/// input.push("\ntwo\r");
/// assert_eq!(input.as_str(), "one\ntwo\n");
/// ```
#[derive(Default)]
pub struct Input {
    text: StrTendril,
    /// Whether the last piece ended with CR. An LF that follows belongs to it.
    ends_with_cr: bool,
    has_nul: bool,
}

impl Input {
    /// Makes room for a text of this length.
    ///
    /// # Panics
    /// A text may not have 4 GiB or more.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        Self { text: StrTendril::with_capacity(bytes), ..Self::default() }
    }

    /// Adds a piece of the text.
    ///
    /// # Panics
    /// The text may not reach 4 GiB.
    pub fn push(&mut self, piece: &str) {
        if piece.is_empty() {
            return;
        }
        let piece = match piece.strip_prefix('\n') {
            Some(rest) if self.ends_with_cr => rest,
            _ => piece,
        };
        self.ends_with_cr = piece.ends_with('\r');
        let mut rest = piece;
        while let Some(at) = memchr2(b'\r', 0, rest.as_bytes()) {
            if rest.as_bytes()[at] == 0 {
                self.has_nul = true;
                // It needs to be found only once.
                self.push_without_cr(rest);
                return;
            }
            rest = self.push_line(rest, at);
        }
        self.text.push_slice(rest);
    }

    fn push_without_cr(&mut self, mut rest: &str) {
        while let Some(at) = memchr(b'\r', rest.as_bytes()) {
            rest = self.push_line(rest, at);
        }
        self.text.push_slice(rest);
    }

    /// Adds a line that ends with the CR at `at`. Returns what follows.
    fn push_line<'p>(&mut self, piece: &'p str, at: usize) -> &'p str {
        self.text.push_slice(&piece[..at]);
        self.text.push_char('\n');
        let rest = &piece[at + 1..];
        rest.strip_prefix('\n').unwrap_or(rest)
    }

    /// The text, with normalised line ends.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn tendril(&self) -> &StrTendril {
        &self.text
    }

    pub(crate) fn has_nul(&self) -> bool {
        self.has_nul
    }
}

impl From<&str> for Input {
    fn from(text: &str) -> Self {
        let mut input = Self::with_capacity(text.len());
        input.push(text);
        input
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_are_normalised_wherever_the_pieces_end() {
        for (text, expected) in [
            ("", ""),
            ("\r", "\n"),
            ("\r\n", "\n"),
            ("\n\r", "\n\n"),
            ("\r\r\n\n", "\n\n\n"),
            ("\r\n\n\n", "\n\n\n"),
            ("a\rb\r\nc\nd\r", "a\nb\nc\nd\n"),
            ("a\0\r\n\0b", "a\0\n\0b"),
            ("ä\r\nö", "ä\nö"),
        ] {
            for end in (0..=text.len()).filter(|end| text.is_char_boundary(*end)) {
                let mut input = Input::default();
                input.push(&text[..end]);
                input.push("");
                input.push(&text[end..]);
                assert_eq!(input.as_str(), expected, "{text:?} cut at {end}");
                assert_eq!(input.has_nul(), text.contains('\0'));
            }
            let mut input = Input::default();
            text.chars().for_each(|character| input.push(character.encode_utf8(&mut [0; 4])));
            assert_eq!(input.as_str(), expected, "{text:?} in pieces of one character");
        }
    }
}
