//! The ticks that this server executes: a process is started, watched, and its end written.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Instant;

use dragline_core::runs::RunAsk;
use dragline_core::schedules::{ScheduleStore, TickRecord, TickState};
use dragline_core::stop::StopReason;
use dragline_flags::text;
use rustix::process::Signal;
use tracing::{error, info, warn};

use super::watching::Vitals;
use super::{House, Key, Launch, Supervisor};
use crate::asking::NoAnswer;
use crate::cgroup::{self, CrawlCgroup};
use crate::children::Child;
use crate::ending::{Ended, MORE_MEMORY, ProcessEnd, StopCause, after, executed_before, not_started};
use crate::family;
use crate::process::{CrawlProcess, OnLine};
use crate::schedule::{IfRunning, Schedule};
use crate::status::{ENDS, KILLS, TICKS};

/// A tick that this server executes.
pub(super) struct Executed {
    pub(super) tick: TickRecord,
    /// The schedule as it was when the process was started.
    pub(super) schedule: Schedule,
    pub(super) process: CrawlProcess,
    /// Its place among the crawls that answer this server, until it has ended.
    pub(super) child: Option<Child>,
    /// Each process of a server has another number.
    pub(super) number: u64,
    /// Its cgroup, if it has a limit on memory and cgroups are possible here.
    pub(super) cgroup: Option<CrawlCgroup>,
    /// How many processes the kernel had killed in this container before.
    pub(super) oom_kills_before: Option<u64>,
    pub(super) vitals: Vitals,
    /// It takes far too much memory, so it gets no time to stop.
    pub(super) is_dangerous: bool,
    /// Why it was stopped.
    pub(super) cause: Option<StopCause>,
    pub(super) stopped_at: Option<Instant>,
    pub(super) is_killed: bool,
    pub(super) end: Option<ProcessEnd>,
    /// What the kernel did to it, if memory ran out.
    pub(super) out_of_memory: Option<String>,
}

impl Supervisor {
    /// Stops what somebody has asked to stop, and what another server has taken over.
    pub(super) fn hear_cancels(&mut self, open: &[TickRecord]) {
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

    pub(super) fn start(&mut self, tick: TickRecord) -> Result<(), NoAnswer> {
        let Some(schedule) = self.schedules.get(&tick.schedule).cloned() else { return Ok(()) };
        // An earlier process of the tick may still be on its way out, after another server had taken the tick over.
        if self.executed.contains_key(&key(&tick)) {
            return Ok(());
        }
        if self.is_settled(&tick)? {
            return Ok(());
        }
        let after_run = if tick.attempts == 0 { Some(self.newest_before(&tick)?) } else { tick.after_run };
        let now = self.clock.now();
        let claimed = TickRecord {
            state: TickState::Running,
            reason: None,
            server_id: Some(self.server_id),
            attempts: tick.attempts.saturating_add(1),
            next_try_at: None,
            exit_code: None,
            started_at: tick.started_at.or(Some(now)),
            after_run,
            ..tick
        };
        if !self.asking.ask(|store| store.swap_tick(&claimed))? {
            // Another server was faster.
            return Ok(());
        }
        let claimed = TickRecord { version: claimed.version + 1, ..claimed };
        // A tick that has opened its run goes on with it.
        let fresh = schedule.settings.if_running == IfRunning::Replace && claimed.run_id.is_none();
        self.launched += 1;
        let number = self.launched;
        let child = self.children.add(&schedule.name, &schedule.spider);
        let launch = Launch {
            fresh,
            after_run,
            pages: schedule.settings.max_pages.map(|pages| recycled_after(pages, &claimed)),
            supervised: child.as_ref().map(Child::folder),
        };
        let oom_kills_before = cgroup::oom_kills();
        let started = self.house.command(&schedule, launch).and_then(|(mut command, log_dir)| {
            command.env(family::TOKEN, family::token(number));
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
        if let Some(child) = &child {
            child.has_begun(process.pid);
        }
        info!(
            schedule = schedule.name,
            spider = schedule.spider,
            due_at = %claimed.due_at,
            pid = process.pid,
            attempt = claimed.attempts,
            "started"
        );
        let max_memory = schedule.settings.max_memory.map(|limit| limit as u64);
        let cgroup = self.cgroups().zip(max_memory).map(|(all, limit)| all.add(process.pid, limit));
        let cgroup = cgroup.and_then(|added| {
            added
                .inspect_err(|error| warn!(%error, pid = process.pid, "the crawl has no cgroup of its own"))
                .ok()
        });
        let running = TickRecord { pid: Some(process.pid), log_dir, ..claimed.clone() };
        let mut executed = Executed {
            tick: claimed,
            schedule,
            process,
            child,
            number,
            cgroup,
            oom_kills_before,
            vitals: Vitals::default(),
            is_dangerous: false,
            cause: None,
            stopped_at: None,
            is_killed: false,
            end: None,
            out_of_memory: None,
        };
        // The process runs, whether or not this is answered. If the row has it, its version is found with the next list.
        let noted = self.asking.ask(|store| store.swap_tick(&running));
        if matches!(noted, Ok(true)) {
            executed.tick = TickRecord { version: running.version + 1, ..running };
        }
        self.executed.insert(key(&executed.tick), executed);
        noted.map(drop)
    }

    pub(super) fn end_unstarted(&self, tick: &TickRecord) -> Result<(), NoAnswer> {
        if self.asking.ask(|store| store.swap_tick(tick))? {
            let why = tick.reason.as_deref().unwrap_or_default();
            info!(schedule = tick.schedule, due_at = %tick.due_at, "{}: {why}", tick.state.as_str());
            self.count_end(tick);
        }
        Ok(())
    }

    pub(super) fn has_ended(&mut self, key: &Key, end: ProcessEnd) {
        let Some(executed) = self.executed.get_mut(key) else { return };
        executed.end = Some(end);
        executed.child = None;
        if !executed.is_killed && end == ProcessEnd::Signal(9) {
            executed.out_of_memory = executed.kernels_kill();
        }
        if let Some(what) = &executed.out_of_memory {
            self.house.critical(&format!(
                "CRITICAL: the crawl of the schedule {} (pid {}): {what}.\n{MORE_MEMORY}\n{NOTHING_LOST}",
                executed.schedule.name, executed.process.pid
            ));
        }
        if let Some(cgroup) = executed.cgroup.take() {
            cgroup.end();
        }
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
    pub(super) fn write_ends(&mut self) {
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

    pub(super) fn write_end(&self, key: &Key) -> Result<(), NoAnswer> {
        let Some(executed) = self.executed.get(key) else { return Ok(()) };
        let Some(end) = executed.end else { return Ok(()) };
        let finished = self.finished_for(&executed.tick)?;
        let run = self.newest_run(&executed.tick, None)?;
        let pid = executed.process.pid;
        let is_own = run.as_ref().is_some_and(|run| run.process.as_ref().is_some_and(|it| it.pid == pid));
        let recycled = Some(StopReason::Recycled.to_string());
        let ended = Ended {
            end,
            cause: executed.cause.as_ref(),
            last_error: executed.process.last_error(),
            is_held: run.as_ref().is_some_and(|run| run.is_held),
            is_recycled: is_own && run.as_ref().is_some_and(|run| run.stop_reason == recycled),
            out_of_memory: executed.out_of_memory.as_deref(),
            did_nothing: !is_own,
        };
        loop {
            let tick = TickRecord {
                run_id: run.as_ref().filter(|_| is_own).map(|run| run.run_id).or(executed.tick.run_id),
                forced_kills: executed.tick.forced_kills + u32::from(executed.killed_for().is_some()),
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
            let next = match &finished {
                // It was killed after its last page, or another process of the tick was faster.
                Some(run) if !matches!((is_own, end), (true, ProcessEnd::Code(0 | 65))) => {
                    executed_before(tick, run, &self.clock)
                }
                _ => after(tick, &executed.schedule.settings, &ended, &self.clock),
            };
            if self.asking.ask(|store| store.swap_tick(&next))? {
                tell_end(&next);
                self.count_end(&next);
                if let Some(reason) = executed.killed_for() {
                    self.status.count(KILLS, &next.schedule, &executed.schedule.spider, reason);
                }
                return Ok(());
            }
        }
    }

    /// Counts a tick that has ended.
    pub(super) fn count_end(&self, tick: &TickRecord) {
        if tick.state.is_final()
            && let Some(schedule) = self.schedules.get(&tick.schedule)
        {
            self.status.count(TICKS, &tick.schedule, &schedule.spider, tick.state.as_str());
        }
    }

    pub(super) fn stored(&self, tick: &TickRecord) -> Result<Option<TickRecord>, NoAnswer> {
        let open = self.asking.ask(ScheduleStore::open_ticks)?;
        Ok(open.into_iter().find(|it| it.schedule == tick.schedule && it.due_at == tick.due_at))
    }

    /// Notes the ids of runs as soon as they are open.
    pub(super) fn note_runs(&mut self) -> Result<(), NoAnswer> {
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
}

impl Executed {
    pub(super) fn stop(&mut self, cause: StopCause) {
        if self.cause.is_some() {
            return;
        }
        info!(schedule = self.schedule.name, pid = self.process.pid, "stopping: {cause}");
        self.process.stop();
        self.cause = Some(cause);
        self.stopped_at = Some(Instant::now());
    }

    pub(super) fn kill(&mut self, house: &dyn House) {
        self.is_killed = true;
        let (name, pid) = (&self.schedule.name, self.process.pid);
        let seconds = self.stopped_at.map_or(0, |at| at.elapsed().as_secs());
        let why = self.cause.as_ref().map_or_else(String::new, |cause| format!(": {cause}"));
        let advice = self.cause.as_ref().map_or("", StopCause::advice);
        let late = if self.is_dangerous {
            "It is killed at once, because that endangers everything else here.".to_owned()
        } else {
            format!("It was asked to stop and did not do so within {seconds} s, so it is killed.")
        };
        house.critical(&format!(
            "CRITICAL: the crawl of the schedule {name} (pid {pid}) is killed{why}.\n{late}\n{advice}\n{NOTHING_LOST}"
        ));
        self.process.signal(Signal::KILL);
    }

    /// Why it was killed, if it was: by this server, or by the kernel.
    fn killed_for(&self) -> Option<&'static str> {
        if self.is_killed {
            return self.cause.as_ref().map(StopCause::word);
        }
        self.out_of_memory.as_ref().map(|_| "kernel")
    }

    /// Whether the kernel has killed it because memory ran out. Its own cgroup knows that for certain.
    fn kernels_kill(&self) -> Option<String> {
        if let Some(cgroup) = &self.cgroup {
            let limit = self.schedule.settings.max_memory.unwrap_or_default();
            return (cgroup.oom_kills() > 0).then(|| {
                format!(
                    "the kernel has killed it, because it took more memory than its max_memory ({})",
                    text::bytes(limit)
                )
            });
        }
        let (before, now) = (self.oom_kills_before?, cgroup::oom_kills()?);
        (now > before)
            .then(|| "the kernel has killed it, because the memory of the container ran out".to_owned())
    }
}

pub(super) fn key(tick: &TickRecord) -> Key {
    (tick.schedule.clone(), tick.due_at)
}

/// The end of every block.
const NOTHING_LOST: &str =
    "Nothing is lost: everything that was not stored is still queued, and the run is resumed.";

/// `max_pages`, up to a tenth more or less, so that crawls that began together don't restart together.
fn recycled_after(pages: u64, tick: &TickRecord) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&tick.schedule, tick.due_at.timestamp(), tick.version).hash(&mut hasher);
    let tenth = pages / 10;
    (pages - tenth + hasher.finish() % (2 * tenth + 1)).max(1)
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

#[cfg(test)]
mod tests {
    use super::*;
    use dragline_core::schedules::TickKind;

    #[test]
    fn processes_are_recycled_about_where_they_should_be_and_not_together() {
        let at = |version| TickRecord {
            version,
            ..TickRecord::new("a", "2026-03-01T03:00:00Z".parse().unwrap(), TickKind::Cron)
        };
        let all: Vec<u64> = (0..50).map(|version| recycled_after(1_000, &at(version))).collect();
        assert!(all.iter().all(|pages| (900..=1_100).contains(pages)), "{all:?}");
        assert!(all.iter().any(|pages| *pages < 960) && all.iter().any(|pages| *pages > 1_040), "{all:?}");
        assert_eq!((recycled_after(1, &at(1)), recycled_after(9, &at(1))), (1, 9));
    }
}
