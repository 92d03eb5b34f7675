//! Keys of items. A child has the key of its parent.
//!
//! The key of an item with an id is known without the database, and without the item: see [`natural_key`].

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;

use uuid::Uuid;

use crate::from_record::FromValue;
use crate::item::Item;
use crate::item_type::ColumnType;
use crate::natural_key;
use crate::value::{Field, Value};

/// The key of an item of the type `T`, which has an id. A field of this type is a reference: see `docs/relations.md`.
///
/// `item.key()` gives it, and so does `T::key_of(…)`, with the parts of the id.
///
/// ```
/// use dragline_spider::{Key, prelude::*};
///
/// #[derive(Item)]
/// #[item(table = "artists", id = "name")]
/// struct Artist { name: String }
///
/// #[derive(Item)]
/// #[item(table = "tracks", id = "artist, title")]
/// struct Track { artist: Key<Artist>, title: String }
///
/// let artist = Artist { name: "Jean-Michel Jarre".to_owned() };
/// assert_eq!(artist.key(), Artist::key_of("jean-michel  jarre"));
/// let track = Track { artist: artist.key(), title: "Oxygène".to_owned() };
/// assert_eq!(track.key(), Track::key_of(Artist::key_of("Jean-Michel Jarre"), "OXYGÈNE"));
/// ```
pub struct Key<T> {
    id: Uuid,
    of: PhantomData<fn() -> T>,
}

/// An item type that others may refer to. `#[derive(Item)]` implements it for types with a table, and an id or a key of one column.
#[diagnostic::on_unimplemented(
    message = "no item can refer to `{Self}`",
    note = "a parent is an item with `#[item(table = \"…\")]`, and with `id = \"…\"` or a `key` of one column"
)]
pub trait Parent: Item {
    /// Everything that a reference to it needs to know.
    #[doc(hidden)]
    const KEY: ParentKey;
}

/// An item type with an id. `#[derive(Item)]` implements it for types with `#[item(id = "…")]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no id, so it has no `Key`",
    note = "add `#[item(id = \"…\")]` to `{Self}`; for a parent with a key of one column, give the field the type of that column, and \
            add `#[item(references = {Self})]` to the field"
)]
pub trait HasId: Parent {}

/// A value that can be a part of an id whose field has the type `F`.
#[diagnostic::on_unimplemented(message = "`{Self}` is not a value for a field of the type `{F}`")]
pub trait IdPart<F> {
    /// The value of the field.
    fn into_part(self) -> F;
}

impl<F: Field> IdPart<F> for F {
    fn into_part(self) -> F {
        self
    }
}

impl<F: Field + Clone> IdPart<F> for &F {
    fn into_part(self) -> F {
        self.clone()
    }
}

impl IdPart<String> for &str {
    fn into_part(self) -> String {
        self.to_owned()
    }
}

/// The key of an item type, as its children know it.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct ParentKey {
    pub item: &'static str,
    pub table: &'static str,
    pub column: &'static str,
    pub kind: ColumnType,
}

impl<T: HasId> Key<T> {
    /// The key of the item with these values in the parts of its id. The derive uses it.
    #[doc(hidden)]
    pub fn of_parts(values: &[Value]) -> Self {
        let item = T::item_type();
        let spellings = item.id().iter().map(|part| part.spelling);
        Self::from_uuid(natural_key::id(item.name(), values.iter().zip(spellings)))
    }
}

impl<T> Key<T> {
    /// The key with this id, for an id that comes from the database.
    pub const fn from_uuid(id: Uuid) -> Self {
        Self { id, of: PhantomData }
    }

    /// The id.
    pub const fn uuid(self) -> Uuid {
        self.id
    }
}

impl<T: HasId> Field for Key<T> {
    const TYPE: ColumnType = ColumnType::Uuid;
    const PARENT: Option<ParentKey> = Some(T::KEY);

    fn into_value(self) -> Value {
        Value::Uuid(self.id)
    }
}

impl<T> FromValue for Key<T> {
    fn from_value(value: &Value) -> Option<Self> {
        Uuid::from_value(value).map(Self::from_uuid)
    }
}

impl ParentKey {
    /// How many of these refer to the table. The derive counts with it.
    pub const fn count(of: &[Option<Self>], table: &str) -> usize {
        let (mut count, mut at) = (0, 0);
        while at < of.len() {
            if let Some(parent) = &of[at]
                && is_same_text(parent.table, table)
            {
                count += 1;
            }
            at += 1;
        }
        count
    }
}

const fn is_same_text(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}

// A derive would ask the same of `T`.

impl<T> Clone for Key<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Key<T> {}

impl<T> PartialEq for Key<T> {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl<T> Eq for Key<T> {}

impl<T> PartialOrd for Key<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Key<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.id.cmp(&other.id)
    }
}

impl<T> Hash for Key<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

impl<T> fmt::Debug for Key<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.id.fmt(f)
    }
}

impl<T> fmt::Display for Key<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.id.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_to_a_table_are_counted() {
        let to = |table| Some(ParentKey { item: "a", table, column: "id", kind: ColumnType::Uuid });
        assert_eq!(ParentKey::count(&[to("a"), None, to("ab"), to("a"), to("")], "a"), 2);
        assert_eq!(ParentKey::count(&[], "a"), 0);
    }
}
