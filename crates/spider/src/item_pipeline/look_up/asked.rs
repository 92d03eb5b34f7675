//! Which item types can be looked up.

use crate::item_type::ItemType;

/// Why a look-up cannot fill these columns of items of this type.
pub(super) fn check(item: &ItemType, columns: &[String]) -> Result<(), String> {
    let name = item.name();
    if !item.is_keyed() {
        return Err(format!(
            "the item type {name} has no key, so a filled item could not take the place of the item that was stored before; \
             give it a key or an id"
        ));
    }
    if item.children_of().is_some() {
        return Err(format!(
            "items of the type {name} are the children of a page's item, and only that page may store them; look up their parent, or \
             keep what is looked up in an item type of its own"
        ));
    }
    if columns.is_empty() {
        return Err(format!("columns() of the look-up is empty: name the columns of {name} that it fills"));
    }
    for column in columns {
        if item.position(column).is_none() {
            let known: Vec<&str> = item.columns().iter().map(|column| column.name.as_str()).collect();
            return Err(format!(
                "the item type {name} has no column {column:?}; it has {}",
                known.join(", ")
            ));
        }
        let is_part = item.is_key_column(column) || item.id().iter().any(|part| part.column == *column);
        if is_part {
            return Err(format!("{name}.{column} is part of the key, and a look-up must not change the key"));
        }
    }
    Ok(())
}
