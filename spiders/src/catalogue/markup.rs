//! The quotes by which a wiki marks bold (`'''`) and italics (`''`), and what else is only a matter of how a text was typed.

use std::borrow::Cow;

use dragline::normalize::{blanks, clean, nfc};

/// The text with single blanks, composed letters, and without characters that take up no place. A page's text has no entities,
/// unless somebody wrote them twice (`&amp;amp;`). They are read if they have their semicolon: `B&copy` may be a name.
pub(crate) fn tidy(text: &str) -> Cow<'_, str> {
    if has_entity(text) {
        return clean(text);
    }
    match blanks(text) {
        Cow::Borrowed(text) => nfc(text),
        Cow::Owned(text) => Cow::Owned(nfc(&text).into_owned()),
    }
}

fn has_entity(text: &str) -> bool {
    text.split('&').skip(1).filter_map(|rest| rest.split_once(';')).any(|(name, _)| {
        !name.is_empty() && name.trim_start_matches('#').bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

/// Takes a bold prefix with a colon off the beginning: `'''Intro:''' …` or `'''Intro''': …`. The colon is dropped.
pub(crate) fn split_bold_prefix(text: &str) -> (Option<&str>, &str) {
    let Some((bold, rest)) = text.strip_prefix("'''").and_then(|text| text.split_once("'''")) else {
        return (None, text);
    };
    let rest = rest.trim_start();
    let prefix = match (bold.trim_end().strip_suffix(':'), rest.strip_prefix(':')) {
        (Some(prefix), _) => Some((prefix, rest)),
        (None, Some(rest)) => Some((bold, rest)),
        (None, None) => None,
    };
    match prefix {
        Some((prefix, rest)) if !prefix.trim().is_empty() => (Some(prefix.trim()), rest.trim_start()),
        _ => (None, text),
    }
}

/// The text without its marks. Marks come in pairs; a single `''` is a sign for inches.
pub(crate) fn without_quotes(text: &str) -> String {
    let mut plain = text.to_owned();
    for mark in ["'''''", "'''", "''"] {
        if plain.matches(mark).count().is_multiple_of(2) {
            plain = plain.replace(mark, "");
        }
    }
    plain.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_makes_no_difference() {
        for (typed, tidy_text) in [
            (" A\u{a0} -\tB\u{200b} ", "A - B"),
            ("Bjo\u{308}rk", "Björk"),
            ("Jazz &amp; Funk &#39;n&#39; Soul", "Jazz & Funk 'n' Soul"),
            ("B&copy & C", "B&copy & C"),
            ("A & B; C", "A & B; C"),
        ] {
            assert_eq!(tidy(typed), tidy_text, "{typed:?}");
        }
    }

    #[test]
    fn a_bold_prefix_has_a_colon() {
        for (text, prefix, rest) in [
            ("'''Intro:''' A - B", Some("Intro"), "A - B"),
            ("'''Hot Record''' : A - B", Some("Hot Record"), "A - B"),
            ("'''A''' - B", None, "'''A''' - B"),
            ("''':''' A", None, "''':''' A"),
            ("'''Intro: A", None, "'''Intro: A"),
            ("A - B", None, "A - B"),
        ] {
            assert_eq!(split_bold_prefix(text), (prefix, rest), "{text}");
        }
    }

    #[test]
    fn marks_go_in_pairs() {
        for (text, plain) in [
            ("''A - ? [B]''", "A - ? [B]"),
            ("'''A''' - ''B''", "A - B"),
            ("'''''A''''' - B", "A - B"),
            ("A - B (12'' Mix)", "A - B (12'' Mix)"),
            ("Rollin' & Scratchin'", "Rollin' & Scratchin'"),
            ("", ""),
        ] {
            assert_eq!(without_quotes(text), plain, "{text}");
        }
    }
}
