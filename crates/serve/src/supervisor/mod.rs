//! The server: it executes the ticks of its schedules, each as a process of its own.
//!
//! One thread owns everything here. Twice a second or more it looks at its processes, and once a second at the store. A store
//! that is away stops nothing: the crawls wait for it by themselves, and what their ends mean is written when it is back.

mod executed;
mod removed;
mod servers;
mod standing;
mod stopping;
mod watching;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use crossbeam_channel::{Receiver, Sender, bounded, select};
use dragline_core::Store;
use dragline_core::schedules::{ScheduleStore, TickState};
use dragline_core::secrets;
use dragline_core::stop::Stop;
use tracing::{error, info, warn};

use self::executed::{Executed, key};
use self::standing::Standings;
use self::watching::Watching;
use crate::asking::{Asking, NoAnswer};
use crate::children::Children;
use crate::clock::Clock;
use crate::due::{MISSED_AFTER, new_ticks};
use crate::ending::ProcessEnd;
use crate::family::adopt_orphans;
use crate::plan::{Step, plan};
use crate::schedule::Schedule;
use crate::settings::ServeSettings;
use crate::status::{RunningCrawl, Status};

/// How often the processes are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How often the store is asked what is due.
const PASS_EVERY: Duration = Duration::from_secs(1);
/// After the last process has ended, so much of the time of a stop is left for the store.
const LAST_WRITES: Duration = Duration::from_secs(1);
/// Old ticks are pruned this often.
const PRUNE_EVERY: Duration = Duration::from_secs(3600);
/// How long ended ticks stay.
pub const TICKS_KEPT: TimeDelta = TimeDelta::days(90);
/// How many ended ticks of each schedule stay in any case.
pub const TICKS_KEPT_OF_EACH: usize = 100;

/// What somebody asks of the server by a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// To stop, or if it is stopping already, to hurry.
    Stop(&'static str),
    /// To read its settings file again.
    Reload,
    /// To tell how everything stands.
    Tell,
}

/// What the server needs from the program around it.
pub trait House: Send + Sync {
    /// The schedules, as the settings file has them now.
    ///
    /// # Errors
    /// What is wrong with the file.
    fn reload(&self) -> Result<Vec<Schedule>, String>;

    /// The command that crawls for a schedule, and the folder of its log files.
    ///
    /// # Errors
    /// Why it cannot be made.
    fn command(&self, schedule: &Schedule, launch: Launch<'_>) -> io::Result<(Command, Option<String>)>;

    /// What the heartbeats of the process with this folder say, if a loop of it may be silent for `max_silence`.
    fn heartbeat(&self, folder: &Path, max_silence: Duration) -> Heartbeat;

    /// Takes a line that the crawl of a schedule has written.
    fn line(&self, schedule: &str, line: &[u8]);

    /// Tells people that something was lost or killed.
    fn critical(&self, text: &str);
}

/// What is special about one process of a crawl.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Launch<'a> {
    /// It ends an unfinished run and starts a new one.
    pub fresh: bool,
    /// It does nothing if a run of its name with a higher id than this has finished.
    pub after_run: Option<i64>,
    /// It stops after this number of pages.
    pub pages: Option<u64>,
    /// The folder in which it answers this server and gives signs of life, if there is one.
    pub supervised: Option<&'a Path>,
}

/// What the heartbeats of a crawl say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heartbeat {
    /// Its loops move.
    Well,
    /// A loop is silent or a parse does not return. Holds the details.
    Hangs(String),
    /// There are none: the process has just started, or it is about to end.
    Missing,
    /// Heartbeats cannot be written or read here. Holds the reason.
    Unknown(String),
}

/// How a server has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServeEnd {
    /// All its processes have stopped by themselves.
    Stopped,
    /// Some had to be killed.
    Forced,
}

/// A server that is about to start.
pub struct Server {
    /// Its schedules.
    pub schedules: Vec<Schedule>,
    /// Its limits.
    pub settings: ServeSettings,
    /// The machine.
    pub hostname: String,
    /// Its program.
    pub house: Arc<dyn House>,
    /// What it tells about itself while it serves.
    pub status: Arc<Status>,
    /// What its crawls say.
    pub children: Arc<Children>,
    /// The address of its endpoints, if it has any.
    pub listen: Option<String>,
}

type Key = (String, DateTime<Utc>);

/// The ends of processes, as they happen.
type Ends = (Sender<(Key, ProcessEnd)>, Receiver<(Key, ProcessEnd)>);

struct Supervisor {
    asking: Asking,
    stop: Stop,
    house: Arc<dyn House>,
    settings: ServeSettings,
    workers: usize,
    hostname: String,
    listen: Option<String>,
    status: Arc<Status>,
    children: Arc<Children>,
    clock: Clock,
    schedules: BTreeMap<String, Schedule>,
    /// Schedules that the settings file had before it was read again.
    removed: BTreeSet<String>,
    server_id: i64,
    executed: BTreeMap<Key, Executed>,
    /// How many processes were started.
    launched: u64,
    watching: Watching,
    standings: Standings,
    ends: Ends,
    last_pass: Option<Instant>,
    last_beat: Option<Instant>,
    last_prune: Option<Instant>,
    away_since: Option<Instant>,
    stops: u32,
    stopping_since: Option<Instant>,
    any_killed: bool,
}

/// Serves until it is asked to stop. `stop` is requested as soon as somebody asks for that.
///
/// # Errors
/// When the store cannot be used, or the operating system gives no thread.
pub fn serve(
    server: Server,
    store: Arc<dyn ScheduleStore>,
    asked: &Receiver<Asked>,
    stop: &Stop,
) -> Result<ServeEnd, ServeError> {
    let workers = server.settings.workers().map_err(ServeError::Usage)?;
    let asking = Asking::new(store, stop.clone()).map_err(ServeError::System)?;
    let mut supervisor = Supervisor {
        asking,
        stop: stop.clone(),
        house: server.house,
        settings: server.settings,
        workers,
        hostname: server.hostname,
        listen: server.listen,
        status: server.status,
        children: server.children,
        clock: Clock::of_this_process(),
        schedules: by_name(server.schedules),
        removed: BTreeSet::new(),
        server_id: 0,
        executed: BTreeMap::new(),
        launched: 0,
        watching: Watching::default(),
        standings: Standings::default(),
        ends: bounded(1024),
        last_pass: None,
        last_beat: None,
        last_prune: None,
        away_since: None,
        stops: 0,
        stopping_since: None,
        any_killed: false,
    };
    adopt_orphans();
    supervisor.prepare_limits();
    if !supervisor.begin(asked)? {
        return Ok(ServeEnd::Stopped);
    }
    supervisor.run(asked);
    Ok(supervisor.end())
}

/// Why a server cannot serve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The store refuses it.
    #[error(transparent)]
    Store(#[from] dragline_core::StoreError),
    /// A setting is wrong.
    #[error("{0}")]
    Usage(String),
    /// The operating system gives no thread.
    #[error("the operating system refuses a thread")]
    System(#[source] io::Error),
}

fn by_name(schedules: Vec<Schedule>) -> BTreeMap<String, Schedule> {
    schedules.into_iter().map(|schedule| (schedule.name.clone(), schedule)).collect()
}

impl Supervisor {
    /// Reaches the store and registers. Returns `false` if a stop came first.
    fn begin(&mut self, asked: &Receiver<Asked>) -> Result<bool, ServeError> {
        loop {
            match self.asking.ask(Store::connect).and_then(|()| self.register()) {
                Ok(()) => break,
                Err(NoAnswer::Store(error)) if !error.is_retryable() => return Err(error.into()),
                Err(NoAnswer::Stopped) => return Ok(false),
                Err(no_answer) => self.is_away(&no_answer),
            }
            // As process 1, it has to reap from its first moment on, however long the store is away.
            self.watch();
            self.show();
            if let Ok(Asked::Stop(signal)) = asked.recv_timeout(PASS_EVERY) {
                info!(signal, "stopped before the store was reached");
                return Ok(false);
            }
        }
        self.is_back();
        info!(
            server = self.server_id,
            schedules = self.schedules.len(),
            workers = self.workers,
            "serving: crawls start when their schedules are due"
        );
        Ok(true)
    }

    fn run(&mut self, asked: &Receiver<Asked>) {
        loop {
            let ended = self.ends.1.clone();
            select! {
                recv(asked) -> asked => match asked {
                    Ok(Asked::Stop(signal)) => self.stop(signal),
                    Ok(Asked::Reload) => self.reload(),
                    Ok(Asked::Tell) => self.tell(),
                    // Nobody can ask for a stop any more.
                    Err(_) if self.stops == 0 => self.stop("nobody listens"),
                    Err(_) => {}
                },
                recv(ended) -> end => if let Ok((key, end)) = end {
                    self.has_ended(&key, end);
                },
                default(LOOK_EVERY) => {}
            }
            self.watch();
            self.keep_limits();
            self.write_ends();
            self.show();
            if let Some(since) = self.stopping_since {
                let is_late = since.elapsed() + LAST_WRITES / 2 >= self.settings.shutdown_timeout;
                if self.executed.is_empty() || is_late {
                    return;
                }
            } else if self.last_pass.is_none_or(|last| last.elapsed() >= PASS_EVERY) {
                self.last_pass = Some(Instant::now());
                match self.pass() {
                    Ok(()) => self.is_back(),
                    Err(NoAnswer::Stopped) => {}
                    Err(no_answer) => self.is_away(&no_answer),
                }
            }
        }
    }

    /// Looks at the store, and does what is due.
    fn pass(&mut self) -> Result<(), NoAnswer> {
        self.beat()?;
        let records = self.asking.ask(ScheduleStore::list_schedules)?;
        let (now, missed_after) = (self.clock.now(), self.clock.of_real(MISSED_AFTER));
        for schedule in self.schedules.values() {
            let Some(record) = records.iter().find(|record| record.name == schedule.name) else { continue };
            let Some(new) = new_ticks(schedule, record, now, missed_after) else { continue };
            if self.asking.ask(|store| store.add_ticks(&new))? == 0 {
                // Another server was faster.
                continue;
            }
            let skipped = new.ticks.iter().filter(|tick| tick.state == TickState::Skipped);
            for tick in skipped {
                let why = tick.reason.as_deref().unwrap_or_default();
                info!(schedule = tick.schedule, due_at = %tick.due_at, "skipped: {why}");
                self.count_end(tick);
            }
        }
        let open = self.asking.ask(ScheduleStore::open_ticks)?;
        self.take_over(&open)?;
        self.hear_cancels(&open);
        self.stand(&open)?;
        self.end_removed(&open)?;
        let free = self.workers.saturating_sub(self.executed.len());
        for step in plan(&self.schedules, &open, now, free) {
            match step {
                Step::Start(tick) => self.start(tick)?,
                Step::End(tick) => self.end_unstarted(&tick)?,
                Step::Cancel(tick) => drop(self.asking.ask(|store| store.swap_tick(&tick))?),
            }
        }
        self.note_runs()?;
        self.prune()
    }

    fn prune(&mut self) -> Result<(), NoAnswer> {
        if self.last_prune.is_some_and(|last| last.elapsed() < PRUNE_EVERY) {
            return Ok(());
        }
        self.last_prune = Some(Instant::now());
        let before = self.clock.now() - TICKS_KEPT;
        let gone = self.asking.ask(|store| store.prune_ticks(before, TICKS_KEPT_OF_EACH))?;
        if gone > 0 {
            info!(ticks = gone, "pruned ticks that are older than {} days", TICKS_KEPT.num_days());
        }
        Ok(())
    }

    fn reload(&mut self) {
        match self.house.reload() {
            Ok(schedules) => {
                let before = std::mem::replace(&mut self.schedules, by_name(schedules));
                self.removed.extend(before.into_keys());
                self.removed.retain(|name| !self.schedules.contains_key(name));
                self.children.keep(|name| self.schedules.contains_key(name));
                info!(
                    schedules = self.schedules.len(),
                    "read the settings file again; crawls that run keep their settings"
                );
                self.prepare_limits();
                if let Err(no_answer) = self.note_schedules() {
                    self.is_away(&no_answer);
                }
            }
            Err(problem) => {
                error!("the settings file is refused, and the earlier one stays in force: {problem}");
            }
        }
    }

    fn tell(&self) {
        info!(
            server = self.server_id,
            schedules = self.schedules.len(),
            workers = self.workers,
            running = self.executed.len(),
            "where everything stands"
        );
        for executed in self.executed.values() {
            let (pid, seconds) = (executed.process.pid, executed.process.began.elapsed().as_secs());
            info!(schedule = executed.schedule.name, pid, seconds, run_id = executed.tick.run_id, "running");
        }
    }

    fn is_away(&mut self, no_answer: &NoAnswer) {
        self.status.is_away(secrets::hide(&no_answer.told()).into_owned());
        if self.away_since.is_none() {
            self.away_since = Some(Instant::now());
            warn!(error = %no_answer, "the store is away: nothing new is started until it is back, and the crawls that run wait for it");
        }
    }

    /// Tells the endpoints how everything stands.
    fn show(&self) {
        let running = self.executed.values().filter(|it| it.end.is_none());
        let running = running.map(|it| RunningCrawl {
            schedule: it.schedule.name.clone(),
            spider: it.schedule.spider.clone(),
            pid: it.process.pid,
            began: it.process.began,
            run_id: it.tick.run_id,
            is_stopping: it.cause.is_some(),
            memory: it.vitals.memory,
        });
        let is_stopping = self.stopping_since.is_some();
        self.status.looked(self.workers, self.schedules.len(), running.collect(), is_stopping);
    }

    fn is_back(&mut self) {
        self.status.answered();
        if let Some(since) = self.away_since.take() {
            info!(seconds = since.elapsed().as_secs(), "the store is back");
        }
    }
}
