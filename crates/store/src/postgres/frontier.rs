//! Refills: a part of the frontier, per host and in fetch order, without what is in hand already.
//!
//! The frontier's index is read from the front of each host and no further than asked for, so that a refill
//! costs as much for ten million queued requests as for ten thousand.

use dragline_core::Refilled;
use dragline_core::queued_request::QueuedRequest;
use dragline_core::store::{Refill, RefillScope, RunKey, StoreResult};
use tokio_postgres::Row;

use super::connections::Connections;
use super::requests::{self, COLUMNS};

/// The hosts after `$2`, one probe of the index for each, as there is no index of distinct hosts.
const HOSTS_AFTER: &str = "WITH RECURSIVE walk (host, place) AS (
        (SELECT host, 1::bigint FROM crawl_requests
         WHERE run_id = $1 AND state = 'queued' AND host > $2 ORDER BY host LIMIT 1)
        UNION ALL
        SELECT (SELECT next.host FROM crawl_requests next
                WHERE next.run_id = $1 AND next.state = 'queued' AND next.host > walk.host
                ORDER BY next.host LIMIT 1), place + 1
        FROM walk WHERE walk.host IS NOT NULL AND place < $6
    ), hosts AS (SELECT host FROM walk WHERE host IS NOT NULL)";

/// The hosts asked for; `$6` is there for the other kind.
const HOSTS_NAMED: &str =
    "WITH hosts AS (SELECT host FROM unnest($2::text[]) AS named (host) WHERE $6::bigint IS NOT NULL)";

/// Reads what is asked for.
pub(super) async fn refill(connections: &Connections, run: &RunKey, ask: &Refill) -> StoreResult<Refilled> {
    let in_hand: Vec<&[u8]> = ask.in_hand.iter().map(|it| it.as_bytes().as_slice()).collect();
    // One more than asked for, per host and in all: that is how "there is more" is known.
    let (per_host, in_all) = (more_than(ask.per_host), more_than(ask.max_requests));
    let session = connections.session("reading the frontier").await?;
    let rows = match &ask.scope {
        RefillScope::Hosts(hosts) => {
            let sql = statement(HOSTS_NAMED);
            session.rows(&sql, &[&run.run_id, hosts, &in_hand, &per_host, &in_all, &in_all]).await?
        }
        RefillScope::After(host) => {
            let sql = statement(HOSTS_AFTER);
            let after = host.as_deref().unwrap_or_default();
            session.rows(&sql, &[&run.run_id, &after, &in_hand, &per_host, &in_all, &in_all]).await?
        }
    };
    session.release();
    sort_out(&rows, ask).map_err(|problem| connections.target().broken("reading the frontier", problem))
}

/// `$3` in hand, `$4` per host, `$5` in all. LATERAL can only be a loop over the hosts in their order, so
/// LIMIT ends it early. A host with nothing to give has a row of its own, to tell how far the hosts were read.
fn statement(hosts: &str) -> String {
    format!(
        "{hosts}
         SELECT hosts.host, {COLUMNS} FROM hosts LEFT JOIN LATERAL (
             SELECT * FROM crawl_requests queued
             WHERE queued.run_id = $1 AND queued.state = 'queued' AND queued.host = hosts.host
             AND queued.fingerprint <> ALL ($3)
             ORDER BY queued.priority DESC, queued.depth, queued.fingerprint LIMIT $4
         ) r ON true LIMIT $5"
    )
}

fn more_than(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX - 1) + 1
}

fn sort_out(rows: &[Row], ask: &Refill) -> Result<Refilled, String> {
    let mut sorted = Sorted::default();
    for row in rows {
        let host: &str = row.get(0);
        let request =
            if row.get::<_, Option<&[u8]>>(1).is_some() { Some(requests::read(row, 1)?) } else { None };
        sorted.add(host, request, ask);
    }
    Ok(sorted.finish(rows.len(), ask))
}

#[derive(Default)]
struct Sorted {
    refilled: Refilled,
    /// The host whose rows are being read, and how many of them were taken.
    host: Option<(String, usize)>,
    seen: Vec<String>,
}

impl Sorted {
    fn add(&mut self, host: &str, request: Option<QueuedRequest>, ask: &Refill) {
        if self.host.as_ref().is_none_or(|(current, _)| current != host) {
            self.host = Some((host.to_owned(), 0));
            self.seen.push(host.to_owned());
        }
        let Some(request) = request else { return };
        let taken = self.host.as_mut().map(|(_, taken)| taken);
        match taken {
            Some(taken) if *taken < ask.per_host && self.refilled.requests.len() < ask.max_requests => {
                *taken += 1;
                self.refilled.requests.push(request);
            }
            _ => {
                if self.refilled.more_of.last().is_none_or(|last| last != host) {
                    self.refilled.more_of.push(host.to_owned());
                }
            }
        }
    }

    fn finish(mut self, rows: usize, ask: &Refill) -> Refilled {
        // All rows that could come came: there may be others behind them.
        let cut = rows > ask.max_requests;
        match &ask.scope {
            RefillScope::Hosts(hosts) if cut => {
                for host in hosts {
                    let unread = !self.seen.contains(host) || self.seen.last() == Some(host);
                    if unread && !self.refilled.more_of.contains(host) {
                        self.refilled.more_of.push(host.clone());
                    }
                }
            }
            RefillScope::After(_) if cut => {
                let last = self.seen.last().cloned();
                if let Some(host) = last.as_ref().filter(|host| !self.refilled.more_of.contains(host)) {
                    self.refilled.more_of.push(host.clone());
                }
                self.refilled.next_host = last;
            }
            _ => {}
        }
        self.refilled
    }
}
