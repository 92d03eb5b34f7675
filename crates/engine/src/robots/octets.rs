//! Normalizes percent-encoding, so that paths and rules can be compared (RFC 9309 §2.2.2).
//!
//! A printable ASCII byte is always written as itself, and every other byte as `%XX`. So `~` equals `%7e`, and `&` equals `%26`.
//! Three bytes have another meaning when they are encoded, so they stay encoded: `/` in a path, where it separates segments,
//! and `*` and `$`, which are special in rules.

/// The kind of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Text {
    /// The pattern of a rule without its final `$`. `*` is special.
    Pattern,
    /// The path and query of a URL.
    Path,
    /// The path and query of a URL that is compared with a pattern that has a query.
    PathForQueries,
}

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// The normalized text, which is ASCII.
pub(super) fn spelled(text: &[u8], what: Text) -> String {
    let mut spelled = String::with_capacity(text.len());
    let mut is_query = false;
    let mut rest = text;
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        match (byte, encoded(behind)) {
            (b'%', Some(octet)) => {
                rest = &behind[2..];
                // `/` is not a separator in a query (this is the RFC's own example). A pattern without `?` may mean a
                // path or a query, so it is compared with the URL as it was sent.
                let separates = octet == b'/' && !(is_query && what != Text::Path);
                push(&mut spelled, octet, separates || matches!(octet, b'*' | b'$' | b'%'));
            }
            (b'*', _) => push(&mut spelled, byte, what != Text::Pattern),
            (b'$' | b'%', _) => push(&mut spelled, byte, true),
            _ => {
                is_query |= byte == b'?';
                push(&mut spelled, byte, false);
            }
        }
    }
    spelled
}

fn push(spelled: &mut String, octet: u8, is_encoded: bool) {
    if octet.is_ascii_graphic() && !is_encoded {
        spelled.push(char::from(octet));
    } else {
        spelled.push('%');
        spelled.push(char::from(HEX[usize::from(octet >> 4)]));
        spelled.push(char::from(HEX[usize::from(octet & 15)]));
    }
}

/// The octet for the two digits after a `%`.
fn encoded(digits: &[u8]) -> Option<u8> {
    let digit =
        |at: usize| char::from(*digits.get(at)?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(0)? << 4 | digit(1)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_for_all() {
        for (text, pattern, path) in [
            ("/a%3cd", "/a<d", "/a<d"),
            ("/%7Ejoe", "/~joe", "/~joe"),
            ("/%62%61z", "/baz", "/baz"),
            ("/a%2fb", "/a%2Fb", "/a%2Fb"),
            ("/\u{30c4}", "/%E3%83%84", "/%E3%83%84"),
            ("/%e3%83%84", "/%E3%83%84", "/%E3%83%84"),
            ("/a*%2a$", "/a*%2A%24", "/a%2A%2A%24"),
            ("/a b%20c", "/a%20b%20c", "/a%20b%20c"),
            ("/100%/%zz%4", "/100%25/%25zz%254", "/100%25/%25zz%254"),
            ("/%25%32%35", "/%2525", "/%2525"),
            ("/?a=%2f", "/?a=/", "/?a=%2F"),
        ] {
            assert_eq!(spelled(text.as_bytes(), Text::Pattern), pattern);
            assert_eq!(spelled(text.as_bytes(), Text::Path), path);
        }
        assert_eq!(spelled(b"/a%2fb?c=%2f", Text::PathForQueries), "/a%2Fb?c=/");
        assert_eq!(spelled(b"/\xe9\0", Text::Path), "/%E9%00");
    }
}
