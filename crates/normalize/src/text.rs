//! Text as people mean it: composed characters, single blanks, and no entities.

use std::borrow::Cow;
use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::{RawKind, State};
use html5ever::tokenizer::{BufferQueue, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};
use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};

/// The text with its entities read, with single blanks, and in NFC: [`entities`], then [`blanks`], then [`nfc`]. In this order,
/// an `&nbsp;` counts as a blank, and a letter and its accent compose even if there was a zero-width space between them.
///
/// ```
/// use dragline_normalize::clean;
///
/// assert_eq!(clean(" Cafe\u{301}&nbsp;&amp;\n Bar"), "Café & Bar");
/// ```
pub fn clean(text: &str) -> Cow<'_, str> {
    then(then(entities(text), blanks), nfc)
}

/// The text in Unicode's normal form C. An `e` with a combining accent becomes `é`, as most pages write it, so that both are
/// equal.
///
/// ```
/// use dragline_normalize::nfc;
///
/// assert_eq!(nfc("Bjo\u{308}rk"), "Björk");
/// ```
pub fn nfc(text: &str) -> Cow<'_, str> {
    match is_nfc_quick(text.chars()) {
        IsNormalized::Yes => text.into(),
        _ => text.nfc().collect::<String>().into(),
    }
}

/// The text in one line: a single space in place of each run of white space, and no white space at its ends.
///
/// White space is what Unicode says: spaces of all widths, no-break spaces, tabs and line ends. Characters that take up no
/// place are removed: zero-width space, word joiner, soft hyphen, byte order mark, and the marks of the direction of writing.
/// The zero-width joiner and non-joiner stay, because they change how a word or an emoji is written.
///
/// ```
/// use dragline_normalize::blanks;
///
/// assert_eq!(blanks("\u{a0} Fish\t and\r\n  chi\u{ad}ps\u{200b} "), "Fish and chips");
/// ```
pub fn blanks(text: &str) -> Cow<'_, str> {
    if has_single_blanks(text) {
        return text.into();
    }
    let mut folded = String::with_capacity(text.len());
    for c in text.chars().filter(|c| !takes_no_place(*c)) {
        if !c.is_whitespace() {
            folded.push(c);
        } else if !folded.is_empty() && !folded.ends_with(' ') {
            folded.push(' ');
        }
    }
    folded.truncate(folded.trim_end().len());
    folded.into()
}

/// The text with its lines kept. Each line is as [`blanks`] makes it. Several empty lines become one, and those at the
/// ends are removed. A line ends with `\n`, `\r\n`, `\r`, or Unicode's signs for the end of a line or a paragraph.
///
/// ```
/// use dragline_normalize::lines;
///
/// assert_eq!(lines("\r\n A  rose\r\nis a\trose\n\n\n\nis a rose\n"), "A rose\nis a rose\n\nis a rose");
/// ```
pub fn lines(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut was_empty = false;
    let ends_line = |c| matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}');
    for line in text.replace("\r\n", "\n").split(ends_line) {
        let line = blanks(line);
        if line.is_empty() {
            was_empty = true;
            continue;
        }
        if !kept.is_empty() {
            kept.push_str(if was_empty { "\n\n" } else { "\n" });
        }
        kept.push_str(&line);
        was_empty = false;
    }
    kept
}

/// The text with its HTML entities read as a browser reads them: all names of the standard, numbers, and old names without a
/// semicolon (`&copy 2020`). Tags are text and stay. Each entity is read once: `&amp;lt;` becomes `&lt;`.
///
/// A text with an entity also loses the characters that a page can't contain: NUL becomes U+FFFD, and line ends become `\n`.
///
/// You don't need this for text from `page.text(…)`: the parser has read its entities. It is for texts in JSON, in attributes
/// that hold HTML, and on pages that escape twice.
///
/// ```
/// use dragline_normalize::entities;
///
/// assert_eq!(entities("Caf&eacute; &#8364;5 &lt;b&gt; AT&T &notit; &amp;amp;"), "Café €5 <b> AT&T ¬it; &amp;");
/// ```
pub fn entities(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return text.into();
    }
    // The contents of a `<title>`: a parser reads entities in it, and no tag except its end. Without the name of a start tag,
    // it has no end either.
    let options = TokenizerOpts {
        discard_bom: false,
        initial_state: Some(State::RawData(RawKind::Rcdata)),
        ..TokenizerOpts::default()
    };
    let tokenizer = Tokenizer::new(Characters::default(), options);
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(text));
    // It only stops early at a script or at the name of an encoding, and it sees no tags here.
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink.0.into_inner().into()
}

/// Collects text.
#[derive(Default)]
struct Characters(RefCell<String>);

impl TokenSink for Characters {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        match token {
            Token::CharacterTokens(text) => self.0.borrow_mut().push_str(&text),
            Token::NullCharacterToken => self.0.borrow_mut().push('\u{fffd}'),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

/// The next step. A step borrows only what it does not change.
fn then(text: Cow<'_, str>, step: impl Fn(&str) -> Cow<'_, str>) -> Cow<'_, str> {
    let changed = match step(&text) {
        Cow::Borrowed(_) => None,
        Cow::Owned(changed) => Some(changed),
    };
    changed.map_or(text, Cow::Owned)
}

/// Most texts are so already and are not copied.
fn has_single_blanks(text: &str) -> bool {
    let mut after_blank = true;
    for c in text.chars() {
        if takes_no_place(c) || (c.is_whitespace() && (c != ' ' || after_blank)) {
            return false;
        }
        after_blank = c == ' ';
    }
    text.is_empty() || !after_blank
}

pub(crate) fn takes_no_place(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn entities_are_those_of_the_standard() {
        for (text, read) in [
            ("", ""),
            ("no entity", "no entity"),
            ("&", "&"),
            ("&&amp;&", "&&&"),
            ("&nbsp;", "\u{a0}"),
            ("&#65;&#x41;&#X41;&#65 &#x41!", "AAAA A!"),
            // Names without a semicolon, as in text.
            ("&copy 2020, &ampx &notit; &notin;", "© 2020, &x ¬it; ∉"),
            ("?a=1&copy=2", "?a=1©=2"),
            // Not in the standard.
            ("&apos &foo; &foo &;", "&apos &foo; &foo &;"),
            ("&apos;&NotEqualTilde;&fjlig;", "'\u{2242}\u{338}fj"),
            ("&CounterClockwiseContourIntegral;", "\u{2233}"),
            // Windows' characters, and numbers without a character.
            ("&#128;&#x99;&#150;", "€™–"),
            ("&#0;&#xD800;&#x110000;&#99999999999999999999;", "\u{fffd}\u{fffd}\u{fffd}\u{fffd}"),
            ("&#; &#x; &#xg;", "&#; &#x; &#xg;"),
            // One level only.
            ("&amp;amp;lt;", "&amp;lt;"),
            // Markup is text.
            (
                "<b>&lt;/b&gt;</b></title><!-- &amp; --><script>&amp;",
                "<b></b></b></title><!-- & --><script>&",
            ),
            ("\u{feff}&amp;\r\n\0", "\u{feff}&\n\u{fffd}"),
        ] {
            assert_eq!(entities(text), read, "{text:?}");
        }
    }

    #[test]
    fn blanks_are_single() {
        for (text, folded) in [
            ("", ""),
            (" ", ""),
            ("a", "a"),
            ("a b", "a b"),
            ("a\u{3000}\u{2009}b", "a b"),
            ("a \u{200b} b", "a b"),
            ("\u{feff}a\u{2060}b", "ab"),
            ("می\u{200c}خواهم", "می\u{200c}خواهم"),
            ("\u{200f}1\u{200e}", "1"),
            ("a\u{2028}b", "a b"),
        ] {
            assert_eq!(blanks(text), folded, "{text:?}");
        }
    }

    #[test]
    fn what_is_clean_is_not_copied() {
        let text = String::from("Fish and chips");
        assert!(matches!(clean(&text), Cow::Borrowed(same) if same == text));
        // Changed by one step and not by the others.
        assert_eq!(clean("a&amp;b"), "a&b");
        assert_eq!(clean("e\u{301}"), "é");
        assert_eq!(clean(" a"), "a");
        assert_eq!(clean("e\u{200b}\u{301}&#768;"), "é\u{300}");
    }

    proptest! {
        #[test]
        fn a_second_time_changes_nothing(text in "\\PC*|[ a\u{a0}\u{200b}\r\n\u{301}\u{2028}]{0,20}") {
            for step in [|t: &str| nfc(t).into_owned(), |t: &str| blanks(t).into_owned(), lines] {
                let once = step(&text);
                prop_assert_eq!(step(&once), once.clone());
            }
        }

        #[test]
        fn clean_text_is_composed_and_has_single_blanks(text in "[ ae\u{a0}\u{200b}\r\n\u{301}\u{2000}&;#]{0,20}") {
            let clean = clean(&text);
            prop_assert_eq!(&nfc(&clean), &clean);
            prop_assert_eq!(&blanks(&clean), &clean);
        }

        #[test]
        fn only_blanks_are_lost(text in "[ a-c\u{a0}\u{200b}\r\n\u{301}\u{2028}]{0,20}") {
            let left = |text: &str| text.chars().filter(|c| !c.is_whitespace() && !takes_no_place(*c)).collect::<String>();
            prop_assert_eq!(left(&blanks(&text)), left(&text));
            prop_assert_eq!(left(&lines(&text)), left(&text));
        }

        #[test]
        fn entities_without_an_ampersand_are_the_text(text in "[^&]*") {
            prop_assert_eq!(entities(&text), text.clone());
        }

        #[test]
        fn an_escaped_text_is_read_as_it_was(text in "[^\r\0]*") {
            let escaped = text.replace('&', "&amp;").replace('<', "&lt;");
            prop_assert_eq!(entities(&escaped), text.clone());
        }

        #[test]
        fn no_text_panics(text in any::<String>(), entity in "(&#?x?[a-zA-Z0-9;]{0,8}){0,4}") {
            let _ = clean(&format!("{text}{entity}{text}"));
        }
    }
}
