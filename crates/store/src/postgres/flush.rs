//! The flush: one transaction that makes a batch of outcomes durable.
//!
//! The order of its steps keeps concurrent flushes from storing rows twice, and from waiting for each other in a circle:
//!
//! 1. Lock the run's row, shared. A process that was superseded finds another epoch and writes nothing. (A worker of a shared run
//!    locks nothing here.)
//! 2. Lock the batch's pages in the order of fingerprints. Only those that are still `queued` are applied, so a batch can
//!    be repeated safely, even if the answer to its COMMIT was lost.
//! 3. Insert new requests in the order of fingerprints.
//! 4. Write items, table by table, parents before the tables that refer to them, with sorted keys; then dead letters, then
//!    kept bodies in the order of their hashes, then cookies, then what later runs should know about the pages. All processes have the same order of tables.
//! 5. Write the pages' states. This comes last, because an insert of step 3 waits for a flush that is changing the same
//!    request, and a flush in its last step waits for nobody.
//! 6. In a shared run, change the row of the worker (see `fence`). A worker that was declared dead finds it so, and writes nothing.
//! 7. Move the changes of rows to the change feed. The lock of this step lasts until COMMIT is done.

use std::collections::BTreeMap;
use std::time::Instant;

use dragline_core::fingerprint::Fingerprint;
use dragline_core::outcome::clean;
use dragline_core::probe::reach;
use dragline_core::store::{FlushReceipt, RunKey, StoreResult};
use dragline_core::value::json_has_nul;
use dragline_core::{DeadLetter, ItemRecord, ItemType, PageOutcome, PageState, Reason, RunKind, StoreError};
use tokio_postgres::Row;

use super::copy_text::CopyText;
use super::fence::{self, Changed, FirstCheck, not_my_run};
use super::flights::Flight;
use super::item_table::ItemTable;
use super::session::{Params, Session};
use super::{
    ItemTables, PostgresStore, changes, cookies, items, kept_pages, merge, pages, parsed_again, requests,
};
use crate::columns::{FoundRequest, cleaned, shard_of_page};
use crate::key_digest::Origin;

pub(super) const EPOCH: &str = "SELECT 1 FROM crawl_runs WHERE run_id = $1 AND epoch = $2 FOR KEY SHARE";

// A frontier grows faster than its statistics. With old statistics, the planner would read the whole run instead of
// probing its primary key a thousand times. So these statements leave it no choice: a LATERAL subquery with FOR UPDATE or
// OFFSET 0 is never flattened, and runs for each page of the batch in the given order.
// (A distributed Postgres refuses FOR UPDATE and ctid. docs/benchmarks.md, "Two forms of a flush", has the other form.)

const PAGES: &str = "SELECT page.fingerprint, page.state
    FROM unnest($2::smallint[], $3::bytea[]) AS batch (shard, fingerprint) CROSS JOIN LATERAL (
        SELECT fingerprint, state FROM crawl_requests
        WHERE run_id = $1 AND shard = batch.shard AND fingerprint = batch.fingerprint FOR UPDATE
    ) page";

const LETTERS: &str =
    "COPY crawl_dead_letters (run_id, fingerprint, url, item_type, payload, error, sqlstate)
    FROM STDIN";

const STATES: &str = "UPDATE crawl_requests page
    SET state = new.state, attempts = new.attempts, status = new.status, reason = new.reason, error = new.error,
        done_at = now()
    FROM unnest($2::smallint[], $3::bytea[], $4::text[], $5::integer[], $6::integer[], $7::text[], $8::text[])
         AS new (shard, fingerprint, state, attempts, status, reason, error)
    CROSS JOIN LATERAL (
        SELECT ctid AS place FROM crawl_requests
        WHERE run_id = $1 AND shard = new.shard AND fingerprint = new.fingerprint OFFSET 0
    ) locked
    WHERE page.ctid = locked.place";

/// Which of these staging tables the session does not have yet. They are created inside the transaction, so they
/// disappear if it fails.
const MISSING_STAGES: &str =
    "SELECT stage FROM unnest($1::text[]) AS stage WHERE to_regclass('pg_temp.' || stage) IS NULL";

/// Stores `outcomes`.
pub(super) async fn flush(
    store: &PostgresStore,
    run: &RunKey,
    outcomes: &[PageOutcome],
) -> StoreResult<FlushReceipt> {
    if let Some(message) = outcomes.iter().flat_map(|outcome| &outcome.items).find_map(ItemRecord::refusal) {
        return Err(StoreError::Refused { message, sqlstate: None });
    }
    let flight = store.flights.begin();
    let ready = async {
        store.lock.ensure(&store.connections, run).await?;
        store.connections.session("flushing a batch").await
    };
    let session = flight.unless_cancelled(ready).await?;
    flight.cancel_with(session.canceller());
    let tables = store.item_tables();
    let transaction = Transaction {
        session: &session,
        flight: &flight,
        tables: &tables,
        run,
        conflict: Conflict::Replace,
        is_retry: false,
        letters: &[],
    };
    let applied = transaction.apply(outcomes).await;
    settle(session, &flight, applied).await
}

/// Returns the session after a transaction that was committed or refused.
pub(super) async fn settle<T>(
    session: Session,
    flight: &Flight<'_>,
    applied: StoreResult<T>,
) -> StoreResult<T> {
    match applied {
        Ok(receipt) => {
            if !flight.is_cancelled() {
                session.release();
            }
            Ok(receipt)
        }
        Err(error) => {
            // The search for a refused row causes many of these, so the session is kept. After a cancel it is not,
            // because the cancel may still be on its way and would hit the session's next statement.
            if matches!(error, StoreError::Refused { .. })
                && session.run("ROLLBACK").await.is_ok()
                && !flight.is_cancelled()
            {
                session.release();
            }
            Err(flight.explain(error))
        }
    }
}

/// What happens to an existing row with the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Conflict {
    /// It is replaced, because the new item is newer.
    Replace,
    /// It is replaced unless a later run has stored it, because a dead letter may be old.
    KeepNewer,
}

impl Conflict {
    /// The upsert `take` into `table`, with this rule.
    pub(super) fn statement(self, take: &str, table: &str) -> String {
        match self {
            Self::KeepNewer if take.contains("DO UPDATE") => {
                format!("{take} WHERE coalesce({table}.run_id, 0) <= EXCLUDED.run_id")
            }
            _ => take.to_owned(),
        }
    }
}

/// An item, with the page that it was found on.
pub(super) struct ItemOfPage<'a> {
    pub(super) page: &'a PageOutcome,
    pub(super) record: &'a ItemRecord,
    pub(super) origin: Origin,
}

/// One flush, or one retry of dead letters, on its session.
pub(super) struct Transaction<'a> {
    pub(super) session: &'a Session,
    pub(super) flight: &'a Flight<'a>,
    pub(super) tables: &'a ItemTables,
    pub(super) run: &'a RunKey,
    pub(super) conflict: Conflict,
    /// Whether the items are dead letters.
    pub(super) is_retry: bool,
    /// The ids of the dead letters that the items were, one for each; empty for items that are new.
    pub(super) letters: &'a [i64],
}

impl Transaction<'_> {
    async fn apply(&self, outcomes: &[PageOutcome]) -> StoreResult<FlushReceipt> {
        self.flight.check()?;
        let mut states = self.begin(outcomes).await?;
        reach("flush: after pages");
        // Of two outcomes of one page the first counts, in one batch as in two.
        let mut applied: BTreeMap<Fingerprint, &PageOutcome> = BTreeMap::new();
        for outcome in outcomes {
            if states.get(&outcome.fingerprint) == Some(&None) {
                applied.entry(outcome.fingerprint).or_insert(outcome);
            }
        }
        let in_order: Vec<&PageOutcome> = outcomes
            .iter()
            .filter(|outcome| applied.get(&outcome.fingerprint).is_some_and(|it| std::ptr::eq(*it, *outcome)))
            .collect();
        self.flight.check()?;
        let found = FoundRequest::on(&in_order);
        let Self { session, run, .. } = self;
        let new_requests = requests::insert(session, run, found, || self.flight.check()).await?;
        let earlier = pages::earlier(session, run, &new_requests).await?;
        reach("flush: after requests");
        let tables = self.insert_items(&in_order).await?;
        self.flight.check()?;
        self.insert_letters(&in_order).await?;
        let kept = kept_pages::insert(session, run.run_id, &in_order).await?;
        let cookies = in_order.iter().flat_map(|outcome| &outcome.cookies);
        cookies::write(self.session, self.run.run_id, cookies).await?;
        if run.kind == RunKind::Reparse {
            parsed_again::settle_letters(session, run, &in_order).await?;
            parsed_again::write_records(session, run, &in_order).await?;
        } else {
            pages::write(session, run, &in_order).await?;
        }
        reach("flush: after items");
        self.set_states(&applied).await?;
        let items = tables.values().sum();
        let changed = Changed {
            found: new_requests.len() as u64,
            ended: applied.len() as u64,
            done: applied.values().filter(|outcome| outcome.state == PageState::Done).count() as u64,
            items,
            shards: applied.values().map(|outcome| self.shard(outcome)).collect(),
        };
        fence::last_check(session, run, &changed).await?;
        self.flight.check()?;
        self.publish().await?;
        reach("flush: after states");
        let committing = Instant::now();
        self.session.run("COMMIT").await?;
        let commit = committing.elapsed();
        reach("flush: after COMMIT");
        for (fingerprint, outcome) in &applied {
            states.insert(*fingerprint, Some(outcome.state));
        }
        let pages = states.into_iter().filter_map(|(fingerprint, state)| Some((fingerprint, state?)));
        let found = in_order.iter().flat_map(|outcome| &outcome.requests);
        let stored_requests = found.map(|queued| queued.fingerprint).collect();
        Ok(FlushReceipt {
            pages: pages.collect(),
            new_requests,
            earlier,
            stored_requests,
            items,
            tables,
            kept,
            commit,
        })
    }

    /// Steps 1 and 2 in one round trip, and the staging tables that the session still lacks. Returns the state of each
    /// page, `None` for `queued`.
    async fn begin(&self, outcomes: &[PageOutcome]) -> StoreResult<BTreeMap<Fingerprint, Option<PageState>>> {
        let pages: BTreeMap<&Fingerprint, i16> =
            outcomes.iter().map(|outcome| (&outcome.fingerprint, self.shard(outcome))).collect();
        let shards: Vec<i16> = pages.values().copied().collect();
        let fingerprints: Vec<&[u8]> = pages.keys().map(|it| it.as_bytes().as_slice()).collect();
        let stages = self.stages_of(outcomes)?;
        let names: Vec<&str> = stages.keys().copied().collect();
        let names: Params<'_> = &[&names];
        let check = FirstCheck::of(self.run);
        let batch: Params<'_> = &[&self.run.run_id, &shards, &fingerprints];
        let begun = async {
            let owns = self.session.prepare_cached(check.sql()).await?;
            let pages = self.session.prepare_cached(PAGES).await?;
            let missing = self.session.prepare_cached(MISSING_STAGES).await?;
            tokio::try_join!(
                biased;
                self.session.batch_execute(self.tables.begin()),
                self.session.query_opt(&owns, check.values()),
                self.session.query(&pages, batch),
                self.session.query(&missing, names),
            )
        };
        let ((), owned, pages, missing) = self.session.answer(begun).await?;
        if owned.is_none() {
            return Err(not_my_run(self.session, self.run).await);
        }
        self.make_stages(&stages, &missing).await?;
        let states = pages.iter().filter_map(|row| {
            let fingerprint = Fingerprint::from_bytes(row.get("fingerprint"))?;
            Some((fingerprint, PageState::parse(row.get("state"))))
        });
        let states: BTreeMap<_, _> = states.collect();
        match outcomes.iter().find(|outcome| !states.contains_key(&outcome.fingerprint)) {
            Some(lost) => Err(StoreError::page_gone(self.run.run_id, &lost.url)),
            None => Ok(states),
        }
    }

    fn shard(&self, outcome: &PageOutcome) -> i16 {
        shard_of_page(self.run.shards, &outcome.url)
    }

    /// Makes the staging tables for the items of a page, where the session lacks them.
    pub(super) async fn prepare_stages(&self, page: &PageOutcome) -> StoreResult<()> {
        let stages = self.stages_of(std::slice::from_ref(page))?;
        let names: Vec<&str> = stages.keys().copied().collect();
        let missing = self.session.rows(MISSING_STAGES, &[&names]).await?;
        self.make_stages(&stages, &missing).await
    }

    async fn make_stages(&self, stages: &BTreeMap<&str, &str>, missing: &[Row]) -> StoreResult<()> {
        for row in missing {
            if let Some(make) = stages.get(row.get::<_, &str>("stage")) {
                self.session.run(make).await?;
            }
        }
        Ok(())
    }

    /// The staging tables of the batch's rows, each with the statement that creates it. A session has only those that it
    /// has needed, because every COMMIT empties all of them.
    fn stages_of(&self, outcomes: &[PageOutcome]) -> StoreResult<BTreeMap<&str, &str>> {
        let mut stages = self.item_stages(&outcomes.iter().collect::<Vec<_>>())?;
        if outcomes.iter().any(|outcome| !outcome.requests.is_empty()) {
            stages.insert(requests::STAGE, requests::MAKE_STAGE);
        }
        if self.emits_changes() {
            stages.insert(changes::STAGE, changes::MAKE_STAGE);
        }
        Ok(stages)
    }

    /// Those of items.
    pub(super) fn item_stages(&self, outcomes: &[&PageOutcome]) -> StoreResult<BTreeMap<&str, &str>> {
        let mut stages = BTreeMap::new();
        for name in self.scopes(outcomes).keys() {
            if let Some(table) = self.tables.by_name.get(*name) {
                stages.insert(table.stage.as_str(), table.make_stage.as_str());
            }
        }
        for record in outcomes.iter().flat_map(|outcome| &outcome.items) {
            let (stage, make) = match record.item_type.table() {
                Some(name) => {
                    let table = self.table(name, &record.item_type)?;
                    (table.stage.as_str(), table.make_stage.as_str())
                }
                None => (items::STAGE, items::MAKE_STAGE),
            };
            stages.insert(stage, make);
        }
        if self.adds_up() {
            stages.insert(merge::STAGE, merge::MAKE_STAGE);
            // A page may take its share back from a row of which it has no item.
            let adding = self.tables.by_name.values().filter(|table| table.item.adds_up());
            stages.extend(adding.map(|table| (table.stage.as_str(), table.make_stage.as_str())));
        }
        Ok(stages)
    }

    fn table(&self, name: &str, item: &ItemType) -> StoreResult<&ItemTable> {
        self.tables.by_name.get(name).map(|table| &**table).filter(|table| table.item == *item).ok_or_else(
            || StoreError::Setup {
                problem: format!("the table {name} was not prepared for item type {}", item.name()),
                hint: "let the spider name this item type in items()".to_owned(),
            },
        )
    }

    /// Whether an item type of the spider has a change feed. Children are removed even if a page has no items.
    fn emits_changes(&self) -> bool {
        self.tables.by_name.values().any(|table| table.item.emits_changes())
    }

    /// Moves the changes of rows to the change feed. Only COMMIT may follow.
    pub(super) async fn publish(&self) -> StoreResult<()> {
        if self.emits_changes() {
            changes::publish(self.session).await?;
            reach("flush: changes told");
        }
        Ok(())
    }

    async fn insert_letters(&self, outcomes: &[&PageOutcome]) -> StoreResult<()> {
        let mut letters: Vec<(&PageOutcome, &DeadLetter)> = Vec::new();
        for outcome in outcomes {
            letters.extend(outcome.dead_letters.iter().map(|letter| (*outcome, letter)));
        }
        if letters.is_empty() {
            return Ok(());
        }
        let mut left = letters.into_iter();
        let next_row = |row: &mut CopyText| {
            let Some((outcome, letter)) = left.next() else { return false };
            row.plain(self.run.run_id);
            row.bytes(outcome.fingerprint.as_bytes());
            row.text(&outcome.shown_url());
            row.text(&letter.item_type);
            if json_has_nul(&letter.payload) {
                row.json(&cleaned(letter.payload.clone()));
            } else {
                row.json(&letter.payload);
            }
            row.text(&letter.error);
            row.optional(letter.sqlstate.as_deref());
            row.end_row();
            true
        };
        self.session.copy(LETTERS, next_row).await?;
        Ok(())
    }

    async fn set_states(&self, applied: &BTreeMap<Fingerprint, &PageOutcome>) -> StoreResult<()> {
        if applied.is_empty() {
            return Ok(());
        }
        let outcomes = || applied.values();
        let shards: Vec<i16> = outcomes().map(|outcome| self.shard(outcome)).collect();
        let fingerprints: Vec<&[u8]> =
            outcomes().map(|outcome| outcome.fingerprint.as_bytes().as_slice()).collect();
        let states: Vec<&str> = outcomes().map(|outcome| outcome.state.as_str()).collect();
        let attempts: Vec<i32> =
            outcomes().map(|outcome| i32::try_from(outcome.attempts).unwrap_or(i32::MAX)).collect();
        let statuses: Vec<Option<i32>> = outcomes().map(|outcome| outcome.status.map(i32::from)).collect();
        let reasons: Vec<Option<&str>> = outcomes().map(|outcome| outcome.reason.map(Reason::code)).collect();
        let errors: Vec<Option<String>> =
            outcomes().map(|outcome| outcome.error.as_deref().map(clean)).collect();
        self.session
            .change(
                STATES,
                &[&self.run.run_id, &shards, &fingerprints, &states, &attempts, &statuses, &reasons, &errors],
            )
            .await?;
        Ok(())
    }
}
