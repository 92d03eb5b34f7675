//! The newest rows of an item type.

use dragline_core::ItemType;
use dragline_core::newest_rows::{MAX_SEARCH_BYTES, MAX_VALUE_CHARS, RowCursor, RowsAsk, RowsFound};
use serde::{Deserialize, Serialize};

use super::{Answer, Reader, shown};
use crate::answer::Refused;
use crate::limits::{MAX_ROWS, ROWS_TIMEOUT};

/// Rows of an item type, the newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemsView {
    /// The item type.
    pub item: String,
    /// Its spider.
    pub spider: String,
    /// Its table. `null` for a type without a table of its own.
    pub table: Option<String>,
    /// Whether the table does not exist yet.
    pub is_table_missing: bool,
    /// How many rows match. `null` if counting them would take too long.
    pub count: Option<u64>,
    /// The columns, in the order of the values.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<RowView>,
    /// The `after` of the next part. `null` at the end.
    pub next_after: Option<String>,
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowView {
    /// The values as texts. A long one ends with `…`.
    pub values: Vec<Option<String>>,
    /// The URL of its page.
    pub url: String,
    /// The last run that saw it.
    pub run_id: Option<i64>,
    /// When it was scraped.
    pub scraped_at: String,
}

/// An item type that this program knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemKind {
    /// Its name.
    pub item: String,
    /// Its spider.
    pub spider: String,
    /// Its table. `null` for a type without a table of its own.
    pub table: Option<String>,
    /// The columns of its key.
    pub key: Vec<String>,
    /// Its columns.
    pub columns: Vec<String>,
}

/// Which rows a reader wants.
pub(crate) struct ItemsAsk<'a> {
    pub(crate) item: &'a str,
    pub(crate) spider: Option<&'a str>,
    pub(crate) contains: Option<&'a str>,
    pub(crate) after: Option<&'a str>,
    pub(crate) limit: usize,
}

impl Reader {
    /// The item types of all spiders.
    pub(crate) fn item_kinds(&self) -> Vec<ItemKind> {
        let kind = |spider: &str, item: &ItemType| ItemKind {
            item: item.name().to_owned(),
            spider: spider.to_owned(),
            table: item.table().map(str::to_owned),
            key: item.key().to_vec(),
            columns: item.columns().iter().map(|column| column.name.clone()).collect(),
        };
        let spiders = self.spiders.iter();
        spiders.flat_map(|known| known.items.iter().map(move |item| kind(&known.name, item))).collect()
    }

    /// Rows of an item type, without secrets.
    pub(crate) async fn rows(&self, ask: &ItemsAsk<'_>) -> Answer<ItemsView> {
        let (spider, item) = self.item(ask.item, ask.spider)?;
        if ask.contains.is_some_and(|text| text.len() > MAX_SEARCH_BYTES) {
            return Err(Refused::wrong(format!("contains: at most {MAX_SEARCH_BYTES} bytes")));
        }
        let after = ask.after.map(str::parse::<RowCursor>).transpose().map_err(|()| {
            Refused::wrong("after: not a place in the rows")
                .hint("take it from next_after of the part before")
        })?;
        let asked = RowsAsk {
            spider: spider.to_owned(),
            contains: ask.contains.map(str::to_owned),
            after,
            max: ask.limit.min(MAX_ROWS),
        };
        let found = self.store_read(self.store.newest_rows(&asked, item, ROWS_TIMEOUT)).await?;
        shown(&view(spider, item, found))
    }

    /// The item type of this name, of one spider.
    fn item(&self, name: &str, spider: Option<&str>) -> Answer<(&str, &ItemType)> {
        let mut found =
            self.spiders.iter().filter(|known| spider.is_none_or(|spider| known.name == spider)).filter_map(
                |known| Some((known.name.as_str(), known.items.iter().find(|item| item.name() == name)?)),
            );
        let first = found.next().ok_or_else(|| {
            Refused::missing("no spider of this program has such an item type")
                .hint("they are listed at /items")
        })?;
        Ok(first)
    }
}

fn view(spider: &str, item: &ItemType, found: RowsFound) -> ItemsView {
    let rows = found.rows.into_iter().map(|row| RowView {
        values: row.values.into_iter().map(|value| value.map(cut)).collect(),
        url: row.url,
        run_id: row.run_id,
        scraped_at: row.scraped_at,
    });
    ItemsView {
        item: item.name().to_owned(),
        spider: spider.to_owned(),
        table: item.table().map(str::to_owned),
        is_table_missing: found.is_table_missing,
        count: found.count,
        columns: found.columns,
        rows: rows.collect(),
        next_after: found.next.map(|next| next.to_string()),
    }
}

fn cut(value: String) -> String {
    match value.char_indices().nth(MAX_VALUE_CHARS) {
        Some((at, _)) => format!("{}…", &value[..at]),
        None => value,
    }
}
