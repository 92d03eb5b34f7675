//! Elements with more attributes than the parser can take.
//!
//! The parser compares each attribute of an element with all earlier ones. 10,000 attributes take 30 ms, and a million (6 MB)
//! take a quarter of an hour. Counting tokens does not notice this, so the attributes are counted before parsing.

/// How many words one tag may have. An attribute has one to three words, and no honest element has a hundred attributes.
const MAX_WORDS: usize = 30_000;

/// Whether a tag in `text` has too many attributes. Scripts and comments are treated like tags. They are mistaken for a tag
/// with too many attributes only if they go on without a `>` for as many words.
pub(super) fn are_too_many(text: &str) -> bool {
    // A word and the separator before it take at least two bytes.
    if text.len() <= 2 * MAX_WORDS {
        return false;
    }
    let mut rest = text.as_bytes();
    while let Some(start) = rest.iter().position(|byte| *byte == b'<') {
        rest = &rest[start + 1..];
        let is_tag = rest.first().is_some_and(|next| next.is_ascii_alphabetic() || *next == b'/');
        if is_tag && words(&mut rest) > MAX_WORDS {
            return true;
        }
    }
    false
}

/// Counts the words up to the end of the tag, or until there are too many. A quoted value does not count as words.
fn words(rest: &mut &[u8]) -> usize {
    let (mut words, mut is_between, mut before) = (0, true, b' ');
    while let [byte, after @ ..] = *rest {
        *rest = after;
        match byte {
            b'>' => break,
            b'"' | b'\'' if before == b'=' => {
                let end = after.iter().position(|end| end == byte).map_or(after.len(), |end| end + 1);
                *rest = &after[end..];
                is_between = true;
            }
            b'/' => is_between = true,
            _ if byte.is_ascii_whitespace() => {
                is_between = true;
                continue;
            }
            _ if is_between => {
                words += 1;
                is_between = false;
                if words > MAX_WORDS {
                    break;
                }
            }
            _ => {}
        }
        before = *byte;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

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
