//! Creates, compares and replaces the views of item types.

use dragline_core::ItemType;
use rusqlite::{Connection, OptionalExtension};

use super::fault::Fault;
use super::item_table::Differences;
use crate::identifier::quoted_path;
use crate::views::{self, Declared, State};

/// The statement that creates a view.
pub(super) fn ddl(declared: &Declared<'_>) -> String {
    format!("{}\n;", declared.create())
}

fn state(connection: &Connection, declared: &Declared<'_>) -> rusqlite::Result<State> {
    let found = connection
        .query_row("SELECT type, sql FROM sqlite_schema WHERE name = ?1", [declared.view.name()], |row| {
            Ok((row.get::<_, String>("type")?, row.get::<_, Option<String>>("sql")?))
        })
        .optional()?;
    Ok(match found {
        None => State::Missing,
        // The database keeps the statement as it was written.
        Some((kind, sql)) if kind == "view" => {
            if sql.is_some_and(|sql| sql.trim_end() == declared.create()) {
                State::Same
            } else {
                State::Different
            }
        }
        Some(_) => State::Taken,
    })
}

/// Whether a view is missing that may be created. Mentions those that a crawl leaves as they are.
pub(super) fn any_missing(connection: &Connection, items: &[ItemType]) -> Result<bool, Fault> {
    let mut any = false;
    for declared in views::of(items) {
        match state(connection, &declared)? {
            State::Taken => return Err(declared.is_taken().into()),
            State::Missing if declared.item.auto_create() => any = true,
            other => declared.mention(other),
        }
    }
    Ok(any)
}

/// Creates the missing views whose types allow it, and returns what it did.
pub(super) fn create_missing(connection: &Connection, items: &[ItemType]) -> Result<Vec<String>, Fault> {
    let mut made = Vec::new();
    for declared in views::of(items).into_iter().filter(|declared| declared.item.auto_create()) {
        if state(connection, &declared)? == State::Missing {
            create(connection, &declared)?;
            made.push(format!("created the view {}", declared.view.name()));
        }
    }
    Ok(made)
}

/// Creates the missing views, and replaces those that differ from their declarations. Returns what it did.
pub(super) fn apply(connection: &Connection, items: &[ItemType]) -> Result<Vec<String>, Fault> {
    let mut done = Vec::new();
    for declared in views::of(items) {
        let name = declared.view.name();
        match state(connection, &declared)? {
            State::Same => continue,
            State::Taken => return Err(declared.is_taken().into()),
            State::Missing => done.push(format!("created the view {name}")),
            State::Different => {
                connection.execute_batch(&format!("DROP VIEW {}", quoted_path(name)))?;
                done.push(format!("replaced the view {name}"));
            }
        }
        create(connection, &declared)?;
    }
    Ok(done)
}

fn create(connection: &Connection, declared: &Declared<'_>) -> Result<(), Fault> {
    connection.execute_batch(&declared.create())?;
    // Only a query finds out whether the tables and columns are there.
    let name = quoted_path(declared.view.name());
    let works = connection.prepare(&format!("SELECT * FROM {name}")).map(drop);
    works.map_err(|error| {
        let error = Fault::from(error).into_error("", "creating a view");
        views::cannot_create(declared.view, error).into()
    })
}

/// Adds the views that are not as they are declared.
pub(super) fn compare(
    connection: &Connection,
    items: &[ItemType],
    differences: &mut Differences,
) -> Result<(), Fault> {
    for declared in views::of(items) {
        let state = state(connection, &declared)?;
        let Some(problem) = declared.problem(state) else { continue };
        let name = quoted_path(declared.view.name());
        let remedy = match state {
            State::Taken => format!("-- rename {name}, or choose another name for the view"),
            State::Different => format!("DROP VIEW {name};\n{}", ddl(&declared)),
            _ => ddl(&declared),
        };
        differences.add(problem, remedy);
    }
    Ok(())
}
