//! Dragline's own tables and those of the item types. This module creates, compares and upgrades them.

use std::collections::BTreeSet;

use dragline_core::probe::reach;
use dragline_core::store::StoreResult;
use dragline_core::table_name::parts;
use dragline_core::{ItemType, StoreError};

use super::connections::Connections;
use super::item_check::{self, Difference};
use super::item_create::{Only, create_history, create_missing};
use super::session::Session;
use super::target::DatabaseTarget;
use super::{foreign_keys, history_table, item_table, migrations, reference_check, views};
use crate::identifier::{SOURCE_FINGERPRINT, check_all_names, quoted_path};
use crate::relations;
use crate::table_order::TableOrder;

/// The schema of this program.
pub(super) const SCHEMA: &str = include_str!("../../../../schema.sql");
pub(super) const VERSION: i32 = 17;
const TABLES: [&str; 21] = [
    "crawl_schema",
    "crawl_runs",
    "crawl_requests",
    "crawl_items",
    "crawl_dead_letters",
    "crawl_cookies",
    "crawl_hosts",
    "crawl_suspects",
    "crawl_bodies",
    "crawl_kept_pages",
    "crawl_pages",
    "crawl_page_visits",
    "crawl_page_items",
    "crawl_item_keys",
    "crawl_item_shares",
    "crawl_changes",
    "crawl_servers",
    "crawl_schedules",
    "crawl_ticks",
    "crawl_workers",
    "crawl_shards",
];
/// The tables from which rows are deleted.
const DELETED_FROM: [&str; 13] = [
    "crawl_dead_letters",
    "crawl_cookies",
    "crawl_hosts",
    "crawl_suspects",
    "crawl_kept_pages",
    "crawl_pages",
    "crawl_page_items",
    "crawl_item_shares",
    "crawl_changes",
    "crawl_servers",
    "crawl_ticks",
    "crawl_workers",
    "crawl_shards",
];
/// This version has `hashtextextended` and `tcp_user_timeout`. Everything older is out of support.
const OLDEST_SERVER: i32 = 120_000;

/// The only encoding of a database that can hold every page.
const ENCODING: &str = "UTF8";

/// Held while tables are created or changed, so that two processes that start at once do this one after the other.
pub(super) const LOCK: &str = "SELECT pg_advisory_xact_lock(hashtextextended('dragline schema', 0))";

/// All statements that create the tables.
pub(super) fn ddl(items: &[ItemType]) -> StoreResult<String> {
    check_all_names(items)?;
    let (mut sql, mut schemas) = (SCHEMA.to_owned(), BTreeSet::new());
    let order = relations::parents_first(items);
    let mut late = String::new();
    for (at, item) in order.iter().enumerate() {
        if let Some(table) = item.table() {
            let put_off = relations::put_off(&order, at);
            let ddl = item_table::ddl(item, table, &put_off);
            late.extend(put_off.into_iter().map(|reference| item_table::add_foreign_key(table, reference)));
            if let Some(schema) = parts(table).0
                && schemas.insert(schema)
            {
                sql.push('\n');
                sql.push_str(&item_table::schema_ddl(schema));
            }
            sql.extend(["\n-- Item type ", item.name(), ".\n", &ddl]);
            if let Some(history) = item.history() {
                sql.push_str(&history_table::ddl(&history));
            }
        }
    }
    if !late.is_empty() {
        sql.extend(["\n-- References between tables that refer to each other.\n", &late]);
    }
    for declared in crate::views::of(items) {
        sql.extend(["\n-- A view of the item type ", declared.item.name(), ".\n", &views::ddl(&declared)]);
    }
    Ok(sql)
}

/// Connects to the database, and creates Dragline's own tables if there are none.
pub(super) async fn connect(connections: &Connections) -> StoreResult<()> {
    let session = connections.session("connecting").await?;
    check_server(connections, &session).await?;
    check_encoding(connections, &session).await?;
    match version(&session).await? {
        Some(VERSION) => check_privileges(connections, &session).await?,
        Some(other) => return Err(wrong_version(connections, other)),
        None => {
            create_own(&session).await?;
        }
    }
    session.release();
    Ok(())
}

/// Checks a privilege that a crawl would miss only at its end. Rows are deleted only from the tables of cookies, hosts and dead
/// letters.
async fn check_privileges(connections: &Connections, session: &Session) -> StoreResult<()> {
    let missing = "SELECT string_agg(own.name, ', ') AS tables FROM unnest($1::text[]) AS own (name)
        WHERE NOT (has_table_privilege(to_regclass(own.name), 'SELECT')
            AND has_table_privilege(to_regclass(own.name), 'INSERT')
            AND has_table_privilege(to_regclass(own.name), 'UPDATE')
            AND (own.name <> ALL ($2::text[]) OR has_table_privilege(to_regclass(own.name), 'DELETE')))";
    let row = session.row(missing, &[&&TABLES[1..], &&DELETED_FROM[..]]).await?;
    match row.and_then(|row| row.get::<_, Option<String>>("tables")) {
        Some(tables) => Err(connections.target().no_privilege(&tables)),
        None => Ok(()),
    }
}

/// Connects to the database as it is.
pub(super) async fn reach_only(connections: &Connections) -> StoreResult<()> {
    let session = connections.session("connecting").await?;
    check_server(connections, &session).await?;
    let found = version(&session).await?;
    session.release();
    match found {
        Some(VERSION) => Ok(()),
        Some(other) => Err(wrong_version(connections, other)),
        None => Err(StoreError::Setup {
            problem: format!("{} has no tables of Dragline", connections.target().location),
            hint: "is it the right database? The first crawl makes them, and so does `dragline schema apply`"
                .to_owned(),
        }),
    }
}

/// An item type whose table is as it should be.
pub(super) struct PreparedTable<'a> {
    pub(super) item: &'a ItemType,
    pub(super) table: &'a str,
    /// Whether it has the column for the fingerprint of the page.
    pub(super) has_fingerprint: bool,
}

/// Whether a table exists.
pub(super) async fn has_table(connections: &Connections, table: &str) -> StoreResult<bool> {
    let session = connections.session("looking for a table").await?;
    let exists = item_check::exists(&session, table).await?;
    session.release();
    Ok(exists)
}

/// Compares the item tables, and creates missing ones unless their type forbids it. Returns them and the order of all tables.
pub(super) async fn prepare<'a>(
    connections: &Connections,
    items: &'a [ItemType],
) -> StoreResult<(Vec<PreparedTable<'a>>, TableOrder)> {
    let session = connections.session("preparing the item tables").await?;
    let (mut differences, mut prepared) = (Differences::default(), Vec::new());
    check_all_names(items)?;
    let order = relations::parents_first(items);
    for table in create_missing(&session, &order, Only::AutoCreated).await? {
        tracing::info!(store = connections.target().location, "created the table {table}");
    }
    for item in &order {
        let Some(table) = item.table() else { continue };
        if item.auto_create()
            && let Some(history) = create_history(&session, item).await?
        {
            tracing::info!(store = connections.target().location, "created the table {history}");
        }
        let (has_fingerprint, fits) = differences.compare(&session, &order, item, table).await?;
        if !has_fingerprint && fits {
            tracing::info!(
                "the rows of {table} will not name their page: `dragline schema apply` adds the column \
                 {SOURCE_FINGERPRINT}"
            );
        }
        prepared.push(PreparedTable { item, table, has_fingerprint });
    }
    let names: Vec<&str> = prepared.iter().map(|it| it.table).collect();
    let order = foreign_keys::order(&session, &names).await?;
    if differences.is_empty() {
        for view in views::create_missing(&session, items).await? {
            tracing::info!(store = connections.target().location, "created the view {view}");
        }
    }
    session.release();
    differences.refuse()?;
    // Rows whose foreign key is null may be stored all the same.
    for Difference { problem, remedy } in foreign_keys::in_the_way(&order, &names) {
        tracing::warn!(remedy, "{problem}");
    }
    Ok((prepared, order))
}

/// Creates what is missing and upgrades an older version. Returns what it did.
pub(super) async fn apply(connections: &Connections, items: &[ItemType]) -> StoreResult<Vec<String>> {
    let session = connections.session("applying the schema").await?;
    check_server(connections, &session).await?;
    check_encoding(connections, &session).await?;
    let mut done = Vec::new();
    match version(&session).await? {
        Some(VERSION) => {}
        Some(older) => done.extend(migrations::raise(connections, &session, older).await?),
        None => {
            if create_own(&session).await? {
                done.push(format!("created Dragline's tables, version {VERSION}"));
            }
        }
    }
    let tables = tables(items)?;
    let of_views = crate::views::of(items).into_iter().map(|declared| declared.view.name());
    for name in tables.iter().map(|(_, table)| *table).chain(of_views) {
        if let (Some(schema), _) = parts(name)
            && !item_check::has_schema(&session, name).await?
        {
            session.run(&item_table::schema_ddl(schema)).await?;
            done.push(format!("created the schema {schema}"));
        }
    }
    let created = create_missing(&session, &relations::parents_first(items), Only::Any).await?;
    done.extend(created.iter().map(|table| format!("created the table {table}")));
    for (item, table) in tables {
        if add_fingerprint(&session, item, table).await? {
            done.push(format!("added the column {SOURCE_FINGERPRINT} to the table {table}"));
        }
        if let Some(history) = create_history(&session, item).await? {
            done.push(format!("created the table {history}"));
        }
    }
    done.extend(views::apply(&session, items).await?);
    session.release();
    Ok(done)
}

/// Compares all tables and changes nothing.
pub(super) async fn check(connections: &Connections, items: &[ItemType]) -> StoreResult<()> {
    let session = connections.session("checking the schema").await?;
    check_server(connections, &session).await?;
    check_encoding(connections, &session).await?;
    let mut differences = Differences::default();
    match version(&session).await? {
        Some(VERSION) => {
            for table in TABLES {
                if !item_check::exists(&session, table).await? {
                    differences.found.push(Difference {
                        problem: format!("table {table} is missing"),
                        remedy: "-- restore it from a backup, or drop all crawl_ tables and run: dragline \
                                 schema apply"
                            .to_owned(),
                    });
                }
            }
        }
        Some(other) => return Err(wrong_version(connections, other)),
        None => differences.found.push(Difference {
            problem: "Dragline's own tables are missing".to_owned(),
            remedy: SCHEMA.to_owned(),
        }),
    }
    let tables = tables(items)?;
    let order = relations::parents_first(items);
    for item in &order {
        if let Some(table) = item.table() {
            differences.compare(&session, &order, item, table).await?;
        }
    }
    let names: Vec<&str> = tables.iter().map(|(_, table)| *table).collect();
    differences.late.extend(foreign_keys::in_the_way(&foreign_keys::order(&session, &names).await?, &names));
    differences.late.extend(views::differences(&session, items).await?);
    session.release();
    differences.refuse()
}

fn tables(items: &[ItemType]) -> StoreResult<Vec<(&ItemType, &str)>> {
    check_all_names(items)?;
    Ok(items.iter().filter_map(|item| Some((item, item.table()?))).collect())
}

/// What keeps rows from being stored.
#[derive(Default)]
struct Differences {
    found: Vec<Difference>,
    /// About foreign keys. Their statements need all tables, so they come last.
    late: Vec<Difference>,
}

impl Differences {
    /// Compares a type with its table. Returns whether the table has the column for the fingerprint of the page, and whether
    /// everything fits.
    async fn compare(
        &mut self,
        session: &Session,
        order: &[&ItemType],
        item: &ItemType,
        table: &str,
    ) -> StoreResult<(bool, bool)> {
        let before = self.found.len() + self.late.len();
        let comparison = item_check::compare_with_table(session, item, table).await?;
        let has_fingerprint = comparison.as_ref().is_some_and(|comparison| comparison.has_fingerprint);
        if let Some(comparison) = comparison {
            self.found.extend(comparison.differences);
            self.late.extend(reference_check::differences(session, item, table).await?);
        } else {
            let at = order.iter().position(|other| *other == item).unwrap_or_default();
            let put_off = relations::put_off(order, at);
            self.found.push(item_check::missing(session, item, table, &put_off).await?);
            self.late.extend(put_off.into_iter().map(|reference| Difference {
                problem: format!("the foreign key of {table} to {} is missing", reference.table),
                remedy: item_table::add_foreign_key(table, reference).trim_end().to_owned(),
            }));
        }
        if let Some(history) = item.history() {
            self.found.extend(history_table::differences(session, item, &history).await?);
        }
        Ok((has_fingerprint, self.found.len() + self.late.len() == before))
    }

    fn is_empty(&self) -> bool {
        self.found.is_empty() && self.late.is_empty()
    }

    fn refuse(self) -> StoreResult<()> {
        let Self { mut found, late } = self;
        found.extend(late);
        refuse_differences(&found)
    }
}

/// Adds the column for the fingerprint of the page to a table that lacks it, and says whether it did. No row is rewritten,
/// because the column may be null.
async fn add_fingerprint(session: &Session, item: &ItemType, table: &str) -> StoreResult<bool> {
    let has_fingerprint = async || {
        let comparison = item_check::compare_with_table(session, item, table).await?;
        Ok(comparison.map(|comparison| (comparison.has_fingerprint, comparison.is_owner)))
    };
    let Some((false, true)) = has_fingerprint().await? else { return Ok(false) };
    let add =
        format!("ALTER TABLE {} ADD COLUMN IF NOT EXISTS {SOURCE_FINGERPRINT} bytea", quoted_path(table));
    session.run(&add).await?;
    Ok(has_fingerprint().await?.is_some_and(|(has_fingerprint, _)| has_fingerprint))
}

fn refuse_differences(differences: &[Difference]) -> StoreResult<()> {
    if differences.is_empty() {
        return Ok(());
    }
    let join = |part: fn(&Difference) -> &str, between: &str| {
        differences.iter().map(part).collect::<Vec<_>>().join(between)
    };
    Err(StoreError::Schema {
        problem: join(|difference| &difference.problem, "; "),
        remedy: join(|difference| &difference.remedy, "\n"),
    })
}

async fn check_server(connections: &Connections, session: &Session) -> StoreResult<()> {
    let row = session
        .row("SELECT current_setting('server_version_num')::integer AS number, version() AS name", &[])
        .await?;
    let Some((number, name)) = row.map(|row| (row.get::<_, i32>("number"), row.get::<_, String>("name")))
    else {
        return Ok(());
    };
    if number < OLDEST_SERVER {
        return Err(StoreError::Setup {
            problem: format!("{}: {name} is too old", connections.target().location),
            hint: "use PostgreSQL 12 or newer".to_owned(),
        });
    }
    Ok(())
}

/// Pages have characters that only UTF-8 can hold. A database with another encoding refuses them one by one, even in a dead
/// letter. One with `SQL_ASCII` takes any bytes and knows no characters.
async fn check_encoding(connections: &Connections, session: &Session) -> StoreResult<()> {
    let asked =
        "SELECT current_setting('server_encoding') AS stored, current_setting('client_encoding') AS sent";
    let Some(row) = session.row(asked, &[]).await? else { return Ok(()) };
    let (stored, sent): (String, String) = (row.get("stored"), row.get("sent"));
    let DatabaseTarget { location, database, .. } = connections.target();
    if stored != ENCODING {
        return Err(StoreError::Setup {
            problem: format!(
                "{location}: the database's encoding is {stored}, which cannot hold the characters of all pages"
            ),
            hint: format!(
                "use a database with UTF-8: createdb --encoding=UTF8 --template=template0 --locale=C.UTF-8 NEW_NAME; \
                 to keep the rows of this one: pg_dump {database} | psql NEW_NAME"
            ),
        });
    }
    if sent != ENCODING {
        return Err(StoreError::Setup {
            problem: format!("{location}: the session's client_encoding is {sent}, and Dragline sends UTF-8"),
            hint: "something on the way changes it: take client_encoding out of the URL's options and out of the \
                   pooler's configuration"
                .to_owned(),
        });
    }
    Ok(())
}

/// The version of the tables; `None` when there are none.
pub(super) async fn version(session: &Session) -> StoreResult<Option<i32>> {
    if !item_check::exists(session, "crawl_schema").await? {
        return Ok(None);
    }
    let row = session.row("SELECT coalesce(max(version), 0) AS version FROM crawl_schema", &[]).await?;
    Ok(row.map(|row| row.get("version")))
}

fn wrong_version(connections: &Connections, there: i32) -> StoreError {
    let location = &connections.target().location;
    let (problem, hint) = if there > VERSION {
        (
            format!("{location}: the tables are version {there}, and this program knows {VERSION} at most"),
            "use a newer dragline, or another database",
        )
    } else {
        (
            format!("{location}: the tables are version {there}, and this program needs {VERSION}"),
            "run `dragline schema apply`",
        )
    };
    StoreError::Setup { problem, hint: hint.to_owned() }
}

/// Creates Dragline's own tables unless another process was faster. Returns whether it did.
async fn create_own(session: &Session) -> StoreResult<bool> {
    session.run("BEGIN").await?;
    session.rows(LOCK, &[]).await?;
    let missing = version(session).await?.is_none();
    if missing {
        session.run(SCHEMA).await?;
        reach("start: own tables made");
    }
    session.run("COMMIT").await?;
    Ok(missing)
}
