//! Elements with more attributes than the parser can take.
//!
//! The parser compares each attribute of an element with all earlier ones. 10,000 attributes take 30 ms, and a million (6 MB)
//! take a quarter of an hour. Counting tokens does not notice this, so the attributes are counted before parsing.

/// How many words one tag may have. An attribute has one to three words, and no honest element has a hundred attributes.
const MAX_WORDS: usize = 30_000;

/// Counts the attributes of each tag in a text that comes in pieces. Scripts and comments are treated like tags. They are
/// mistaken for a tag with too many attributes only if they go on without a `>` for as many words.
#[derive(Default)]
pub(super) struct AttributeCount {
    at: Place,
    words: usize,
    /// Whether the next byte may begin a word.
    is_between: bool,
    /// The byte before, not counting white space.
    before: u8,
}

/// Where in the text the count is.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Outside,
    /// After a `<`.
    Begun,
    InTag,
    /// In a value between two of these.
    Quoted(u8),
}

impl AttributeCount {
    /// `None` if a body of this length cannot have too many. A word and the separator before it take at least two bytes.
    pub(super) fn for_body(bytes: usize) -> Option<Self> {
        (bytes > 2 * MAX_WORDS).then(Self::default)
    }

    /// Whether the text so far, with this piece, has a tag with too many attributes.
    pub(super) fn are_too_many(&mut self, piece: &str) -> bool {
        let mut rest = piece.as_bytes();
        while !rest.is_empty() {
            match self.at {
                Place::Outside => {
                    let Some(start) = rest.iter().position(|byte| *byte == b'<') else { return false };
                    rest = &rest[start + 1..];
                    self.at = Place::Begun;
                }
                Place::Begun => {
                    let is_tag = rest[0].is_ascii_alphabetic() || rest[0] == b'/';
                    self.at = if is_tag { Place::InTag } else { Place::Outside };
                    (self.words, self.is_between, self.before) = (0, true, b' ');
                }
                Place::InTag => rest = self.words(rest),
                Place::Quoted(end) => {
                    let Some(at) = rest.iter().position(|byte| *byte == end) else { return false };
                    rest = &rest[at + 1..];
                    self.at = Place::InTag;
                }
            }
            if self.words > MAX_WORDS {
                return true;
            }
        }
        false
    }

    /// Counts the words up to the end of the tag or to a quoted value, or until there are too many. Returns what follows.
    fn words<'b>(&mut self, mut rest: &'b [u8]) -> &'b [u8] {
        while let [byte, after @ ..] = rest {
            rest = after;
            match byte {
                b'>' => {
                    self.at = Place::Outside;
                    break;
                }
                b'"' | b'\'' if self.before == b'=' => {
                    (self.at, self.is_between, self.before) = (Place::Quoted(*byte), true, *byte);
                    break;
                }
                b'/' => self.is_between = true,
                _ if byte.is_ascii_whitespace() => {
                    self.is_between = true;
                    continue;
                }
                _ if self.is_between => {
                    self.words += 1;
                    self.is_between = false;
                    if self.words > MAX_WORDS {
                        break;
                    }
                }
                _ => {}
            }
            self.before = *byte;
        }
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// It must not depend on where the pieces end.
    fn are_too_many(text: &str) -> bool {
        let in_pieces = |bytes: usize| {
            let mut count = AttributeCount::for_body(text.len());
            let mut pieces = text.as_bytes().chunks(bytes).map(|piece| std::str::from_utf8(piece).unwrap());
            pieces.any(|piece| count.as_mut().is_some_and(|count| count.are_too_many(piece)))
        };
        let whole = in_pieces(usize::MAX);
        assert!([1, 7, 1000].iter().all(|bytes| in_pieces(*bytes) == whole), "{}", &text[..20]);
        whole
    }

    #[test]
    fn attributes_are_counted_in_one_tag_and_outside_of_quotes() {
        let many = |unit: &str| unit.repeat(MAX_WORDS + 1);
        for endless in ["a ", "a/", "a='>'", "a = \">\""] {
            assert!(are_too_many(&format!("<p>x<a {}", many(endless))), "{endless}");
            assert!(are_too_many(&format!("</a {}>", many(endless))), "{endless}");
        }
        for fine in ["<a b c='d'>", "x ", "<!-- a -->", "a < b", "<a b='x y z'> "] {
            assert!(!are_too_many(&many(fine)), "{fine}");
        }
        assert!(!are_too_many(&format!("<img src='{}'>", many("a b "))));
        assert!(!are_too_many(&format!("<img src={}>", "a".repeat(MAX_WORDS * 10))));
    }
}
