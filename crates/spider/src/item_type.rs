//! Item types: the description of what a spider extracts, and of the table that keeps it.

mod error;

use std::fmt;
use std::sync::Arc;

pub use self::error::ItemTypeError;

use crate::item_extras::{changes_refusal, gone_mark_refusal};
use crate::merge::Merge;
use crate::relations::Relations;
use crate::view::View;
use crate::{item_history, table_name};

/// An item type: a shared description. Clones are cheap, and the derive builds each description once.
///
/// Derive it with `#[derive(Item)]`, or build it at run time:
///
/// ```
/// use dragline_spider::{ColumnType, ItemRecord, ItemType};
///
/// let book = ItemType::builder("book")
///     .with_table("books")
///     .with_column("isbn", ColumnType::Text)
///     .with_column("price", ColumnType::Numeric)
///     .with_nullable_column("subtitle", ColumnType::Text)
///     .with_key(["isbn"])
///     .build()?;
/// assert_eq!((book.name(), book.columns().len(), book.is_keyed()), ("book", 3, true));
/// # Ok::<(), dragline_spider::ItemTypeError>(())
/// ```
#[derive(Clone)]
pub struct ItemType(pub(crate) Arc<Description>);

#[allow(clippy::struct_excessive_bools)] // they have nothing to do with each other
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Description {
    name: String,
    pub(crate) table: Option<String>,
    pub(crate) key: Vec<String>,
    pub(crate) columns: Vec<Column>,
    auto_create: bool,
    history: bool,
    pub(crate) relations: Relations,
    pub(crate) views: Vec<View>,
    gone_mark: bool,
    changes: bool,
    /// The columns that keep what was known, each with its rule.
    pub(crate) merges: Vec<(String, Merge)>,
}

/// A column of an item type.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Column {
    /// Its name, a plain SQL identifier.
    pub name: String,
    /// Its type.
    pub kind: ColumnType,
    /// Whether it may be null.
    pub nullable: bool,
}

/// The column types, by their SQL names. Each store has to know each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// `text`
    Text,
    /// `smallint`
    SmallInt,
    /// `integer`
    Integer,
    /// `bigint`
    BigInt,
    /// `real`
    Real,
    /// `double precision`
    Double,
    /// `boolean`
    Boolean,
    /// `numeric`
    Numeric,
    /// `date`
    Date,
    /// `timestamptz`
    Timestamp,
    /// `text[]`
    TextList,
    /// `uuid`
    Uuid,
    /// `jsonb`
    Json,
}

/// Builds an [`ItemType`] at run time.
#[derive(Clone, Debug)]
#[must_use = "call `build` to get the item type"]
pub struct ItemTypeBuilder(pub(crate) Description);

impl ItemType {
    /// Begins an item type of this name.
    pub fn builder(name: impl Into<String>) -> ItemTypeBuilder {
        ItemTypeBuilder(Description {
            name: name.into(),
            table: None,
            key: Vec::new(),
            columns: Vec::new(),
            auto_create: true,
            history: false,
            relations: Relations::default(),
            views: Vec::new(),
            gone_mark: false,
            changes: false,
            merges: Vec::new(),
        })
    }

    /// A builder that begins with this type.
    pub fn to_builder(&self) -> ItemTypeBuilder {
        ItemTypeBuilder(Description::clone(&self.0))
    }

    /// Its name in `crawl_items`, dead letters, exports and reports.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Its own table, or `None` for `crawl_items`.
    pub fn table(&self) -> Option<&str> {
        self.0.table.as_deref()
    }

    /// The columns of its key. Without a key, items are appended.
    pub fn key(&self) -> &[String] {
        &self.0.key
    }

    /// Its columns, in order. Its own table has some columns of Dragline in addition to them.
    pub fn columns(&self) -> &[Column] {
        &self.0.columns
    }

    /// Whether a missing table is created at start. Otherwise the start prints the statement and fails.
    pub fn auto_create(&self) -> bool {
        self.0.auto_create
    }

    /// Whether the earlier versions of its rows are kept, see [`ItemType::history`].
    pub fn keeps_history(&self) -> bool {
        self.0.history
    }

    /// Whether changes of its rows are noted in `crawl_changes`.
    pub fn emits_changes(&self) -> bool {
        self.0.changes
    }

    /// Whether its table has the column [`GONE_AT`](crate::item_extras::GONE_AT).
    pub fn marks_gone(&self) -> bool {
        self.0.gone_mark
    }

    /// Whether items of this type are upserts by key. Otherwise they are appended once per page.
    pub fn is_keyed(&self) -> bool {
        !self.0.key.is_empty()
    }

    /// Whether a column is part of the key.
    pub fn is_key_column(&self, column: &str) -> bool {
        self.0.key.iter().any(|key| key == column)
    }

    /// The position of a column in a record.
    pub fn position(&self, column: &str) -> Option<usize> {
        self.0.columns.iter().position(|candidate| candidate.name == column)
    }
}

impl Column {
    /// A column that is never null.
    pub fn new(name: impl Into<String>, kind: ColumnType) -> Self {
        Self { name: name.into(), kind, nullable: false }
    }

    /// A column that may be null.
    pub fn nullable(name: impl Into<String>, kind: ColumnType) -> Self {
        Self { name: name.into(), kind, nullable: true }
    }
}

impl ItemTypeBuilder {
    /// Renames it.
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.0.name = name.into();
        self
    }

    /// Keeps the items in a table of their own: `books`, or `shop.books` in the schema `shop`.
    pub fn with_table(mut self, table: impl Into<String>) -> Self {
        self.0.table = Some(table.into());
        self
    }

    /// Keeps the items in `crawl_items`, which is the default.
    pub fn without_table(mut self) -> Self {
        self.0.table = None;
        self
    }

    /// Adds a column that is never null.
    pub fn with_column(self, name: impl Into<String>, kind: ColumnType) -> Self {
        self.with_columns([Column::new(name, kind)])
    }

    /// Adds a column that may be null.
    pub fn with_nullable_column(self, name: impl Into<String>, kind: ColumnType) -> Self {
        self.with_columns([Column::nullable(name, kind)])
    }

    /// Adds columns.
    pub fn with_columns(mut self, columns: impl IntoIterator<Item = Column>) -> Self {
        self.0.columns.extend(columns);
        self
    }

    /// Makes these columns the key: an item replaces the one that has the same key.
    pub fn with_key<C: Into<String>>(mut self, columns: impl IntoIterator<Item = C>) -> Self {
        self.0.key = columns.into_iter().map(Into::into).collect();
        self
    }

    /// Does not create a missing table at start. The start then prints the statement and fails.
    pub fn without_auto_create(mut self) -> Self {
        self.0.auto_create = false;
        self
    }

    /// Keeps the earlier versions of rows, in a table next to the item's own: `books_history` for `books`.
    pub fn with_history(mut self) -> Self {
        self.0.history = true;
        self
    }

    /// Keeps no earlier versions, which is the default.
    pub fn without_history(mut self) -> Self {
        self.0.history = false;
        self
    }

    /// Adds the column `gone_at` to the item's own table. `crawl --mark-gone` notes there since when the site no longer has a row.
    pub fn with_gone_mark(mut self) -> Self {
        self.0.gone_mark = true;
        self
    }

    /// Notes each change of a row in the table `crawl_changes`, for programs that follow the rows.
    pub fn with_changes(mut self) -> Self {
        self.0.changes = true;
        self
    }

    /// The item type. The store checks the names of the columns when the crawl starts.
    ///
    /// # Errors
    /// [`ItemTypeError`] when the columns and the key do not fit together, or when the table can't have its name.
    pub fn build(self) -> Result<ItemType, ItemTypeError> {
        let mut described = self.0;
        described.complete();
        let item = || described.name.clone();
        if described.columns.is_empty() {
            return Err(ItemTypeError::NoColumns { item: item() });
        }
        if let Some((table, problem)) =
            described.table.as_ref().and_then(|table| Some((table.clone(), table_name::refusal(table)?)))
        {
            return Err(ItemTypeError::TableName { item: item(), table, problem });
        }
        for (at, column) in described.columns.iter().enumerate() {
            if described.columns[..at].iter().any(|earlier| earlier.name == column.name) {
                return Err(ItemTypeError::Twice { item: item(), column: column.name.clone() });
            }
        }
        if let Some(problem) = described.relation_problem() {
            return Err(ItemTypeError::Relation { item: item(), problem });
        }
        if let Some(problem) = described.view_problem() {
            return Err(ItemTypeError::View { item: item(), problem });
        }
        for name in &described.key {
            let column = described.columns.iter().find(|column| column.name == *name);
            let column =
                column.ok_or_else(|| ItemTypeError::NoKeyColumn { item: item(), column: name.clone() })?;
            if column.nullable {
                return Err(ItemTypeError::NullableKey { item: item(), column: name.clone() });
            }
            if !column.kind.can_be_key() {
                let kind = column.kind;
                return Err(ItemTypeError::UnequalKey { item: item(), column: name.clone(), kind });
            }
        }
        let columns = || described.columns.iter().map(|column| column.name.as_str());
        let is_keyed = !described.key.is_empty();
        if described.gone_mark
            && let Some(problem) = gone_mark_refusal(described.table.as_deref(), is_keyed, columns())
        {
            return Err(ItemTypeError::GoneMark { item: item(), problem });
        }
        if described.changes
            && let Some(problem) = changes_refusal(described.table.as_deref(), is_keyed)
        {
            return Err(ItemTypeError::Changes { item: item(), problem });
        }
        if let Some(problem) = described.merge_problem() {
            return Err(ItemTypeError::Merge { item: item(), problem });
        }
        if described.history
            && let Some(problem) = item_history::refusal(described.table.as_deref(), is_keyed, columns())
        {
            return Err(ItemTypeError::History { item: item(), problem });
        }
        Ok(ItemType(Arc::new(described)))
    }

    /// The type of the versions of this one. The caller has checked the names.
    pub(crate) fn of_versions<'a>(
        mut self,
        table: String,
        key: impl IntoIterator<Item = &'a str>,
        columns: impl IntoIterator<Item = Column>,
    ) -> ItemType {
        self.0.table = Some(table);
        self.0.key = key.into_iter().map(str::to_owned).collect();
        self.0.columns = columns.into_iter().collect();
        self.0.history = false;
        self.0.relations = Relations::default();
        self.0.views = Vec::new();
        self.0.gone_mark = false;
        self.0.changes = false;
        self.0.merges = Vec::new();
        ItemType(Arc::new(self.0))
    }

    /// The item type of a derive. The derive made the checks of [`ItemTypeBuilder::build`] at compile time.
    #[doc(hidden)]
    pub fn derived(
        mut self,
        columns: impl IntoIterator<Item = (&'static str, ColumnType, bool)>,
    ) -> ItemType {
        let columns = columns.into_iter();
        self.0.columns =
            columns.map(|(name, kind, nullable)| Column { name: name.to_owned(), kind, nullable }).collect();
        self.0.complete();
        ItemType(Arc::new(self.0))
    }
}

impl ColumnType {
    /// Whether equal values have only one spelling, as a key needs.
    pub const fn can_be_key(self) -> bool {
        !matches!(self, Self::Real | Self::Double | Self::TextList | Self::Json)
    }

    /// Whether it is the same type, for the derive.
    #[doc(hidden)]
    pub const fn is(self, other: Self) -> bool {
        self as u8 == other as u8
    }

    /// The name that Postgres has for it.
    pub const fn sql_name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::SmallInt => "smallint",
            Self::Integer => "integer",
            Self::BigInt => "bigint",
            Self::Real => "real",
            Self::Double => "double precision",
            Self::Boolean => "boolean",
            Self::Numeric => "numeric",
            Self::Date => "date",
            Self::Timestamp => "timestamptz",
            Self::TextList => "text[]",
            Self::Uuid => "uuid",
            Self::Json => "jsonb",
        }
    }
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sql_name())
    }
}

impl PartialEq for ItemType {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl Eq for ItemType {}

impl fmt::Debug for ItemType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_made_at_run_time_equals_its_like_and_no_other() {
        let book = || ItemType::builder("book").with_column("isbn", ColumnType::Text).with_key(["isbn"]);
        assert_eq!(book().build().unwrap(), book().build().unwrap());
        assert_ne!(book().build().unwrap(), book().with_table("books").build().unwrap());
    }

    #[test]
    fn an_invalid_type_says_what_is_wrong() {
        let text = ColumnType::Text;
        let book = || ItemType::builder("book");
        for (built, expected) in [
            (book().build(), "no columns"),
            (book().with_column("a", text).with_column("a", text).build(), "two columns \"a\""),
            (book().with_column("a", text).with_key(["b"]).build(), "names \"b\""),
            (book().with_nullable_column("a", text).with_key(["a"]).build(), "nullable"),
            (book().with_column("a", ColumnType::Double).with_key(["a"]).build(), "double precision"),
            (book().with_column("a", text).with_table("a.b.c").build(), "the table \"a.b.c\""),
            (book().with_column("a", text).with_table("crawl_x").build(), "not for items"),
            (book().with_column("a", text).with_key(["a"]).with_history().build(), "give the item a table"),
            (book().with_column("a", text).with_table("books").with_history().build(), "needs a key"),
            (book().with_column("a", text).with_key(["a"]).with_gone_mark().build(), "give the item a table"),
            (book().with_column("a", text).with_key(["a"]).with_changes().build(), "give the item a table"),
            (book().with_column("a", text).with_table("books").with_changes().build(), "give the item a key"),
            (
                book().with_column("a", text).with_table("books").with_gone_mark().build(),
                "give the item a key",
            ),
            (
                book()
                    .with_column("gone_at", text)
                    .with_key(["gone_at"])
                    .with_table("books")
                    .with_gone_mark()
                    .build(),
                "a column gone_at of its own",
            ),
        ] {
            let error = built.unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains("\"book\""), "{error}");
        }
    }
}
