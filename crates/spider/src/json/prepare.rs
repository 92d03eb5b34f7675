//! Prepares a text of JSON for `serde_json`: half a surrogate pair becomes U+FFFD, and a number that 64 bits cannot hold exactly
//! becomes a text. Everything else stays as it is, also what is wrong, so that `serde_json` finds it.

use std::borrow::Cow;

use memchr::memchr2;

/// Decimal numbers with up to this number of digits survive the way through `f64` (`f64::DIGITS`).
const SAFE_DIGITS: usize = 15;
/// This number of digits names any `f64`, and programs commonly print numbers with it.
const PRINTED_DIGITS: usize = 17;

/// The numbers that stay numbers, however long they are.
#[derive(Debug, Default)]
pub(super) struct Native {
    /// Those of fields with these names, also in lists.
    pub(super) names: Vec<String>,
    /// All of them.
    pub(super) is_all: bool,
}

/// A prepared text.
pub(super) struct Prepared<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) has_quoted_numbers: bool,
}

/// Prepares a text.
pub(super) fn prepare<'a>(text: &'a str, native: &Native) -> Prepared<'a> {
    let mut work = Work { text, at: 0, copied: 0, out: String::new(), has_quoted_numbers: false };
    // The names of the fields around the current place, and of the current field.
    let (mut around, mut name): (Vec<&str>, &str) = (Vec::new(), "");
    while let Some(byte) = work.byte() {
        match byte {
            b'"' => {
                let inner = work.string();
                if work.rest().trim_start().starts_with(':') {
                    name = inner;
                }
            }
            b'{' | b'[' => {
                around.push(name);
                work.at += 1;
            }
            b'}' | b']' => {
                name = around.pop().unwrap_or_default();
                work.at += 1;
            }
            b'-' | b'0'..=b'9' => {
                let number = work.number();
                let is_native = || native.is_all || native.names.iter().any(|native| native == name);
                if !is_exact(number) && is_number(number) && !is_native() {
                    work.quote(number);
                }
            }
            _ => work.at += 1,
        }
    }
    work.finish()
}

struct Work<'a> {
    text: &'a str,
    at: usize,
    /// Up to here, the text is in `out`.
    copied: usize,
    out: String,
    has_quoted_numbers: bool,
}

impl<'a> Work<'a> {
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Passes a string, and returns what is between its quotes, as it is written.
    fn string(&mut self) -> &'a str {
        self.at += 1;
        let begun = self.at;
        loop {
            let Some(found) = memchr2(b'"', b'\\', &self.text.as_bytes()[self.at..]) else {
                self.at = self.text.len();
                return "";
            };
            self.at += found;
            if self.byte() == Some(b'"') {
                let inner = &self.text[begun..self.at];
                self.at += 1;
                return inner;
            }
            self.escape();
        }
    }

    fn escape(&mut self) {
        match self.escaped_unit(self.at) {
            None => {
                // The character after the backslash may have several bytes.
                let next = self.rest().chars().nth(1).map_or(0, char::len_utf8);
                self.at += 1 + next;
            }
            Some(0xd800..=0xdbff) if matches!(self.escaped_unit(self.at + 6), Some(0xdc00..=0xdfff)) => {
                self.at += 12;
            }
            Some(0xd800..=0xdfff) => {
                self.out.push_str(&self.text[self.copied..self.at]);
                // It has the same length, so the places in errors stay right.
                self.out.push_str("\\ufffd");
                self.at += 6;
                self.copied = self.at;
            }
            Some(_) => self.at += 6,
        }
    }

    /// The UTF-16 unit of the escape `\uXXXX` at this place.
    fn escaped_unit(&self, at: usize) -> Option<u16> {
        let digits = self.text.get(at..at + 6)?.strip_prefix("\\u")?;
        let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        u16::from_str_radix(digits, 16).ok().filter(|_| is_hex)
    }

    fn number(&mut self) -> &'a str {
        let rest = self.rest();
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        let length = rest.bytes().take_while(|byte| is_part(*byte)).count();
        self.at += length;
        &rest[..length]
    }

    /// Puts the number before this place into quotes.
    fn quote(&mut self, number: &str) {
        self.out.push_str(&self.text[self.copied..self.at - number.len()]);
        self.out.extend(["\"", number, "\""]);
        self.copied = self.at;
        self.has_quoted_numbers = true;
    }

    fn finish(mut self) -> Prepared<'a> {
        let text = if self.copied == 0 {
            Cow::Borrowed(self.text)
        } else {
            self.out.push_str(&self.text[self.copied..]);
            Cow::Owned(self.out)
        };
        Prepared { text, has_quoted_numbers: self.has_quoted_numbers }
    }
}

/// Whether `i64`, `u64` or `f64` holds the number without a loss.
fn is_exact(number: &str) -> bool {
    let has_exponent = number.bytes().any(|byte| matches!(byte, b'e' | b'E'));
    if !has_exponent && number.len() <= SAFE_DIGITS {
        return true;
    }
    if number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok() {
        return true;
    }
    let Ok(nearest) = number.parse::<f64>() else { return true };
    if !nearest.is_finite() {
        return false;
    }
    let (Some(written), Some(held)) = (Digits::of(number), Digits::of(&format!("{nearest:e}"))) else {
        return false;
    };
    // A program that prints an `f64` with seventeen digits prints the last ones of its binary value.
    let printed = || {
        let decimals = written.digits.len().saturating_sub(1);
        written.digits.len() <= PRINTED_DIGITS
            && Digits::of(&format!("{nearest:.decimals$e}")).as_ref() == Some(&written)
    };
    written == held || printed()
}

/// The value of a number in decimal: its digits from the first to the last that is not 0, and the exponent of ten of the last.
#[derive(PartialEq, Eq)]
struct Digits {
    digits: String,
    exponent: i64,
}

impl Digits {
    fn of(number: &str) -> Option<Self> {
        let number = number.strip_prefix('-').unwrap_or(number);
        let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        let significant = all.trim_end_matches('0');
        let dropped = i64::try_from(all.len() - significant.len()).ok()?;
        let digits = significant.trim_start_matches('0').to_owned();
        if digits.is_empty() {
            return Some(Self { digits, exponent: 0 });
        }
        let exponent = exponent.parse::<i64>().ok()?.checked_sub(i64::try_from(fraction.len()).ok()?)?;
        Some(Self { digits, exponent: exponent.checked_add(dropped)? })
    }
}

/// Whether it is a number by the grammar (RFC 8259, section 6).
fn is_number(text: &str) -> bool {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (text, None),
    };
    let unsigned = mantissa.strip_prefix('-').unwrap_or(mantissa);
    let (whole, fraction) = match unsigned.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (unsigned, None),
    };
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let has_zeros = whole.len() > 1 && whole.starts_with('0');
    is_digits(whole) && !has_zeros && fraction.is_none_or(is_digits) && exponent.is_none_or(is_digits)
}
