//! Why an item type is invalid.

use super::ColumnType;

/// Why an item type is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ItemTypeError {
    /// The type has no column.
    #[error("the item type {item:?} has no columns: add at least one with `with_column`")]
    NoColumns {
        /// Its name.
        item: String,
    },
    /// The table can't have this name.
    #[error("the item type {item:?} cannot have the table {table:?}: {problem}")]
    TableName {
        /// Its name.
        item: String,
        /// The name of the table.
        table: String,
        /// Why.
        problem: String,
    },
    /// Two columns have one name.
    #[error("the item type {item:?} has two columns {column:?}: rename one of them")]
    Twice {
        /// Its name.
        item: String,
        /// The column.
        column: String,
    },
    /// The key names a column that is not there.
    #[error("the key of the item type {item:?} names {column:?}, which is not one of its columns")]
    NoKeyColumn {
        /// Its name.
        item: String,
        /// The column.
        column: String,
    },
    /// A key column may be null.
    #[error("the key column {column:?} of the item type {item:?} is nullable: a key is never nullable")]
    NullableKey {
        /// Its name.
        item: String,
        /// The column.
        column: String,
    },
    /// Equal values of a key column may be spelled differently.
    #[error("the key column {column:?} of the item type {item:?} has the type {kind}, which cannot be a key")]
    UnequalKey {
        /// Its name.
        item: String,
        /// The column.
        column: String,
        /// Its type.
        kind: ColumnType,
    },
    /// Its id, its references or its indexes do not fit together.
    #[error("the item type {item:?}: {problem}")]
    Relation {
        /// Its name.
        item: String,
        /// Why.
        problem: String,
    },
    /// It can't have one of its views.
    #[error("the item type {item:?}: {problem}")]
    View {
        /// Its name.
        item: String,
        /// Why.
        problem: String,
    },
    /// Its rows can't be marked.
    #[error("rows of the item type {item:?} cannot be marked as gone: {problem}")]
    GoneMark {
        /// Its name.
        item: String,
        /// Why.
        problem: String,
    },
    /// It can't have a change feed.
    #[error("the item type {item:?} cannot have a change feed: {problem}")]
    Changes {
        /// Its name.
        item: String,
        /// Why.
        problem: String,
    },
    /// It can't merge columns.
    #[error("the item type {item:?} cannot merge columns: {problem}")]
    Merge {
        /// Its name.
        item: String,
        /// Why.
        problem: String,
    },
    /// It can't have a history.
    #[error("the item type {item:?} cannot have a history: {problem}")]
    History {
        /// Its name.
        item: String,
        /// Why.
        problem: String,
    },
}
