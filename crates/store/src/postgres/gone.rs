//! Counts and finds rows that are gone, and removes or marks them.
//!
//! Another crawl may write a row at the moment of its removal. So the rows are locked first, in the order of keys as in a flush.
//! The next statement sees what was committed before the lock, and leaves out rows that a run has seen meanwhile.

use std::time::{Duration, Instant};

use dragline_core::gone::{GoneAction, GoneAsk, GoneCounts, RowPlace};
use dragline_core::item_extras::GONE_AT;
use dragline_core::probe::reach;
use dragline_core::store::StoreResult;
use dragline_core::{ItemType, StoreError};
use tokio_postgres::Row;

use super::connections::Connections;
use super::runs::count as number;
use super::seen::digest_of_key;
use super::session::{Params, Session};
use super::{changes, foreign_keys, history, item_check, items, merge};
use crate::identifier::{check_names, quoted, quoted_list, quoted_path};

/// Reads as of one moment.
const BEGIN_READING: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// The pages that had these items. An incremental run would otherwise find them unchanged, and not bring the rows back.
const PAGES: &str = "WITH of_page AS (
        SELECT DISTINCT fingerprint FROM crawl_page_items
        WHERE spider = $1 AND item_type = $2 AND key_digest = ANY ($3::bytea[])
    ), locked AS MATERIALIZED (
        SELECT page.ctid AS place FROM crawl_pages page JOIN of_page USING (fingerprint)
        WHERE page.spider = $1 ORDER BY page.fingerprint FOR UPDATE OF page
    )
    DELETE FROM crawl_pages WHERE ctid IN (SELECT place FROM locked)";

const PAGE_ITEMS: &str = "DELETE FROM crawl_page_items
    WHERE spider = $1 AND item_type = $2 AND key_digest = ANY ($3::bytea[])";

/// The types with a key, those that refer to others first.
pub(super) async fn children_first(
    connections: &Connections,
    items: &[ItemType],
) -> StoreResult<Vec<ItemType>> {
    let session = connections.session("reading the foreign keys").await?;
    let names: Vec<&str> = items.iter().filter_map(ItemType::table).collect();
    let order = foreign_keys::order(&session, &names).await?;
    session.release();
    let mut keyed: Vec<ItemType> = items.iter().filter(|item| item.is_keyed()).cloned().collect();
    keyed.sort_by(|one, other| {
        let rank = |item: &ItemType| order.rank(item.table().unwrap_or(items::TABLE)).0;
        rank(other).cmp(&rank(one))
    });
    Ok(keyed)
}

/// Counts rows.
pub(super) async fn count(
    connections: &Connections,
    ask: &GoneAsk,
    item: &ItemType,
    limit: Duration,
) -> StoreResult<GoneCounts> {
    let until = Instant::now() + limit;
    let Some((rows, session)) = begin(connections, item, ask.action, "counting rows that are gone").await?
    else {
        return Ok(GoneCounts::default());
    };
    let sql = format!(
        "SELECT (
             SELECT count(*) FROM {all} JOIN crawl_runs run ON run.run_id = old.\"#by\"
             WHERE run.spider = $1 AND run.name = $2
         ) AS rows, (SELECT count(*) FROM {all} WHERE {gone}) AS gone",
        all = rows.all(""),
        gone = rows.are_gone,
    );
    let counts = session.rows_until(until, &sql, &[&ask.spider, &ask.name, &ask.since]).await?;
    session.run("COMMIT").await?;
    session.release();
    Ok(counts.first().map_or_else(GoneCounts::default, |row| GoneCounts {
        rows: number(row, "rows"),
        gone: number(row, "gone"),
    }))
}

/// Finds rows.
pub(super) async fn find(
    connections: &Connections,
    ask: &GoneAsk,
    item: &ItemType,
    max: usize,
    limit: Duration,
) -> StoreResult<Vec<RowPlace>> {
    let until = Instant::now() + limit;
    let Some((rows, session)) =
        begin(connections, item, ask.action, "looking for rows that are gone").await?
    else {
        return Ok(Vec::new());
    };
    let sql = format!("SELECT {PLACE} FROM {} WHERE {} LIMIT $4", rows.all(""), rows.are_gone);
    let max = i64::try_from(max).unwrap_or(i64::MAX);
    let found = session.rows_until(until, &sql, &[&ask.spider, &ask.name, &ask.since, &max]).await?;
    session.run("COMMIT").await?;
    session.release();
    Ok(found.iter().filter_map(place).collect())
}

/// The keys of rows, for people.
pub(super) async fn keys(
    connections: &Connections,
    item: &ItemType,
    places: &[RowPlace],
) -> StoreResult<Vec<String>> {
    let Some((rows, session)) = begin(connections, item, GoneAction::Remove, "reading keys").await? else {
        return Ok(Vec::new());
    };
    let key = match item.table() {
        Some(_) => {
            let parts: Vec<String> = item
                .key()
                .iter()
                .map(|name| format!("'{name}=' || to_json({})::text", quoted(name)))
                .collect();
            parts.join(" || ' ' || ")
        }
        None => "item_key".to_owned(),
    };
    let sql = format!("SELECT {key} AS key FROM {} WHERE {} ORDER BY 1", rows.table, at("", 1));
    let Places { ctids, names } = Places::of(places);
    let found = session.rows(&sql, &[&ctids, &names]).await?;
    session.run("COMMIT").await?;
    session.release();
    Ok(found.iter().map(|row| row.get("key")).collect())
}

/// Removes or marks rows.
pub(super) async fn end(
    connections: &Connections,
    ask: &GoneAsk,
    item: &ItemType,
    places: &[RowPlace],
) -> StoreResult<u64> {
    check_names(item)?;
    let Some(rows) = Rows::of(item, ask.action) else { return Ok(0) };
    let session = connections.session("removing or marking rows that are gone").await?;
    match end_in(&session, ask, item, &rows, places).await {
        Ok(ended) => {
            session.release();
            Ok(ended)
        }
        Err(error) => {
            // There may be many of these, so the session is kept.
            if matches!(error, StoreError::Refused { .. }) && session.run("ROLLBACK").await.is_ok() {
                session.release();
            }
            Err(error)
        }
    }
}

async fn end_in(
    session: &Session,
    ask: &GoneAsk,
    item: &ItemType,
    rows: &Rows,
    places: &[RowPlace],
) -> StoreResult<u64> {
    session.run("BEGIN").await?;
    if item.emits_changes() {
        changes::prepare(session).await?;
    }
    let Places { ctids, names } = Places::of(places);
    let asked: Params<'_> = &[&ask.spider, &ask.name, &ask.since, &ctids, &names];
    let still = |end: &str| {
        format!(
            "SELECT {PLACE}, old.\"#digest\" AS digest FROM {} WHERE {}{end}",
            rows.all(&format!(" AND {}", at("", 4))),
            rows.are_gone
        )
    };
    session.rows(&still(&format!(" ORDER BY {} FOR UPDATE OF old", rows.order)), asked).await?;
    let still = session.rows(&still(""), asked).await?;
    let still = still.iter().filter_map(|row| Some((row.get("digest"), place(row)?)));
    let (digests, still) = still.unzip::<&[u8], RowPlace, Vec<_>, Vec<_>>();
    if still.is_empty() {
        session.run("COMMIT").await?;
        return Ok(0);
    }
    let Places { ctids, names } = Places::of(&still);
    let sql = end_statement(item, rows, ask.action);
    let ended = session.row(&sql, &[&ask.run_id, &ask.spider, &ctids, &names]).await?;
    let ended = ended.map_or(0, |row| number(&row, "rows"));
    let (spider, name) = (&ask.spider, item.name());
    session.change(PAGES, &[spider, &name, &digests]).await?;
    if ask.action == GoneAction::Remove {
        session.change(PAGE_ITEMS, &[spider, &name, &digests]).await?;
        if let Some(table) = item.table().filter(|_| item.adds_up()) {
            session.change(merge::REMOVE, &[&table, &digests]).await?;
        }
    }
    if item.emits_changes() {
        changes::publish(session).await?;
    }
    reach("gone: before COMMIT");
    session.run("COMMIT").await?;
    Ok(ended)
}

/// The statement that removes or marks rows, keeps last versions, and notes changes. Parameters: the run, its spider, and two for the
/// rows.
fn end_statement(item: &ItemType, rows: &Rows, action: GoneAction) -> String {
    let of_rows = at("old.", 3);
    let columns = match item.table() {
        Some(_) => quoted_list(item.columns().iter().map(|column| column.name.as_str())),
        None => "item_key".to_owned(),
    };
    let end = match action {
        GoneAction::Remove => format!("DELETE FROM {} old", rows.table),
        GoneAction::Mark => format!("UPDATE {} old SET {GONE_AT} = now()", rows.table),
    };
    let kept = history::keep_removed(item).filter(|_| action == GoneAction::Remove);
    let noted =
        if item.emits_changes() { changes::note(item, "gone", "'gone'", "NULL::text[]") } else { None };
    let kept = kept.map(|sql| format!(", kept AS ({sql})")).unwrap_or_default();
    let noted = noted.map(|sql| format!(", noted AS ({sql})")).unwrap_or_default();
    // Not every statement needs the first two parameters, and the server wants to know their types.
    format!(
        "WITH gone AS ({end} WHERE {of_rows} RETURNING {columns}){kept}{noted}
         SELECT count(*) AS rows FROM gone WHERE $1::bigint IS NOT NULL AND $2::text IS NOT NULL"
    )
}

/// The columns that [`place`] reads.
const PLACE: &str = "old.\"#part\"::bigint AS part, (old.\"#place\"::text::point)[0]::bigint AS page, (old.\"#place\"::text::point)[1]::bigint AS line";

/// A place has 16 bits for the line in a page of the table.
const LINE_BITS: u32 = 16;

fn place(row: &Row) -> Option<RowPlace> {
    let (page, line) = (number(row, "page"), number(row, "line"));
    Some(RowPlace { part: u32::try_from(row.get::<_, i64>("part")).ok()?, place: page << LINE_BITS | line })
}

/// Places as a statement takes them. A row is found quickly by its place in a part of the table, and exactly by part and place.
struct Places {
    ctids: Vec<String>,
    names: Vec<String>,
}

impl Places {
    fn of(places: &[RowPlace]) -> Self {
        let ctid = |at: &RowPlace| format!("({},{})", at.place >> LINE_BITS, at.place & 0xffff);
        Self {
            ctids: places.iter().map(ctid).collect(),
            names: places.iter().map(|at| format!("{}{}", at.part, ctid(at))).collect(),
        }
    }
}

/// The condition for rows at [`Places`], which are this parameter and the next one.
fn at(row: &str, first: usize) -> String {
    let second = first + 1;
    format!(
        "{row}ctid = ANY (${first}::text[]::tid[]) AND {row}tableoid::text || {row}ctid::text = ANY (${second}::text[])"
    )
}

/// The rows of an item type. The parameters of a statement are the spider, the name of the runs, and the run since which rows
/// are gone.
struct Rows {
    table: String,
    /// More columns of a row.
    columns: String,
    only: String,
    /// The order in which rows are locked.
    order: String,
    /// The condition for `old`.
    are_gone: String,
}

impl Rows {
    /// `None` for a type without a key.
    fn of(item: &ItemType, action: GoneAction) -> Option<Self> {
        let name = item.name().replace('\'', "''");
        let seen = format!(
            "SELECT max(visit.run_id) FROM crawl_page_items of_page JOIN crawl_page_visits visit USING (spider, fingerprint)
             WHERE of_page.spider = $1 AND of_page.item_type = '{name}' AND of_page.key_digest = old.\"#digest\""
        );
        // If a page lost an item in an incremental run, nobody has noted when it was seen last. It was before that run.
        let are_gone = format!(
            "old.\"#by\" < $3 AND NOT EXISTS (
                 SELECT FROM crawl_item_keys known
                 WHERE known.spider = $1 AND known.item_type = '{name}' AND known.key_digest = old.\"#digest\"
                 AND known.left_by > $3
             ) AND (
                 SELECT run.spider = $1 AND run.name = $2 AND run.run_id < $3 FROM crawl_runs run
                 WHERE run.run_id = greatest(old.\"#by\", ({seen}))
             )"
        );
        let of_row = |digest: &str| {
            format!(
                "tableoid AS \"#part\", ctid AS \"#place\", run_id::bigint AS \"#by\", {digest} AS \"#digest\""
            )
        };
        Some(match item.table() {
            Some(table) => Self {
                table: quoted_path(table),
                columns: format!("{}, {}", of_row(&digest_of_key(item)?), quoted_list(item.key())),
                only: match action {
                    GoneAction::Remove => "true".to_owned(),
                    GoneAction::Mark => format!("{GONE_AT} IS NULL"),
                },
                order: item
                    .key()
                    .iter()
                    .map(|name| format!("old.{}", quoted(name)))
                    .collect::<Vec<_>>()
                    .join(", "),
                are_gone,
            },
            None if item.is_keyed() => Self {
                table: items::TABLE.to_owned(),
                columns: of_row("key_digest"),
                only: format!("spider = $1 AND item_type = '{name}' AND item_key IS NOT NULL"),
                order: "old.\"#digest\"".to_owned(),
                are_gone,
            },
            None => return None,
        })
    }

    /// All of them that meet a condition, as `old`.
    fn all(&self, condition: &str) -> String {
        let Self { table, columns, only, .. } = self;
        format!("(SELECT {columns} FROM {table} WHERE {only}{condition}) old")
    }
}

/// A session that reads rows of a type. `None` for a type without a key, and if its table is missing.
async fn begin(
    connections: &Connections,
    item: &ItemType,
    action: GoneAction,
    what: &'static str,
) -> StoreResult<Option<(Rows, Session)>> {
    check_names(item)?;
    let Some(rows) = Rows::of(item, action) else { return Ok(None) };
    let session = connections.session(what).await?;
    if let Some(table) = item.table()
        && !item_check::exists(&session, table).await?
    {
        session.release();
        return Ok(None);
    }
    session.run(BEGIN_READING).await?;
    Ok(Some((rows, session)))
}
