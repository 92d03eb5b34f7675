//! How a column keeps what earlier pages knew, when another page gives the same key.

use std::cmp::Ordering;
use std::fmt;

use crate::item_type::{ColumnType, Description, ItemType, ItemTypeBuilder};
use crate::value::Value;

/// What becomes of the value of a column when an item replaces a row. Without a rule, the new value counts.
///
/// ```
/// use dragline_spider::{ColumnType, ItemType, Merge};
///
/// let artist = ItemType::builder("artist").with_table("artists").with_column("name", ColumnType::Text);
/// let artist = artist.with_column("sets", ColumnType::Integer).with_key(["name"]);
/// let artist = artist.with_merge("sets", Merge::Add).build()?;
/// assert_eq!(artist.merge("sets"), Some(Merge::Add));
/// # Ok::<(), dragline_spider::ItemTypeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merge {
    /// The first value that is not null stays.
    Keep,
    /// A null does not replace a value.
    Fill,
    /// The greatest value stays.
    Max,
    /// The least value stays.
    Min,
    /// The sum of what the pages give. Each page counts once.
    Add,
    /// All texts, each once, sorted by their bytes. The first [`Merge::MAX_TEXTS`] of them are kept.
    Union,
}

impl Merge {
    /// How many texts [`Merge::Union`] keeps. Without a limit, a page that gives each visitor another text would make rows that grow
    /// with every crawl. Which texts are kept depends on the texts, and not on the order of the pages.
    pub const MAX_TEXTS: usize = 10_000;

    /// All rules.
    pub const ALL: [Self; 6] = [Self::Keep, Self::Fill, Self::Max, Self::Min, Self::Add, Self::Union];

    /// Its name in `#[item(merge = "…")]`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Fill => "fill",
            Self::Max => "max",
            Self::Min => "min",
            Self::Add => "add",
            Self::Union => "union",
        }
    }

    /// Whether columns of this type can have the rule. The sum of floats depends on their order, so they have no sum.
    pub const fn fits(self, kind: ColumnType) -> bool {
        use ColumnType as Kind;
        match self {
            Self::Keep | Self::Fill => true,
            Self::Max | Self::Min => !matches!(kind, Kind::Text | Kind::TextList | Kind::Uuid | Kind::Json),
            Self::Add => matches!(kind, Kind::SmallInt | Kind::Integer | Kind::BigInt | Kind::Numeric),
            Self::Union => matches!(kind, Kind::TextList),
        }
    }

    /// The number that takes another one back from a sum. `None` if no column can hold it.
    #[doc(hidden)]
    pub fn negative(number: &Value) -> Option<Value> {
        Some(match number {
            Value::Int(number) => Value::Int(number.checked_neg()?),
            Value::Decimal(number) => Value::Decimal(-*number),
            _ => Value::Null,
        })
    }

    /// The types that it fits, for people.
    const fn kinds(self) -> &'static str {
        match self {
            Self::Keep | Self::Fill => "all types",
            Self::Max | Self::Min => "numbers, dates, times and booleans",
            Self::Add => "integers and numeric, whose sums are exact",
            Self::Union => "lists of texts",
        }
    }

    /// The value of a column that had the first value and gets the second one. `None` if the sum of two numbers is larger than any column
    /// can hold.
    ///
    /// Equal values give the same text, so a decimal has no zeros at its end.
    pub fn apply(self, before: &Value, new: &Value) -> Option<Value> {
        let is_null = |value: &Value| *value == Value::Null;
        Some(match (self, before, new) {
            (Self::Keep, before, new) => if is_null(before) { new } else { before }.clone(),
            (Self::Fill, before, new) => if is_null(new) { before } else { new }.clone(),
            (_, Value::Null, value) | (_, value, Value::Null) => uniform(value),
            (Self::Max, before, new) => uniform(if is_less(before, new) { new } else { before }),
            (Self::Min, before, new) => uniform(if is_less(new, before) { new } else { before }),
            (Self::Add, Value::Int(before), Value::Int(new)) => Value::Int(before.checked_add(*new)?),
            (Self::Add, Value::Decimal(before), Value::Decimal(new)) => {
                Value::Decimal(before.checked_add(*new)?.normalize())
            }
            (Self::Union, Value::TextList(before), Value::TextList(new)) => {
                uniform(&Value::TextList(before.iter().chain(new).cloned().collect()))
            }
            // Values that do not fit the column are refused before.
            (_, _, new) => new.clone(),
        })
    }
}

/// The value in the form that all equal values have.
fn uniform(value: &Value) -> Value {
    match value {
        Value::Decimal(number) => Value::Decimal(number.normalize()),
        Value::TextList(texts) => {
            let mut texts = texts.clone();
            texts.sort_unstable();
            texts.dedup();
            texts.truncate(Merge::MAX_TEXTS);
            Value::TextList(texts)
        }
        other => other.clone(),
    }
}

fn is_less(one: &Value, other: &Value) -> bool {
    let order = match (one, other) {
        (Value::Int(one), Value::Int(other)) => one.cmp(other),
        (Value::Float(one), Value::Float(other)) => one.partial_cmp(other).unwrap_or(Ordering::Equal),
        (Value::Decimal(one), Value::Decimal(other)) => one.cmp(other),
        (Value::Date(one), Value::Date(other)) => one.cmp(other),
        (Value::Timestamp(one), Value::Timestamp(other)) => one.cmp(other),
        (Value::Bool(one), Value::Bool(other)) => one.cmp(other),
        _ => Ordering::Equal,
    };
    order == Ordering::Less
}

impl fmt::Display for Merge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl ItemType {
    /// The rule of a column, if it has one.
    pub fn merge(&self, column: &str) -> Option<Merge> {
        self.0.merges.iter().find(|(name, _)| name == column).map(|(_, merge)| *merge)
    }

    /// The columns with a rule.
    pub fn merges(&self) -> impl Iterator<Item = (&str, Merge)> {
        self.0.merges.iter().map(|(name, merge)| (name.as_str(), *merge))
    }

    /// Whether a column has a rule.
    pub fn has_merges(&self) -> bool {
        !self.0.merges.is_empty()
    }

    /// Whether pages are added up in a column.
    pub fn adds_up(&self) -> bool {
        self.merges().any(|(_, merge)| merge == Merge::Add)
    }
}

impl ItemTypeBuilder {
    /// Gives a column a rule, so that a later page does not erase what an earlier one knew.
    pub fn with_merge(mut self, column: impl Into<String>, merge: Merge) -> Self {
        self.0.merges.push((column.into(), merge));
        self
    }

    /// Removes all rules, so that the new values count.
    pub fn without_merges(mut self) -> Self {
        self.0.merges.clear();
        self
    }
}

impl Description {
    /// What is wrong with its rules, or `None`.
    pub(crate) fn merge_problem(&self) -> Option<String> {
        if self.merges.is_empty() {
            return None;
        }
        if self.table.is_none() {
            return Some("they need a table of the item's own: name it with `with_table`".to_owned());
        }
        if self.key.is_empty() {
            return Some("they need a key, which says which items are one row: add `with_key`".to_owned());
        }
        for (at, (name, merge)) in self.merges.iter().enumerate() {
            let column = self.columns.iter().find(|column| column.name == *name);
            let problem = match column {
                None => "is not one of its columns".to_owned(),
                _ if self.merges[..at].iter().any(|(earlier, _)| earlier == name) => "has two rules".to_owned(),
                _ if self.key.contains(name) || self.relations.is_id_part(name) => {
                    "is a part of the key, which is the same in all items of a row".to_owned()
                }
                Some(column) if !merge.fits(column.kind) => {
                    format!("has the type {}, and {merge:?} is for {}", column.kind, merge.kinds())
                }
                Some(column) if *merge == Merge::Fill && !column.nullable => {
                    "is never null, so there is nothing to fill: leave out the rule, or make the column nullable".to_owned()
                }
                Some(_) => continue,
            };
            return Some(format!("the column {name:?} {problem}"));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(texts: &[&str]) -> Value {
        Value::TextList(texts.iter().map(|text| (*text).to_owned()).collect())
    }

    fn number(text: &str) -> Value {
        Value::Decimal(text.parse().unwrap())
    }

    #[test]
    fn each_rule_keeps_what_was_known() {
        let (null, one, two) = (Value::Null, Value::Int(1), Value::Int(2));
        for (merge, before, new, expected) in [
            (Merge::Keep, &null, &two, &two),
            (Merge::Keep, &one, &two, &one),
            (Merge::Keep, &one, &null, &one),
            (Merge::Fill, &one, &null, &one),
            (Merge::Fill, &one, &two, &two),
            (Merge::Max, &two, &one, &two),
            (Merge::Max, &null, &one, &one),
            (Merge::Min, &two, &one, &one),
            (Merge::Min, &two, &null, &two),
            (Merge::Add, &one, &two, &Value::Int(3)),
            (Merge::Add, &null, &two, &two),
            (Merge::Add, &null, &null, &null),
            (Merge::Union, &texts(&["b"]), &texts(&["c", "a", "b"]), &texts(&["a", "b", "c"])),
            (Merge::Union, &null, &texts(&["b", "a", "b"]), &texts(&["a", "b"])),
            (Merge::Max, &number("1.50"), &number("1.5"), &number("1.5")),
            (Merge::Add, &number("1.50"), &number("1.5"), &number("3")),
        ] {
            let told = format!("{merge}: {before:?}, {new:?}");
            assert_eq!(merge.apply(before, new).as_ref(), Some(expected), "{told}");
        }
        assert_eq!(number("1.50").to_json(), "1.50");
        assert_eq!(Merge::Max.apply(&number("1.50"), &Value::Null).unwrap().to_json(), "1.5");
        assert_eq!(Merge::Add.apply(&Value::Int(i64::MAX), &one), None);
    }

    #[test]
    fn a_union_keeps_the_same_texts_in_whatever_order_they_come() {
        let many = |numbers: std::ops::Range<usize>| {
            Value::TextList(numbers.map(|number| format!("{number:05}")).collect())
        };
        let most = Merge::MAX_TEXTS;
        let lists = [many(0..most / 2), many(most / 4..most + 10), many(most..most * 2)];
        let all = |order: [usize; 3]| {
            order.iter().fold(Value::Null, |union, at| Merge::Union.apply(&union, &lists[*at]).unwrap())
        };
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]] {
            assert_eq!(all(order), many(0..most), "{order:?}");
        }
    }

    #[test]
    fn a_rule_that_does_not_fit_is_told() {
        let artist = || {
            let artist = ItemType::builder("artist").with_table("artists").with_key(["name"]);
            let artist =
                artist.with_column("name", ColumnType::Text).with_column("score", ColumnType::Double);
            artist.with_nullable_column("aliases", ColumnType::TextList)
        };
        assert!(artist().with_merge("aliases", Merge::Union).with_merge("score", Merge::Max).build().is_ok());
        let with_id = || {
            let track =
                ItemType::builder("track").with_table("tracks").with_column("title", ColumnType::Text);
            track.with_id(["title"])
        };
        for (built, expected) in [
            (artist().without_table().with_merge("score", Merge::Max), "need a table"),
            (artist().with_key([""; 0]).with_merge("score", Merge::Max), "need a key"),
            (artist().with_merge("name", Merge::Keep), "\"name\" is a part of the key"),
            (with_id().with_merge("title", Merge::Keep), "\"title\" is a part of the key"),
            (with_id().with_merge("id", Merge::Keep), "\"id\" is a part of the key"),
            (
                artist().with_merge("score", Merge::Add),
                "the type double precision, and Add is for integers and numeric",
            ),
            (artist().with_merge("score", Merge::Union), "and Union is for lists of texts"),
            (artist().with_merge("aliases", Merge::Max), "the type text[], and Max is for numbers"),
            (artist().with_merge("score", Merge::Fill), "nothing to fill"),
            (artist().with_merge("born", Merge::Max), "\"born\" is not one of its columns"),
            (artist().with_merge("score", Merge::Max).with_merge("score", Merge::Min), "has two rules"),
        ] {
            let error = built.build().unwrap_err().to_string();
            assert!(
                error.contains(expected) && error.contains("cannot merge columns"),
                "{expected:?}: {error:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn the_order_makes_no_difference_for_four_of_them(
            numbers in prop::collection::vec(prop::option::of(-50_i64..50), 1..8),
            rotation in 0_usize..8,
        ) {
            let values = |of: fn(i64) -> Value| -> Vec<Value> {
                numbers.iter().map(|number| number.map_or(Value::Null, of)).collect()
            };
            let as_list = |number: i64| texts(&[&number.to_string(), "a"]);
            for (merge, values) in [
                (Merge::Max, values(Value::Int)),
                (Merge::Min, values(Value::Int)),
                (Merge::Add, values(|number| Value::Decimal(rust_decimal::Decimal::new(number, 1)))),
                (Merge::Union, values(as_list)),
            ] {
                let fold = |values: &[Value]| values.iter().fold(Value::Null, |so_far, value| merge.apply(&so_far, value).unwrap());
                let mut turned = values.clone();
                let length = turned.len();
                turned.rotate_left(rotation % length);
                prop_assert_eq!(fold(&values), fold(&turned));
                turned.reverse();
                prop_assert_eq!(fold(&values).to_json(), fold(&turned).to_json());
            }
        }
    }
}
