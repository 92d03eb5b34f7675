//! Schedules, their ticks, and the servers that execute them: what `dragline serve` keeps in the store.
//!
//! A tick is one moment at which a schedule is due, and one row. Every change of a tick names the version of the row that it
//! has seen ([`ScheduleStore::swap_tick`]). So of two servers that decide at the same moment, one finds that the other was
//! faster, and a tick is executed once.

use std::time::Duration;

use chrono::{DateTime, SubsecRound as _, Utc};
use serde_json::Value as Json;

use crate::runs::RunAdmin;
use crate::store::{BoxFuture, StoreResult};

/// How many open ticks a server looks at. Each schedule has a few at most.
pub const MAX_OPEN_TICKS: usize = 10_000;

/// What a store can do with schedules.
///
/// Moments that a schedule names (`due_at`, `next_try_at`) come from the caller's clock. Heartbeats go by the clock of the
/// store, because servers on several machines compare them.
pub trait ScheduleStore: RunAdmin {
    /// Adds a server that begins now. Returns its id.
    fn add_server<'a>(&'a self, server: &'a NewServer) -> BoxFuture<'a, StoreResult<i64>>;

    /// Notes a sign of life of a server. Returns `false` if another server has ended it: its ticks are no longer its own.
    fn beat_server(&self, server_id: i64) -> BoxFuture<'_, StoreResult<bool>>;

    /// Ends a server that has given no sign of life for `silent_for`; zero ends it in any case. Returns whether this call ended it.
    fn end_server(&self, server_id: i64, silent_for: Duration) -> BoxFuture<'_, StoreResult<bool>>;

    /// Servers, the newest first.
    fn list_servers(&self, limit: usize) -> BoxFuture<'_, StoreResult<Vec<ServerRecord>>>;

    /// Notes schedules as the settings file has them. A new one has no ticks before `now`.
    fn note_schedules<'a>(
        &'a self,
        schedules: &'a [ScheduleNote],
        now: DateTime<Utc>,
    ) -> BoxFuture<'a, StoreResult<()>>;

    /// All schedules that were ever noted, by name.
    fn list_schedules(&self) -> BoxFuture<'_, StoreResult<Vec<ScheduleRecord>>>;

    /// Pauses a schedule, or lets it go on if `by` is `None`. Returns whether that changed something.
    fn pause_schedule<'a>(&'a self, name: &'a str, by: Option<&'a str>) -> BoxFuture<'a, StoreResult<bool>>;

    /// Adds ticks and notes that all ticks of the schedule up to a moment are known now, in one transaction. A tick that is there
    /// stays as it is. Returns how many are new.
    fn add_ticks<'a>(&'a self, ticks: &'a NewTicks) -> BoxFuture<'a, StoreResult<u64>>;

    /// The ticks that have not ended, the earliest first; [`MAX_OPEN_TICKS`] at most.
    fn open_ticks(&self) -> BoxFuture<'_, StoreResult<Vec<TickRecord>>>;

    /// Ticks, the latest first.
    fn list_ticks<'a>(&'a self, ask: &'a TickAsk) -> BoxFuture<'a, StoreResult<Vec<TickRecord>>>;

    /// Replaces a tick if it still has the version of `new`. Returns `false` if somebody has changed it since, and if another
    /// tick of the schedule is running and this one would be too.
    fn swap_tick<'a>(&'a self, new: &'a TickRecord) -> BoxFuture<'a, StoreResult<bool>>;

    /// Removes ended ticks that were due before a moment, except for the last `keep` of each schedule, and ended servers that began
    /// before it. Returns how many ticks are gone.
    fn prune_ticks(&self, before: DateTime<Utc>, keep: usize) -> BoxFuture<'_, StoreResult<u64>>;
}

/// A server that begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewServer {
    /// The machine.
    pub hostname: String,
    /// Its process.
    pub pid: u32,
    /// The start of the machine and the process namespace, so that a process that has the same place and another pid can tell for
    /// certain whether this one is gone. Empty where that is not known.
    pub place: String,
    /// The version of the program.
    pub version: String,
    /// The address of its endpoints, if it has any.
    pub listen: Option<String>,
}

/// A server as its row describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerRecord {
    /// Its id.
    pub server_id: i64,
    /// What it said about itself.
    pub server: NewServer,
    /// When it began, by the store's clock, as are the other moments.
    pub started_at: DateTime<Utc>,
    /// Its last sign of life.
    pub heartbeat_at: DateTime<Utc>,
    /// When it ended, or when another server noticed that it had.
    pub ended_at: Option<DateTime<Utc>>,
    /// The time of this answer.
    pub read_at: DateTime<Utc>,
}

impl ServerRecord {
    /// For how long it has given no sign of life.
    pub fn silent_for(&self) -> Duration {
        (self.read_at - self.heartbeat_at).to_std().unwrap_or_default()
    }
}

/// A schedule as the settings file has it.
#[derive(Clone, Debug, PartialEq)]
pub struct ScheduleNote {
    /// Its name.
    pub name: String,
    /// What it is, for people and programs, without secrets.
    pub definition: Json,
}

/// A schedule as its row describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct ScheduleRecord {
    /// Its name.
    pub name: String,
    /// What it is.
    pub definition: Json,
    /// When it was paused, if it is.
    pub paused_at: Option<DateTime<Utc>>,
    /// The person who has paused it.
    pub paused_by: Option<String>,
    /// When a server saw it for the first time.
    pub first_seen_at: DateTime<Utc>,
    /// Up to this moment, all ticks of its cron expressions have a row.
    pub known_until: DateTime<Utc>,
}

/// Ticks to add.
#[derive(Clone, Debug, PartialEq)]
pub struct NewTicks {
    /// The schedule.
    pub schedule: String,
    /// Up to this moment, all ticks of the cron expressions are known now. `None` for a tick that a person asks for.
    pub known_until: Option<DateTime<Utc>>,
    /// The ticks. Their `schedule` and `version` don't matter.
    pub ticks: Vec<TickRecord>,
}

/// Why there is a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TickKind {
    /// The cron expression.
    Cron,
    /// The cron expression, at a moment when no server was there.
    CatchUp,
    /// A person asked for it.
    Manual,
}

impl TickKind {
    const ALL: [Self; 3] = [Self::Cron, Self::CatchUp, Self::Manual];

    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cron => "cron",
            Self::CatchUp => "catch_up",
            Self::Manual => "manual",
        }
    }

    /// Reads what is stored.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// How a tick stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TickState {
    /// It is not due yet, waits for a worker, or is tried again later.
    Waiting,
    /// A server executes it.
    Running,
    /// Its run is finished.
    Done,
    /// Its run failed, or was given up after too many tries.
    Failed,
    /// It was not executed. Its reason says why.
    Skipped,
}

impl TickState {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Waiting, Self::Running, Self::Done, Self::Failed, Self::Skipped];

    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }

    /// Reads what is stored.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Whether nothing more happens to the tick.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Waiting | Self::Running)
    }
}

/// A tick as its row describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct TickRecord {
    /// Its schedule.
    pub schedule: String,
    /// When it is due.
    pub due_at: DateTime<Utc>,
    /// Why it is there.
    pub kind: TickKind,
    /// How it stands.
    pub state: TickState,
    /// Why it stands like that, for people.
    pub reason: Option<String>,
    /// The server that executes it, or that has executed it last.
    pub server_id: Option<i64>,
    /// How often a process was started for it.
    pub attempts: u32,
    /// How often a process of it has failed. A process that was stopped and goes on later has not.
    pub failures: u32,
    /// When it may be started, for a tick that waits.
    pub next_try_at: Option<DateTime<Utc>>,
    /// The name of its run.
    pub run_name: String,
    /// The id of its run, as soon as the run is open.
    pub run_id: Option<i64>,
    /// Its run has a higher id than this. Noted before its first process is started, so that only one run is crawled for it.
    pub after_run: Option<i64>,
    /// How its last process ended: the exit code, or 128 and the number of the signal.
    pub exit_code: Option<i32>,
    /// Its process.
    pub pid: Option<u32>,
    /// When its first process was started.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// The folder with the log files of its processes, on the machine of its server.
    pub log_dir: Option<String>,
    /// How often a process of it had to be killed.
    pub forced_kills: u32,
    /// The person who asked to end it, and the reason. Its server then stops the process.
    pub cancel: Option<String>,
    /// Rises with every change.
    pub version: i64,
}

impl TickRecord {
    /// A tick that waits for its moment.
    pub fn new(schedule: &str, due_at: DateTime<Utc>, kind: TickKind) -> Self {
        // The moment is a part of the key, and a store keeps microseconds.
        let due_at = due_at.trunc_subsecs(6);
        Self {
            schedule: schedule.to_owned(),
            due_at,
            kind,
            state: TickState::Waiting,
            reason: None,
            server_id: None,
            attempts: 0,
            failures: 0,
            next_try_at: Some(due_at),
            run_name: schedule.to_owned(),
            run_id: None,
            after_run: None,
            exit_code: None,
            pid: None,
            started_at: None,
            ended_at: None,
            log_dir: None,
            forced_kills: 0,
            cancel: None,
            version: 0,
        }
    }

    /// The same tick, not executed.
    #[must_use]
    pub fn skipped(self, at: DateTime<Utc>, reason: impl Into<String>) -> Self {
        self.ended(TickState::Skipped, at, Some(reason.into()))
    }

    /// The same tick, in a final state.
    #[must_use]
    pub fn ended(self, state: TickState, at: DateTime<Utc>, reason: Option<String>) -> Self {
        Self { state, reason, ended_at: Some(at), next_try_at: None, pid: None, ..self }
    }

    /// The same tick, waiting for another try.
    #[must_use]
    pub fn waiting(self, next_try_at: DateTime<Utc>, reason: Option<String>) -> Self {
        Self { state: TickState::Waiting, reason, next_try_at: Some(next_try_at), pid: None, ..self }
    }
}

/// Which ticks to list.
#[derive(Clone, Debug, Default)]
pub struct TickAsk {
    /// Only ticks of this schedule.
    pub schedule: Option<String>,
    /// Only ticks in this state.
    pub state: Option<TickState>,
    /// Only ticks of this run.
    pub run_id: Option<i64>,
    /// Only ticks that were due before this moment.
    pub due_before: Option<DateTime<Utc>>,
    /// How many ticks at most.
    pub limit: usize,
}
