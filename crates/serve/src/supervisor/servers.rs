//! This server among the others: it registers, gives signs of life, and takes over what servers that are gone have left.

use std::time::{Duration, Instant};

use dragline_core::runs::{RunAsk, RunRecord};
use dragline_core::schedules::{NewServer, ServerRecord, TickRecord, TickState};
use dragline_core::store::{ProcessInfo, RunState};
use tracing::{info, warn};

use super::{Supervisor, key};
use crate::asking::NoAnswer;
use crate::ending::{executed_before, held};
use crate::place::{is_gone, place};
use crate::schedule::Schedule;

/// How many signs of life a server gives within its lease.
const BEATS_PER_LEASE: u32 = 5;
/// How many servers a server looks at. The living ones come first.
const SERVERS_LOOKED_AT: usize = 100;

impl Supervisor {
    pub(super) fn register(&mut self) -> Result<(), NoAnswer> {
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

    pub(super) fn note_schedules(&self) -> Result<(), NoAnswer> {
        let notes: Vec<_> = self.schedules.values().map(Schedule::note).collect();
        let now = self.clock.now();
        self.asking.ask(|store| store.note_schedules(&notes, now))
    }

    /// A sign of life. If another server has taken this one for dead, it registers again.
    pub(super) fn beat(&mut self) -> Result<(), NoAnswer> {
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
            "another server has taken this one for dead, because it was silent for longer than --lease; it registers again"
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
    pub(super) fn take_over(&mut self, open: &[TickRecord]) -> Result<(), NoAnswer> {
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
                    self.free(tick, of, "its server is gone")?;
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
            self.free(&tick, None, "its start was not confirmed")?;
        }
        Ok(())
    }

    /// Its last server, if it is known, tells which run is its own.
    fn free(&self, tick: &TickRecord, of: Option<&ServerRecord>, why: &str) -> Result<(), NoAnswer> {
        let now = self.clock.now();
        let run = self.run_of(tick, of)?;
        let tick = TickRecord { run_id: run.as_ref().map(|run| run.run_id).or(tick.run_id), ..tick.clone() };
        let finished = match run.filter(|run| run.state == RunState::Finished) {
            Some(run) => Some(run),
            None => self.finished_for(&tick)?,
        };
        let free = match (&tick.cancel, finished) {
            (_, Some(run)) => executed_before(tick.clone(), &run, &self.clock),
            (Some(cancel), None) => tick.clone().ended(TickState::Failed, now, Some(cancel.clone())),
            (None, None) => tick.clone().waiting(now, Some(format!("it goes on, because {why}"))),
        };
        if self.asking.ask(|store| store.swap_tick(&free))? {
            self.count_end(&free);
            warn!(schedule = tick.schedule, due_at = %tick.due_at, "taken over: {why}");
        }
        Ok(())
    }

    /// The run of a tick, if it is known for certain. A process that has the tick's pid has opened it on the machine of the tick's
    /// server, and since that server began, because pids are used again.
    pub(super) fn run_of(
        &self,
        tick: &TickRecord,
        of: Option<&ServerRecord>,
    ) -> Result<Option<RunRecord>, NoAnswer> {
        if let Some(run_id) = tick.run_id {
            let ask = RunAsk { run_id: Some(run_id), limit: 1, ..RunAsk::default() };
            return Ok(self.asking.ask(|store| store.list_runs(&ask))?.pop());
        }
        let (Some(pid), Some(of)) = (tick.pid, of) else { return Ok(None) };
        let is_own = |run: &RunRecord| {
            let is_its = |it: &ProcessInfo| it.pid == pid && it.hostname == of.server.hostname;
            run.process.as_ref().is_some_and(is_its) && run.last_start_at >= of.started_at
        };
        Ok(self.newest_run(tick, None)?.filter(is_own))
    }

    /// The highest id of the runs of a tick's name that are not its own. An unfinished run may become its own, because the crawl resumes it.
    pub(super) fn newest_before(&self, tick: &TickRecord) -> Result<i64, NoAnswer> {
        Ok(self.newest_run(tick, None)?.map_or(0, |run| match run.state {
            RunState::Finished => run.run_id,
            _ => run.run_id - 1,
        }))
    }

    /// The finished run of a tick, whichever process has finished it. Only one run is crawled for a tick: see [`TickRecord::after_run`].
    pub(super) fn finished_for(&self, tick: &TickRecord) -> Result<Option<RunRecord>, NoAnswer> {
        let Some(after_run) = tick.after_run else { return Ok(None) };
        let newest = self.newest_run(tick, Some(RunState::Finished))?;
        Ok(newest.filter(|run| run.run_id > after_run))
    }

    pub(super) fn newest_run(
        &self,
        tick: &TickRecord,
        state: Option<RunState>,
    ) -> Result<Option<RunRecord>, NoAnswer> {
        let ask = RunAsk { name: Some(tick.run_name.clone()), state, limit: 1, ..RunAsk::default() };
        Ok(self.asking.ask(|store| store.list_runs(&ask))?.pop())
    }

    /// Looks at the run of a tick that goes on. If the run is finished, the tick ends. If another process still works on the run, the tick
    /// waits, because that process may finish the run. Returns whether that is so.
    pub(super) fn is_settled(&self, tick: &TickRecord) -> Result<bool, NoAnswer> {
        let run = match self.finished_for(tick)? {
            Some(run) => Some(run),
            None if tick.run_id.is_some() => self.run_of(tick, None)?,
            None if tick.attempts > 0 => self.newest_run(tick, None)?.filter(|run| run.is_held),
            None => None,
        };
        let Some(run) = run else { return Ok(false) };
        if run.state == RunState::Finished {
            let done = executed_before(tick.clone(), &run, &self.clock);
            if self.asking.ask(|store| store.swap_tick(&done))? {
                self.count_end(&done);
                info!(schedule = done.schedule, due_at = %done.due_at, run_id = run.run_id, "done: its run is finished already");
            }
            return Ok(true);
        }
        if run.is_held {
            let later = held(tick.clone(), &self.clock);
            self.asking.ask(|store| store.swap_tick(&later))?;
        }
        Ok(run.is_held)
    }
}
