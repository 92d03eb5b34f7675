//! What an item pipeline decides about an item.

use std::fmt::Display;

use crate::item::ItemRecord;

/// The decision about an item, which is a record or, in a typed step, your struct.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a verdict has no effect until it is returned"]
pub enum Verdict<T = ItemRecord> {
    /// The item goes on, changed or not.
    Keep(T),
    /// The item is left out, and the reason is counted.
    Drop {
        /// Why.
        reason: String,
    },
    /// The item goes to the dead letters. Its page is not affected.
    Quarantine {
        /// The item.
        item: T,
        /// Why.
        reason: String,
    },
}

impl<T> Verdict<T> {
    /// The item is left out, and the reason is counted.
    pub fn drop(reason: impl Display) -> Self {
        Self::Drop { reason: reason.to_string() }
    }

    /// The item goes to the dead letters, where a person can look at it.
    pub fn quarantine(item: T, reason: impl Display) -> Self {
        Self::Quarantine { item, reason: reason.to_string() }
    }

    /// The same decision about an item in another form.
    pub fn map<U>(self, into: impl FnOnce(T) -> U) -> Verdict<U> {
        match self {
            Self::Keep(item) => Verdict::Keep(into(item)),
            Self::Drop { reason } => Verdict::Drop { reason },
            Self::Quarantine { item, reason } => Verdict::Quarantine { item: into(item), reason },
        }
    }
}
