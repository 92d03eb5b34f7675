//! The numbers in a text, as people write them: with marks between thousands and before decimals.
//!
//! Which mark is which: if there are two kinds, the last one is the decimal mark. A mark that occurs several times is between
//! thousands. One `.` or `,` before exactly three digits is between thousands (`1,200`, `1.234`), unless nothing or a zero is
//! in front of it (`0,500`) or the digits in front are too many for it (`1234,567`). Before any other number of digits it is
//! the decimal mark (`1,20`, `1.2345`). Blanks and apostrophes are only between thousands.

use rust_decimal::Decimal;

use super::PriceProblem;

/// A number's place in the text, and how it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Number {
    /// The index of its first character.
    pub(super) start: usize,
    /// The index after its last digit.
    pub(super) end: usize,
    /// Digits between marks. The first is empty if the number begins with a decimal mark.
    groups: Vec<String>,
    /// The marks between the groups.
    marks: Vec<char>,
}

/// All numbers of the text, from left to right. Those before a `%` are not prices and are left out.
pub(super) fn numbers(text: &[char]) -> Vec<Number> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        if !begins(text, at) {
            at += 1;
            continue;
        }
        let number = number(text, at);
        at = number.end;
        if text[at..].iter().find(|c| !c.is_whitespace()) != Some(&'%') {
            found.push(number);
        }
    }
    found
}

/// Whether a number begins here: with a digit, or with a decimal mark as in `$.75`. After a letter, a point ends a word
/// (`Rs.75`).
fn begins(text: &[char], at: usize) -> bool {
    if text[at].is_ascii_digit() {
        return true;
    }
    let follows_word = at > 0 && (text[at - 1].is_alphanumeric() || text[at - 1] == '.');
    let digits = digits(text, at + 1);
    matches!(text[at], '.' | ',')
        && !follows_word
        && matches!(digits, 1 | 2)
        && !text.get(at + 1 + digits).is_some_and(|c| matches!(c, '.' | ','))
}

/// How many digits are here.
fn digits(text: &[char], from: usize) -> usize {
    text.get(from..).unwrap_or_default().iter().take_while(|c| c.is_ascii_digit()).count()
}

fn number(text: &[char], start: usize) -> Number {
    let mut number = Number { start, end: start, groups: Vec::new(), marks: Vec::new() };
    number.take(text, digits(text, start));
    while let Some(&mark) = text.get(number.end) {
        let count = digits(text, number.end + 1);
        let first = number.groups[0].len();
        let only_blanks = number.marks.iter().all(|mark| *mark == ' ');
        match mark {
            '.' | ',' | '\'' | '’' | '·' | '٫' | '٬' if count > 0 => {}
            ' ' if count == 3 && only_blanks && matches!(first, 1..=3) => {}
            // `36. 24`: a browser shows cents like this if they are in an element of their own.
            '.' if number.marks.is_empty()
                && text.get(number.end + 1) == Some(&' ')
                && is_cents(text, number.end + 2) =>
            {
                number.end += 1;
                number.marks.push(mark);
                number.end += 1;
                number.take(text, 2);
                break;
            }
            _ => break,
        }
        number.marks.push(if mark == '’' { '\'' } else { mark });
        number.end += 1;
        number.take(text, count);
    }
    number
}

/// Exactly two digits, and nothing attached to them.
pub(super) fn is_cents(text: &[char], at: usize) -> bool {
    let after = text.get(at + 2);
    digits(text, at) == 2 && !after.is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | ',' | '%'))
}

impl Number {
    fn take(&mut self, text: &[char], count: usize) {
        self.groups.push(text[self.end..self.end + count].iter().collect());
        self.end += count;
    }

    /// Whether it is written without any mark.
    pub(super) fn is_whole(&self) -> bool {
        self.marks.is_empty()
    }

    /// Its value.
    pub(super) fn value(&self) -> Result<Decimal, PriceProblem> {
        let has_decimals = self.has_decimals()?;
        let (whole, decimals) = match (self.groups.split_last(), has_decimals) {
            (Some((decimals, whole)), true) => (whole.concat(), decimals.as_str()),
            _ => (self.groups.concat(), ""),
        };
        let whole = if whole.is_empty() { "0" } else { &whole };
        let written = if decimals.is_empty() { whole.to_owned() } else { format!("{whole}.{decimals}") };
        Decimal::from_str_exact(&written).map_err(|_| PriceProblem::TooLarge)
    }

    /// Whether the last group is decimals.
    fn has_decimals(&self) -> Result<bool, PriceProblem> {
        let (Some(&mark), Some(last)) = (self.marks.last(), self.groups.last()) else { return Ok(false) };
        let others = &self.marks[..self.marks.len() - 1];
        let may_be_decimal = matches!(mark, '.' | ',' | '·' | '٫');
        if others.is_empty() {
            let first = &self.groups[0];
            let are_thousands = last.len() == 3 && matches!(first.len(), 1..=3) && !first.starts_with('0');
            return match mark {
                '·' | '٫' => Ok(true),
                '.' | ',' => Ok(!are_thousands),
                _ if are_thousands => Ok(false),
                _ => Err(PriceProblem::Marks),
            };
        }
        if others.iter().all(|other| *other == mark) {
            return if are_grouped(&self.groups) { Ok(false) } else { Err(PriceProblem::Marks) };
        }
        let is_one_kind = others.windows(2).all(|pair| pair[0] == pair[1]);
        if may_be_decimal && is_one_kind && are_grouped(&self.groups[..self.groups.len() - 1]) {
            Ok(true)
        } else {
            Err(PriceProblem::Marks)
        }
    }
}

/// Thousands: groups of three, or as in India a last group of three and others of two.
fn are_grouped(groups: &[String]) -> bool {
    let [first, middle @ .., last] = groups else { return false };
    let all = |length| middle.iter().all(|group| group.len() == length);
    matches!(first.len(), 1..=3) && last.len() == 3 && (all(3) || (all(2) && first.len() <= 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<String> {
        let text: Vec<char> = text.chars().collect();
        let value =
            |number: &Number| number.value().map_or_else(|problem| format!("{problem:?}"), |v| v.to_string());
        numbers(&text).iter().map(value).collect()
    }

    #[test]
    fn marks_are_between_thousands_or_before_decimals() {
        for (text, value) in [
            ("1", "1"),
            ("1,2", "1.2"),
            ("1,20", "1.20"),
            ("1,200", "1200"),
            ("1.234", "1234"),
            ("12.345", "12345"),
            ("1.2345", "1.2345"),
            ("1234,567", "1234.567"),
            ("0,500", "0.500"),
            ("0.005", "0.005"),
            ("1,234.5", "1234.5"),
            ("1.234,56", "1234.56"),
            ("1,234.567", "1234.567"),
            ("1.234.567", "1234567"),
            ("1,00,000", "100000"),
            ("12,34,567.50", "1234567.50"),
            ("1 234 567,89", "1234567.89"),
            ("1'234.50", "1234.50"),
            ("1’234", "1234"),
            ("10·50", "10.50"),
            ("1٬234٫5", "1234.5"),
            ("36. 24", "36.24"),
            (".75", "0.75"),
            ("1.2.3", "Marks"),
            ("12.05.2020", "Marks"),
            ("1,2,345", "Marks"),
            ("1234,567,890", "Marks"),
            ("1.234,567.890", "Marks"),
            ("1'5", "Marks"),
            ("1 234.567.890", "Marks"),
            ("79228162514264337593543950335", "79228162514264337593543950335"),
            ("79228162514264337593543950336", "TooLarge"),
            ("0,12345678901234567890123456789", "TooLarge"),
        ] {
            assert_eq!(values(text), [value], "{text}");
        }
    }

    #[test]
    fn a_text_has_several_numbers() {
        for (text, found) in [
            ("", vec![]),
            ("a . , b", vec![]),
            ("10 20", vec!["10", "20"]),
            ("10 2000", vec!["10", "2000"]),
            ("10.50 200", vec!["10.50", "200"]),
            ("5% 7 % 9", vec!["9"]),
            ("Rs.75", vec!["75"]),
            ("$.750", vec!["750"]),
            ("a..75", vec!["75"]),
            ("1. 2 3", vec!["1", "2", "3"]),
            ("1. 25 4", vec!["1.25", "4"]),
            ("1. 25x", vec!["1", "25"]),
            ("105. –", vec!["105"]),
        ] {
            assert_eq!(values(text), found, "{text}");
        }
    }
}
