//! The server: it executes the ticks of its schedules, each as a process of its own.
//!
//! One thread owns everything here. Twice a second or more it looks at its processes, and once a second at the store. A store
//! that is away stops nothing: the crawls wait for it by themselves, and what their ends mean is written when it is back.

use std::collections::BTreeMap;
use std::io;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use crossbeam_channel::{Receiver, Sender, bounded, select};
use dragline_core::Store;
use dragline_core::counted::counted;
use dragline_core::runs::RunAsk;
use dragline_core::schedules::{NewServer, ScheduleStore, TickRecord, TickState};
use dragline_core::stop::{Stop, StopReason};
use rustix::process::Signal;
use tracing::{error, info, warn};

use crate::asking::{Asking, NoAnswer};
use crate::clock::Clock;
use crate::due::{MISSED_AFTER, new_ticks};
use crate::ending::{Ended, ProcessEnd, StopCause, after, not_started};
use crate::place::{is_gone, place};
use crate::plan::{Step, plan};
use crate::process::{CrawlProcess, OnLine};
use crate::schedule::{IfRunning, Schedule};
use crate::settings::ServeSettings;
use crate::status::{ENDS, KILLS, RunningCrawl, Status, TICKS};

/// How often the processes are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How often the store is asked what is due.
const PASS_EVERY: Duration = Duration::from_secs(1);
/// How many signs of life a server gives within its lease.
const BEATS_PER_LEASE: u32 = 5;
/// Near the end of a stop, the processes that are left are killed within this time.
const KILL_SPREAD: Duration = Duration::from_secs(2);
/// After the last process has ended, so much of the time of a stop is left for the store.
const LAST_WRITES: Duration = Duration::from_secs(1);
/// How many servers a server looks at. The living ones come first.
const SERVERS_LOOKED_AT: usize = 100;
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

    /// The command that crawls for a schedule, and the folder of its log files. With `fresh`, it ends an unfinished run and starts a new
    /// one.
    ///
    /// # Errors
    /// Why it cannot be made.
    fn command(&self, schedule: &Schedule, fresh: bool) -> io::Result<(Command, Option<String>)>;

    /// Takes a line that the crawl of a schedule has written.
    fn line(&self, schedule: &str, line: &[u8]);

    /// Tells people that something was lost or killed.
    fn critical(&self, text: &str);
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
    /// The address of its endpoints, if it has any.
    pub listen: Option<String>,
}

/// A tick that this server executes.
struct Executed {
    tick: TickRecord,
    /// The schedule as it was when the process was started.
    schedule: Schedule,
    process: CrawlProcess,
    /// Why it was stopped.
    cause: Option<StopCause>,
    stopped_at: Option<Instant>,
    is_killed: bool,
    end: Option<ProcessEnd>,
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
    clock: Clock,
    schedules: BTreeMap<String, Schedule>,
    server_id: i64,
    executed: BTreeMap<Key, Executed>,
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
        clock: Clock::of_this_process(),
        schedules: by_name(server.schedules),
        server_id: 0,
        executed: BTreeMap::new(),
        ends: bounded(1024),
        last_pass: None,
        last_beat: None,
        last_prune: None,
        away_since: None,
        stops: 0,
        stopping_since: None,
        any_killed: false,
    };
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

    fn register(&mut self) -> Result<(), NoAnswer> {
        let here = place();
        let servers = self.asking.ask(|store| store.list_servers(SERVERS_LOOKED_AT))?;
        for earlier in servers.iter().filter(|it| it.ended_at.is_none() && is_gone(&it.server, &here)) {
            if self.asking.ask(|store| store.end_server(earlier.server_id, Duration::ZERO))? {
                info!(
                    server = earlier.server_id,
                    pid = earlier.server.pid,
                    "an earlier server of this place is gone"
                );
            }
        }
        let me = NewServer {
            hostname: self.hostname.clone(),
            pid: std::process::id(),
            place: here,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            listen: self.listen.clone(),
        };
        self.server_id = self.asking.ask(|store| store.add_server(&me))?;
        self.last_beat = Some(Instant::now());
        self.note_schedules()
    }

    fn note_schedules(&self) -> Result<(), NoAnswer> {
        let notes: Vec<_> = self.schedules.values().map(Schedule::note).collect();
        let now = self.clock.now();
        self.asking.ask(|store| store.note_schedules(&notes, now))
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
            self.asking.ask(|store| store.add_ticks(&new))?;
            let skipped = new.ticks.iter().filter(|tick| tick.state == TickState::Skipped);
            for tick in skipped {
                let why = tick.reason.as_deref().unwrap_or_default();
                info!(schedule = tick.schedule, due_at = %tick.due_at, "skipped: {why}");
            }
        }
        let open = self.asking.ask(ScheduleStore::open_ticks)?;
        self.take_over(&open)?;
        self.hear_cancels(&open);
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

    /// A sign of life. If another server has taken this one for dead, it begins anew.
    fn beat(&mut self) -> Result<(), NoAnswer> {
        let every = self.settings.lease / BEATS_PER_LEASE;
        if self.last_beat.is_some_and(|last| last.elapsed() < every) {
            return Ok(());
        }
        let server_id = self.server_id;
        if self.asking.ask(|store| store.beat_server(server_id))? {
            self.last_beat = Some(Instant::now());
            return Ok(());
        }
        warn!(
            server = server_id,
            "another server has taken this one for dead, because it was silent for longer than --lease; it begins anew"
        );
        self.register()?;
        // What is still its own keeps running. Another server may be about to take it, and only one of them succeeds.
        for executed in self.executed.values_mut() {
            let mine = TickRecord { server_id: Some(self.server_id), ..executed.tick.clone() };
            if self.asking.ask(|store| store.swap_tick(&mine))? {
                executed.tick = TickRecord { version: mine.version + 1, ..mine };
            }
        }
        Ok(())
    }

    /// Frees the ticks of servers that have ended, so that they start again here or elsewhere.
    fn take_over(&mut self, open: &[TickRecord]) -> Result<(), NoAnswer> {
        let others: Vec<&TickRecord> = open
            .iter()
            .filter(|tick| tick.state == TickState::Running && tick.server_id != Some(self.server_id))
            .collect();
        if !others.is_empty() {
            let (here, lease) = (place(), self.settings.lease);
            let servers = self.asking.ask(|store| store.list_servers(SERVERS_LOOKED_AT))?;
            for tick in others {
                let of = servers.iter().find(|server| Some(server.server_id) == tick.server_id);
                let has_ended = match of {
                    // Its row was pruned or removed.
                    None => true,
                    Some(server) if server.ended_at.is_some() => true,
                    Some(server) if is_gone(&server.server, &here) => {
                        self.asking.ask(|store| store.end_server(server.server_id, Duration::ZERO))?
                    }
                    Some(server) if server.silent_for() > lease => {
                        self.asking.ask(|store| store.end_server(server.server_id, lease))?
                    }
                    Some(_) => false,
                };
                if has_ended {
                    self.free(tick, "its server is gone")?;
                }
            }
        }
        // A tick of this server without a process: the answer to its start was lost.
        let own = open.iter().filter(|tick| {
            tick.state == TickState::Running
                && tick.server_id == Some(self.server_id)
                && !self.executed.contains_key(&key(tick))
        });
        for tick in own.cloned().collect::<Vec<_>>() {
            self.free(&tick, "its start was not confirmed")?;
        }
        Ok(())
    }

    fn free(&self, tick: &TickRecord, why: &str) -> Result<(), NoAnswer> {
        let now = self.clock.now();
        let free = match &tick.cancel {
            Some(cancel) => tick.clone().ended(TickState::Failed, now, Some(cancel.clone())),
            None => tick.clone().waiting(now, Some(format!("it goes on, because {why}"))),
        };
        if self.asking.ask(|store| store.swap_tick(&free))? {
            warn!(schedule = tick.schedule, due_at = %tick.due_at, "taken over: {why}");
        }
        Ok(())
    }

    /// Stops what somebody has asked to stop, and what another server has taken over.
    fn hear_cancels(&mut self, open: &[TickRecord]) {
        for (key, executed) in &mut self.executed {
            if executed.end.is_some() {
                continue;
            }
            let stored = open.iter().find(|tick| tick.schedule == key.0 && tick.due_at == key.1);
            let Some(stored) = stored.filter(|stored| stored.version != executed.tick.version) else {
                // A list has a limit, so a tick that is not on it may still be there.
                continue;
            };
            if stored.state != TickState::Running || stored.server_id != Some(self.server_id) {
                executed.stop(StopCause::TakenOver);
                continue;
            }
            executed.tick = stored.clone();
            if let Some(cancel) = &stored.cancel {
                executed.stop(StopCause::Cancel(cancel.clone()));
            }
        }
    }

    fn start(&mut self, tick: TickRecord) -> Result<(), NoAnswer> {
        let Some(schedule) = self.schedules.get(&tick.schedule).cloned() else { return Ok(()) };
        let now = self.clock.now();
        let claimed = TickRecord {
            state: TickState::Running,
            reason: None,
            server_id: Some(self.server_id),
            attempts: tick.attempts.saturating_add(1),
            next_try_at: None,
            exit_code: None,
            started_at: tick.started_at.or(Some(now)),
            ..tick
        };
        if !self.asking.ask(|store| store.swap_tick(&claimed))? {
            // Another server was faster.
            return Ok(());
        }
        let claimed = TickRecord { version: claimed.version + 1, ..claimed };
        // A tick that has opened its run goes on with it.
        let fresh = schedule.settings.if_running == IfRunning::Replace && claimed.run_id.is_none();
        let started = self.house.command(&schedule, fresh).and_then(|(command, log_dir)| {
            let (house, name) = (Arc::clone(&self.house), schedule.name.clone());
            let on_line: OnLine = Arc::new(move |line| house.line(&name, line));
            let process = CrawlProcess::start(command, key(&claimed), self.ends.0.clone(), &on_line)?;
            Ok((process, log_dir))
        });
        let (process, log_dir) = match started {
            Ok(started) => started,
            Err(problem) => {
                let why = format!("its process could not be started: {problem}");
                error!(schedule = schedule.name, "{why}");
                let later = not_started(claimed, &schedule.settings, &why, &self.clock);
                self.asking.ask(|store| store.swap_tick(&later))?;
                return Ok(());
            }
        };
        info!(
            schedule = schedule.name,
            spider = schedule.spider,
            due_at = %claimed.due_at,
            pid = process.pid,
            attempt = claimed.attempts,
            "started"
        );
        let running = TickRecord { pid: Some(process.pid), log_dir, ..claimed.clone() };
        let mut executed = Executed {
            tick: claimed,
            schedule,
            process,
            cause: None,
            stopped_at: None,
            is_killed: false,
            end: None,
        };
        // The process runs, whether or not this is answered. If the row has it, its version is found with the next list.
        let noted = self.asking.ask(|store| store.swap_tick(&running));
        if matches!(noted, Ok(true)) {
            executed.tick = TickRecord { version: running.version + 1, ..running };
        }
        self.executed.insert(key(&executed.tick), executed);
        noted.map(drop)
    }

    fn end_unstarted(&self, tick: &TickRecord) -> Result<(), NoAnswer> {
        if self.asking.ask(|store| store.swap_tick(tick))? {
            let why = tick.reason.as_deref().unwrap_or_default();
            info!(schedule = tick.schedule, due_at = %tick.due_at, "{}: {why}", tick.state.as_str());
        }
        Ok(())
    }

    fn has_ended(&mut self, key: &Key, end: ProcessEnd) {
        let Some(executed) = self.executed.get_mut(key) else { return };
        executed.end = Some(end);
        let (schedule, pid) = (&executed.schedule.name, executed.process.pid);
        self.status.count(ENDS, schedule, &executed.schedule.spider, end.word());
        let seconds = executed.process.began.elapsed().as_secs();
        let after_stop = executed.cause.as_ref().map(|cause| format!(" after it was stopped: {cause}"));
        let after_stop = after_stop.unwrap_or_default();
        match end {
            ProcessEnd::Code(0 | 65 | 75) => info!(schedule, pid, seconds, "ended with {end}{after_stop}"),
            _ => warn!(schedule, pid, seconds, "ended with {end}{after_stop}"),
        }
    }

    /// Writes what the ends of processes mean. Without an answer, it is tried again.
    fn write_ends(&mut self) {
        let ended: Vec<Key> = self
            .executed
            .iter()
            .filter(|(_, executed)| executed.end.is_some())
            .map(|(key, _)| key.clone())
            .collect();
        for key in ended {
            match self.write_end(&key) {
                Ok(()) => {
                    self.executed.remove(&key);
                }
                Err(NoAnswer::Stopped) => return,
                Err(no_answer) => return self.is_away(&no_answer),
            }
        }
    }

    fn write_end(&self, key: &Key) -> Result<(), NoAnswer> {
        let Some(executed) = self.executed.get(key) else { return Ok(()) };
        let Some(end) = executed.end else { return Ok(()) };
        let name = executed.tick.run_name.clone();
        let ask = RunAsk { name: Some(name), limit: 1, ..RunAsk::default() };
        let run = self.asking.ask(|store| store.list_runs(&ask))?.pop();
        let pid = executed.process.pid;
        let is_own = run.as_ref().is_some_and(|run| run.process.as_ref().is_some_and(|it| it.pid == pid));
        let ended = Ended {
            end,
            cause: executed.cause.as_ref(),
            last_error: executed.process.last_error(),
            is_held: run.as_ref().is_some_and(|run| run.is_held),
            did_nothing: !is_own,
        };
        loop {
            let tick = TickRecord {
                run_id: run.as_ref().filter(|_| is_own).map(|run| run.run_id).or(executed.tick.run_id),
                forced_kills: executed.tick.forced_kills + u32::from(executed.is_killed),
                ..executed.tick.clone()
            };
            let stored = self.stored(&tick)?;
            let Some(stored) = stored.filter(|it| it.server_id == Some(self.server_id)) else {
                // Another server has it now.
                return Ok(());
            };
            if stored.state != TickState::Running || stored.attempts != tick.attempts {
                return Ok(());
            }
            let tick = TickRecord { cancel: stored.cancel.clone(), version: stored.version, ..tick };
            let next = after(tick, &executed.schedule.settings, &ended, &self.clock);
            if self.asking.ask(|store| store.swap_tick(&next))? {
                tell_end(&next);
                if next.state.is_final() {
                    self.status.count(TICKS, &next.schedule, &executed.schedule.spider, next.state.as_str());
                }
                if executed.is_killed {
                    self.status.count(KILLS, &next.schedule, &executed.schedule.spider, "killed");
                }
                return Ok(());
            }
        }
    }

    fn stored(&self, tick: &TickRecord) -> Result<Option<TickRecord>, NoAnswer> {
        let open = self.asking.ask(ScheduleStore::open_ticks)?;
        Ok(open.into_iter().find(|it| it.schedule == tick.schedule && it.due_at == tick.due_at))
    }

    /// Notes the ids of runs as soon as they are open.
    fn note_runs(&mut self) -> Result<(), NoAnswer> {
        for executed in self.executed.values_mut().filter(|it| it.end.is_none() && it.tick.run_id.is_none()) {
            let ask = RunAsk { name: Some(executed.tick.run_name.clone()), limit: 1, ..RunAsk::default() };
            let run = self.asking.ask(|store| store.list_runs(&ask))?.pop();
            let pid = executed.process.pid;
            let Some(run) = run.filter(|run| run.process.as_ref().is_some_and(|it| it.pid == pid)) else {
                continue;
            };
            let noted = TickRecord { run_id: Some(run.run_id), ..executed.tick.clone() };
            if self.asking.ask(|store| store.swap_tick(&noted))? {
                executed.tick = TickRecord { version: noted.version + 1, ..noted };
            }
        }
        Ok(())
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

    /// Stops and kills processes that are over their limits.
    fn keep_limits(&mut self) {
        let grace = self.settings.shutdown_timeout.saturating_sub(KILL_SPREAD);
        let since_stop = self.stopping_since.map(|since| since.elapsed());
        for executed in self.executed.values_mut().filter(|it| it.end.is_none()) {
            if let Some(limit) = executed.schedule.settings.max_runtime
                && executed.cause.is_none()
                && executed.process.began.elapsed() >= limit
            {
                executed.stop(StopCause::TooLong(limit));
            }
            let is_late = executed.stopped_at.is_some_and(|at| at.elapsed() >= grace);
            if is_late && since_stop.is_none() && !executed.is_killed {
                self.any_killed = true;
                executed.kill(&*self.house);
            }
        }
        // In a stop of the server, the newest process is killed first, and so on, evenly over what is left of the time.
        let Some(over) = since_stop.and_then(|since| since.checked_sub(grace)) else { return };
        let mut left: Vec<&mut Executed> =
            self.executed.values_mut().filter(|it| it.end.is_none() && !it.is_killed).collect();
        left.sort_by_key(|executed| std::cmp::Reverse(executed.process.began));
        let share = over.as_secs_f64() / KILL_SPREAD.saturating_sub(LAST_WRITES).as_secs_f64();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        let now = (1.0 + share.min(1.0) * left.len() as f64) as usize;
        for executed in left.into_iter().take(now) {
            self.any_killed = true;
            executed.kill(&*self.house);
        }
    }

    fn stop(&mut self, signal: &'static str) {
        self.stops += 1;
        let running = self.executed.values().filter(|it| it.end.is_none()).count();
        match self.stops {
            1 => {
                self.stop.request(StopReason::Signal(signal));
                self.stopping_since = Some(Instant::now());
                let crawls = counted(running as u64, "crawl");
                info!(
                    signal,
                    "stopping: nothing new is started, and {crawls} stop and are resumed later. This is normal during deploys and \
                     restarts. A second signal hurries them"
                );
                for executed in self.executed.values_mut().filter(|it| it.end.is_none()) {
                    executed.stop(StopCause::Server);
                }
            }
            2 => {
                warn!(signal, "hurried: the crawls abandon their pending work, which is still queued");
                for executed in self.executed.values().filter(|it| it.end.is_none()) {
                    executed.process.stop();
                }
            }
            _ => {
                for executed in self.executed.values_mut().filter(|it| it.end.is_none() && !it.is_killed) {
                    self.any_killed = true;
                    executed.kill(&*self.house);
                }
            }
        }
    }

    fn reload(&mut self) {
        match self.house.reload() {
            Ok(schedules) => {
                self.schedules = by_name(schedules);
                info!(
                    schedules = self.schedules.len(),
                    "read the settings file again; crawls that run keep their settings"
                );
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

    fn end(mut self) -> ServeEnd {
        for executed in self.executed.values_mut().filter(|it| it.end.is_none()) {
            self.any_killed = true;
            executed.kill(&*self.house);
        }
        let server_id = self.server_id;
        let ended = self.asking.ask(|store| store.end_server(server_id, Duration::ZERO));
        if let Err(no_answer) = ended {
            warn!(error = %no_answer, "the end of this server is not in the store; its successor notices it");
        }
        let _ = self.asking.ask(|store| async {
            store.close().await;
            Ok(())
        });
        if self.any_killed { ServeEnd::Forced } else { ServeEnd::Stopped }
    }
}

impl Executed {
    fn stop(&mut self, cause: StopCause) {
        if self.cause.is_some() {
            return;
        }
        info!(schedule = self.schedule.name, pid = self.process.pid, "stopping: {cause}");
        self.process.stop();
        self.cause = Some(cause);
        self.stopped_at = Some(Instant::now());
    }

    fn kill(&mut self, house: &dyn House) {
        self.is_killed = true;
        let seconds = self.stopped_at.map_or(0, |at| at.elapsed().as_secs());
        let why = self.cause.as_ref().map_or_else(String::new, |cause| format!(" ({cause})"));
        house.critical(&format!(
            "CRITICAL: the crawl of the schedule {} (pid {}) did not stop within {seconds} s{why}, so it is killed.\n\
             Its own log says where it hung; `kill -USR1 PID` shows that while it runs.\n\
             Nothing is lost: everything that was not stored is still queued, and the run is resumed.",
            self.schedule.name, self.process.pid
        ));
        self.process.signal(Signal::KILL);
    }
}

fn key(tick: &TickRecord) -> Key {
    (tick.schedule.clone(), tick.due_at)
}

fn tell_end(tick: &TickRecord) {
    let why = tick.reason.as_deref().unwrap_or_default();
    let (schedule, state) = (&tick.schedule, tick.state.as_str());
    match tick.state {
        TickState::Failed => error!(schedule, due_at = %tick.due_at, run_id = tick.run_id, "{state}: {why}"),
        TickState::Waiting => {
            let next_try_at = tick.next_try_at.map(|at| at.to_rfc3339());
            info!(schedule, due_at = %tick.due_at, next_try_at, failures = tick.failures, "waiting: {why}");
        }
        _ => info!(schedule, due_at = %tick.due_at, run_id = tick.run_id, "{state} {why}"),
    }
}
