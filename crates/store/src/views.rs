//! The views of item types. When a crawl starts, both stores create the missing ones. They don't touch a view that differs from its
//! declaration, because no crawl needs it: `dragline schema apply` replaces it, and `dragline schema check` reports it.

use std::collections::BTreeMap;

use dragline_core::store::StoreResult;
use dragline_core::{ItemType, StoreError, View};

use crate::identifier::quoted_path;

/// A view, and the item type whose table it belongs to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Declared<'a> {
    pub(crate) item: &'a ItemType,
    pub(crate) view: &'a View,
}

/// How a view in the database compares with its declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Missing,
    /// It has another `SELECT`.
    Different,
    Same,
    /// Something else has its name, such as a table.
    Taken,
}

/// The views of all item types, each once, in the order in which they are declared.
pub(crate) fn of(items: &[ItemType]) -> Vec<Declared<'_>> {
    let mut views: Vec<Declared<'_>> = Vec::new();
    for declared in items.iter().flat_map(|item| item.views().iter().map(move |view| Declared { item, view }))
    {
        if !views.iter().any(|earlier| earlier.view == declared.view) {
            views.push(declared);
        }
    }
    views
}

/// Checks that each view has a name of its own, and that the declaration can be a statement.
///
/// # Errors
/// [`StoreError::Setup`] with the first view that cannot be.
pub(crate) fn check(items: &[ItemType]) -> StoreResult<()> {
    let histories: Vec<ItemType> = items.iter().filter_map(ItemType::history).collect();
    let tables = items.iter().chain(&histories);
    let mut taken: BTreeMap<&str, &ItemType> =
        tables.filter_map(|item| Some((item.table()?, item))).collect();
    for Declared { item, view } in of(items) {
        let wrong = |problem: String, hint: &str| {
            let problem = format!("item type {}: {problem}", item.name());
            Err(StoreError::Setup { problem, hint: hint.to_owned() })
        };
        if let Some(problem) = view.refusal(item.table()) {
            return wrong(problem, "change the declaration of the view");
        }
        if let Some(other) = taken.insert(view.name(), item) {
            return wrong(
                format!(
                    "its view {} has a name that the item type {} uses already",
                    view.name(),
                    other.name()
                ),
                "choose another name for the view",
            );
        }
    }
    Ok(())
}

/// The error of a statement that creates a view.
pub(crate) fn cannot_create(view: &View, error: StoreError) -> StoreError {
    refused(
        &format!("the view {} cannot be created", view.name()),
        "its SELECT must work with the tables and views that are there, in this database",
        error,
    )
}

/// The error of the statements that drop the views before they are created again.
pub(crate) fn cannot_drop(error: StoreError) -> StoreError {
    refused(
        "the views cannot be created again with other columns",
        "drop what depends on them, run this again, and create that again",
        error,
    )
}

fn refused(what: &str, hint: &str, error: StoreError) -> StoreError {
    let reason = match &error {
        error if error.is_retryable() => None,
        StoreError::Broken { source, .. } => Some(source.to_string()),
        other => Some(other.to_string()),
    };
    match reason {
        Some(reason) => StoreError::Setup { problem: format!("{what}: {reason}"), hint: hint.to_owned() },
        None => error,
    }
}

impl Declared<'_> {
    /// The statement that creates it, without a semicolon.
    pub(crate) fn create(&self) -> String {
        format!("CREATE VIEW {} AS\n{}", quoted_path(self.view.name()), self.view.select())
    }

    /// Why `dragline schema check` is not content with it, or `None`.
    pub(crate) fn problem(&self, state: State) -> Option<String> {
        let name = self.view.name();
        match state {
            State::Same => None,
            State::Missing => Some(format!("view {name} is missing")),
            State::Different => {
                Some(format!("view {name} has another SELECT than the item type {}", self.item.name()))
            }
            State::Taken => Some(format!(
                "{name} is not a view, and the item type {} has a view of this name",
                self.item.name()
            )),
        }
    }

    /// The name is taken by a table or the like.
    pub(crate) fn is_taken(&self) -> StoreError {
        StoreError::Setup {
            problem: self.problem(State::Taken).unwrap_or_default(),
            hint: "choose another name for the view, or rename what is there".to_owned(),
        }
    }

    /// Logs what a crawl leaves as it is.
    pub(crate) fn mention(&self, state: State) {
        if let (State::Missing | State::Different, Some(problem)) = (state, self.problem(state)) {
            tracing::warn!("{problem}: run `{} schema apply`", dragline_core::program::name());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dragline_core::{ColumnType, ItemTypeBuilder};

    fn item(name: &str, views: &[View]) -> ItemType {
        let item =
            ItemType::builder(name).with_table(name).with_column("x", ColumnType::Text).with_key(["x"]);
        views.iter().cloned().fold(item.with_history(), ItemTypeBuilder::with_view).build().unwrap()
    }

    #[test]
    fn two_things_have_two_names() {
        let one = View::new("one", "SELECT 1 AS one");
        let items =
            [item("a", std::slice::from_ref(&one)), item("b", &[one, View::new("two", "SELECT 2 AS two")])];
        check(&items).unwrap();
        let names: Vec<&str> = of(&items).iter().map(|declared| declared.view.name()).collect();
        assert_eq!(names, ["one", "two"]);
        for name in ["a", "a_history", "two"] {
            let more =
                [items.as_slice(), &[item("c", &[View::from_text(name, "SELECT 3 AS three")])]].concat();
            let error = check(&more).unwrap_err().to_string();
            assert!(error.contains(&format!("its view {name} has a name that")), "{error}");
        }
    }
}
