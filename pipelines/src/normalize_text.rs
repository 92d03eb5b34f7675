//! Normalizes the texts of chosen columns, and reads prices, dates and names from them into other columns.
//!
//! [`Normalize`](crate::normalize::Normalize) trims every text of every program. This step does what only a program can decide:
//! which columns hold entities, prices or dates. `dragline-normalize` defines what each of them means.

use dragline_core::{ColumnType, ItemOrigin, ItemPipeline, ItemRecord, Value, Verdict};
use dragline_normalize::{
    DateOrder, blanks, clean, currency, currency_code, date, entities, lines, name_key_v1, nfc, price_amount,
};

/// What the step does to a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TextRule {
    /// HTML entities are read: `&eacute;` becomes `é`.
    Entities,
    /// White space becomes single spaces, and the text is one line.
    Blanks,
    /// The same for each line, and the lines stay.
    Lines,
    /// Unicode's normal form C.
    Nfc,
    /// [`Entities`](Self::Entities), [`Blanks`](Self::Blanks), [`Nfc`](Self::Nfc).
    Clean,
}

impl TextRule {
    fn apply(self, text: &str) -> String {
        match self {
            Self::Entities => entities(text).into_owned(),
            Self::Blanks => blanks(text).into_owned(),
            Self::Lines => lines(text),
            Self::Nfc => nfc(text).into_owned(),
            Self::Clean => clean(text).into_owned(),
        }
    }
}

/// A step that normalizes the columns that you name.
///
/// A column is a text or a list of texts. Another column takes what is read from it: a price, a currency, a date, or the key of
/// a name. If the text is absent or empty, the other column stays as it is. If the text can't be read, the item is quarantined
/// with a reason. So nothing is lost, and no wrong value is stored. The same is true if a column has another type than it needs.
///
/// [`NormalizeText::of`] handles the items of one type, and every column must exist. [`NormalizeText::new`] handles the items of
/// every type that has the columns.
///
/// ```
/// use dragline_core::{ColumnType, ItemOrigin, ItemPipeline, ItemRecord, ItemType, Value, Verdict};
/// use dragline_pipelines::normalize_text::{NormalizeText, TextRule};
///
/// let offer = ItemType::builder("offer")
///     .with_column("title", ColumnType::Text)
///     .with_column("shown", ColumnType::Text)
///     .with_nullable_column("price", ColumnType::Numeric)
///     .with_nullable_column("currency", ColumnType::Text)
///     .build()?;
/// let step = NormalizeText::of("offer")
///     .column("title", [TextRule::Clean])
///     .price("shown", "price")
///     .currency("shown", "currency");
///
/// let values = vec!["Fish &amp;  chips".into(), "from 7,50 €".into(), Value::Null, Value::Null];
/// let record = ItemRecord { item_type: offer, values };
/// let Verdict::Keep(kept) = step.process(record, &ItemOrigin::new("https://example.com/")) else { panic!("it is read") };
/// assert_eq!(kept.json_text(), r#"{"currency":"EUR","price":"7.50","shown":"from 7,50 €","title":"Fish & chips"}"#);
/// # Ok::<(), dragline_core::ItemTypeError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct NormalizeText {
    item: Option<String>,
    tasks: Vec<Task>,
}

/// A column, and what is done with it.
#[derive(Clone, Debug)]
struct Task {
    from: String,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Change(Vec<TextRule>),
    Read { to: String, as_what: Meaning },
}

/// What is read from a text.
#[derive(Clone, Copy, Debug)]
enum Meaning {
    Price,
    Currency,
    Date(DateOrder),
    NameKey,
}

impl NormalizeText {
    /// A step for the items of all types. A type without one of the columns keeps its items as they are.
    pub fn new() -> Self {
        Self::default()
    }

    /// A step for the items of one type, by its name. If the type does not have a column that is named here, each of its items
    /// is quarantined.
    pub fn of(item: impl Into<String>) -> Self {
        Self { item: Some(item.into()), tasks: Vec::new() }
    }

    /// Applies these rules to a column, in this order.
    #[must_use]
    pub fn column(self, column: impl Into<String>, rules: impl IntoIterator<Item = TextRule>) -> Self {
        self.with(column, What::Change(rules.into_iter().collect()))
    }

    /// Applies these rules to several columns.
    #[must_use]
    pub fn columns<C: Into<String>>(
        self,
        columns: impl IntoIterator<Item = C>,
        rules: impl IntoIterator<Item = TextRule>,
    ) -> Self {
        let rules: Vec<TextRule> = rules.into_iter().collect();
        columns.into_iter().fold(self, |step, column| step.column(column, rules.iter().copied()))
    }

    /// Reads the amount of the price in column `from` into the numeric column `to`.
    #[must_use]
    pub fn price(self, from: impl Into<String>, to: impl Into<String>) -> Self {
        self.read(from, to, Meaning::Price)
    }

    /// Reads the currency in column `from` into the text column `to`: its ISO 4217 code, or its sign if that can mean several
    /// currencies. If no currency in it is known, `to` stays as it is.
    #[must_use]
    pub fn currency(self, from: impl Into<String>, to: impl Into<String>) -> Self {
        self.read(from, to, Meaning::Currency)
    }

    /// Reads the date in column `from` into column `to`. If `to` is a date, the day must be known. If it is a text, it gets
    /// `2020-05-03`, or `2020-05` or `2020` if only that is known.
    #[must_use]
    pub fn date(self, from: impl Into<String>, to: impl Into<String>, order: DateOrder) -> Self {
        self.read(from, to, Meaning::Date(order))
    }

    /// Writes the key of the name in column `from` into the text column `to`, by the rule `name_key_v1`.
    #[must_use]
    pub fn name_key(self, from: impl Into<String>, to: impl Into<String>) -> Self {
        self.read(from, to, Meaning::NameKey)
    }

    fn read(self, from: impl Into<String>, to: impl Into<String>, as_what: Meaning) -> Self {
        self.with(from, What::Read { to: to.into(), as_what })
    }

    fn with(mut self, from: impl Into<String>, what: What) -> Self {
        self.tasks.push(Task { from: from.into(), what });
        self
    }

    fn apply(&self, record: &mut ItemRecord) -> Result<(), String> {
        for Task { from, what } in &self.tasks {
            let columns = match what {
                What::Change(_) => vec![from],
                What::Read { to, .. } => vec![from, to],
            };
            let missing = columns.into_iter().find(|column| record.get(column).is_none());
            match (missing, what) {
                (Some(column), _) if self.item.is_some() => {
                    return Err(format!("{} has no column {column:?}", record.item_type.name()));
                }
                (Some(_), _) => {}
                (None, What::Change(rules)) => change(record, from, rules)?,
                (None, What::Read { to, as_what }) => as_what.read(record, from, to)?,
            }
        }
        Ok(())
    }
}

impl ItemPipeline for NormalizeText {
    fn name(&self) -> &str {
        "normalize-text"
    }

    fn process(&self, mut record: ItemRecord, _origin: &ItemOrigin<'_>) -> Verdict {
        if self.item.as_ref().is_some_and(|item| item != record.item_type.name()) {
            return Verdict::Keep(record);
        }
        match self.apply(&mut record) {
            Ok(()) => Verdict::Keep(record),
            Err(reason) => Verdict::quarantine(record, reason),
        }
    }
}

fn change(record: &mut ItemRecord, column: &str, rules: &[TextRule]) -> Result<(), String> {
    let change = |text: &mut String| {
        for rule in rules {
            *text = rule.apply(text);
        }
    };
    match record.get_mut(column) {
        Some(Value::Text(text)) => change(text),
        Some(Value::TextList(texts)) => texts.iter_mut().for_each(change),
        Some(Value::Null) | None => {}
        Some(_) => {
            return Err(format!("{}.{column} is not a text or a list of texts", record.item_type.name()));
        }
    }
    Ok(())
}

impl Meaning {
    fn read(self, record: &mut ItemRecord, from: &str, to: &str) -> Result<(), String> {
        let name = record.item_type.name();
        let text = match record.get(from) {
            Some(Value::Text(text)) if !text.trim().is_empty() => text,
            Some(Value::Text(_) | Value::Null) | None => return Ok(()),
            Some(_) => return Err(format!("{name}.{from} is not a text")),
        };
        let kind =
            record.item_type.columns().iter().find(|column| column.name == to).map(|column| column.kind);
        let value = match (self, kind) {
            (Self::Price, Some(ColumnType::Numeric)) => {
                price_amount(text).map(Value::Decimal).map_err(|e| e.to_string())
            }
            (Self::Currency, Some(ColumnType::Text)) => match currency(text) {
                Some(sign) => Ok(Value::Text(currency_code(&sign).map_or(sign, str::to_owned))),
                None => return Ok(()),
            },
            (Self::Date(order), Some(ColumnType::Text)) => {
                date(text, order).map(|date| Value::Text(date.to_string())).map_err(|e| e.to_string())
            }
            (Self::Date(order), Some(ColumnType::Date)) => match date(text, order) {
                Ok(date) => date.day().map(Value::Date).ok_or_else(|| format!("{text:?} has no day")),
                Err(error) => Err(error.to_string()),
            },
            (Self::NameKey, Some(ColumnType::Text)) => Ok(Value::Text(name_key_v1(text))),
            _ => return Err(format!("{name}.{to} is not {}", self.column_types())),
        };
        let value = value.map_err(|problem| format!("{name}.{from}: {problem}"))?;
        if let Some(column) = record.get_mut(to) {
            *column = value;
        }
        Ok(())
    }

    /// The types that the column can have.
    fn column_types(self) -> &'static str {
        match self {
            Self::Price => "a numeric column",
            Self::Currency | Self::NameKey => "a text",
            Self::Date(_) => "a date or a text",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dragline_core::ItemType;

    fn track() -> ItemType {
        ItemType::builder("track")
            .with_nullable_column("title", ColumnType::Text)
            .with_column("styles", ColumnType::TextList)
            .with_nullable_column("shown", ColumnType::Text)
            .with_nullable_column("price", ColumnType::Numeric)
            .with_nullable_column("currency", ColumnType::Text)
            .with_nullable_column("day", ColumnType::Date)
            .with_nullable_column("key", ColumnType::Text)
            .with_column("number", ColumnType::Integer)
            .build()
            .unwrap()
    }

    fn record(title: &str, shown: &str) -> ItemRecord {
        let text = |text: &str| Value::Text(text.to_owned());
        let styles = Value::TextList(vec!["Drum &amp; Bass".to_owned(), " Dub  ".to_owned()]);
        let null = || Value::Null;
        let values = vec![text(title), styles, text(shown), null(), null(), null(), null(), Value::Int(1)];
        ItemRecord { item_type: track(), values }
    }

    /// What the step makes of a column, or its reason.
    fn after(step: &NormalizeText, record: ItemRecord, column: &str) -> Result<Value, String> {
        match step.process(record, &ItemOrigin::new("https://example.com/")) {
            Verdict::Keep(kept) => Ok(kept.get(column).unwrap().clone()),
            Verdict::Quarantine { item, reason } => {
                assert_eq!(item.item_type.name(), "track", "the item is kept for a person to look at");
                Err(reason)
            }
            Verdict::Drop { reason } => panic!("dropped: {reason}"),
        }
    }

    #[test]
    fn rules_apply_to_texts_and_lists_in_their_order() {
        let step = NormalizeText::new().columns(["title", "styles"], [TextRule::Clean]).column("number", []);
        let found = record("Cafe\u{301} &amp;\n bar", "");
        assert!(after(&step, found.clone(), "title").unwrap_err().contains("number is not a text or a list"));
        let step = NormalizeText::of("track").columns(["title", "styles"], [TextRule::Clean]);
        assert_eq!(after(&step, found.clone(), "title"), Ok("Café & bar".into()));
        let styles = vec!["Drum & Bass".to_owned(), "Dub".to_owned()];
        assert_eq!(after(&step, found.clone(), "styles"), Ok(Value::TextList(styles)));
        // Twice: an entity that is escaped twice.
        let step =
            NormalizeText::new().column("title", [TextRule::Entities, TextRule::Entities, TextRule::Lines]);
        assert_eq!(after(&step, record("a  &amp;lt;\r\n b", ""), "title"), Ok("a <\nb".into()));
        let step = NormalizeText::new().column("title", [TextRule::Nfc]);
        assert_eq!(after(&step, found, "title"), Ok("Café &amp;\n bar".into()));
        assert_eq!(
            after(&NormalizeText::new().column("title", [TextRule::Blanks]), record("a \n b", ""), "title"),
            Ok("a b".into())
        );
    }

    #[test]
    fn other_columns_take_what_a_text_means() {
        let step = NormalizeText::of("track")
            .price("shown", "price")
            .currency("shown", "currency")
            .name_key("title", "key");
        let found = record("Björk & Co", "ab 1.599,00 €");
        assert_eq!(after(&step, found.clone(), "price"), Ok(Value::Decimal("1599.00".parse().unwrap())));
        assert_eq!(after(&step, found.clone(), "currency"), Ok("EUR".into()));
        assert_eq!(after(&step, found.clone(), "key"), Ok("bjork and co".into()));
        assert_eq!(after(&step, found, "shown"), Ok("ab 1.599,00 €".into()));
        assert_eq!(after(&step, record("x", "$5"), "currency"), Ok("$".into()));
        // Without a currency, the column stays as it is.
        assert_eq!(after(&step, record("x", "5"), "currency"), Ok(Value::Null));

        let day = NormalizeText::of("track").date("shown", "day", DateOrder::DayFirst);
        assert!(
            matches!(after(&day, record("x", "3. Mai 2020"), "day"), Ok(Value::Date(day)) if day.to_string() == "2020-05-03")
        );
        let text = NormalizeText::of("track").date("shown", "key", DateOrder::MonthFirst);
        assert_eq!(after(&text, record("x", "5/3/2020"), "key"), Ok("2020-05-03".into()));
        assert_eq!(after(&text, record("x", "May 2020"), "key"), Ok("2020-05".into()));
    }

    #[test]
    fn an_absent_text_changes_nothing() {
        let step =
            NormalizeText::of("track").price("shown", "price").date("title", "day", DateOrder::DayFirst);
        for (title, shown) in [("", ""), (" ", "\n")] {
            assert_eq!(after(&step, record(title, shown), "price"), Ok(Value::Null));
        }
        let mut absent = record("", "");
        *absent.get_mut("title").unwrap() = Value::Null;
        *absent.get_mut("day").unwrap() = Value::Date("2020-05-03".parse().unwrap());
        assert_eq!(after(&step, absent.clone(), "day"), Ok(absent.get("day").unwrap().clone()));
        assert_eq!(after(&step.column("title", [TextRule::Clean]), absent, "title"), Ok(Value::Null));
    }

    #[test]
    fn what_cannot_be_read_is_quarantined_with_a_reason() {
        let reason =
            |step: NormalizeText, shown: &str| after(&step, record("x", shown), "price").unwrap_err();
        let price = || NormalizeText::of("track").price("shown", "price");
        assert_eq!(reason(price(), "sold out"), "track.shown: \"sold out\" is not a price: it has no number");
        let day = || NormalizeText::of("track").date("shown", "day", DateOrder::DayFirst);
        assert_eq!(
            reason(day(), "yesterday"),
            "track.shown: \"yesterday\" is not a date: the word \"yesterday\" is not known in dates"
        );
        assert_eq!(reason(day(), "May 2020"), "track.shown: \"May 2020\" has no day");
        // A mistake in the program.
        assert_eq!(reason(price().price("shwon", "price"), "5"), "track has no column \"shwon\"");
        assert_eq!(reason(price().currency("shown", "curency"), "5"), "track has no column \"curency\"");
        assert_eq!(
            reason(NormalizeText::new().price("shown", "title"), "5"),
            "track.title is not a numeric column"
        );
        assert_eq!(reason(NormalizeText::new().currency("shown", "day"), "5"), "track.day is not a text");
        assert_eq!(
            reason(NormalizeText::new().date("shown", "price", DateOrder::DayFirst), "5"),
            "track.price is not a date or a text"
        );
        assert_eq!(reason(NormalizeText::new().price("number", "price"), "5"), "track.number is not a text");
    }

    #[test]
    fn items_of_other_types_pass() {
        let other = NormalizeText::of("artist").column("title", [TextRule::Clean]).price("nothing", "price");
        assert_eq!(after(&other, record(" a ", ""), "title"), Ok(" a ".into()));
        let any = NormalizeText::new().column("nothing", [TextRule::Clean]).price("shown", "nothing");
        assert_eq!(after(&any, record(" a ", "5"), "title"), Ok(" a ".into()));
    }
}
