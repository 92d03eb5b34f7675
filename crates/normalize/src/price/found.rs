//! Finds the number that is the price, and its currency.

use rust_decimal::Decimal;

use super::PriceProblem;
use super::currency::{MAX_SIGN_CHARACTERS, Sign, Strength, iso_code, sign};
use super::number::{Number, is_cents, numbers};

/// The number that counts, and the currency next to it.
pub(super) struct Found {
    number: Number,
    /// Where the number begins, or the sign in front of it.
    start: usize,
    pub(super) sign: Option<Sign>,
    /// In `10€99`, the cents.
    cents: Option<String>,
}

impl Found {
    pub(super) fn in_text(text: &[char]) -> Option<Self> {
        let numbers = numbers(text);
        for strength in [Strength::Strong, Strength::Weak] {
            let found = numbers.iter().enumerate().find_map(|(index, number)| {
                sign_beside(text, number, strength).map(|(sign, start)| (index, sign, start))
            });
            if let Some((mut index, sign, mut start)) = found {
                if start == numbers[index].start && is_upper_end(text, &numbers[..=index]) {
                    index -= 1;
                    start = numbers[index].start;
                }
                let number = numbers[index].clone();
                let cents = cents(text, &number, sign);
                return Some(Self { number, start, sign: Some(sign), cents });
            }
        }
        let number = numbers.into_iter().next()?;
        Some(Self { start: number.start, number, sign: None, cents: None })
    }

    pub(super) fn amount(&self, text: &[char]) -> Result<Decimal, PriceProblem> {
        let mut amount = self.number.value()?;
        if let Some(cents) = self.cents.as_ref().and_then(|cents| Decimal::from_str_exact(cents).ok()) {
            amount = amount.checked_add(cents).ok_or(PriceProblem::TooLarge)?;
        }
        let is_minus = |start: usize| {
            let before = |distance| start.checked_sub(distance).map(|at| text[at]);
            before(1) == Some('-') && before(2).is_none_or(|c| !c.is_alphanumeric() && c != '-')
        };
        if is_minus(self.start) || is_minus(self.number.start) {
            amount.set_sign_negative(!amount.is_zero());
        }
        Ok(amount)
    }
}

/// Whether the last number is the upper end of a range whose currency is only named at its end: `10–20 €`, `10 to 20 €`. With
/// blanks around a dash (`10 – 20 €`), only at the beginning of the text, because in `Model 12 - 500 €` the 12 is not a price.
fn is_upper_end(text: &[char], numbers: &[Number]) -> bool {
    let [.., lower, upper] = numbers else { return false };
    let between: String = text[lower.end..upper.start].iter().collect();
    let is_first = text[..lower.start].iter().all(|c| *c == ' ');
    let is_dash = |text: &str| matches!(text, "-" | "–" | "—");
    let is_word = |text: &str| matches!(text, "to" | "bis" | "tot" | "til" | "до");
    is_dash(&between) || is_word(between.trim()) || (is_first && is_dash(between.trim()))
}

/// In `10€99`, where the sign is directly behind the number. `10€ 99` is the same if nothing else follows.
fn cents(text: &[char], number: &Number, sign: Sign) -> Option<String> {
    let is_behind =
        sign.text.chars().count() == 1 && text.get(number.end) == sign.text.chars().next().as_ref();
    let has_blank = text.get(number.end + 1) == Some(&' ');
    let at = number.end + 1 + usize::from(has_blank);
    if !number.is_whole() || !is_behind || !is_cents(text, at) {
        return None;
    }
    let after = text.get(at + 2..).unwrap_or_default();
    let is_last = after.iter().all(|c| *c == ' ');
    let is_price = sign_beginning(after, 0).is_some();
    (is_last || !(has_blank || is_price)).then(|| format!("0.{}{}", text[at], text[at + 1]))
}

/// The currency in front of a number or behind it, and where the two begin.
fn sign_beside(text: &[char], number: &Number, strength: Strength) -> Option<(Sign, usize)> {
    let fits = |found: Option<(Sign, usize)>| found.filter(|(sign, _)| sign.strength == strength);
    let mut end = number.start;
    if end > 0 && text[end - 1] == '-' {
        end -= 1;
    }
    if end > 0 && text[end - 1] == ' ' {
        end -= 1;
    }
    if let Some((sign, length)) = fits(sign_ending(text, end)) {
        return Some((sign, end - length));
    }
    let (sign, _) = fits(sign_beginning(text, after_dashes(text, number.end)))?;
    Some((sign, number.start))
}

/// The place behind a number, without what stands there for absent cents: `105.– CHF`, `2 400,-`.
fn after_dashes(text: &[char], end: usize) -> usize {
    let mut at = end;
    if matches!(text.get(at), Some('.' | ',')) {
        at += 1;
        at += usize::from(text.get(at) == Some(&' '));
        at += text[at..].iter().take(2).take_while(|c| matches!(c, '-' | '–' | '—')).count();
    }
    at + usize::from(text.get(at) == Some(&' '))
}

/// The longest sign that ends before `end`, and its length.
fn sign_ending(text: &[char], end: usize) -> Option<(Sign, usize)> {
    let mut lengths = (1..=MAX_SIGN_CHARACTERS.min(end)).rev();
    lengths.find_map(|length| sign_at(text, end - length, end))
}

/// The longest sign that begins at `start`, and its length.
fn sign_beginning(text: &[char], start: usize) -> Option<(Sign, usize)> {
    let mut lengths = (1..=MAX_SIGN_CHARACTERS.min(text.len().saturating_sub(start))).rev();
    lengths.find_map(|length| sign_at(text, start, start + length))
}

/// The sign between two places, if it is not a part of a longer word.
fn sign_at(text: &[char], start: usize, end: usize) -> Option<(Sign, usize)> {
    let cuts_word = |at: usize| {
        at > 0 && at < text.len() && is_letter_of_word(text[at - 1]) && is_letter_of_word(text[at])
    };
    if start >= end || text[start] == ' ' || text[end - 1] == ' ' || cuts_word(start) || cuts_word(end) {
        return None;
    }
    let written: String = text[start..end].iter().collect();
    sign(&written).map(|sign| (sign, end - start))
}

/// Chinese, Japanese and Korean are written without blanks, so a word may begin anywhere.
fn is_letter_of_word(c: char) -> bool {
    c.is_alphabetic() && c < '\u{2e80}'
}

/// A currency in a text, away from any number: the whole text, or the first sign that can't be anything else.
pub(super) fn sign_in(text: &[char]) -> Option<Sign> {
    let whole: String = text.iter().take(MAX_SIGN_CHARACTERS + 3).collect();
    if let Some(sign) = sign(whole.trim()) {
        return Some(sign);
    }
    let mut signs = (0..text.len()).filter_map(|start| sign_beginning(text, start));
    signs.find(|(sign, _)| sign.strength == Strength::Strong).map(|(sign, _)| sign)
}

/// How a currency is named: by a code in one of the texts, if its sign can mean that one among others.
pub(super) fn named(sign: Sign, texts: &[&[char]]) -> &'static str {
    let mut candidates = texts.iter().flat_map(|text| {
        (0..text.len().saturating_sub(2)).filter_map(|start| {
            let (_, _) = sign_at(text, start, start + 3)?;
            iso_code(&text[start..start + 3].iter().collect::<String>())
        })
    });
    let is_meant = |code: &&str| sign.may_be.split_ascii_whitespace().any(|may_be| may_be == *code);
    if sign.may_be.is_empty() { sign.text } else { candidates.find(is_meant).unwrap_or(sign.text) }
}
