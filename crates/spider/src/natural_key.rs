//! Ids that are computed from what identifies an item, by a rule that another program can follow.
//!
//! The rule has a name with a version, and the name is a part of what the id is computed from. Ids are stored, so the rule never
//! changes. If a better one comes, it gets a name of its own, and this one stays.

use std::borrow::Cow;

use icu_casemap::CaseMapper;
use icu_normalizer::ComposingNormalizerBorrowed;
use serde_json::Value as Json;
use uuid::Uuid;

use crate::value::Value;

/// The name of the rule of [`id`] and [`folded`].
pub const NATURAL_KEY_1: &str = "natural-key-1";

/// The namespace of all ids. It is a random UUID.
pub const NAMESPACE: Uuid = Uuid::from_u128(0x5d0e_31a6_6f3b_4c55_9d1a_7c1f_20b8_e4d7);

/// Whether the spelling of a text counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// It does not: see [`folded`].
    Folded,
    /// Every character counts.
    Exact,
}

/// The id of the item that these values identify, by the rule `natural-key-1`:
///
/// 1. Each value becomes a text. A text is folded, unless its spelling is exact. All other values have one text each: `17`, `1.5`
///    (no zeros at the end), `true`, `2026-01-02`, `2026-01-02T03:04:05.600000Z` (UTC, microseconds), a UUID with hyphens in
///    lower case.
/// 2. They become a JSON array: the name of the rule, the name of the item type, and the texts. It has no white space, and only
///    `"`, `\` and the control characters U+0000 to U+001F are escaped, as `\"`, `\\`, `\b`, `\f`, `\n`, `\r`, `\t` or `\u001f`.
/// 3. The id is the UUID of version 5 (RFC 9562, section 5.5) of this array in UTF-8, in the [`NAMESPACE`].
///
/// ```
/// use dragline_spider::natural_key::{Spelling, id};
///
/// let artist = |name: &str| id("artist", [(&name.into(), Spelling::Folded)]);
/// assert_eq!(artist("Jean-Michel Jarre").to_string(), "4a554e97-ab5b-5476-865f-756ab6f8bfb9");
/// assert_eq!(artist(" JEAN-MICHEL\u{a0}Jarre "), artist("Jean-Michel Jarre"));
/// ```
pub fn id<'v>(item_type: &str, parts: impl IntoIterator<Item = (&'v Value, Spelling)>) -> Uuid {
    let parts = parts.into_iter().map(|(value, spelling)| text(value, spelling));
    let name: Vec<Cow<'_, str>> = [NATURAL_KEY_1.into(), item_type.into()].into_iter().chain(parts).collect();
    // A list of texts can be expressed.
    let name = serde_json::to_string(&name).unwrap_or_default();
    Uuid::new_v5(&NAMESPACE, name.as_bytes())
}

/// A text in a form for comparison, by the rule `natural-key-1`: normalised (Unicode NFKC), the case folded (Unicode's full case
/// folding, so `ß` becomes `ss`), normalised once more, and every run of white space (Unicode's `White_Space`) is one blank,
/// without blanks at the ends. Everything else counts: accents, hyphens and apostrophes too.
///
/// ```
/// assert_eq!(dragline_spider::natural_key::folded(" ＤＪ\tStraße "), "dj strasse");
/// ```
pub fn folded(text: &str) -> String {
    if text.is_ascii() {
        return crate::fold::fold(std::iter::once(&*text.to_ascii_lowercase()));
    }
    let nfkc = ComposingNormalizerBorrowed::new_nfkc();
    let normal = nfkc.normalize(text);
    let case = CaseMapper::new().fold_string(&normal);
    crate::fold::fold(std::iter::once(&*nfkc.normalize(&case)))
}

fn text(value: &Value, spelling: Spelling) -> Cow<'_, str> {
    match value {
        Value::Text(text) if spelling == Spelling::Exact => text.into(),
        Value::Text(text) => folded(text).into(),
        other => match other.to_key() {
            Json::String(text) => text.into(),
            json => json.to_string().into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id_of(values: &[Value]) -> String {
        id("track", values.iter().map(|value| (value, Spelling::Folded))).to_string()
    }

    /// Computed by another program: Python's `uuid.uuid5`, `json.dumps`, `unicodedata.normalize` and `str.casefold`.
    #[test]
    fn ids_are_those_that_another_program_computes() {
        let decimal = |text: &str| Value::Decimal(text.parse().unwrap());
        for (values, expected) in [
            (vec!["Jean-Michel Jarre".into()], "94c37481-510c-56dc-9e60-1b0c949a74de"),
            (vec!["Björk".into(), "Jóga".into()], "0851fa78-6239-5dce-b13a-cc5602ea7528"),
            (vec!["Straße".into(), "ΣΊΣΥΦΟΣ\u{3000}²".into()], "6b6d7051-b945-5f14-9ccf-4da7f93654a8"),
            (vec!["a\"b\\c\u{1}\u{7f}".into()], "9704d518-2dcf-5316-92f1-e615adaab6ad"),
            (
                vec![Value::Int(-17), Value::Bool(true), decimal("1.50")],
                "d0562862-095f-541d-9b7f-4aabbd3201f1",
            ),
            (
                vec![
                    Value::Date("2026-01-02".parse().unwrap()),
                    Value::Timestamp("2026-01-02T05:04:05.6+02:00".parse().unwrap()),
                ],
                "79be1b47-9c4d-55e7-a762-9bc072caea8d",
            ),
            (vec![Value::Uuid(NAMESPACE)], "265a6c7a-e294-5031-a6ee-eb2ec0b0a725"),
            (vec![Value::from("  ")], "4b2d2efb-4e32-5d9c-9567-6413402fb212"),
        ] {
            assert_eq!(id_of(&values), expected, "{values:?}");
        }
    }

    #[test]
    fn spellings_of_one_text_have_one_form() {
        for (form, texts) in [
            (
                "jean-michel jarre",
                vec!["Jean-Michel Jarre", "JEAN-MICHEL  JARRE", "\u{3000}jean-michel\u{85}jarre\n"],
            ),
            ("björk", vec!["Björk", "BJÖRK", "bjo\u{308}rk"]),
            ("strasse", vec!["Straße", "STRASSE", "STRAẞE"]),
            ("σισυφοσ", vec!["Σισυφος", "ΣΙΣΥΦΟΣ"]),
            ("fi 2", vec!["ﬁ ²", "FI 2"]),
            ("i\u{307}", vec!["İ"]),
            ("", vec!["", " \t\u{a0}"]),
        ] {
            for text in texts {
                assert_eq!(folded(text), form, "{text:?}");
            }
        }
        for (one, other) in [("Björk", "Bjork"), ("Vex'd", "Vexd"), ("I", "ı"), ("a-b", "a b")] {
            assert_ne!(folded(one), folded(other));
        }
    }

    #[test]
    fn each_part_counts_for_itself() {
        let texts = |texts: &[&str]| id_of(&texts.iter().map(|text| Value::from(*text)).collect::<Vec<_>>());
        assert_ne!(texts(&["a", "b"]), texts(&["a b"]));
        assert_ne!(texts(&["a\",\"b"]), texts(&["a", "b"]));
        assert_ne!(texts(&["a", ""]), texts(&["a"]));
        assert_ne!(id("artist", []), id("track", []));
        let exact = |text: &str| id("page", [(&text.into(), Spelling::Exact)]);
        assert_ne!(exact("/A"), exact("/a"));
        assert_eq!(exact("/a"), id("page", [(&"/A".into(), Spelling::Folded)]));
    }

    proptest! {
        #[test]
        fn a_folded_text_stays_as_it_is(text in "\\PC{0,40}|[ -~\u{a0}]{0,20}") {
            let once = folded(&text);
            prop_assert_eq!(folded(&once), once);
        }
    }
}
