//! The flush: one transaction, five steps, in this order.
//!
//! The order is the same in every store (see the crate's documentation). With only one writer at a time, some of
//! the reasons do not apply here. But two stores that do the same in the same order are easier to understand.

use std::collections::BTreeMap;
use std::time::Instant;

use dragline_core::outcome::{PageState, clean};
use dragline_core::probe::reach;
use dragline_core::store::{FlushReceipt, RunKey};
use dragline_core::{Fingerprint, ItemRecord, PageOutcome, Reason, RunKind, StoreError};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::cancel::Ticket;
use super::fault::Fault;
use super::items::{self, Conflict, NOW};
use super::known_tables::KnownTables;
use super::{cookies, frontier, kept_pages, missing_parent, pages, parsed_again, runs};
use crate::columns::FoundRequest;

/// Applies all outcomes or none.
pub(super) fn flush(
    connection: &mut Connection,
    run: &RunKey,
    outcomes: &[PageOutcome],
    known: &KnownTables,
    ticket: &Ticket<'_>,
) -> Result<FlushReceipt, Fault> {
    // The flush may have waited for the connection.
    ticket.check()?;
    let refusal = outcomes.iter().flat_map(|outcome| &outcome.items).find_map(ItemRecord::refusal);
    if let Some(message) = refusal {
        return Err(StoreError::Refused { message, sqlstate: None }.into());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    runs::check_epoch(&transaction, run)?;
    reach("flush: after epoch");
    let BatchPages { applied, states } = queued_pages(&transaction, run, outcomes, ticket)?;
    reach("flush: after pages");
    let found = FoundRequest::on(&applied);
    let new_requests = frontier::insert(&transaction, run, found, Some(ticket))?;
    let earlier = pages::earlier(&transaction, run, &new_requests)?;
    reach("flush: after requests");
    let tables = items::write(&transaction, run, &applied, Conflict::Replace, None, known, ticket)?;
    insert_dead_letters(&transaction, run, &applied, ticket)?;
    let kept = kept_pages::insert(&transaction, run.run_id, &applied)?;
    cookies::write(&transaction, run.run_id, applied.iter().flat_map(|outcome| &outcome.cookies))?;
    if run.kind == RunKind::Reparse {
        parsed_again::settle_letters(&transaction, &applied)?;
        parsed_again::write_records(&transaction, run, &applied)?;
    } else {
        self::pages::write(&transaction, run, &applied, ticket)?;
    }
    reach("flush: after items");
    end_pages(&transaction, run, &applied, ticket)?;
    ticket.check()?;
    reach("flush: after states");
    let committing = Instant::now();
    missing_parent::commit(&transaction, applied.iter().flat_map(|page| &page.items))?;
    let commit = committing.elapsed();
    reach("flush: after COMMIT");
    let requests = applied.iter().flat_map(|outcome| &outcome.requests);
    let stored_requests = requests.map(|queued| queued.fingerprint).collect();
    let (pages, items) = (states.into_iter().collect(), tables.values().sum());
    Ok(FlushReceipt { pages, new_requests, earlier, stored_requests, items, tables, kept, commit })
}

/// The pages of a batch.
#[derive(Default)]
struct BatchPages<'a> {
    /// The outcomes of those that are still queued.
    applied: Vec<&'a PageOutcome>,
    /// The state that each page will be in.
    states: BTreeMap<Fingerprint, PageState>,
}

/// Finds the pages that are still queued. If a page has two outcomes, the first one counts.
fn queued_pages<'a>(
    connection: &Connection,
    run: &RunKey,
    outcomes: &'a [PageOutcome],
    ticket: &Ticket<'_>,
) -> Result<BatchPages<'a>, Fault> {
    let mut select = connection
        .prepare_cached("SELECT state FROM crawl_requests WHERE run_id = ?1 AND fingerprint = ?2")?;
    let mut pages = BatchPages::default();
    for outcome in outcomes {
        ticket.check()?;
        if pages.states.contains_key(&outcome.fingerprint) {
            continue;
        }
        let row =
            select.query_row(params![run.run_id, outcome.fingerprint.as_bytes()], |row| row.get("state"));
        let Some(stored): Option<String> = row.optional()? else {
            return Err(StoreError::page_gone(run.run_id, &outcome.url).into());
        };
        if let Some(state) = PageState::parse(&stored) {
            pages.states.insert(outcome.fingerprint, state);
        } else {
            pages.states.insert(outcome.fingerprint, outcome.state);
            pages.applied.push(outcome);
        }
    }
    Ok(pages)
}

fn insert_dead_letters(
    connection: &Connection,
    run: &RunKey,
    pages: &[&PageOutcome],
    ticket: &Ticket<'_>,
) -> Result<(), Fault> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO crawl_dead_letters (run_id, fingerprint, url, item_type, payload, error, sqlstate)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    for page in pages {
        ticket.check()?;
        for letter in &page.dead_letters {
            insert.execute(params![
                run.run_id,
                page.fingerprint.as_bytes(),
                page.shown_url(),
                letter.item_type,
                letter.payload.to_string(),
                letter.error,
                letter.sqlstate
            ])?;
        }
    }
    Ok(())
}

fn end_pages(
    connection: &Connection,
    run: &RunKey,
    pages: &[&PageOutcome],
    ticket: &Ticket<'_>,
) -> Result<(), Fault> {
    let mut update = connection.prepare_cached(&format!(
        "UPDATE crawl_requests SET state = ?3, status = ?4, attempts = ?5, reason = ?6, error = ?7, done_at = {NOW}
         WHERE run_id = ?1 AND fingerprint = ?2"
    ))?;
    for page in pages {
        ticket.check()?;
        update.execute(params![
            run.run_id,
            page.fingerprint.as_bytes(),
            page.state.as_str(),
            page.status,
            page.attempts,
            page.reason.map(Reason::code),
            page.error.as_deref().map(clean)
        ])?;
    }
    Ok(())
}
