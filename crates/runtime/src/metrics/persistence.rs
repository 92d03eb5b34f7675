//! Metrics of the persistence thread and its store.

use std::time::{Instant, SystemTime};

use dragline_core::PageState;
use dragline_core::store::PoolStatus;
use dragline_pipelines::persistence::{HowEnded, Monitor, PersistenceStatus, PersistenceTimes};

use super::family::{Family, by, counter, gauge, histogram};
use super::seconds_since_1970;

pub(super) const TITLE: &str = "Storing";

/// What the thread publishes at one moment.
pub(super) struct Stored {
    status: PersistenceStatus,
    times: PersistenceTimes,
    pool: PoolStatus,
    opened: Instant,
}

impl Stored {
    pub(super) fn now(monitor: &Monitor, opened: Instant) -> Self {
        Self { status: monitor.status(), times: monitor.times(), pool: monitor.pool(), opened }
    }
}

pub(super) const FAMILIES: &[Family<Stored>] = &[
    by(
        &[(
            "outcome",
            "`done`, `failed`, `skipped`, `dead`; dead pages that were applied later also count as `done`",
        )],
        counter(
            "dragline_pages_total",
            "Pages that this process made durable, by their outcome.",
            |now, out| {
                let of = |state| now.status.pages.get(&state).copied().unwrap_or_default();
                for state in PageState::ALL {
                    // A counter never falls, so a page whose dead letters were applied later counts as both.
                    let revived = if state == PageState::Dead { now.status.revived_pages } else { 0 };
                    out.count_of(&[state.as_str()], of(state) + revived);
                }
            },
        ),
    ),
    counter(
        "dragline_new_requests_total",
        "New requests found on pages that the store didn't know yet.",
        |now, out| {
            out.count(now.status.new_requests);
        },
    ),
    by(
        &[("table", "the tables of the spider's item types, and Dragline's own")],
        counter(
            "dragline_rows_total",
            "Rows written. An upsert counts even if it changes nothing.",
            |now, out| {
                for (table, rows) in &now.status.rows {
                    out.count_of(&[table], *rows);
                }
            },
        ),
    ),
    counter(
        "dragline_dead_letters_total",
        "Items that became dead letters: quarantined, or refused by the database.",
        |now, out| out.count(now.status.dead_letters),
    ),
    gauge(
        "dragline_dead_letters_kept",
        "Dead letters that are left. Items whose parent came later have been applied and don't count.",
        |now, out| out.count(now.status.dead_letters.saturating_sub(now.status.revived_letters)),
    ),
    by(
        &[("result", "`durable`, `cancelled`, `failed`")],
        counter("dragline_flushes_total", "Flush tasks that have ended.", |now, out| {
            for how in HowEnded::ALL {
                out.count_of(&[how.as_str()], now.status.flushes.get(&how).copied().unwrap_or_default());
            }
        }),
    ),
    counter(
        "dragline_flush_retries_total",
        "Flush transactions that the store didn't complete and that are tried again.",
        |now, out| {
            out.count(now.status.flush_retries);
        },
    ),
    histogram(
        "dragline_batch_wait_seconds",
        "Time from the first page of a batch to the start of its flush.",
        |now, out| {
            out.seconds(&now.times.batch_wait);
        },
    ),
    histogram(
        "dragline_flush_seconds",
        "Time for a flush to become durable, including everything that had to be tried again.",
        |now, out| {
            out.seconds(&now.times.flush);
        },
    ),
    histogram(
        "dragline_commit_seconds",
        "Time for COMMIT only, until the server or the disk has the transaction safely.",
        |now, out| {
            out.seconds(&now.times.commit);
        },
    ),
    gauge("dragline_inbox_pages", "Page outcomes that aren't in a batch yet.", |now, out| {
        out.count(now.status.inbox_pages as u64);
    }),
    gauge("dragline_batch_pages", "Pages in batches that aren't flushed yet.", |now, out| {
        out.count(now.status.batch_pages as u64);
    }),
    gauge("dragline_batch_bytes", "Their bytes.", |now, out| out.count(now.status.batch_bytes as u64)),
    by(
        &[("in", "`batch`: not sent yet; `flush`: being flushed")],
        gauge("dragline_waiting_rows", "Rows that aren't durable yet.", |now, out| {
            out.count_of(&["batch"], now.status.batch_rows as u64);
            out.count_of(&["flush"], now.status.pending_rows as u64);
        }),
    ),
    gauge("pipeline_pending_tasks", "Running flush tasks, neither durable nor abandoned yet.", |now, out| {
        out.count(now.status.pending_flushes as u64);
    }),
    gauge(
        "dragline_last_commit_timestamp_seconds",
        "When a flush last became durable. Before the first one, when the run was opened.",
        |now, out| {
            let at = now.status.last_commit.unwrap_or(now.opened);
            out.value(seconds_since_1970(SystemTime::now() - at.elapsed()));
        },
    ),
    gauge(
        "dragline_store_outage_seconds",
        "How long the store has been unavailable; 0 while it works.",
        |now, out| {
            out.value(now.status.outage_since.map_or(0.0, |since| since.elapsed().as_secs_f64()));
        },
    ),
    by(
        &[("state", "`busy`, `idle`")],
        gauge("dragline_pool_sessions", "Sessions with the store.", |now, out| {
            out.count_of(&["busy"], now.pool.busy as u64);
            out.count_of(&["idle"], now.pool.idle as u64);
        }),
    ),
    gauge("dragline_pool_sessions_max", "Maximum number of sessions.", |now, out| {
        out.count(now.pool.max as u64);
    }),
    histogram(
        "dragline_pool_wait_seconds",
        "Time until an operation got a session, including the time to create one.",
        |now, out| {
            out.seconds(&now.pool.wait);
        },
    ),
];
