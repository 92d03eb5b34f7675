//! The record of a track at the end of its line: the label, the number in the label's catalogue, and comments behind them.

use super::{DASHES, depth, known, last_dash, split_artist, split_at_dash};
use crate::catalogue::artists::is_guests;
use crate::catalogue::version::{is_version, is_version_mark};

/// What stands behind the label: another bracket (`[Label] (promo)`), or words after a sign or in small letters. A version or
/// guests there are part of the title.
pub(super) fn split_comment(text: &str) -> (&str, Option<&str>) {
    let Some((record, comment)) = text.rfind("] ").map(|end| (&text[..=end], &text[end + 2..])) else {
        return (text, None);
    };
    let (name, label, number) = split_record(record);
    let in_brackets = comment.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
    let is_comment = match (in_brackets, comment.chars().next()) {
        (Some(inner), _) => !is_version(inner) && !is_guests(inner),
        // `[Label - CAT 001] [CDR]`, but `[Dixon Remix] [Label]`
        (None, Some('[')) => number.is_some() && comment.ends_with(']'),
        (None, Some(first)) => first.is_lowercase() || "+*<>?#=".contains(first),
        (None, None) => false,
    };
    // Without an artist, the bracket may be that of a title: `Intro [Reprise] (loud)`.
    if is_comment && label.is_some() && split_artist(name).is_some() {
        (record, Some(comment))
    } else {
        (text, None)
    }
}

/// Takes the record off the end: the label and the catalogue number, in one bracket or in two.
pub(super) fn split_record(text: &str) -> (&str, Option<&str>, Option<&str>) {
    let (name, record) = split_label(text);
    let Some(record) = record else { return (name, None, None) };
    // `[Label] [CAT 001]`
    if is_number(record)
        && let (name, Some(label)) = split_label(name)
        && split_catalogue_number(label).1.is_none()
    {
        return (name, known(label), Some(record));
    }
    let (label, number) = split_catalogue_number(record);
    (name, label, number)
}

/// Takes `[Label …]` off the end. A bracket that is all of the text is a title, and one that names a version belongs to it.
pub(super) fn split_label(text: &str) -> (&str, Option<&str>) {
    let Some(open) = text.rfind('[') else { return (text, None) };
    let inner = &text[open + 1..];
    // Somebody may have forgotten to close it.
    let inner = match inner.strip_suffix(']') {
        Some(inner) => inner.trim(),
        None if !inner.contains(']') && text[..open].ends_with(' ') => inner.trim(),
        None => return (text, None),
    };
    let inner = inner.trim_matches(['[', ']']).trim();
    let before = text[..open].trim_end_matches('[').trim_end();
    // `Artist - Title - [Label]`, but `Artist - [Title]`
    let before = match before.strip_suffix(DASHES) {
        Some(name) if name.ends_with(' ') && split_artist(name.trim_end()).is_some() => name.trim_end(),
        _ => before,
    };
    // A bracket inside a word or inside another bracket is not a label.
    let is_inside = !text[..open].ends_with([' ', '[']) && depth(before) != Some(0);
    let is_title = before.is_empty() || before.ends_with(DASHES) || is_inside;
    let names_version = split_at_dash(inner).is_none()
        && (is_guests(inner) || if inner.contains(' ') { is_version(inner) } else { is_version_mark(inner) });
    if is_title || names_version || inner.is_empty() { (text, None) } else { (before, Some(inner)) }
}

/// `Label - CATNO`. The last dash splits, because a label may have one in its name. Without a dash, words at the end may have the
/// form of a number: `Label CAT 001`.
fn split_catalogue_number(text: &str) -> (Option<&str>, Option<&str>) {
    if let Some((label, number)) = last_dash(text) {
        return (known(label), known(number));
    }
    let spaces: Vec<usize> = text.match_indices(' ').map(|(at, _)| at).collect();
    // `CAT 001` before `001`
    let ends = spaces.iter().rev().take(2).rev().map(|at| (text[..*at].trim_end(), &text[at + 1..]));
    let number = ends.into_iter().find(|(label, number)| {
        // In a name in capitals, a word in capitals says nothing: `FUSE LONDON 12`.
        is_number(number) && (!number.contains(' ') || label.chars().any(char::is_lowercase))
    });
    // `Label / CAT 001`
    number.map_or_else(
        || (known(text), None),
        |(label, number)| (known(label.trim_end_matches(['/', ',', ':', ' '])), known(number)),
    )
}

/// Whether a text can only be a catalogue number: `METH 007`, `CAT001`, `404-5`, `007`. A plain number may be part of the name
/// of a label: `Plus 8`, `Studio 54`.
fn is_number(text: &str) -> bool {
    let (prefix, digits) = text.split_once(' ').unwrap_or(("", text));
    let is_capitals =
        |text: &str| (2..=12).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_uppercase());
    let all_digits = |text: &str| text.len() >= 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !prefix.is_empty() {
        return is_capitals(prefix) && all_digits(digits);
    }
    let letters = text.bytes().take_while(u8::is_ascii_alphabetic).count();
    let (letters, rest) = text.split_at(letters);
    if letters.is_empty() {
        let is_pair = rest.split_once('-').is_some_and(|(before, after)| {
            all_digits(before) && !after.is_empty() && after.bytes().all(|byte| byte.is_ascii_digit())
        });
        return (all_digits(rest) && rest.starts_with('0')) || is_pair;
    }
    is_capitals(letters) && all_digits(rest.strip_prefix(['-', '.']).unwrap_or(rest))
}
