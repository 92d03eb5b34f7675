//! Elements with more attributes than the parser can take.
//!
//! It holds each attribute against all before it, within one element and so out of reach of whoever counts
//! tokens: 10,000 take 30 ms, a million (6 MB) take a quarter of an hour. So they are counted before.

/// How many words one tag may have; an attribute is one to three. No honest element has a hundred.
const MAX_WORDS: usize = 30_000;

/// Whether a tag in `text` has too many attributes. Scripts and comments are not told from tags: something in
/// them that begins like a tag would have to go on without a `>` for as many words.
pub(super) fn are_too_many(text: &str) -> bool {
    // A word takes two bytes with what stands before it.
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

/// Words to the end of the tag, or until they are too many. What stands in quotes after `=` is none.
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
