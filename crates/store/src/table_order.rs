//! The order in which tables are written: parents before the tables that refer to them.
//!
//! The database's own foreign keys say which tables these are. All of its tables count, not only those of a spider's items. So
//! every process that writes into the database has the same order, and no two of them wait for each other in a circle.

use std::collections::{BTreeMap, BTreeSet};

/// A table's foreign key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ForeignKey {
    /// The table that has it.
    pub(crate) child: String,
    /// The table that it refers to.
    pub(crate) parent: String,
    /// How people find it.
    pub(crate) name: String,
    /// Whether it can be checked at the end of a transaction.
    pub(crate) is_deferrable: bool,
}

/// The order of a database's tables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TableOrder {
    /// The longest way from each table to one that refers to no other. Tables that refer to each other have the same rank.
    ranks: BTreeMap<String, usize>,
    /// The foreign keys between different tables that refer to each other.
    circular: Vec<ForeignKey>,
}

impl TableOrder {
    pub(crate) fn of(keys: &[ForeignKey]) -> Self {
        let mut parents: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for key in keys {
            parents.entry(&key.child).or_default().insert(&key.parent);
            parents.entry(&key.parent).or_default();
        }
        // Everything that a table needs, directly or not. Databases have few foreign keys, so this may be simple.
        let needs: BTreeMap<&str, BTreeSet<&str>> =
            parents.keys().map(|table| (*table, all_needed(table, &parents))).collect();
        let in_circle = |one: &str, other: &str| needs[one].contains(other) && needs[other].contains(one);
        let ranks = needs.iter().map(|(table, needed)| {
            let before = needed.iter().filter(|other| **other != *table && !in_circle(table, other));
            // A table that needs another one needs more than it does, so its number is higher.
            ((*table).to_owned(), before.count())
        });
        let circular =
            keys.iter().filter(|key| key.child != key.parent && in_circle(&key.child, &key.parent));
        Self { ranks: ranks.collect(), circular: circular.cloned().collect() }
    }

    /// What to sort tables by.
    pub(crate) fn rank<'a>(&self, table: &'a str) -> (usize, &'a str) {
        (self.ranks.get(table).copied().unwrap_or_default(), table)
    }

    /// Whether a parent is written after its child. Then they refer to each other.
    pub(crate) fn comes_late(&self, parent: &str, child: &str) -> bool {
        self.rank(parent) > self.rank(child)
    }

    /// Whether a transaction should put off the checks that can be put off, because tables refer to each other.
    pub(crate) fn needs_deferral(&self) -> bool {
        self.circular.iter().any(|key| key.is_deferrable)
    }

    /// The foreign keys of these tables in a circle.
    pub(crate) fn circular<'a>(&'a self, tables: &'a [&'a str]) -> impl Iterator<Item = &'a ForeignKey> {
        self.circular.iter().filter(|key| tables.contains(&key.child.as_str()))
    }
}

fn all_needed<'a>(table: &'a str, parents: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> BTreeSet<&'a str> {
    let (mut needed, mut to_visit) = (BTreeSet::new(), vec![table]);
    while let Some(next) = to_visit.pop() {
        for parent in parents.get(next).into_iter().flatten() {
            if needed.insert(*parent) {
                to_visit.push(parent);
            }
        }
    }
    needed
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys(pairs: &[(&str, &str)]) -> Vec<ForeignKey> {
        let key = |(child, parent): &(&str, &str)| ForeignKey {
            child: (*child).to_owned(),
            parent: (*parent).to_owned(),
            name: format!("{child}_{parent}"),
            is_deferrable: false,
        };
        pairs.iter().map(key).collect()
    }

    fn in_order(pairs: &[(&str, &str)], tables: &str) -> String {
        let order = TableOrder::of(&keys(pairs));
        let mut tables: Vec<&str> = tables.split(' ').collect();
        tables.sort_by_key(|table| order.rank(table));
        tables.join(" ")
    }

    #[test]
    fn parents_come_first_and_names_decide_between_the_others() {
        assert_eq!(in_order(&[], "c a b"), "a b c");
        assert_eq!(in_order(&[("a", "b")], "c a b"), "b c a");
        assert_eq!(in_order(&[("a", "b"), ("b", "c")], "a b c"), "c b a");
        assert_eq!(in_order(&[("a", "z"), ("a", "b"), ("b", "z")], "a b z"), "z b a");
        assert_eq!(
            in_order(&[("a", "between"), ("between", "z")], "a z"),
            "z a",
            "by way of a table of others"
        );
        assert_eq!(in_order(&[("a", "a"), ("a", "b")], "a b"), "b a", "a table may refer to itself");
    }

    #[test]
    fn tables_in_a_circle_are_beside_each_other() {
        let pairs = [("a", "b"), ("b", "a"), ("b", "z"), ("0", "a")];
        assert_eq!(in_order(&pairs, "0 a b z"), "z a b 0");
        let order = TableOrder::of(&keys(&pairs));
        let told =
            |tables: &[&str]| -> Vec<String> { order.circular(tables).map(|key| key.name.clone()).collect() };
        assert_eq!(told(&["a", "b", "z", "0"]), ["a_b", "b_a"]);
        assert_eq!(told(&["0", "z"]), Vec::<String>::new());
        assert_eq!(TableOrder::of(&keys(&[("a", "a")])).circular(&["a"]).count(), 0);
    }

    proptest! {
        #[test]
        fn whatever_refers_to_whatever_no_parent_comes_after_its_child(
            pairs in prop::collection::vec((0_u8..9, 0_u8..9), 0..20),
        ) {
            let name = |number: u8| number.to_string();
            let keys: Vec<ForeignKey> = pairs.iter().map(|(child, parent)| ForeignKey {
                child: name(*child), parent: name(*parent), name: String::new(), is_deferrable: false,
            }).collect();
            let order = TableOrder::of(&keys);
            for key in &keys {
                let is_circular = order.circular.contains(key) || key.child == key.parent;
                prop_assert!(is_circular || order.rank(&key.parent) < order.rank(&key.child), "{key:?}");
            }
        }
    }
}
