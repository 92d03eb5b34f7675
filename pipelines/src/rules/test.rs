//! What a rule tests, and how it says what is wrong.

use dragline_core::chrono::{Duration, Utc};
use dragline_core::value::timestamp_text;
use dragline_core::{ColumnType, ItemRecord, ItemType, Regex, Value};
use url::Url;

use super::bounds::{Bounds, compare, fits};

/// Time zones are at most a day apart. So a moment that is a day away may have come on the other side of the world.
const TOLERATED_DAYS: i64 = 1;
/// How much of a text an error shows.
const SHOWN_CHARACTERS: usize = 80;

/// The test of a rule.
pub(super) enum Test {
    Required,
    Length(Bounds<usize>),
    Range(Bounds<Value>),
    Pattern(Result<Regex, String>),
    OneOf(Vec<String>),
    Url,
    NotInFuture,
    Code { item: Option<ItemType>, test: Box<Code> },
}

pub(super) type Code = dyn Fn(&ItemRecord) -> Result<(), String> + Send + Sync;

impl Test {
    /// Why a column of this type can't have the test.
    pub(super) fn check_kind(&self, kind: ColumnType) -> Result<(), String> {
        let is_text = matches!(kind, ColumnType::Text | ColumnType::TextList);
        let is_moment = matches!(kind, ColumnType::Date | ColumnType::Timestamp);
        let needed = match self {
            Self::Pattern(Err(problem)) => {
                return Err(format!("has an invalid regular expression: {problem}"));
            }
            Self::OneOf(allowed) if allowed.is_empty() => {
                return Err("allows nothing: name at least one text".to_owned());
            }
            Self::Length(_) | Self::Pattern(Ok(_)) | Self::OneOf(_) | Self::Url if !is_text => "a text",
            Self::NotInFuture if !is_moment => "a date or a time",
            Self::Range(bounds) if bounds.given().next().is_none() => {
                return Err("allows everything: give it a lower or an upper bound".to_owned());
            }
            Self::Range(bounds) => match bounds.given().find(|bound| !fits(bound, kind)) {
                Some(Value::Date(_)) => "a date",
                Some(Value::Timestamp(_)) => "a time",
                Some(Value::Int(_) | Value::Float(_) | Value::Decimal(_)) => "a number",
                Some(_) => return Err("has bounds that are not numbers, dates or times".to_owned()),
                None => return Ok(()),
            },
            _ => return Ok(()),
        };
        Err(format!("needs {needed}, and the column has the type {kind}"))
    }

    /// Why items of this type can't have the test.
    pub(super) fn check_item(&self, item: &ItemType) -> Result<(), String> {
        match self {
            Self::Code { item: Some(of), .. } if of != item => {
                Err(format!("it is a rule about {:?}: add it with `on` for that struct", of.name()))
            }
            _ => Ok(()),
        }
    }

    /// What is wrong with a value.
    pub(super) fn problem_of_value(&self, value: &Value) -> Option<String> {
        if let Self::Required = self {
            let is_empty = match value {
                Value::Null => true,
                Value::Text(text) => text.is_empty(),
                Value::TextList(texts) => texts.is_empty(),
                _ => false,
            };
            return is_empty.then(|| "it is empty".to_owned());
        }
        match (self, value) {
            (_, Value::Null) => None,
            (Self::Range(bounds), value) => {
                let is_in = bounds.contain(value, compare);
                (!is_in).then(|| format!("it is {}, and {} is allowed", shown(value), bounds.told(shown)))
            }
            (Self::NotInFuture, value) => in_future(value).then(|| format!("it is {}", shown(value))),
            (Self::Length(bounds), Value::TextList(texts)) => problem_of_length(bounds, texts.len(), "texts"),
            (Self::Length(bounds), Value::Text(text)) => {
                problem_of_length(bounds, text.chars().count(), "characters")
            }
            (_, Value::TextList(texts)) => texts.iter().find_map(|text| self.problem_of_text(text)),
            (_, Value::Text(text)) => self.problem_of_text(text),
            _ => None,
        }
    }

    fn problem_of_text(&self, text: &str) -> Option<String> {
        let shown = || shown_text(text);
        match self {
            Self::Pattern(Ok(pattern)) if !pattern.is_match(text) => {
                Some(format!("{} does not match {:?}", shown(), pattern.as_str()))
            }
            Self::OneOf(allowed) if !allowed.iter().any(|allowed| allowed == text) => {
                Some(format!("{} is not one of {}", shown(), allowed.join(", ")))
            }
            Self::Url if !is_url(text) => Some(format!("{} is not a whole http or https URL", shown())),
            _ => None,
        }
    }

    /// What is wrong with an item.
    pub(super) fn problem_of_record(&self, record: &ItemRecord) -> Option<String> {
        match self {
            Self::Code { test, .. } => test(record).err(),
            _ => None,
        }
    }
}

fn problem_of_length(bounds: &Bounds<usize>, length: usize, of: &str) -> Option<String> {
    let is_in = bounds.contain(&length, |one, other| Some(one.cmp(other)));
    (!is_in).then(|| format!("it has {length} {of}, and {} is allowed", bounds.told(usize::to_string)))
}

fn is_url(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

fn in_future(value: &Value) -> bool {
    let latest = Utc::now() + Duration::days(TOLERATED_DAYS);
    match value {
        Value::Date(date) => *date > latest.date_naive(),
        Value::Timestamp(moment) => *moment > latest,
        _ => false,
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) => shown_text(text),
        Value::Decimal(number) => number.to_string(),
        Value::Date(date) => date.to_string(),
        Value::Timestamp(moment) => timestamp_text(moment),
        other => other.to_json().to_string(),
    }
}

fn shown_text(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARACTERS) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}
