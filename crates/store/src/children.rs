//! Children that replace: which parents a page gives, so that its earlier children of these parents can be deleted.
//!
//! A page that gives a parent, or children of it, says everything that it knows about the children of this parent. So those that the
//! page gave before, and does not give now, are deleted in the page's transaction. Children that only other pages gave stay.

use std::collections::BTreeSet;

use dragline_core::{Fingerprint, ItemType, PageOutcome, PageState, Value};

/// The pages of a batch, each with one of the parents that it gives.
#[derive(Debug, Default)]
pub(crate) struct Scopes<'a> {
    pub(crate) pages: Vec<&'a Fingerprint>,
    /// The keys of the parents.
    pub(crate) parents: Vec<&'a Value>,
}

impl<'a> Scopes<'a> {
    /// Those for the children of this type.
    pub(crate) fn of(pages: &[&'a PageOutcome], child: &ItemType) -> Self {
        let mut scopes = Self::default();
        let Some(reference) = child.children_of() else { return scopes };
        for page in pages.iter().filter(|page| says_everything(page)) {
            let mut seen = BTreeSet::new();
            for record in &page.items {
                let column = match record.item_type.table() {
                    table if table == child.table() => &reference.column,
                    Some(table) if table == reference.table => &reference.key,
                    _ => continue,
                };
                let Some(parent) = record.get(column).filter(|value| **value != Value::Null) else {
                    continue;
                };
                if seen.insert(parent.to_key().to_string()) {
                    scopes.pages.push(&page.fingerprint);
                    scopes.parents.push(parent);
                }
            }
        }
        scopes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pages.is_empty()
    }

    /// The keys of the parents as texts that the database can read.
    pub(crate) fn parent_texts(&self) -> Vec<String> {
        let text = |value: &&Value| match value {
            Value::Text(text) => text.clone(),
            other => match other.to_json() {
                serde_json::Value::String(text) => text,
                json => json.to_string(),
            },
        };
        self.parents.iter().map(text).collect()
    }
}

/// Whether the page was parsed, and all its items can be stored. If one of them is refused, its row must not go.
fn says_everything(page: &PageOutcome) -> bool {
    page.state == PageState::Done && page.dead_letters.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use dragline_core::{ColumnType, ItemRecord, PageKey, Reason, Reference};

    #[test]
    fn a_page_speaks_for_the_parents_that_it_gives() {
        let list = ItemType::builder("list").with_table("lists").with_column("name", ColumnType::Text);
        let list = list.with_key(["name"]).build().unwrap();
        let entry = ItemType::builder("entry").with_table("entries").with_column("list", ColumnType::Text);
        let entry = entry.with_column("n", ColumnType::Integer).with_key(["list", "n"]);
        let entry =
            entry.with_reference(Reference::new("list", &list)).with_children_by("list").build().unwrap();
        let of_list = |name: &str| ItemRecord::from_fields(&list, [("name", name)]).unwrap();
        let of_entry = |name: &str, n| {
            ItemRecord::from_fields(&entry, [("list", Value::from(name)), ("n", Value::Int(n))]).unwrap()
        };
        let page = |number: u8, items: Vec<ItemRecord>| {
            let fingerprint = Fingerprint::from_bytes(&[number; 16]).unwrap();
            PageOutcome { items, ..PageOutcome::done(PageKey { fingerprint, url: String::new() }) }
        };
        let mut refused = page(3, vec![of_list("c")]);
        refused.kill(Reason::ItemRefused, "", None);
        let failed = PageOutcome { state: PageState::Failed, ..page(4, vec![of_list("d")]) };
        let pages = [
            page(1, vec![of_entry("a", 1), of_entry("a", 2), of_list("b")]),
            page(2, vec![of_list("a")]),
            refused,
            failed,
            page(5, vec![]),
        ];
        let scopes = Scopes::of(&pages.iter().collect::<Vec<_>>(), &entry);
        let numbers: Vec<u8> = scopes.pages.iter().map(|page| page.as_bytes()[0]).collect();
        assert_eq!(
            (numbers, scopes.parent_texts()),
            (vec![1, 1, 2], ["a", "b", "a"].map(str::to_owned).to_vec())
        );
        assert!(Scopes::of(&pages.iter().collect::<Vec<_>>(), &list).is_empty());
    }
}
