//! The pages that a process has in hand after an unclean end, and those that may have ended one; see
//! `dragline_core::suspects`.

use dragline_core::StoreError;
use dragline_core::outcome::clean;
use dragline_core::store::{RunKey, StoreResult};
use dragline_core::suspects::{CarefulStart, MAX_SUSPECTS, PageMarks, Suspect};

use super::connections::Connections;
use super::requests::{self, COLUMNS};
use super::session::Session;
use crate::fruitless::LastProcess;

/// This is one statement and therefore one transaction, so only the owner of the run writes. The process lives, so it is a heartbeat
/// too. A page is never taken up and put down at once.
const MARK: &str = "WITH run AS MATERIALIZED (
        UPDATE crawl_runs SET heartbeat_at = now() WHERE run_id = $1 AND epoch = $2 RETURNING 1
    ), put_down AS (
        DELETE FROM crawl_suspects WHERE run_id = $1 AND deaths = 0 AND ($7 OR fingerprint = ANY ($6::bytea[]))
        AND EXISTS (SELECT FROM run)
    ), kept AS (
        UPDATE crawl_suspects SET marked_by = NULL
        WHERE run_id = $1 AND deaths > 0 AND ($7 OR fingerprint = ANY ($6::bytea[])) AND EXISTS (SELECT FROM run)
    ), taken_up AS (
        INSERT INTO crawl_suspects (run_id, shard, fingerprint, url, marked_by)
        SELECT $1, new.shard, new.fingerprint, new.url, $2
        FROM run, unnest($3::smallint[], $4::bytea[], $5::text[]) AS new (shard, fingerprint, url)
        ON CONFLICT (run_id, fingerprint) DO UPDATE SET marked_by = EXCLUDED.marked_by
    )
    SELECT 1 FROM run";

/// A page that has left the queue has ended nothing.
const FORGET_ENDED: &str = "DELETE FROM crawl_suspects suspect WHERE run_id = $1 AND NOT EXISTS (
        SELECT FROM crawl_requests page WHERE page.run_id = suspect.run_id AND page.shard = suspect.shard
        AND page.fingerprint = suspect.fingerprint AND page.state = 'queued')";

const MARKED: &str = "SELECT count(*) AS pages FROM crawl_suspects WHERE run_id = $1 AND marked_by = $2";

const ADD_DEATH: &str = "UPDATE crawl_suspects SET deaths = deaths + 1 WHERE run_id = $1 AND marked_by = $2";

const FORGET_INNOCENT: &str = "DELETE FROM crawl_suspects WHERE run_id = $1 AND deaths = 0";

/// Writes marks.
pub(super) async fn mark(connections: &Connections, run: &RunKey, marks: &PageMarks) -> StoreResult<()> {
    let session = connections.session("marking pages").await?;
    let pages = &marks.taken_up;
    let shards: Vec<i16> = pages.iter().map(|page| run.shards.shard_of(&page.host)).collect();
    let fingerprints: Vec<&[u8]> = pages.iter().map(|page| page.fingerprint.as_bytes().as_slice()).collect();
    let urls: Vec<String> = pages.iter().map(|page| clean(&page.url)).collect();
    let put_down: Vec<&[u8]> = marks.put_down.iter().map(|page| page.as_bytes().as_slice()).collect();
    let owned = session
        .row(MARK, &[&run.run_id, &run.epoch, &shards, &fingerprints, &urls, &put_down, &marks.is_last])
        .await?;
    session.release();
    match owned {
        Some(_) => Ok(()),
        None => Err(StoreError::Superseded { run_id: run.run_id, epoch: run.epoch }),
    }
}

/// The pages that the next start has to be careful with. This also decides whether the end of the last process counts as a death of a page.
pub(super) async fn take_up(
    connections: &Connections,
    session: &Session,
    run_id: i64,
    last: &LastProcess,
) -> StoreResult<(Option<CarefulStart>, bool)> {
    session.change(FORGET_ENDED, &[&run_id]).await?;
    let mut is_death = false;
    if last.was_killed {
        let marked = session.row(MARKED, &[&run_id, &last.epoch]).await?;
        is_death = marked.is_some_and(|row| row.get::<_, i64>("pages") == 1);
        if is_death {
            session.change(ADD_DEATH, &[&run_id, &last.epoch]).await?;
        }
    } else {
        session.change(FORGET_INNOCENT, &[&run_id]).await?;
    }
    let sql = format!(
        "SELECT suspect.deaths, {COLUMNS} FROM crawl_suspects suspect
         JOIN crawl_requests r ON r.run_id = suspect.run_id AND r.shard = suspect.shard
             AND r.fingerprint = suspect.fingerprint
         WHERE suspect.run_id = $1
         ORDER BY suspect.deaths DESC, r.priority DESC, r.depth, r.fingerprint LIMIT $2"
    );
    let mut suspects = Vec::new();
    for row in session.rows(&sql, &[&run_id, &i64::from(MAX_SUSPECTS)]).await? {
        let queued = requests::read(&row)
            .map_err(|problem| connections.target().broken("opening the run", problem))?;
        suspects.push(Suspect { queued, deaths: row.get::<_, i32>("deaths").unsigned_abs() });
    }
    let is_careful = last.was_killed || !suspects.is_empty();
    let start = CarefulStart { was_killed: last.was_killed, lived: last.lived, suspects };
    Ok((is_careful.then_some(start), is_death))
}
