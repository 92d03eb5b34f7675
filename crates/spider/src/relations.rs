//! How an item type is related to others: its id, its references, and the parents of its items. The indexes of its table are here,
//! too.

use crate::item_type::{Column, ColumnType, Description, ItemType, ItemTypeBuilder};
use crate::key::ParentKey;
use crate::natural_key::Spelling;

/// The column of an id.
pub const ID: &str = "id";

/// A column that is a part of an id.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IdColumn {
    /// Its name.
    pub column: String,
    /// Whether the spelling of its texts counts.
    pub spelling: Spelling,
}

/// A column that holds the key of another item, its parent. In the table, it is a foreign key.
///
/// ```
/// use dragline_spider::{ColumnType, ItemType, Reference};
///
/// let artist = ItemType::builder("artist").with_table("artists").with_column("name", ColumnType::Text);
/// let artist = artist.with_id(["name"]).build()?;
/// let track = ItemType::builder("track").with_table("tracks").with_column("title", ColumnType::Text);
/// let track = track.with_column("artist", ColumnType::Uuid).with_reference(Reference::new("artist", &artist));
/// let track = track.with_id(["artist", "title"]).build()?;
/// assert_eq!((track.key(), track.references()[0].table.as_str()), (&["id".to_owned()][..], "artists"));
/// # Ok::<(), dragline_spider::ItemTypeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reference {
    /// The column.
    pub column: String,
    /// The name of the parent's item type.
    pub parent: String,
    /// The parent's table.
    pub table: String,
    /// The column that is the parent's key.
    pub key: String,
    /// The type of that column.
    pub kind: ColumnType,
    /// Whether the database checks it at the end of the transaction.
    pub is_deferrable: bool,
}

/// The relations of a type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Relations {
    id: Vec<IdColumn>,
    references: Vec<Reference>,
    /// The column that refers to the parent whose children the items are.
    children_by: Option<String>,
    indexes: Vec<Vec<String>>,
}

impl Relations {
    /// Whether the id is computed from this column.
    pub(crate) fn is_id_part(&self, column: &str) -> bool {
        self.id.iter().any(|part| part.column == column)
    }
}

impl Reference {
    /// A reference from a column to the key of `parent`.
    pub fn new(column: impl Into<String>, parent: &ItemType) -> Self {
        let (key, kind) = match parent.key() {
            [key] => (key.clone(), parent.kind_of(key).unwrap_or(ColumnType::Json)),
            // `build` refuses it.
            _ => (String::new(), ColumnType::Json),
        };
        Self {
            column: column.into(),
            parent: parent.name().to_owned(),
            table: parent.table().unwrap_or_default().to_owned(),
            key,
            kind,
            is_deferrable: false,
        }
    }

    /// A reference to the id of an item type that is not at hand, because it refers to this one, or is this one.
    pub fn to_id(column: impl Into<String>, parent: impl Into<String>, table: impl Into<String>) -> Self {
        let (column, parent, table) = (column.into(), parent.into(), table.into());
        Self { column, parent, table, key: ID.to_owned(), kind: ColumnType::Uuid, is_deferrable: false }
    }

    /// The database checks it at the end of each transaction. Types that refer to each other need this.
    #[must_use]
    pub fn deferrable(mut self) -> Self {
        self.is_deferrable = true;
        self
    }
}

impl ItemType {
    /// The columns that its id is computed from, in order. Without an id, there are none.
    pub fn id(&self) -> &[IdColumn] {
        &self.0.relations.id
    }

    /// Whether its first column is an id that is computed from others.
    pub fn has_id(&self) -> bool {
        !self.0.relations.id.is_empty()
    }

    /// Its references to parents.
    pub fn references(&self) -> &[Reference] {
        &self.0.relations.references
    }

    /// The reference to the parent whose children are replaced when a page gives them again.
    pub fn children_of(&self) -> Option<&Reference> {
        let column = self.0.relations.children_by.as_ref()?;
        self.0.relations.references.iter().find(|reference| reference.column == *column)
    }

    /// The columns of each of its indexes.
    pub fn indexes(&self) -> &[Vec<String>] {
        &self.0.relations.indexes
    }

    /// The type of a column.
    pub fn kind_of(&self, column: &str) -> Option<ColumnType> {
        self.position(column).map(|at| self.columns()[at].kind)
    }
}

impl ItemTypeBuilder {
    /// Adds a first column `id`, a UUID, which is the key. It is computed from these columns, which are never null: see
    /// [`natural_key`](crate::natural_key). The spelling of a text counts in a column with `=` before its name.
    pub fn with_id<C: AsRef<str>>(mut self, columns: impl IntoIterator<Item = C>) -> Self {
        let part = |column: C| {
            let (column, spelling) = match column.as_ref().strip_prefix('=') {
                Some(exact) => (exact, Spelling::Exact),
                None => (column.as_ref(), Spelling::Folded),
            };
            IdColumn { column: column.to_owned(), spelling }
        };
        self.0.relations.id = columns.into_iter().map(part).collect();
        self.0.key = if self.0.relations.id.is_empty() { Vec::new() } else { vec![ID.to_owned()] };
        self
    }

    /// Adds a reference to a parent.
    pub fn with_reference(mut self, reference: Reference) -> Self {
        self.0.relations.references.push(reference);
        self
    }

    /// Makes the items children of the parent that this column refers to. When a page gives a parent, or children of it, then those
    /// that the page gave before and no longer gives are deleted.
    pub fn with_children_by(mut self, column: impl Into<String>) -> Self {
        self.0.relations.children_by = Some(column.into());
        self
    }

    /// Adds an index on these columns.
    pub fn with_index<C: Into<String>>(mut self, columns: impl IntoIterator<Item = C>) -> Self {
        self.0.relations.indexes.push(columns.into_iter().map(Into::into).collect());
        self
    }

    /// Adds references that the derive has found, and the table of the parent whose children the items are.
    #[doc(hidden)]
    pub fn with_parents(
        mut self,
        parents: impl IntoIterator<Item = (&'static str, Option<ParentKey>, bool)>,
        children_of: Option<&str>,
    ) -> Self {
        for (column, parent, is_deferrable) in parents {
            let Some(ParentKey { item, table, column: key, kind }) = parent else { continue };
            let (column, parent) = (column.to_owned(), item.to_owned());
            let (table, key) = (table.to_owned(), key.to_owned());
            self.0.relations.references.push(Reference { column, parent, table, key, kind, is_deferrable });
        }
        let by = self.0.relations.references.iter().find(|reference| Some(&*reference.table) == children_of);
        self.0.relations.children_by = by.map(|reference| reference.column.clone());
        self
    }
}

impl Description {
    /// Puts the column of the id first, and makes references of the table to itself deferrable: its rows may come in any order.
    pub(crate) fn complete(&mut self) {
        if !self.relations.id.is_empty() && self.columns.first().is_none_or(|column| column.name != ID) {
            self.columns.insert(0, Column::new(ID, ColumnType::Uuid));
        }
        for reference in &mut self.relations.references {
            reference.is_deferrable |= Some(&reference.table) == self.table.as_ref();
        }
    }

    /// What is wrong with its relations, or `None`.
    pub(crate) fn relation_problem(&self) -> Option<String> {
        let column = |name: &str| self.columns.iter().find(|column| column.name == name);
        if self.table.is_none() {
            let (what, given) = [
                ("an id", !self.relations.id.is_empty()),
                ("a reference", !self.relations.references.is_empty()),
                ("an index", !self.relations.indexes.is_empty()),
            ]
            .into_iter()
            .find(|(_, given)| *given)
            .unwrap_or(("children", self.relations.children_by.is_some()));
            if given {
                return Some(format!("{what} needs a table: name it with `with_table`"));
            }
        }
        for (at, part) in self.relations.id.iter().enumerate() {
            let name = &part.column;
            let problem = match column(name) {
                _ if *name == ID => "the column of the id itself",
                _ if self.relations.id[..at].iter().any(|earlier| earlier.column == *name) => "named twice",
                None => "not one of its columns",
                Some(column) if column.nullable => "nullable: a part of an id is never nullable",
                Some(column) if !column.kind.can_be_key() => {
                    "a float, a list or JSON: two spellings of one value would be two ids"
                }
                Some(_) => continue,
            };
            return Some(format!("the part {name:?} of its id is {problem}"));
        }
        if !self.relations.id.is_empty() && self.key != [ID] {
            return Some("it has an id, which is its key: leave out `with_key`".to_owned());
        }
        for (at, reference) in self.relations.references.iter().enumerate() {
            let Reference { column: name, parent, .. } = reference;
            let problem = match column(name) {
                _ if reference.table.is_empty() => "refers to an item without a table",
                _ if reference.key.is_empty() => {
                    "refers to an item without an id and without a key of one column"
                }
                _ if self.relations.references[..at].iter().any(|earlier| earlier.column == *name) => {
                    "refers to two items"
                }
                None => "is not there",
                Some(column) if column.kind != reference.kind => {
                    "has another type than the key that it refers to"
                }
                Some(_) => continue,
            };
            return Some(format!("its column {name:?} should refer to {parent:?}, but it {problem}"));
        }
        if let Some(by) = &self.relations.children_by {
            let reference = self.relations.references.iter().find(|reference| reference.column == *by);
            let problem = match reference {
                None => "is not a reference",
                Some(reference) if Some(&reference.table) == self.table.as_ref() => "refers to its own table",
                Some(_) if self.key.is_empty() => {
                    "needs a key next to it, which says which rows are the same"
                }
                Some(_) if column(by).is_some_and(|column| column.nullable) => "may be null",
                Some(_) => return self.index_problem(),
            };
            return Some(format!("its items should be children by the column {by:?}, but this {problem}"));
        }
        self.index_problem()
    }

    fn index_problem(&self) -> Option<String> {
        let is_column = |name: &String| self.columns.iter().any(|column| column.name == *name);
        let problem = self.relations.indexes.iter().find_map(|index| {
            match index.iter().find(|name| !is_column(name)) {
                Some(name) => Some(format!("names {name:?}, which is not one of its columns")),
                None => index.is_empty().then(|| "has no columns".to_owned()),
            }
        })?;
        Some(format!("an index {problem}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artist() -> ItemTypeBuilder {
        let artist = ItemType::builder("artist").with_table("artists");
        artist.with_column("name", ColumnType::Text).with_nullable_column("born", ColumnType::Date)
    }

    fn track() -> ItemTypeBuilder {
        let track = ItemType::builder("track").with_table("tracks").with_column("artist", ColumnType::Uuid);
        track.with_column("n", ColumnType::Integer).with_nullable_column("remix_of", ColumnType::Uuid)
    }

    #[test]
    fn an_id_is_the_first_column_and_the_key() {
        let built = artist().with_id(["=name"]).build().unwrap();
        assert_eq!((built.columns()[0].name.as_str(), built.columns()[0].kind), (ID, ColumnType::Uuid));
        assert_eq!((built.key(), built.id()[0].spelling), (&[ID.to_owned()][..], Spelling::Exact));
        assert_eq!(built.to_builder().build().unwrap(), built, "it is added once");
        let own =
            track().with_id(["artist", "n"]).with_reference(Reference::to_id("remix_of", "track", "tracks"));
        assert!(own.build().unwrap().references()[0].is_deferrable);
    }

    #[test]
    fn what_does_not_fit_together_is_told() {
        let artist_type = artist().with_id(["name"]).build().unwrap();
        let to_artist = || Reference::new("artist", &artist_type);
        let of_artist = || track().with_reference(to_artist());
        for (built, expected) in [
            (artist().without_table().with_id(["name"]), "an id needs a table"),
            (track().without_table().with_reference(to_artist()), "a reference needs a table"),
            (artist().without_table().with_index(["name"]), "an index needs a table"),
            (artist().with_id(["title"]), "\"title\" of its id is not one of its columns"),
            (artist().with_id(["born"]), "\"born\" of its id is nullable"),
            (artist().with_id(["name", "name"]), "named twice"),
            (artist().with_id(["id"]), "the column of the id itself"),
            (artist().with_column("x", ColumnType::Double).with_id(["x"]), "a float, a list or JSON"),
            (artist().with_id(["name"]).with_key(["name"]), "leave out `with_key`"),
            (track().with_reference(Reference::new("n", &artist_type)), "another type than the key"),
            (track().with_reference(Reference::new("x", &artist_type)), "\"artist\", but it is not there"),
            (of_artist().with_reference(to_artist()), "refers to two items"),
            (
                track().with_reference(Reference::new("artist", &artist().build().unwrap())),
                "without an id and without a key of one column",
            ),
            (
                track().with_reference(Reference::new(
                    "artist",
                    &artist().without_table().with_key(["name"]).build().unwrap(),
                )),
                "an item without a table",
            ),
            (of_artist().with_children_by("n"), "\"n\", but this is not a reference"),
            (of_artist().with_children_by("artist"), "needs a key next to it"),
            (
                track()
                    .with_key(["n"])
                    .with_reference(Reference::new("remix_of", &artist_type))
                    .with_children_by("remix_of"),
                "may be null",
            ),
            (
                track()
                    .with_id(["artist", "n"])
                    .with_reference(Reference::to_id("remix_of", "track", "tracks"))
                    .with_children_by("remix_of"),
                "refers to its own table",
            ),
            (track().with_index(["n", "x"]), "an index names \"x\""),
            (track().with_index([""; 0]), "an index has no columns"),
        ] {
            let error = built.build().unwrap_err().to_string();
            assert!(error.contains(expected), "{expected:?} is not in {error:?}");
        }
    }
}
