//! Of the persistence thread and its store.

use std::time::{Instant, SystemTime};

use dragline_core::PageState;
use dragline_core::store::PoolStatus;
use dragline_pipelines::persistence::{HowEnded, Monitor, PersistenceStatus, PersistenceTimes};

use super::family::{Family, by, counter, gauge, histogram};
use super::seconds_since_1970;

pub(super) const TITLE: &str = "Storing";

/// What the thread publishes, at one moment.
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
            "`done`, `failed`, `skipped`, `dead`; dead ones that were applied after all are `done` as well",
        )],
        counter(
            "dragline_pages_total",
            "Pages that this process made durable, by their outcome.",
            |now, out| {
                let of = |state| now.status.pages.get(&state).copied().unwrap_or_default();
                for state in PageState::ALL {
                    // A counter does not fall: a page whose dead letters were applied after all counts as both.
                    let revived = if state == PageState::Dead { now.status.revived_pages } else { 0 };
                    out.count_of(&[state.as_str()], of(state) + revived);
                }
            },
        ),
    ),
    counter(
        "dragline_new_requests_total",
        "Requests that pages brought and that the store did not know.",
        |now, out| {
            out.count(now.status.new_requests);
        },
    ),
    by(
        &[("table", "the tables of the spider's item types, and Dragline's own")],
        counter(
            "dragline_rows_total",
            "Rows written; an upsert counts also where it changes nothing.",
            |now, out| {
                for (table, rows) in &now.status.rows {
                    out.count_of(&[table], *rows);
                }
            },
        ),
    ),
    counter(
        "dragline_dead_letters_total",
        "Items that are kept apart: quarantined, or refused by the database.",
        |now, out| out.count(now.status.dead_letters),
    ),
    gauge(
        "dragline_dead_letters_kept",
        "Those of them that were not applied after all, as items are whose parent came later.",
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
        "Transactions of flushes that the store did not do, to be tried again.",
        |now, out| {
            out.count(now.status.flush_retries);
        },
    ),
    histogram(
        "dragline_batch_wait_seconds",
        "From the first page of a batch to the start of its flush.",
        |now, out| {
            out.seconds(&now.times.batch_wait);
        },
    ),
    histogram(
        "dragline_flush_seconds",
        "A flush that became durable, with all that had to be tried again.",
        |now, out| {
            out.seconds(&now.times.flush);
        },
    ),
    histogram(
        "dragline_commit_seconds",
        "COMMIT alone: until the server, or the disk, has a transaction safely.",
        |now, out| {
            out.seconds(&now.times.commit);
        },
    ),
    gauge("dragline_inbox_pages", "Page outcomes that wait to be taken into a batch.", |now, out| {
        out.count(now.status.inbox_pages as u64);
    }),
    gauge("dragline_batch_pages", "Pages in batches that are not flushed yet.", |now, out| {
        out.count(now.status.batch_pages as u64);
    }),
    gauge("dragline_batch_bytes", "Their bytes.", |now, out| out.count(now.status.batch_bytes as u64)),
    by(
        &[("in", "`batch`: not sent yet; `flush`: under way")],
        gauge("dragline_waiting_rows", "Rows that are not durable yet.", |now, out| {
            out.count_of(&["batch"], now.status.batch_rows as u64);
            out.count_of(&["flush"], now.status.pending_rows as u64);
        }),
    ),
    gauge(
        "pipeline_pending_tasks",
        "Flush tasks under way: neither durable nor given up yet.",
        |now, out| {
            out.count(now.status.pending_flushes as u64);
        },
    ),
    gauge(
        "dragline_last_commit_timestamp_seconds",
        "When a flush was last made durable; before the first one, when the run was opened.",
        |now, out| {
            let at = now.status.last_commit.unwrap_or(now.opened);
            out.value(seconds_since_1970(SystemTime::now() - at.elapsed()));
        },
    ),
    gauge(
        "dragline_store_outage_seconds",
        "For how long the store has not done what it was asked; 0 when it does.",
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
    gauge("dragline_pool_sessions_max", "Sessions that there may be.", |now, out| {
        out.count(now.pool.max as u64);
    }),
    histogram(
        "dragline_pool_wait_seconds",
        "Until an operation had its session; making one is part of it.",
        |now, out| {
            out.seconds(&now.pool.wait);
        },
    ),
];
