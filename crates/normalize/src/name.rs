//! Names in a form for comparison.
//!
//! Two pages rarely spell a name alike: `Björk` and `BJORK`, `Vex'd` and `Vex’d`, `Simon & Shaker` and `Simon and Shaker`. The
//! rule has a version in its name, because keys are stored: a change would make other keys of the same names. If a better rule
//! comes, it gets a name of its own, and this one stays.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// The name of the rule of [`name_key_v1`], to be stored next to its keys.
pub const NAME_KEY_V1: &str = "name_key_v1";

/// The key of a name under the first rule. Names with equal keys count as the same name. The steps:
///
/// 1. Decompose (Unicode NFKD), so that `ﬁ`, `Ⅱ` and full-width letters are plain letters.
/// 2. Drop the accents of Latin and Greek letters, and write `ø æ œ ð þ ł đ` with plain letters. Marks of other scripts make
///    other letters (`か` and `が`, `и` and `й`), so they stay.
/// 3. Fold the case. `ß` becomes `ss`.
/// 4. Drop apostrophes and quotes of all shapes. `&` and `+` become the word `and`.
/// 5. Everything else that is not a letter, digit or mark becomes one space. Spaces at the ends are dropped.
/// 6. Compose again (NFC).
///
/// A name without any letter or digit (`!!!`) keeps its signs, without spaces, so a key is only empty if the name is.
///
/// ```
/// use dragline_normalize::name_key_v1;
///
/// assert_eq!(name_key_v1("Simon & Shaker"), name_key_v1("SIMON AND SHAKER"));
/// assert_eq!(name_key_v1("Björk"), "bjork");
/// ```
pub fn name_key_v1(name: &str) -> String {
    let mut folded = String::with_capacity(name.len());
    let mut drops_marks = false;
    // Apostrophes go first, because some of them decompose into a space and an accent.
    for c in name.chars().filter(|c| !is_apostrophe(*c)).nfkd() {
        if is_combining_mark(c) {
            if !drops_marks {
                folded.push(c);
            }
            continue;
        }
        // Upper case first, because it unites more: `ß` and `ſ` have no lower-case form that is plain.
        for c in c.to_uppercase().flat_map(char::to_lowercase) {
            drops_marks = is_latin_or_greek(c);
            match plain(c) {
                Some(plain) => folded.push_str(plain),
                None if is_apostrophe(c) => {}
                None if c == '&' || c == '+' => folded.push_str(" and "),
                None if c.is_alphanumeric() => folded.push(c),
                None => folded.push(' '),
            }
        }
    }
    let words: Vec<&str> = folded.split_whitespace().collect();
    let key: String = words.join(" ").nfc().collect();
    if key.chars().any(char::is_alphanumeric) && key != "and" {
        key
    } else {
        name.nfkc().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect()
    }
}

/// Letters that do not decompose, as people write them without their strokes.
fn plain(c: char) -> Option<&'static str> {
    Some(match c {
        'ß' => "ss",
        'ø' => "o",
        'æ' => "ae",
        'œ' => "oe",
        'ð' | 'đ' => "d",
        'þ' => "th",
        'ł' => "l",
        'ħ' => "h",
        'ŧ' => "t",
        _ => return None,
    })
}

fn is_latin_or_greek(c: char) -> bool {
    c.is_ascii_alphabetic() || matches!(c, '\u{c0}'..='\u{24f}' | '\u{370}'..='\u{3ff}')
}

fn is_apostrophe(c: char) -> bool {
    matches!(
        c,
        '\'' | '"'
            | '`'
            | '´'
            | '‘'
            | '’'
            | '‚'
            | '‛'
            | '“'
            | '”'
            | '„'
            | '«'
            | '»'
            | '′'
            | '″'
            | 'ʼ'
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings_of_one_name_have_one_key() {
        for (key, names) in [
            ("bjork", vec!["Björk", "BJÖRK", "bjo\u{308}rk", "Bjork", " björk "]),
            ("vexd", vec!["Vex'd", "Vex’d", "VEX`D", "Vex\u{2bc}d"]),
            (
                "simon and shaker",
                vec!["Simon & Shaker", "Simon and Shaker", "Simon + Shaker", "SIMON&SHAKER"],
            ),
            ("o phase", vec!["Ø [Phase]", "ø phase", "O [Phase]"]),
            ("rodhad", vec!["Rødhad", "RØDHAD", "Rodhad"]),
            ("sven vath", vec!["Sven Väth", "Sven\u{a0}Väth", "Sven  Vath"]),
            ("jean michel jarre", vec!["Jean-Michel Jarre", "Jean Michel Jarre", "Jean‐Michel Jarre"]),
            ("strasse", vec!["Straße", "STRASSE", "strasse", "STRAẞE"]),
            ("dj koze", vec!["DJ Koze", "ＤＪ Ｋｏｚｅ", "Dj Koze."]),
            ("m a n d y", vec!["M.A.N.D.Y.", "M-A-N-D-Y"]),
            ("σισυφοσ", vec!["Σίσυφος", "ΣΊΣΥΦΟΣ"]),
            ("lukasz", vec!["Łukasz", "Lukasz"]),
        ] {
            for name in names {
                assert_eq!(name_key_v1(name), key, "{name:?}");
            }
        }
    }

    #[test]
    fn different_names_have_different_keys() {
        for (one, other) in [
            ("か", "が"),
            ("Май", "Маи"),
            ("Surgeon", "Surgeons"),
            ("DJ T.", "DJ T-1000"),
            ("4E", "4 E"),
            ("!!!", "???"),
            ("&", "and"),
            ("Dj", "D J"),
        ] {
            assert_ne!(name_key_v1(one), name_key_v1(other), "{one} {other}");
        }
    }

    #[test]
    fn only_an_empty_name_has_an_empty_key() {
        assert_eq!(name_key_v1(""), "");
        assert_eq!(name_key_v1(" \t "), "");
        assert_eq!(name_key_v1("!!!"), "!!!");
        assert_eq!(name_key_v1("\u{301}"), "\u{301}");
    }

    proptest! {
        #[test]
        fn the_key_of_a_key_is_the_key(name in "\\PC{0,40}") {
            let key = name_key_v1(&name);
            prop_assert_eq!(name_key_v1(&key), key.clone());
            prop_assert_eq!(key.is_empty(), name.trim().is_empty(), "{:?} {:?}", name, key);
        }
    }
}
