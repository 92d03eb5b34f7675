//! The frontier: new requests in, queued requests out.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use dragline_core::store::{Refill, RefillScope, RunKey};
use dragline_core::{Fingerprint, QueuedRequest, Refilled};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::de::DeserializeOwned;

use super::cancel::Ticket;
use super::fault::Fault;
use super::items::NOW;
use super::pages;
use crate::columns::{FoundRequest, RequestRow, json_text};

pub(super) const COLUMNS: &str =
    "shard, fingerprint, parent, url, method, headers, body, tag, meta, options, priority, depth,
    host, redirects, dont_filter";

/// Inserts the requests that the run does not know yet, and returns their fingerprints.
pub(super) fn insert<'a>(
    connection: &Connection,
    run: &RunKey,
    requests: impl Iterator<Item = FoundRequest<'a>>,
    ticket: Option<&Ticket<'_>>,
) -> Result<Vec<Fingerprint>, Fault> {
    // Of several requests with one fingerprint the first counts. Every store writes them in the order of fingerprints.
    let mut sorted: BTreeMap<Fingerprint, FoundRequest<'_>> = BTreeMap::new();
    for found in requests {
        sorted.entry(found.request.fingerprint).or_insert(found);
    }
    let (columns, values) = if run.follows_links() {
        ("", String::new())
    } else {
        // It looks items up all the same, in what is kept.
        let unless_look_up = |value: &str| format!("iif((?11 -> 'look_up') IS NULL, {value}");
        let (state, reason) = (unless_look_up("'skipped'"), unless_look_up("'not_followed'"));
        let done_at = unless_look_up(NOW);
        (", state, reason, done_at", format!(", {state}, 'queued'), {reason}, NULL), {done_at}, NULL)"))
    };
    let mut insert = connection.prepare_cached(&format!(
        "INSERT INTO crawl_requests (run_id, {COLUMNS}{columns})
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16{values})
         ON CONFLICT (run_id, fingerprint) DO NOTHING"
    ))?;
    let mut new = Vec::new();
    for (fingerprint, found) in sorted {
        ticket.map_or(Ok(()), Ticket::check)?;
        let row = RequestRow::of(found, run.shards);
        let inserted = insert.execute(params![
            run.run_id,
            row.shard,
            row.fingerprint,
            row.parent,
            row.url,
            row.method,
            json_text(&row.headers),
            row.body,
            row.tag,
            json_text(&row.meta),
            json_text(&row.options),
            row.priority,
            row.depth,
            row.host,
            json_text(&row.redirects),
            row.dont_filter
        ])?;
        if inserted == 1 {
            new.push(fingerprint);
        }
    }
    Ok(new)
}

/// Reads queued requests, host by host. Requests in hand are left out here and not in the statement. The read follows the
/// index and stops at the cap, so it skips at most as many rows as are in hand.
pub(super) fn refill(connection: &Connection, run: &RunKey, ask: &Refill) -> Result<Refilled, Fault> {
    let run_id = run.run_id;
    let in_hand: HashSet<Fingerprint> = ask.in_hand.iter().copied().collect();
    let mut reader = FrontierReader { connection, run_id, ask, in_hand, answer: Refilled::default() };
    match &ask.scope {
        RefillScope::Hosts(hosts) => {
            for host in hosts.iter().collect::<BTreeSet<_>>() {
                reader.read_host(host)?;
            }
        }
        RefillScope::After(after) => reader.walk(after.as_deref(), |_| true)?,
        // A run in a file has one process, so nothing asks this of a large frontier.
        RefillScope::Shards { shards, after } => {
            reader.walk(after.as_deref(), |host| shards.contains(&run.shards.shard_of(host)))?;
        }
    }
    let mut answer = reader.answer;
    answer.earlier =
        pages::earlier(connection, run, answer.requests.iter().map(|queued| &queued.fingerprint))?;
    Ok(answer)
}

struct FrontierReader<'a> {
    connection: &'a Connection,
    run_id: i64,
    ask: &'a Refill,
    in_hand: HashSet<Fingerprint>,
    answer: Refilled,
}

impl FrontierReader<'_> {
    /// Reads the hosts after one, as far as they are wanted.
    fn walk(&mut self, after: Option<&str>, is_wanted: impl Fn(&str) -> bool) -> Result<(), Fault> {
        let mut next = self.host_after(after)?;
        while let Some(host) = next {
            if is_wanted(&host) {
                self.read_host(&host)?;
            }
            next = self.host_after(Some(&host))?;
            if self.room() == 0 && next.is_some() {
                self.answer.next_host = Some(host);
                break;
            }
        }
        Ok(())
    }

    /// How many more requests may be given.
    fn room(&self) -> usize {
        self.ask.max_requests.max(1).saturating_sub(self.answer.requests.len())
    }

    /// Takes the allowed number of requests from one host, and notes whether there are more.
    fn read_host(&mut self, host: &str) -> Result<(), Fault> {
        let cap = self.ask.per_host.min(self.room());
        let mut select = self.connection.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM crawl_requests
             WHERE run_id = ?1 AND host = ?2 AND state = 'queued' ORDER BY priority DESC, depth, fingerprint"
        ))?;
        let mut rows = select.query(params![self.run_id, host])?;
        let mut given = 0;
        while let Some(row) = rows.next()? {
            let stored: Vec<u8> = row.get("fingerprint")?;
            if Fingerprint::from_bytes(&stored).is_some_and(|known| self.in_hand.contains(&known)) {
                continue;
            }
            if given == cap {
                self.answer.more_of.push(host.to_owned());
                break;
            }
            self.answer.requests.push(request_of(row)?);
            given += 1;
        }
        Ok(())
    }

    /// The next host with queued requests, in byte order.
    fn host_after(&self, after: Option<&str>) -> Result<Option<String>, Fault> {
        // No host is empty: every one comes after "".
        let mut select = self.connection.prepare_cached(
            "SELECT host FROM crawl_requests
             WHERE run_id = ?1 AND state = 'queued' AND host > ?2 ORDER BY host LIMIT 1",
        )?;
        let host = select.query_row(params![self.run_id, after.unwrap_or_default()], |row| row.get("host"));
        Ok(host.optional()?)
    }
}

pub(super) fn request_of(row: &Row<'_>) -> Result<QueuedRequest, Fault> {
    let row = RequestRow {
        shard: row.get("shard")?,
        fingerprint: row.get("fingerprint")?,
        parent: row.get("parent")?,
        url: row.get("url")?,
        method: row.get("method")?,
        headers: json(row, "headers")?,
        body: row.get("body")?,
        tag: row.get("tag")?,
        meta: json(row, "meta")?,
        options: json(row, "options")?,
        priority: row.get("priority")?,
        depth: row.get("depth")?,
        host: row.get("host")?,
        redirects: json(row, "redirects")?,
        dont_filter: row.get("dont_filter")?,
    };
    row.into_queued().map_err(|problem| Fault::Other(problem.into()))
}

pub(super) fn json<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> Result<T, Fault> {
    let text: String = row.get(column)?;
    let url: String = row.get("url")?;
    serde_json::from_str(&text)
        .map_err(|_| Fault::Other(format!("the request {url:?} has an invalid {column}").into()))
}
