//! Views that belong to the table of an item type: questions that people ask of its rows.

use std::borrow::Cow;

use crate::item_type::{Description, ItemType, ItemTypeBuilder};
use crate::table_name;

/// A view, which is created after the tables of all item types.
///
/// ```
/// use dragline_spider::{Item, View};
///
/// const CHEAPEST: View = View::new("cheapest_offers", "SELECT shop, min(price) AS price FROM offers GROUP BY shop");
///
/// #[derive(Item)]
/// #[item(table = "offers", key = "url", view = CHEAPEST)]
/// struct Offer {
///     url: String,
///     shop: String,
///     price: i32,
/// }
///
/// assert_eq!(Offer::item_type().views()[0].name(), "cheapest_offers");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    name: Cow<'static, str>,
    select: Cow<'static, str>,
}

impl View {
    /// A view of this name, or `SCHEMA.NAME`, and its `SELECT`. If you use both stores, it must be right in both.
    pub const fn new(name: &'static str, select: &'static str) -> Self {
        Self { name: Cow::Borrowed(name), select: Cow::Borrowed(select) }
    }

    /// The same, made at run time.
    pub fn from_text(name: impl Into<String>, select: impl Into<String>) -> Self {
        Self { name: Cow::Owned(name.into()), select: Cow::Owned(select.into()) }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its `SELECT`, without blanks around it.
    pub fn select(&self) -> &str {
        self.select.trim()
    }

    /// Why an item type with this table can't have the view. `None` if it can.
    pub fn refusal(&self, table: Option<&str>) -> Option<String> {
        let name = self.name();
        if table.is_none() {
            return Some(format!("the view {name:?} needs a table: name it with `with_table`"));
        }
        let problem = match table_name::refusal(name) {
            Some(problem) => problem,
            None if self.select().is_empty() => "it has no SELECT".to_owned(),
            None if self.select().ends_with(';') => "leave out the semicolon at its end".to_owned(),
            None => return None,
        };
        Some(format!("it cannot have the view {name:?}: {problem}"))
    }
}

impl ItemType {
    /// The views that belong to its table, in the order in which they are created.
    pub fn views(&self) -> &[View] {
        &self.0.views
    }
}

impl ItemTypeBuilder {
    /// Adds a view that is created after the tables of all item types. It may use the views before it.
    pub fn with_view(mut self, view: View) -> Self {
        self.0.views.push(view);
        self
    }
}

impl Description {
    /// What is wrong with its views, or `None`.
    pub(crate) fn view_problem(&self) -> Option<String> {
        self.views.iter().find_map(|view| view.refusal(self.table.as_deref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ColumnType;

    #[test]
    fn a_view_that_cannot_be_is_told() {
        let offer = ItemType::builder("offer").with_column("url", ColumnType::Text);
        let select = "SELECT 1 AS one";
        for (name, text, expected) in [
            ("Cheap", select, "a lower-case letter"),
            ("crawl_cheap", select, "not for items"),
            ("cheap", " ", "no SELECT"),
            ("cheap", "SELECT 1;\n", "semicolon"),
        ] {
            let built = offer.clone().with_table("offers").with_view(View::new(name, text)).build();
            let told = built.unwrap_err().to_string();
            assert!(told.contains(expected) && told.contains(name) && told.contains("\"offer\""), "{told}");
        }
        let told = offer.clone().with_view(View::new("cheap", select)).build().unwrap_err().to_string();
        assert!(told.contains("the view \"cheap\" needs a table"), "{told}");
        let built = offer.with_table("offers").with_view(View::from_text("shop.cheap", "\nSELECT 1\n"));
        assert_eq!(built.build().unwrap().views()[0].select(), "SELECT 1");
    }
}
