//! Secrets that were given to this process. A spider's panic, a server's error or a URL may repeat one in any form, so they
//! are hidden by what they are.

use std::borrow::Cow;
use std::sync::{PoisonError, RwLock};

use super::shapes::HIDDEN;

/// A shorter value may be part of any text, and nobody could read the log any more.
const LEAST_CHARS: usize = 6;
/// More than any crawl is given. The first ones stay.
const MOST: usize = 1_000;

static GIVEN: RwLock<Vec<String>> = RwLock::new(Vec::new());

/// From now on, [`hide`](super::hide) also hides this value, wherever it is. Values with fewer than six characters are too
/// common for that.
pub fn remember(value: &str) {
    let value = value.trim();
    if value.chars().count() < LEAST_CHARS {
        return;
    }
    let mut given = GIVEN.write().unwrap_or_else(PoisonError::into_inner);
    let encoded: String =
        percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC).collect();
    for form in [value, &encoded] {
        if given.len() < MOST && !given.iter().any(|known| known == form) {
            given.push(form.to_owned());
        }
    }
    // A secret that contains another is hidden as a whole.
    given.sort_by_key(|known| std::cmp::Reverse(known.len()));
}

/// The text without the values that were given.
pub(super) fn hide(text: Cow<'_, str>) -> Cow<'_, str> {
    let given = GIVEN.read().unwrap_or_else(PoisonError::into_inner);
    given.iter().fold(text, |text, secret| match without(&text, secret) {
        Some(hidden) => Cow::Owned(hidden),
        None => text,
    })
}

/// The URL of a page as the rows of its items show it: without the parameters whose values were given as secrets. Any other
/// parameter stays, whatever its name, because it belongs to the page.
pub fn hide_given_in_url(url: &str) -> Cow<'_, str> {
    let given = GIVEN.read().unwrap_or_else(PoisonError::into_inner);
    let is_secret = |value: &str| given.iter().any(|known| known == value);
    if given.is_empty() || !url.contains('=') {
        return Cow::Borrowed(url);
    }
    let pieces = url.split_inclusive(['?', '&', ';', '#', '/']);
    let hidden: String = pieces
        .map(|piece| {
            let (field, after) = piece.split_at(piece.trim_end_matches(['?', '&', ';', '#', '/']).len());
            match field.split_once('=') {
                Some((name, value)) if is_secret(value) => format!("{name}={HIDDEN}{after}"),
                _ => piece.to_owned(),
            }
        })
        .collect();
    if hidden == url { Cow::Borrowed(url) } else { Cow::Owned(hidden) }
}

/// Whether this is a value that was given.
pub(super) fn is_given(value: &str) -> bool {
    let given = GIVEN.read().unwrap_or_else(PoisonError::into_inner);
    given.iter().any(|known| known == value)
}

/// A part of a longer word is not the secret: `titles` is not `title`.
fn without(text: &str, secret: &str) -> Option<String> {
    let is_of_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let (mut hidden, mut done) = (String::new(), 0);
    for (at, found) in text.match_indices(secret) {
        let (before, after) = (text[..at].chars().next_back(), text[at + found.len()..].chars().next());
        if is_of_word(before) || is_of_word(after) {
            continue;
        }
        hidden.push_str(&text[done..at]);
        hidden.push_str(HIDDEN);
        done = at + found.len();
    }
    (done > 0).then(|| hidden + &text[done..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_is_hidden_wherever_it_is() {
        remember("correct horse+battery");
        remember("short");
        let hidden = hide("x: correct horse+battery, correct%20horse%2Bbattery and short".into());
        assert_eq!(hidden, "x: ***, *** and short");
        assert_eq!(hide("incorrect horse+battery".into()), "incorrect horse+battery");
        let url = "https://a.example/correct%20horse%2Bbattery?key=1&t=correct%20horse%2Bbattery#x";
        assert_eq!(hide_given_in_url(url), "https://a.example/correct%20horse%2Bbattery?key=1&t=***#x");
    }
}
