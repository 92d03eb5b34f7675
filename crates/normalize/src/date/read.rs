//! Reads a date: first its words and numbers, and then which number is the day, the month and the year.

use chrono::NaiveDate;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use super::words::{Languages, Meanings, is_filler, is_weekday, months};
use super::{DateOrder, DateProblem, Exactness, PIVOT, PartialDate, time_of_day};
use crate::digits::to_ascii;
use crate::name::name_key_v1;
use crate::text::takes_no_place;

/// Characters that separate the parts of a date and mean nothing. The last two end abbreviations in Hebrew and Hindi.
const SEPARATORS: &str = " ,./-‐‑–—()[]'’ʼ`·|、،;*\u{5f3}\u{970}";

/// The longest run of digits: `20200503`.
const MAX_DIGITS: usize = 8;

pub(super) fn read(text: &str, order: DateOrder, languages: Languages) -> Result<PartialDate, DateProblem> {
    let plain: String = text.nfkc().filter(|c| !takes_no_place(*c)).map(to_ascii).collect();
    let parts = parts(&time_of_day::cut(&plain), languages)?;
    if parts.numbers.is_empty() && parts.months.is_empty() {
        return Err(DateProblem::Empty);
    }
    arrange(parts, order)
}

/// The part of a date that a sign or word next to a number names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Year,
    Month,
    Day,
}

#[derive(Clone, Copy, Debug)]
struct Number {
    value: u32,
    digits: usize,
    role: Option<Role>,
}

impl Number {
    /// Four digits, or marked as a year.
    fn is_year(self) -> bool {
        self.role == Some(Role::Year) || (self.digits == 4 && self.role.is_none())
    }

    fn year(self) -> Result<u32, DateProblem> {
        match self.digits {
            4 => Ok(self.value),
            2 if self.value < PIVOT => Ok(2000 + self.value),
            2 => Ok(1900 + self.value),
            _ => Err(DateProblem::NoYear),
        }
    }
}

/// A word that may be a month.
struct MonthWord {
    key: String,
    meanings: Meanings,
}

#[derive(Default)]
struct Parts {
    numbers: Vec<Number>,
    months: Vec<MonthWord>,
}

enum Token {
    Number(Number),
    /// Its key.
    Word(String),
}

fn parts(text: &str, languages: Languages) -> Result<Parts, DateProblem> {
    let tokens = tokens(text)?;
    let mut parts = Parts::default();
    let mut role_of_next = None;
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        let key = match token {
            Token::Number(number) => {
                let role = number.role.or(role_of_next.take());
                parts.numbers.push(Number { role, ..*number });
                continue;
            }
            Token::Word(key) => key,
        };
        // Some months of Arabic have two words.
        if let Some(Token::Word(second)) = tokens.get(at) {
            let key = format!("{key} {second}");
            let meanings = months(&key, languages);
            if !meanings.is_empty() {
                parts.months.push(MonthWord { key, meanings });
                at += 1;
                continue;
            }
        }
        let meanings = months(key, languages);
        let number_follows = matches!(tokens.get(at), Some(Token::Number(_)));
        // After `thứ`, these words are days of the week.
        let is_weekday_of = at > 1 && matches!(&tokens[at - 2], Token::Word(before) if before == "thu");
        if !meanings.is_empty() {
            parts.months.push(MonthWord { key: key.clone(), meanings });
        } else if let Some(role) = vietnamese(key).filter(|_| number_follows && !is_weekday_of) {
            role_of_next = Some(role);
        } else if !is_weekday(key) && !is_filler(key) {
            return Err(DateProblem::UnknownWord(key.clone()));
        }
    }
    Ok(parts)
}

fn tokens(text: &str) -> Result<Vec<Token>, DateProblem> {
    let characters: Vec<char> = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
    let mut tokens: Vec<Token> = Vec::new();
    // Whether only blanks have come since the last number.
    let mut follows_number = false;
    let mut at = 0;
    while let Some(&c) = characters.get(at) {
        let rest = &characters[at..];
        if c.is_ascii_digit() {
            let digits: String = rest.iter().take_while(|c| c.is_ascii_digit()).collect();
            if digits.len() > MAX_DIGITS {
                return Err(DateProblem::OtherNumbers);
            }
            // The apostrophe of a short year: `May '20`.
            let before = |distance| at.checked_sub(distance).map(|at| characters[at]);
            let is_short_year = digits.len() == 2
                && matches!(before(1), Some('\'' | '’'))
                && !before(2).is_some_and(char::is_alphabetic);
            let value = digits.parse().map_err(|_| DateProblem::OtherNumbers)?;
            let role = is_short_year.then_some(Role::Year);
            tokens.push(Token::Number(Number { value, digits: digits.len(), role }));
            at += digits.len();
            follows_number = true;
            continue;
        }
        match (tokens.last_mut(), sign_of_role(c)) {
            (Some(Token::Number(number)), Some(role)) if follows_number => {
                number.role = Some(role);
                at += 1;
            }
            _ if is_of_word(c) => {
                let is_inside = |(at, c): &(usize, &char)| {
                    is_of_word(**c)
                        || (matches!(c, '\'' | '’' | 'ʼ')
                            && rest.get(at + 1).is_some_and(|next| is_of_word(*next)))
                };
                let word: String = rest.iter().enumerate().take_while(is_inside).map(|(_, c)| *c).collect();
                at += word.chars().count();
                tokens.push(Token::Word(name_key_v1(&word)));
            }
            _ if SEPARATORS.contains(c) => at += 1,
            _ => return Err(DateProblem::UnknownCharacter(c)),
        }
        follows_number &= c == ' ';
    }
    Ok(tokens)
}

fn is_of_word(c: char) -> bool {
    c.is_alphabetic() || is_combining_mark(c)
}

/// The part of a date that a sign after a number names in Chinese, Japanese and Korean.
fn sign_of_role(c: char) -> Option<Role> {
    match c {
        '年' | '년' => Some(Role::Year),
        '月' | '월' => Some(Role::Month),
        '日' | '일' => Some(Role::Day),
        _ => None,
    }
}

/// The part of a date that a word before a number names in Vietnamese.
fn vietnamese(key: &str) -> Option<Role> {
    match key {
        "nam" => Some(Role::Year),
        "thang" | "thg" => Some(Role::Month),
        "ngay" => Some(Role::Day),
        _ => None,
    }
}

/// Decides which number is what.
fn arrange(parts: Parts, order: DateOrder) -> Result<PartialDate, DateProblem> {
    let Parts { mut numbers, months } = parts;
    let month = match numbers.iter().position(|number| number.role == Some(Role::Month)) {
        Some(at) if months.is_empty() => Some(numbers.remove(at).value),
        Some(_) => return Err(DateProblem::SeveralMonths),
        None => named_month(months, numbers.len())?,
    };
    match (month, numbers.as_slice()) {
        (Some(month), [year]) if year.is_year() => exact(year.year()?, Some(month), None),
        (Some(month), [one, other]) => {
            let (day, year) = day_and_year(*one, *other, order)?;
            exact(year.year()?, Some(month), Some(day.value))
        }
        (Some(_), [] | [_]) => Err(DateProblem::NoYear),
        (None, [all]) if all.digits == MAX_DIGITS => {
            exact(all.value / 10_000, Some(all.value / 100 % 100), Some(all.value % 100))
        }
        (None, [year]) if year.is_year() => exact(year.year()?, None, None),
        (None, [one, other]) => match (one.is_year(), other.is_year()) {
            (true, false) => exact(one.year()?, Some(other.value), None),
            (false, true) => exact(other.year()?, Some(one.value), None),
            (true, true) => Err(DateProblem::OtherNumbers),
            (false, false) => Err(DateProblem::NoYear),
        },
        (None, &[one, two, three]) => {
            let (day, month, year) = day_month_year(one, two, three, order)?;
            exact(year.year()?, Some(month.value), Some(day.value))
        }
        _ => Err(DateProblem::OtherNumbers),
    }
}

/// The month that a date names. A word that can also be a day of the week, such as the French `mar.`, counts as a
/// day of the week if there is another month, or if there are enough numbers without it.
fn named_month(mut words: Vec<MonthWord>, numbers: usize) -> Result<Option<u32>, DateProblem> {
    let is_sure = |word: &MonthWord| !is_weekday(&word.key);
    if words.iter().any(is_sure) {
        words.retain(is_sure);
    } else if numbers == 3 {
        words.clear();
    } else if words.len() > 1 {
        words.drain(..words.len() - 1);
    }
    let Some(first) = words.first() else { return Ok(None) };
    if words.iter().any(|word| word.meanings != first.meanings) {
        return Err(DateProblem::SeveralMonths);
    }
    match first.meanings.as_slice() {
        [(month, _)] => Ok(Some(*month)),
        _ => Err(DateProblem::AmbiguousMonth(first.key.clone())),
    }
}

/// Two numbers next to the name of a month.
fn day_and_year(one: Number, other: Number, order: DateOrder) -> Result<(Number, Number), DateProblem> {
    let is_year = |number: Number| number.is_year() || (number.value > 31 && number.role.is_none());
    match (is_year(one), is_year(other)) {
        (true, true) => Err(DateProblem::OtherNumbers),
        (true, false) => Ok((other, one)),
        (false, false) if order == DateOrder::YearFirst => Ok((other, one)),
        (false, _) => Ok((one, other)),
    }
}

/// Three numbers.
fn day_month_year(
    one: Number,
    two: Number,
    three: Number,
    order: DateOrder,
) -> Result<(Number, Number, Number), DateProblem> {
    match (one.is_year(), two.is_year(), three.is_year(), order) {
        (true, false, false, _) | (false, false, false, DateOrder::YearFirst) => Ok((three, two, one)),
        (false, false, _, DateOrder::DayFirst) => Ok((one, two, three)),
        (false, false, _, DateOrder::MonthFirst) => Ok((two, one, three)),
        (false, false, true, DateOrder::YearFirst) => Err(DateProblem::YearNotFirst),
        _ => Err(DateProblem::OtherNumbers),
    }
}

/// The date, if it exists.
fn exact(year: u32, month: Option<u32>, day: Option<u32>) -> Result<PartialDate, DateProblem> {
    let exactness = match (month, day) {
        (None, _) => Exactness::Year,
        (Some(_), None) => Exactness::Month,
        (Some(_), Some(_)) => Exactness::Day,
    };
    let (month, day) = (month.unwrap_or(1), day.unwrap_or(1));
    let first_day = i32::try_from(year).ok().filter(|year| *year > 0);
    first_day
        .and_then(|year| NaiveDate::from_ymd_opt(year, month, day))
        .map(|first_day| PartialDate { first_day, exactness })
        .ok_or(DateProblem::Impossible { year, month, day })
}
