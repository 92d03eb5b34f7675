//! Refills: a part of the frontier, per host and in fetch order, without the requests that the engine holds already.
//!
//! A refill reads only the front of each host in the frontier's index. So it costs the same for ten million queued requests as
//! for ten thousand. Hosts are read in the order of that index: by shard, then by name.

use dragline_core::Refilled;
use dragline_core::queued_request::QueuedRequest;
use dragline_core::store::{Refill, RefillScope, RunKey, StoreResult};
use tokio_postgres::Row;

use super::connections::Connections;
use super::pages;
use super::requests::{self, COLUMNS};
use super::session::Params;

/// The hosts after shard `$7` and host `$2`. Each host costs one probe of the
/// frontier's index, because no index lists distinct hosts.
const HOSTS_AFTER: &str = "WITH RECURSIVE walk (shard, host, place) AS (
        (SELECT shard, host, 1::bigint FROM crawl_requests
         WHERE run_id = $1 AND state = 'queued' AND (shard, host) > ($7::smallint, $2::text)
         ORDER BY shard, host LIMIT 1)
        UNION ALL
        SELECT next.shard, next.host, place + 1 FROM walk CROSS JOIN LATERAL (
            SELECT shard, host FROM crawl_requests
            WHERE run_id = $1 AND state = 'queued' AND (shard, host) > (walk.shard, walk.host)
            ORDER BY shard, host LIMIT 1
        ) next
        WHERE place < $6
    ), hosts AS (SELECT shard, host FROM walk)";

/// The hosts of the shards `$7`, in this order, each walked on its own; those of shard `$8` begin after host `$2`. No host is empty.
const HOSTS_OF_SHARDS: &str = "WITH hosts AS (
        SELECT own.shard, walked.host FROM unnest($7::smallint[]) AS own (shard) CROSS JOIN LATERAL (
            WITH RECURSIVE walk (host, place) AS (
                (SELECT host, 1::bigint FROM crawl_requests
                 WHERE run_id = $1 AND state = 'queued' AND shard = own.shard
                 AND host > CASE WHEN own.shard = $8::smallint THEN $2::text ELSE '' END
                 ORDER BY host LIMIT 1)
                UNION ALL
                SELECT next.host, place + 1 FROM walk CROSS JOIN LATERAL (
                    SELECT host FROM crawl_requests
                    WHERE run_id = $1 AND state = 'queued' AND shard = own.shard AND host > walk.host
                    ORDER BY host LIMIT 1
                ) next
                WHERE place < $6
            ) SELECT host FROM walk
        ) walked
    )";

/// The requested hosts. `$6` belongs to the other statement.
const HOSTS_NAMED: &str = "WITH hosts AS (
        SELECT shard, host FROM unnest($7::smallint[], $2::text[]) AS named (shard, host) WHERE $6::bigint IS NOT NULL
    )";

/// Reads the requested part.
pub(super) async fn refill(connections: &Connections, run: &RunKey, ask: &Refill) -> StoreResult<Refilled> {
    let in_hand: Vec<&[u8]> = ask.in_hand.iter().map(|it| it.as_bytes().as_slice()).collect();
    // Read one more than requested, per host and in all, to find out whether there is more.
    let (per_host, in_all) = (more_than(ask.per_host), more_than(ask.max_requests));
    let session = connections.session("reading the frontier").await?;
    let rows = match &ask.scope {
        RefillScope::Hosts(hosts) => {
            let shards: Vec<i16> = hosts.iter().map(|host| run.shards.shard_of(host)).collect();
            let sql = statement(HOSTS_NAMED);
            session.rows(&sql, &[&run.run_id, hosts, &in_hand, &per_host, &in_all, &in_all, &shards]).await?
        }
        RefillScope::After(host) => {
            let shard = host.as_ref().map_or(BEFORE_ALL_SHARDS, |host| run.shards.shard_of(host));
            let after = host.as_deref().unwrap_or_default();
            let sql = statement(HOSTS_AFTER);
            session.rows(&sql, &[&run.run_id, &after, &in_hand, &per_host, &in_all, &in_all, &shard]).await?
        }
        RefillScope::Shards { shards, after: host } => {
            let begin = host.as_ref().map_or(BEFORE_ALL_SHARDS, |host| run.shards.shard_of(host));
            let left: Vec<i16> = shards.iter().copied().filter(|shard| *shard >= begin).collect();
            let after = host.as_deref().unwrap_or_default();
            let sql = statement(HOSTS_OF_SHARDS);
            let params: Params<'_> =
                &[&run.run_id, &after, &in_hand, &per_host, &in_all, &in_all, &left, &begin];
            session.rows(&sql, params).await?
        }
    };
    let broken = |problem: String| connections.target().broken("reading the frontier", problem);
    let mut refilled = sort_out(&rows, ask).map_err(broken)?;
    let requests = refilled.requests.iter().map(|queued| &queued.fingerprint);
    refilled.earlier = pages::earlier(&session, run, requests).await?;
    session.release();
    Ok(refilled)
}

const BEFORE_ALL_SHARDS: i16 = -1;

/// `$3` in hand, `$4` per host, `$5` in all. LATERAL can only be a loop over the hosts in their order, so LIMIT ends it early.
/// A host without requests still gives a row, which shows how far the hosts were read.
fn statement(hosts: &str) -> String {
    format!(
        "{hosts}
         SELECT hosts.host AS of_host, {COLUMNS} FROM hosts LEFT JOIN LATERAL (
             SELECT * FROM crawl_requests queued
             WHERE queued.run_id = $1 AND queued.state = 'queued' AND queued.shard = hosts.shard
             AND queued.host = hosts.host AND queued.fingerprint <> ALL ($3)
             ORDER BY queued.priority DESC, queued.depth, queued.fingerprint LIMIT $4
         ) r ON true LIMIT $5"
    )
}

fn more_than(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX - 1) + 1
}

fn sort_out(rows: &[Row], ask: &Refill) -> Result<Refilled, String> {
    let mut sorted = RefillSorter::default();
    for row in rows {
        let host: &str = row.get("of_host");
        let is_request = row.get::<_, Option<&[u8]>>("fingerprint").is_some();
        let request = if is_request { Some(requests::read(row)?) } else { None };
        sorted.add(host, request, ask);
    }
    Ok(sorted.finish(rows.len(), ask))
}

#[derive(Default)]
struct RefillSorter {
    refilled: Refilled,
    /// The host whose rows are being read, and how many of them were taken.
    host: Option<(String, usize)>,
    seen: Vec<String>,
}

impl RefillSorter {
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
        // The statement reached its limit, so there may be more rows.
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
            RefillScope::After(_) | RefillScope::Shards { .. } if cut => {
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
