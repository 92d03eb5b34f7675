//! Look-ups: an item gets some of its values from somebody else, such as an API that knows more about it.
//!
//! The author writes a [`LookUp`], and [`Enrich`] makes it a step among the item pipelines. The step asks nobody itself. The engine
//! stores the item as it is, and with it a request that carries the item. So a look-up has pace, robots.txt, retries and a place in
//! the frontier like a page, and no kill can lose it. When the answer comes, the engine fills the item and stores it again.

mod asked;

use std::fmt;

use super::{ItemPipeline, Verdict};
use crate::error::{Error, Result};
use crate::from_record::FromRecord;
use crate::item::{Item as _, ItemRecord};
use crate::item_origin::ItemOrigin;
use crate::item_type::ItemType;
use crate::page::Page;
use crate::request::{Request, SqlQuestion};
use crate::sql_database::SqlDatabase;

/// Asks somebody about items of one type, and fills them with the answers.
///
/// ```
/// # extern crate dragline_spider as dragline;
/// use dragline::prelude::*;
/// use dragline::{Item, LookUp, StoredPage};
///
/// #[derive(Item)]
/// #[item(key = "isbn")]
/// struct Book { isbn: String, pages: Option<i32> }
///
/// struct Library;
///
/// impl LookUp for Library {
///     type Item = Book;
///
///     fn columns(&self) -> &[&str] { &["pages"] }
///
///     fn request(&self, book: &Book) -> Result<Option<Request>> {
///         Ok(Some(Request::get(format!("https://library.example/isbn/{}", book.isbn))?))
///     }
///
///     fn fill(&self, book: &mut Book, answer: &Page) -> Result<()> {
///         #[derive(serde::Deserialize)]
///         struct Found { pages: Option<i32> }
///         book.pages = answer.json::<Found>()?.pages;
///         Ok(())
///     }
/// }
///
/// let mut book = Book { isbn: "9780306406157".to_owned(), pages: None };
/// let asked = Library.request(&book)?.unwrap();
/// let answer = StoredPage::new(asked.url().as_str(), r#"{"pages": 312}"#).page()?;
/// Library.fill(&mut book, &answer)?;
/// assert_eq!(book.pages, Some(312));
/// # Ok::<(), Error>(())
/// ```
pub trait LookUp: Send + Sync + 'static {
    /// The items that it fills. The type needs a key, so that the filled item takes the place of the other.
    type Item: FromRecord;

    /// The columns that [`fill`](Self::fill) and [`missing`](Self::missing) may change. None of them may be part of the key.
    fn columns(&self) -> &[&str];

    /// What to ask about this item. `None` if there is nothing to ask, for example because the item has the values already.
    ///
    /// Items that need the same request share one answer, while it is in memory.
    ///
    /// # Errors
    /// Why nothing can be asked. The item is stored as it is, and the look-up counts as failed.
    fn request(&self, item: &Self::Item) -> Result<Option<Request>>;

    /// Fills the item with an answer.
    ///
    /// # Errors
    /// Why the answer is of no use. The item stays as it is, and the look-up is `failed`.
    fn fill(&self, item: &mut Self::Item, answer: &Page) -> Result<()>;

    /// The answer was 404 or 410: nothing is known about the item. By default, the item stays as it is.
    ///
    /// # Errors
    /// Why this must not be. The item stays as it is, and the look-up is `failed`.
    fn missing(&self, item: &mut Self::Item) -> Result<()> {
        let _ = item;
        Ok(())
    }
}

/// The step that looks items up: see [`LookUp`].
///
/// Put it behind the steps that drop and change items. Items pass the steps behind it twice: as they are, and filled.
pub struct Enrich {
    name: String,
    item: ItemType,
    columns: Vec<String>,
    look_up: Box<dyn OfRecords>,
    databases: Vec<SqlDatabase>,
}

/// The longest name of a step. The name is part of the tag of its requests.
const MAX_NAME_BYTES: usize = 60;

impl Enrich {
    /// A step of this name, which consists of letters, digits, `-` and `_`.
    pub fn new<L: LookUp>(name: impl Into<String>, look_up: L) -> Self {
        let columns = look_up.columns().iter().map(|column| (*column).to_owned()).collect();
        Self {
            name: name.into(),
            item: L::Item::item_type(),
            columns,
            look_up: Box::new(look_up),
            databases: Vec::new(),
        }
    }

    /// Lets its look-up ask this database with [`Request::sql`]. Several steps may have the same one.
    #[must_use]
    pub fn with_database(mut self, database: SqlDatabase) -> Self {
        self.databases.push(database);
        self
    }

    /// The databases that it asks.
    #[doc(hidden)] // for the runtime
    pub fn databases(&self) -> &[SqlDatabase] {
        &self.databases
    }

    /// The type of its items.
    #[doc(hidden)] // for the engine
    pub fn item(&self) -> &ItemType {
        &self.item
    }

    /// What to ask about an item.
    ///
    /// # Errors
    /// Those of the look-up, and a record that its struct cannot hold.
    #[doc(hidden)] // for the engine
    pub fn request(&self, record: &ItemRecord) -> Result<Option<Request>> {
        let request = self.look_up.request(record)?;
        if let Some(question) = request.as_ref().and_then(Request::sql_question) {
            self.check_question(&question)?;
        }
        Ok(request)
    }

    /// Whether the step has the statement that a question names.
    fn check_question(&self, SqlQuestion { database, statement, .. }: &SqlQuestion) -> Result<()> {
        let Some(own) = self.databases.iter().find(|own| own.name() == database) else {
            return Err(Error::new(format!(
                "the look-up asks the database {database}, which its step does not have: add it with Enrich::with_database"
            )));
        };
        if own.statements().contains_key(statement) {
            return Ok(());
        }
        let known: Vec<&str> = own.statements().keys().map(String::as_str).collect();
        Err(Error::new(format!(
            "the database {database} has no statement {statement}; it has: {}",
            known.join(", ")
        )))
    }

    /// The item, filled with an answer.
    ///
    /// # Errors
    /// Those of the look-up, and a change to a column that it has not named.
    #[doc(hidden)] // for the engine
    pub fn filled(&self, record: &ItemRecord, answer: &Page) -> Result<ItemRecord> {
        self.changed(record, self.look_up.filled(record, answer)?)
    }

    /// The item of which nothing is known.
    ///
    /// # Errors
    /// As those of `filled`.
    #[doc(hidden)] // for the engine
    pub fn missing(&self, record: &ItemRecord) -> Result<ItemRecord> {
        self.changed(record, self.look_up.missing(record)?)
    }

    /// The record with the new values of the columns that may change.
    fn changed(&self, record: &ItemRecord, Change { before, after }: Change) -> Result<ItemRecord> {
        let mut changed = record.clone();
        let columns = self.item.columns().iter().zip(changed.values.iter_mut());
        for ((column, value), (before, after)) in columns.zip(before.values.into_iter().zip(after.values)) {
            if self.columns.contains(&column.name) {
                *value = after;
            } else if before != after {
                let (item, column) = (self.item.name(), &column.name);
                return Err(Error::new(format!(
                    "the look-up changed {item}.{column}, which its columns() does not name"
                )));
            }
        }
        Ok(changed)
    }
}

impl ItemPipeline for Enrich {
    fn name(&self) -> &str {
        &self.name
    }

    fn check(&self, items: &[ItemType]) -> Result<()> {
        let name = &self.name;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if name.is_empty() || name.len() > MAX_NAME_BYTES || !name.chars().all(is_plain) {
            return Err(Error::new(format!(
                "the name of a look-up consists of letters, digits, - and _, and has at most {MAX_NAME_BYTES} of them: rename {name:?}"
            )));
        }
        self.databases.iter().try_for_each(|database| database.check().map_err(Error::new))?;
        let Some(item) = items.iter().find(|item| **item == self.item) else { return Ok(()) };
        asked::check(item, &self.columns).map_err(Error::new)
    }

    fn look_up(&self) -> Option<&Enrich> {
        Some(self)
    }

    /// Outside of a crawl, items pass it as they are.
    fn process(&self, record: ItemRecord, _origin: &ItemOrigin<'_>) -> Verdict {
        Verdict::Keep(record)
    }
}

impl fmt::Debug for Enrich {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, item, columns, .. } = self;
        write!(f, "Enrich({name:?} for {} of {})", columns.join(", "), item.name())
    }
}

/// An item before and after an answer, both made of the struct. So values that the struct spells in its own way do not count as
/// changed.
struct Change {
    before: ItemRecord,
    after: ItemRecord,
}

/// A look-up over records.
trait OfRecords: Send + Sync {
    fn request(&self, record: &ItemRecord) -> Result<Option<Request>>;
    fn filled(&self, record: &ItemRecord, answer: &Page) -> Result<Change>;
    fn missing(&self, record: &ItemRecord) -> Result<Change>;
}

impl<L: LookUp> OfRecords for L {
    fn request(&self, record: &ItemRecord) -> Result<Option<Request>> {
        LookUp::request(self, &L::Item::from_record(record)?)
    }

    fn filled(&self, record: &ItemRecord, answer: &Page) -> Result<Change> {
        change(record, |item| self.fill(item, answer))
    }

    fn missing(&self, record: &ItemRecord) -> Result<Change> {
        change(record, |item| LookUp::missing(self, item))
    }
}

fn change<T: FromRecord>(record: &ItemRecord, fill: impl FnOnce(&mut T) -> Result<()>) -> Result<Change> {
    let before = T::from_record(record)?.into_record();
    let mut item = T::from_record(record)?;
    fill(&mut item)?;
    Ok(Change { before, after: item.into_record() })
}

#[cfg(test)]
mod tests;
