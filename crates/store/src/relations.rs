//! How the item types of a spider refer to each other: which tables are created first, and what cannot work.

use std::collections::BTreeSet;

use dragline_core::store::StoreResult;
use dragline_core::table_name::parts;
use dragline_core::{ItemType, Reference, StoreError};
use sha2::{Digest, Sha256};

/// How many bytes of a name Postgres keeps.
const MAX_NAME_BYTES: usize = 63;

/// Checks that the parents of all references are there, and that some order of the tables fits.
///
/// # Errors
/// [`StoreError::Setup`] with the first reference that cannot work.
pub(crate) fn check(items: &[ItemType]) -> StoreResult<()> {
    for item in items {
        for reference in item.references() {
            check_parent(item, reference, items)?;
        }
    }
    match circle(items) {
        None => Ok(()),
        Some(circle) => Err(StoreError::Setup {
            problem: format!(
                "the item types {} refer to each other in a circle, so none of their rows can be stored first",
                circle.join(" → ")
            ),
            hint: "make one of the references deferrable, so that the database checks it at the end of each page's transaction: \
                   #[item(deferrable)] on the field"
                .to_owned(),
        }),
    }
}

fn check_parent(item: &ItemType, reference: &Reference, items: &[ItemType]) -> StoreResult<()> {
    let Reference { column, parent, table, key, .. } = reference;
    let told = |problem: &str, hint: &str| {
        Err(StoreError::Setup {
            problem: format!(
                "item type {}: its column {column} refers to the item type {parent} in the table {table}, {problem}",
                item.name()
            ),
            hint: hint.to_owned(),
        })
    };
    let Some(found) = items.iter().find(|other| other.table() == Some(table)) else {
        return told(
            "which is not one of the spider's item types",
            "let the spider name the parent in items() too",
        );
    };
    if found.key() != std::slice::from_ref(key) {
        return told(
            &format!("whose key is ({}), and not {key}", found.key().join(", ")),
            "let the reference name the key of the parent as it is",
        );
    }
    if found.kind_of(key) != Some(reference.kind) || item.kind_of(column) != Some(reference.kind) {
        return told("whose key has another type", "give both columns the same type");
    }
    Ok(())
}

/// Names of item types that refer to each other in a circle of references that are all checked at once.
fn circle(items: &[ItemType]) -> Option<Vec<&str>> {
    let mut path = Vec::new();
    let mut done = BTreeSet::new();
    items.iter().find_map(|item| follow(item, items, &mut path, &mut done))
}

fn follow<'a>(
    item: &'a ItemType,
    items: &'a [ItemType],
    path: &mut Vec<&'a str>,
    done: &mut BTreeSet<&'a str>,
) -> Option<Vec<&'a str>> {
    let table = item.table()?;
    if let Some(at) = path.iter().position(|earlier| *earlier == table) {
        let named = |table: &&str| items.iter().find(|item| item.table() == Some(table)).map(ItemType::name);
        return Some(path[at..].iter().chain([&table]).filter_map(named).collect());
    }
    if done.contains(table) {
        return None;
    }
    path.push(table);
    let found = parents(item, items).find_map(|parent| follow(parent, items, path, done));
    path.pop();
    done.insert(table);
    found
}

/// The types that rows of this one need to be there.
fn parents<'a>(item: &'a ItemType, items: &'a [ItemType]) -> impl Iterator<Item = &'a ItemType> {
    let at_once = item.references().iter().filter(|reference| !reference.is_deferrable);
    at_once.filter_map(|reference| items.iter().find(|other| other.table() == Some(&reference.table)))
}

/// The item types that have a table, parents before the types that refer to them. The others keep their order.
pub(crate) fn parents_first(items: &[ItemType]) -> Vec<&ItemType> {
    fn add<'a>(
        item: &'a ItemType,
        items: &'a [ItemType],
        path: &mut Vec<&'a str>,
        order: &mut Vec<&'a ItemType>,
    ) {
        let Some(table) = item.table() else { return };
        // `check` refuses circles.
        if path.contains(&table) || order.contains(&item) {
            return;
        }
        path.push(table);
        parents(item, items).for_each(|parent| add(parent, items, path, order));
        path.pop();
        order.push(item);
    }
    let mut order = Vec::new();
    for item in items {
        add(item, items, &mut Vec::new(), &mut order);
    }
    order
}

/// The references of the type at this place of an order whose parents come later. Their foreign keys are added after all tables.
pub(crate) fn put_off<'a>(order: &[&'a ItemType], at: usize) -> Vec<&'a Reference> {
    let comes_later = |reference: &&Reference| {
        order[at + 1..].iter().any(|later| later.table() == Some(&reference.table))
            && order[at].table() != Some(&reference.table)
    };
    order[at].references().iter().filter(comes_later).collect()
}

/// The name of the foreign key on a column: `tracks_artist_fkey`, as Postgres would call it.
pub(crate) fn constraint_name(table: &str, column: &str) -> String {
    let name = format!("{}_{column}_fkey", parts(table).1);
    if name.len() <= MAX_NAME_BYTES {
        return name;
    }
    let digest: String =
        Sha256::digest(name.as_bytes()).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    // Names are ASCII.
    format!("{}_{digest}_fkey", &name[..MAX_NAME_BYTES - "_12345678_fkey".len()])
}

/// The columns that need an index of their own: those of references, so that the database finds the children of a row, and those
/// that the type asks for. An index that the key begins with is there already.
pub(crate) fn indexes(item: &ItemType) -> Vec<Vec<String>> {
    let of_references = item.references().iter().map(|reference| vec![reference.column.clone()]);
    let mut indexes: Vec<Vec<String>> = Vec::new();
    let is_there = |indexes: &[Vec<String>], columns: &[String]| {
        item.key().starts_with(columns) || indexes.iter().any(|index| index.starts_with(columns))
    };
    for columns in item.indexes().iter().cloned().chain(of_references) {
        if !is_there(&indexes, &columns) {
            indexes.push(columns);
        }
    }
    indexes
}

#[cfg(test)]
mod tests {
    use super::*;
    use dragline_core::{ColumnType, ItemTypeBuilder};

    /// A type with an id, which refers to others: `b` at once, `b?` deferrable.
    fn node(name: &str, to: &str) -> ItemType {
        let begun =
            ItemType::builder(name).with_table(name).with_column("name", ColumnType::Text).with_id(["name"]);
        let refer = |node: ItemTypeBuilder, to: &str| {
            let parent = to.trim_end_matches('?');
            let column = format!("to_{parent}");
            let reference = Reference::to_id(&column, parent, parent);
            let reference = if to.ends_with('?') { reference.deferrable() } else { reference };
            node.with_nullable_column(column, ColumnType::Uuid).with_reference(reference)
        };
        to.split_whitespace().fold(begun, refer).build().unwrap()
    }

    fn names(order: &[&ItemType]) -> String {
        order.iter().map(|item| item.name()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn parents_are_created_first() {
        let items = [node("a", "b d?"), node("b", "c b"), node("c", ""), node("d", "a")];
        check(&items).unwrap();
        let order = parents_first(&items);
        assert_eq!(names(&order), "c b a d");
        let late: Vec<&str> = put_off(&order, 2).iter().map(|reference| &*reference.column).collect();
        assert_eq!(late, ["to_d"]);
        assert!(put_off(&order, 1).is_empty() && put_off(&order, 3).is_empty());
    }

    #[test]
    fn a_circle_is_named() {
        let error = check(&[node("a", "b"), node("b", "c"), node("c", "b")]).unwrap_err();
        assert!(error.to_string().contains("b → c → b"), "{error}");
        assert!(error.hint().unwrap().contains("#[item(deferrable)]"));
        check(&[node("a", "b"), node("b", "c"), node("c", "b?")]).unwrap();
    }

    #[test]
    fn a_parent_that_does_not_fit_is_told() {
        let error = check(&[node("a", "b")]).unwrap_err().to_string();
        assert!(
            error.contains("a: its column to_b refers to the item type b") && error.contains("not one of"),
            "{error}"
        );
        let keyed = ItemType::builder("b").with_table("b").with_column("name", ColumnType::Text);
        let error = check(&[node("a", "b"), keyed.clone().with_key(["name"]).build().unwrap()]).unwrap_err();
        assert!(error.to_string().contains("whose key is (name), and not id"), "{error}");
        let text = keyed.with_column("id", ColumnType::Text).with_key(["id"]).build().unwrap();
        let error = check(&[node("a", "b"), text]).unwrap_err().to_string();
        assert!(error.contains("whose key has another type"), "{error}");
    }

    #[test]
    fn a_long_name_stays_a_name_of_its_own() {
        assert_eq!(constraint_name("shop.tracks", "artist"), "tracks_artist_fkey");
        let long = |end: &str| constraint_name(&"t".repeat(60), &format!("{}{end}", "c".repeat(50)));
        assert_eq!(long("a").len(), 63);
        assert_ne!(long("a"), long("b"));
    }

    #[test]
    fn no_index_is_made_twice() {
        let item =
            node("a", "b c").to_builder().with_index(["to_c", "name"]).with_index(["id"]).build().unwrap();
        assert_eq!(indexes(&item), [vec!["to_c".to_owned(), "name".to_owned()], vec!["to_b".to_owned()]]);
    }
}
