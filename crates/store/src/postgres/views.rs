//! Creates, compares and replaces the views of item types. The comment on a view says which declaration made it.

use dragline_core::ItemType;
use dragline_core::store::StoreResult;
use sha2::{Digest, Sha256};

use super::item_check::Difference;
use super::schema::LOCK;
use super::session::Session;
use crate::identifier::quoted_path;
use crate::views::{self, Declared, State};

/// The statements that create a view, and mark it.
pub(super) fn ddl(declared: &Declared<'_>) -> String {
    marked(declared, &declared.create())
}

fn marked(declared: &Declared<'_>, create: &str) -> String {
    format!("{create}\n;\nCOMMENT ON VIEW {} IS '{}';\n", quoted_path(declared.view.name()), mark(declared))
}

fn mark(declared: &Declared<'_>) -> String {
    let digest = Sha256::digest(declared.view.select().as_bytes());
    let digest: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("dragline view {digest}")
}

async fn state(session: &Session, declared: &Declared<'_>) -> StoreResult<State> {
    let sql = "SELECT relkind = 'v' AS is_view, obj_description(oid, 'pg_class') AS mark
        FROM pg_class WHERE oid = to_regclass($1)";
    let Some(row) = session.row(sql, &[&quoted_path(declared.view.name())]).await? else {
        return Ok(State::Missing);
    };
    Ok(match (row.get("is_view"), row.get::<_, Option<String>>("mark")) {
        (false, _) => State::Taken,
        (true, Some(found)) if found == mark(declared) => State::Same,
        (true, _) => State::Different,
    })
}

/// Creates the missing views whose types allow it, and returns their names. Mentions those that it leaves as they are.
pub(super) async fn create_missing(session: &Session, items: &[ItemType]) -> StoreResult<Vec<String>> {
    let mut missing = Vec::new();
    for declared in views::of(items) {
        match state(session, &declared).await? {
            State::Taken => return Err(declared.is_taken()),
            State::Missing if declared.item.auto_create() => missing.push(declared),
            other => declared.mention(other),
        }
    }
    create(session, "", &missing, ddl).await
}

/// Creates the missing views, and replaces those that differ from their declarations. Returns what it did.
pub(super) async fn apply(session: &Session, items: &[ItemType]) -> StoreResult<Vec<String>> {
    let (declared, mut outdated, mut done) = (views::of(items), Vec::new(), Vec::new());
    for declared in &declared {
        match state(session, declared).await? {
            State::Same => {}
            State::Taken => return Err(declared.is_taken()),
            State::Missing => {
                done.push(format!("created the view {}", declared.view.name()));
                outdated.push(*declared);
            }
            State::Different => {
                done.push(format!("replaced the view {}", declared.view.name()));
                outdated.push(*declared);
            }
        }
    }
    // This way, a view keeps its privileges, and the views of others that use it stay.
    let in_place = |declared: &Declared<'_>| {
        marked(declared, &declared.create().replacen("CREATE VIEW", "CREATE OR REPLACE VIEW", 1))
    };
    match create(session, "", &outdated, in_place).await {
        Err(error) if !error.is_retryable() => {}
        other => return other.map(|_| done),
    }
    // A view can't lose a column in place. The last ones may use the first ones, so all are made again.
    session.run("ROLLBACK").await?;
    let drop =
        |declared: &Declared<'_>| format!("DROP VIEW IF EXISTS {};\n", quoted_path(declared.view.name()));
    let drops: String = declared.iter().rev().map(drop).collect();
    create(session, &drops, &declared, ddl).await?;
    Ok(done)
}

/// Creates views by these statements, after the ones in `first`, in one transaction. Returns their names.
async fn create(
    session: &Session,
    first: &str,
    views: &[Declared<'_>],
    statements: impl Fn(&Declared<'_>) -> String,
) -> StoreResult<Vec<String>> {
    if views.is_empty() {
        return Ok(Vec::new());
    }
    session.run("BEGIN").await?;
    session.rows(LOCK, &[]).await?;
    if !first.is_empty() {
        session.run(first).await.map_err(views::cannot_drop)?;
    }
    for declared in views {
        // Another process may have been faster.
        if state(session, declared).await? != State::Same {
            let created = session.run(&statements(declared)).await;
            created.map_err(|error| views::cannot_create(declared.view, error))?;
        }
    }
    session.run("COMMIT").await?;
    Ok(views.iter().map(|declared| declared.view.name().to_owned()).collect())
}

/// The views that are not as they are declared.
pub(super) async fn differences(session: &Session, items: &[ItemType]) -> StoreResult<Vec<Difference>> {
    let mut differences = Vec::new();
    for declared in views::of(items) {
        let state = state(session, &declared).await?;
        let Some(problem) = declared.problem(state) else { continue };
        let name = quoted_path(declared.view.name());
        let remedy = match state {
            State::Taken => format!("-- rename {name}, or choose another name for the view"),
            State::Different => format!("DROP VIEW {name};\n{}", ddl(&declared).trim_end()),
            _ => ddl(&declared).trim_end().to_owned(),
        };
        differences.push(Difference { problem, remedy });
    }
    Ok(differences)
}
