//! What is removed from a page that the store refuses, so that the store accepts the rest.
//!
//! Its items become dead letters. That normally suffices. If the store refuses even these, the page's new requests must not be
//! lost with them, so the letters go first: one letter says how many there were, and their content goes to the log. If the
//! new requests are at fault, they become letters themselves.

use std::mem;

use dragline_core::outcome::{DeadLetter, clean, stored_error};
use dragline_core::serde_json::{Value as Json, json};
use dragline_core::{PageOutcome, QueuedRequest, Reason};

/// The longest error text that the smallest letter keeps.
const MINIMAL_ERROR_CHARS: usize = 200;
/// The size of the parts in which the log has the content of a letter.
const LOGGED_PART_BYTES: usize = 16 << 10;
/// The most that the log has of a letter.
const LOGGED_BYTES: usize = 1 << 20;

/// What was removed from a page so far.
#[derive(Debug, Default)]
pub(super) struct Relief {
    form: Form,
    /// The letters that are not stored in this form.
    letters: Vec<DeadLetter>,
}

/// The forms of a page, in the order in which they are tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Form {
    /// As it came.
    #[default]
    Whole,
    /// Its items are dead letters.
    WithoutItems,
    /// One letter stands for all its letters, and says that they are missing.
    WithoutLetters,
    /// It has its letters, and its new requests are letters too.
    WithoutRequests,
    /// It has nothing but one letter, which says that all else is missing.
    Bare,
}

impl Relief {
    /// Brings the page into its next form. Returns `false` after the last form. A form that removes nothing is left out.
    pub(super) fn next(
        &mut self,
        page: &mut PageOutcome,
        reason: Reason,
        error: &str,
        sqlstate: Option<&str>,
    ) -> bool {
        loop {
            self.form = match self.form {
                Form::Whole => Form::WithoutItems,
                Form::WithoutItems => Form::WithoutLetters,
                Form::WithoutLetters => Form::WithoutRequests,
                Form::WithoutRequests => Form::Bare,
                Form::Bare => return false,
            };
            match self.form {
                Form::Whole | Form::WithoutItems => {
                    let had_items = !page.items.is_empty();
                    page.kill(reason, error, sqlstate);
                    if had_items {
                        return true;
                    }
                }
                Form::WithoutLetters => {
                    if !page.dead_letters.is_empty() && !page.requests.is_empty() {
                        self.take_letters(page, error, sqlstate);
                        return true;
                    }
                }
                Form::WithoutRequests => {
                    if !page.requests.is_empty() {
                        if !self.letters.is_empty() {
                            page.dead_letters = mem::take(&mut self.letters);
                        }
                        let requests = mem::take(&mut page.requests);
                        let letters = requests.iter().map(|queued| request_letter(queued, error, sqlstate));
                        page.dead_letters.extend(letters);
                        return true;
                    }
                }
                Form::Bare => {
                    self.take_letters(page, error, sqlstate);
                    page.cookies.clear();
                    return true;
                }
            }
        }
    }

    fn take_letters(&mut self, page: &mut PageOutcome, error: &str, sqlstate: Option<&str>) {
        let error: String =
            stored_error(error).chars().take(MINIMAL_ERROR_CHARS).flat_map(char::escape_default).collect();
        self.letters = mem::take(&mut page.dead_letters);
        page.error = Some(error.clone());
        page.dead_letters = vec![DeadLetter {
            item_type: "page".to_owned(),
            payload: json!({ "letters_refused": self.letters.len() }),
            error,
            sqlstate: sqlstate.map(str::to_owned),
        }];
    }

    /// Writes the letters that were not stored to the log. This is the only trace of them.
    pub(super) fn log_lost_letters(&self, url: &str) {
        for (number, letter) in self.letters.iter().enumerate() {
            let DeadLetter { item_type, payload, error, sqlstate } = letter;
            let text = ascii(payload);
            let logged = &text[..text.len().min(LOGGED_BYTES)];
            let parts = logged.len().div_ceil(LOGGED_PART_BYTES).max(1);
            for part in 0..parts {
                let from = part * LOGGED_PART_BYTES;
                let payload = &logged[from..logged.len().min(from + LOGGED_PART_BYTES)];
                let (letter, part) = (number + 1, part + 1);
                tracing::error!(
                    url, letter, item_type, refused = %error.escape_default(), sqlstate, part, parts, payload,
                    "the store refuses a dead letter, too: this line is all that is kept of it"
                );
            }
            if logged.len() < text.len() {
                let bytes = text.len() - logged.len();
                tracing::error!(
                    url,
                    letter = number + 1,
                    bytes,
                    "the rest of this dead letter is too long for the log"
                );
            }
        }
    }
}

/// JSON in ASCII, in one line.
fn ascii(json: &Json) -> String {
    let mut text = String::new();
    for character in json.to_string().chars() {
        if matches!(character, ' '..='~') {
            text.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = std::fmt::Write::write_fmt(&mut text, format_args!("\\u{unit:04x}"));
            }
        }
    }
    text
}

/// Records a new request that the store refuses, so that it leaves a trace.
fn request_letter(queued: &QueuedRequest, error: &str, sqlstate: Option<&str>) -> DeadLetter {
    DeadLetter {
        item_type: "request".to_owned(),
        payload: json!({
            "url": queued.request.url().as_str(),
            "method": queued.request.method().as_str(),
            "tag": clean(queued.request.tag()),
            "meta": clean(&Json::Object(queued.request.meta().clone()).to_string()),
        }),
        error: stored_error(error),
        sqlstate: sqlstate.map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dragline_core::serde_json;

    #[test]
    fn a_letter_is_one_line_of_ascii_that_reads_back() {
        let payload = json!({ "title": "東京 — “x”\n\u{7f}\u{1f577}", "n": 1 });
        let text = ascii(&payload);
        assert!(text.is_ascii() && !text.contains(['\n', '\u{7f}']), "{text}");
        assert_eq!(serde_json::from_str::<Json>(&text).unwrap(), payload);
    }
}
