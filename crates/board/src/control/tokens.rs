//! Tokens: a secret with a name, so that the log says who did something.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

/// A shorter secret could be guessed.
const MIN_CHARS: usize = 16;
/// The name of a token that has none.
const NO_NAME: &str = "token";
/// Wrong tokens of one address that are looked at within [`WINDOW`]. Then all of that address are refused until it is over.
const MAX_WRONG: u32 = 10;
/// Addresses whose wrong tokens are counted. If there are more, new ones are refused.
const MAX_ADDRESSES: usize = 1_024;
/// See [`MAX_WRONG`].
const WINDOW: Duration = Duration::from_secs(60);

/// A token.
#[derive(Clone)]
pub struct Token {
    name: String,
    digest: [u8; 32],
}

/// What is wrong with a token. It does not repeat the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is too short.
    #[error("a token must have at least {MIN_CHARS} characters")]
    Short,
    /// It has characters that a header cannot have.
    #[error("a token may have visible ASCII characters only")]
    Characters,
    /// Its name is not a name.
    #[error("the name of a token may have letters, digits, `_`, `-` and `.` only, and at most 40")]
    Name,
}

impl Token {
    /// Reads `NAME:SECRET` or `SECRET`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let text = text.trim();
        let (name, secret) = text.split_once(':').unwrap_or((NO_NAME, text));
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        if name.is_empty() || name.len() > 40 || !name.chars().all(is_plain) {
            return Err(TokenError::Name);
        }
        if secret.chars().count() < MIN_CHARS {
            return Err(TokenError::Short);
        }
        if !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TokenError::Characters);
        }
        Ok(Self { name: name.to_owned(), digest: digest(secret) })
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({})", self.name)
    }
}

/// The tokens, and how often somebody guessed.
pub(super) struct Tokens {
    known: Vec<Token>,
    /// By address: since when, and how many.
    wrong: Mutex<HashMap<String, (Instant, u32)>>,
}

/// Why a token is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotAccepted {
    Wrong,
    TooManyWrong,
}

impl Tokens {
    pub(super) fn new(known: Vec<Token>) -> Self {
        Self { known, wrong: Mutex::default() }
    }

    /// The name of this token. The time that it takes says nothing about the known ones: digests are compared, and all of them.
    pub(super) fn name_of(&self, secret: &str, from: &str) -> Result<&str, NotAccepted> {
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        wrong.retain(|_, (since, _)| since.elapsed() <= WINDOW);
        let is_new_and_full = wrong.len() >= MAX_ADDRESSES && !wrong.contains_key(from);
        if is_new_and_full || wrong.get(from).is_some_and(|(_, count)| *count >= MAX_WRONG) {
            return Err(NotAccepted::TooManyWrong);
        }
        let given = digest(secret.trim());
        let mut found = None;
        for token in &self.known {
            let difference = token.digest.iter().zip(&given).fold(0, |all, (a, b)| all | (a ^ b));
            if difference == 0 {
                found = Some(token.name.as_str());
            }
        }
        found.ok_or_else(|| {
            wrong.entry(from.to_owned()).or_insert((Instant::now(), 0)).1 += 1;
            NotAccepted::Wrong
        })
    }
}

fn digest(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_a_name_and_is_long_enough() {
        assert_eq!(Token::parse("ann:0123456789abcdef").unwrap().name, "ann");
        assert_eq!(Token::parse(" 0123456789abcdef\n").unwrap().name, NO_NAME);
        assert_eq!(format!("{:?}", Token::parse("ann:0123456789abcdef").unwrap()), "Token(ann)");
        for (wrong, why) in [
            ("", TokenError::Short),
            ("ann:short", TokenError::Short),
            ("an n:0123456789abcdef", TokenError::Name),
            ("ann:0123456789 abcdef", TokenError::Characters),
        ] {
            assert_eq!(Token::parse(wrong).unwrap_err(), why, "{wrong}");
        }
    }

    #[test]
    fn guesses_are_bounded() {
        let tokens = Tokens::new(vec![Token::parse("ann:0123456789abcdef").unwrap()]);
        let right = |from| tokens.name_of("0123456789abcdef", from);
        assert_eq!(right("a"), Ok("ann"));
        for _ in 0..MAX_WRONG {
            assert_eq!(tokens.name_of("0123456789abcdeg", "a"), Err(NotAccepted::Wrong));
        }
        assert_eq!(right("a"), Err(NotAccepted::TooManyWrong));
        // Nobody can lock others out.
        assert_eq!(right("b"), Ok("ann"));
        for other in 0..2 * MAX_ADDRESSES {
            let _ = tokens.name_of("wrong", &other.to_string());
        }
        assert!(tokens.wrong.lock().unwrap().len() <= MAX_ADDRESSES);
    }
}
