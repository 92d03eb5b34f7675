//! One rule.

use std::fmt;
use std::ops::RangeBounds;

use dragline_core::{Consequence, Field, FromRecord, Item, ItemRecord, ItemType, Regex};

use super::bounds::Bounds;
use super::test::Test;

/// What a column, or a whole item, must be like. An item that breaks a rule is quarantined, unless you choose another
/// consequence.
///
/// Except for [`Rule::required`], a rule about a column does not look at a missing value: a column that may be null may also
/// be null for a rule.
pub struct Rule {
    name: String,
    /// `None` for a rule about the whole item.
    column: Option<String>,
    test: Test,
    consequence: Consequence,
}

impl Rule {
    /// The column has a value. An empty text or an empty list does not count as a value.
    pub fn required(column: &str) -> Self {
        Self::about(column, "required", Test::Required)
    }

    /// The number of characters in the text, or of texts in the list, lies in a range, for example `1..=300`.
    pub fn length(column: &str, lengths: impl RangeBounds<usize>) -> Self {
        Self::about(column, "length", Test::Length(Bounds::of(&lengths)))
    }

    /// The number, date or time lies in a range, for example `0..=500` or `first_day..`.
    pub fn range<V: Field + Clone>(column: &str, values: impl RangeBounds<V>) -> Self {
        Self::about(column, "range", Test::Range(Bounds::of(&values).map(Field::into_value)))
    }

    /// A regular expression matches the text somewhere, or each text of the list. Write `^` and `$` if it must match all of it.
    /// A crawl does not start with an invalid expression.
    pub fn pattern(column: &str, pattern: &str) -> Self {
        let test = Regex::new(pattern).map_err(|error| error.to_string());
        Self::about(column, "pattern", Test::Pattern(test))
    }

    /// The text, or each text of the list, is one of these.
    pub fn one_of<S: Into<String>>(column: &str, allowed: impl IntoIterator<Item = S>) -> Self {
        Self::about(column, "one of", Test::OneOf(allowed.into_iter().map(Into::into).collect()))
    }

    /// The text, or each text of the list, is a whole http or https URL.
    pub fn url(column: &str) -> Self {
        Self::about(column, "url", Test::Url)
    }

    /// The date or time is not in the future. A page may be in another time zone than this machine, so one day is tolerated.
    pub fn not_in_future(column: &str) -> Self {
        Self::about(column, "not in future", Test::NotInFuture)
    }

    /// Your own rule about an item, for example about two of its columns. The error says what is wrong with it.
    ///
    /// ```
    /// # extern crate dragline_core as dragline;
    /// # use dragline::Item;
    /// use dragline_pipelines::rules::Rule;
    ///
    /// #[derive(Item)]
    /// struct Offer { price: i32, sale_price: i32 }
    ///
    /// let rule = Rule::check("sale below price", |offer: &Offer| {
    ///     if offer.sale_price <= offer.price { Ok(()) } else { Err("the sale price is higher than the price".to_owned()) }
    /// });
    /// ```
    pub fn check<T: FromRecord>(
        name: &str,
        test: impl Fn(&T) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        let of_record = move |record: &ItemRecord| {
            let item = T::from_record(record).map_err(|error| error.to_string())?;
            test(&item)
        };
        Self {
            test: Test::Code { item: Some(<T as Item>::item_type()), test: Box::new(of_record) },
            ..Self::check_record(name, |_| Ok(()))
        }
    }

    /// The same for items of a type that is made at run time.
    pub fn check_record(
        name: &str,
        test: impl Fn(&ItemRecord) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.to_owned(),
            column: None,
            test: Test::Code { item: None, test: Box::new(test) },
            consequence: Consequence::Quarantine,
        }
    }

    /// An item that breaks the rule is left out.
    #[must_use]
    pub fn or_drop(self) -> Self {
        Self { consequence: Consequence::Drop, ..self }
    }

    /// An item that breaks the rule becomes a dead letter. This is what happens unless you say otherwise.
    #[must_use]
    pub fn or_quarantine(self) -> Self {
        Self { consequence: Consequence::Quarantine, ..self }
    }

    /// An item that breaks the rule is stored, and the rule is counted.
    #[must_use]
    pub fn or_warn(self) -> Self {
        Self { consequence: Consequence::Warn, ..self }
    }

    fn about(column: &str, name: &str, test: Test) -> Self {
        Self {
            name: format!("{column} {name}"),
            column: Some(column.to_owned()),
            test,
            consequence: Consequence::Quarantine,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn consequence(&self) -> Consequence {
        self.consequence
    }

    /// Why items of this type can't have the rule. The message begins with the column, or the name of the rule.
    pub(super) fn check_type(&self, item: &ItemType) -> Result<(), String> {
        let Some(column) = &self.column else {
            return self.test.check_item(item).map_err(|problem| format!("{}: {problem}", self.name));
        };
        let Some(at) = item.position(column) else {
            let columns: Vec<&str> = item.columns().iter().map(|column| column.name.as_str()).collect();
            return Err(format!(
                "{column}: there is no such column, so the rule {:?} can't be checked; the columns are {}",
                self.name,
                columns.join(", ")
            ));
        };
        self.test
            .check_kind(item.columns()[at].kind)
            .map_err(|problem| format!("{column}: the rule {:?} {problem}", self.name))
    }

    /// What is wrong with an item, or `None` if it follows the rule.
    pub(super) fn problem(&self, record: &ItemRecord) -> Option<String> {
        match &self.column {
            Some(column) => self.test.problem_of_value(record.get(column)?),
            None => self.test.problem_of_record(record),
        }
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rule({:?}, or it is {})", self.name, self.consequence.as_str())
    }
}
