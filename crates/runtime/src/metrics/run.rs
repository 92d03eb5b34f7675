//! Metrics of the run: which run it is, its state, and how it compares with earlier runs of its name.
//!
//! The values of earlier runs come from the store when a run is opened, not from this process's memory or an
//! old textfile. So each start knows how the last runs ended, wherever they ran.

use std::sync::atomic::{AtomicI16, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime};

use chrono::{DateTime, Utc};
use dragline_core::item_figures::FigureDrop;
use dragline_core::run_verdict::{EndFigures, ProblemKind, RunVerdict};
use dragline_core::store::{FinishedRun, OpenedRun, PageCounts, RunState};
use dragline_pipelines::persistence::Monitor;

use super::family::{Family, by, gauge};
use super::seconds_since_1970;
use crate::health::{Health, HealthState};
use crate::page_counts::pages_now;

pub(super) const TITLE: &str = "The run";

/// No exit code yet.
const NOT_YET: i16 = -1;

pub(super) const FAMILIES: &[Family<Arc<RunFacts>>] = &[
    by(
        &[("version", "of Dragline")],
        gauge("dragline_build_info", "Always 1. The label says which version this is.", |_, out| {
            out.count_of(&[env!("CARGO_PKG_VERSION")], 1);
        }),
    ),
    by(
        &[("state", "`starting`, `running`, `degraded`, `stopping`, `stuck`")],
        gauge("dragline_health_state", "1 for the state in `/health`. Not in the textfile.", |now, out| {
            if let Some(health) =
                now.health.get().and_then(Weak::upgrade).filter(|_| now.exit_code().is_none())
            {
                out.one_of(HealthState::ALL.map(HealthState::name), Some(health.verdict().state.name()));
            }
        }),
    ),
    by(
        &[("state", "`running`, `stopped`, `finished`, `failed`")],
        gauge(
            "dragline_run_state",
            "1 for the state of the run, as in `crawl_runs`. All are 0 until the run is open.",
            |now, out| {
                out.one_of(RunState::ALL.map(RunState::as_str), now.state().map(RunState::as_str));
            },
        ),
    ),
    by(
        &[("verdict", "`good`, `problems`")],
        gauge(
            "dragline_run_verdict",
            "1 for the verdict on the run. Both are 0 until the run is finished.",
            |now, out| {
                let verdict = now.verdict();
                out.one_of(
                    [RunVerdict::GOOD, RunVerdict::PROBLEMS],
                    verdict.as_ref().map(RunVerdict::as_str),
                );
            },
        ),
    ),
    by(
        &[(
            "problem",
            "`no_page_done`, `failed_share`, `failed_tag`, `dead_pages`, `items_lost`, `nothing_stored`, \
             `too_few_filled`, `too_few_items`, `too_many_gone`, `requests_lost`, `invalid_share`",
        )],
        gauge(
            "dragline_run_problems",
            "Problems of the run, by kind, as soon as it is finished.",
            |now, out| {
                let Some(verdict) = now.verdict() else { return };
                for kind in ProblemKind::ALL {
                    let of_kind = verdict.problems.iter().filter(|problem| problem.code == kind.code());
                    out.count_of(&[kind.code()], of_kind.count() as u64);
                }
            },
        ),
    ),
    by(
        &[("item", "an item type of the spider"), ("column", "one of its columns")],
        gauge(
            "dragline_column_filled_share",
            "The share of the run's rows in which the column is filled, as soon as the run has ended. Not for item types \
             without rows.",
            |now, out| {
                let Some(figures) = now.figures() else { return };
                for (item, columns) in &figures.columns {
                    for (name, column) in columns {
                        let share = column.filled_share().into_iter();
                        share.for_each(|share| out.value_of(&[item.as_str(), name.as_str()], share));
                    }
                }
            },
        ),
    ),
    by(
        &[("item", "an item type of the spider"), ("column", "one of its columns")],
        gauge(
            "dragline_column_filled_drop",
            "The share of its usual filled values that the column has lost. 0 if that may be chance. Usual is the median of \
             the last good runs.",
            |now, out| {
                let Some(figures) = now.figures() else { return };
                for (item, columns) in &figures.columns {
                    for name in columns.keys() {
                        let lost = lost(&figures, item, Some(name));
                        out.value_of(&[item.as_str(), name.as_str()], lost);
                    }
                }
            },
        ),
    ),
    by(
        &[("item", "an item type of the spider")],
        gauge(
            "dragline_items_drop",
            "The share of its usual rows that the item type has lost. 0 if that is not unusual.",
            |now, out| {
                let Some(figures) = now.figures() else { return };
                for item in figures.items.keys() {
                    out.value_of(&[item.as_str()], lost(&figures, item, None));
                }
            },
        ),
    ),
    by(
        &[("item", "an item type of the spider"), ("action", "`removed`, `marked`")],
        gauge(
            "dragline_gone_rows",
            "Rows that were removed or marked at the end of the run, because the site no longer has them. See \
             `--delete-gone` and `--mark-gone`.",
            |now, out| {
                let Some(figures) = now.figures() else { return };
                for item in figures.items.keys() {
                    for (action, rows) in [("removed", &figures.gone), ("marked", &figures.marked)] {
                        let rows = rows.get(item).copied().unwrap_or_default();
                        out.count_of(&[item.as_str(), action], rows);
                    }
                }
            },
        ),
    ),
    gauge("dragline_run_id", "The run's id in `crawl_runs`.", |now, out| now.opened(out, |it| it.run_id)),
    gauge("dragline_run_epoch", "The number of this start of the run.", |now, out| {
        now.opened(out, |it| it.epoch);
    }),
    gauge(
        "dragline_unclean_start",
        "1 if the previous process didn't record how the run ended: it was killed or forced to end, or lost \
         its machine.",
        |now, out| {
            now.opened(out, |it| u64::from(it.is_unclean));
        },
    ),
    gauge("dragline_queued_requests", "Requests of the run that are queued in the frontier.", |now, out| {
        now.opened(out, |it| pages_now(&it.before, &it.monitor.status()).queued);
    }),
    gauge("dragline_run_items", "Item rows that the run wrote, including its earlier starts.", |now, out| {
        now.opened(out, Opened::items);
    }),
    gauge(
        "dragline_last_finished_timestamp_seconds",
        "When the last run of this name finished. This run, as soon as it has.",
        |now, out| {
            if let Some(last) = now.finished().first() {
                out.value(seconds_since_1970(last.finished_at.into()));
            }
        },
    ),
    gauge("dragline_last_finished_items", "Item rows that this last finished run wrote.", |now, out| {
        now.finished().first().and_then(|run| run.items).into_iter().for_each(|items| out.count(items));
    }),
    gauge(
        "dragline_previous_finished_items",
        "Item rows that the finished run before it wrote.",
        |now, out| {
            now.finished().get(1).and_then(|run| run.items).into_iter().for_each(|items| out.count(items));
        },
    ),
    gauge("dragline_start_time_seconds", "When this process started to crawl.", |now, out| {
        out.value(seconds_since_1970(now.began));
    }),
    gauge(
        "dragline_shutdown_timeout_seconds",
        "The time limit of a stop, `--shutdown-timeout`.",
        |now, out| {
            out.value(now.shutdown_timeout.as_secs_f64());
        },
    ),
    gauge("dragline_exit_code", "How the process ended. Only in the textfile.", |now, out| {
        now.exit_code().into_iter().for_each(|code| out.count(code));
    }),
];

/// The share that is lost, if it is worth a warning.
fn lost(figures: &EndFigures, item: &str, column: Option<&String>) -> f64 {
    let drop = figures.drops.iter().find(|drop| drop.item == item && drop.column.as_ref() == column);
    drop.map_or(0.0, FigureDrop::lost)
}

/// What the code that connects the parts records about a run.
pub(super) struct RunFacts {
    began: SystemTime,
    shutdown_timeout: Duration,
    pub(super) health: OnceLock<Weak<Health>>,
    pub(super) opened: OnceLock<Opened>,
    ended: Mutex<Option<(RunState, DateTime<Utc>)>>,
    exit_code: AtomicI16,
    verdict: Mutex<Option<RunVerdict>>,
    figures: Mutex<Option<EndFigures>>,
}

/// Facts that are known as soon as the run is open.
pub(super) struct Opened {
    run_id: u64,
    epoch: u64,
    is_unclean: bool,
    before: PageCounts,
    finished: Vec<FinishedRun>,
    pub(super) monitor: Monitor,
    pub(super) at: Instant,
}

impl RunFacts {
    pub(super) fn new(shutdown_timeout: Duration) -> Self {
        Self {
            began: SystemTime::now(),
            shutdown_timeout,
            health: OnceLock::new(),
            opened: OnceLock::new(),
            ended: Mutex::default(),
            exit_code: AtomicI16::new(NOT_YET),
            verdict: Mutex::default(),
            figures: Mutex::default(),
        }
    }

    pub(super) fn end(&self, state: RunState) {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = Some((state, Utc::now()));
    }

    pub(super) fn judge(&self, verdict: RunVerdict) {
        *self.verdict.lock().unwrap_or_else(PoisonError::into_inner) = Some(verdict);
    }

    fn verdict(&self) -> Option<RunVerdict> {
        self.verdict.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn measure(&self, figures: EndFigures) {
        *self.figures.lock().unwrap_or_else(PoisonError::into_inner) = Some(figures);
    }

    fn figures(&self) -> Option<EndFigures> {
        self.figures.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn exit(&self, code: u8) {
        self.exit_code.store(code.into(), Ordering::Relaxed);
    }

    fn exit_code(&self) -> Option<u64> {
        self.exit_code.load(Ordering::Relaxed).try_into().ok()
    }

    fn ended(&self) -> Option<(RunState, DateTime<Utc>)> {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> Option<RunState> {
        self.opened.get().map(|_| self.ended().map_or(RunState::Running, |(state, _)| state))
    }

    fn opened(&self, out: &mut super::family::Samples<'_>, read: impl Fn(&Opened) -> u64) {
        self.opened.get().into_iter().for_each(|opened| out.count(read(opened)));
    }

    /// The finished runs of this name, newest first, including this one when it has finished.
    fn finished(&self) -> Vec<FinishedRun> {
        let Some(opened) = self.opened.get() else { return Vec::new() };
        let this = self.ended().filter(|(state, _)| *state == RunState::Finished);
        let this = this.map(|(_, finished_at)| FinishedRun { finished_at, items: Some(opened.items()) });
        this.into_iter().chain(opened.finished.clone()).collect()
    }
}

impl Opened {
    pub(super) fn new(run: &OpenedRun, before: PageCounts, monitor: Monitor) -> Self {
        Self {
            run_id: run.key.run_id.unsigned_abs(),
            epoch: run.key.epoch.unsigned_abs(),
            is_unclean: run.resumed.as_ref().is_some_and(|resumed| resumed.state == RunState::Running),
            before,
            finished: run.earlier.finished.clone(),
            monitor,
            at: Instant::now(),
        }
    }

    fn items(&self) -> u64 {
        let status = self.monitor.status();
        status.items_before + status.items
    }
}
