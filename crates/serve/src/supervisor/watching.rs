//! Looks at the processes from outside: how much memory each crawl takes with all that it has started, whether its heartbeats go on, and
//! what crawls have left behind.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use tracing::{info, warn};

use super::executed::Executed;
use super::{Heartbeat, Supervisor};
use crate::cgroup::Cgroups;
use crate::ending::StopCause;
use crate::family::{self, Processes};

/// How often the processes are looked at from outside.
const WATCH_EVERY: Duration = Duration::from_secs(1);
/// A crawl hangs if its heartbeats are old for this time. After the machine has slept, they are old for a moment.
const HUNG_FOR: Duration = Duration::from_secs(3);
/// A crawl that takes this number of times its `max_memory` is killed without grace, because it endangers everything else.
const TOO_FAR: u64 = 2;

/// What is known from the last look.
#[derive(Default)]
pub(super) struct Watching {
    looked: Option<Instant>,
    /// Why crawls have no cgroups, or the cgroups. `None` until a limit on memory is needed.
    cgroups: Option<Result<Cgroups, String>>,
    /// The tokens of adopted processes, by pid and start.
    tokens: BTreeMap<(u32, u64), Option<String>>,
    /// Adopted processes that have ended, by pid and start.
    zombies: BTreeSet<(u32, u64)>,
}

/// What is known about a crawl from outside.
#[derive(Debug)]
pub(super) struct Vitals {
    /// The memory of the crawl and of all that it has started, in bytes.
    pub(super) memory: u64,
    /// When its heartbeats were well for the last time.
    well_at: Instant,
    /// Since when they say that it hangs.
    hung_since: Option<Instant>,
    /// Whether nobody can tell.
    is_unknown: bool,
}

impl Default for Vitals {
    fn default() -> Self {
        Self { memory: 0, well_at: Instant::now(), hung_since: None, is_unknown: false }
    }
}

impl Vitals {
    fn are_well(&mut self) {
        (self.well_at, self.hung_since, self.is_unknown) = (Instant::now(), None, false);
    }
}

impl Supervisor {
    /// Prepares cgroups if a schedule has a limit on memory, and says how limits are kept.
    pub(super) fn prepare_limits(&mut self) {
        let has_limit = self.schedules.values().any(|schedule| schedule.settings.max_memory.is_some());
        if !has_limit || self.watching.cgroups.is_some() {
            return;
        }
        let cgroups = Cgroups::set_up();
        match &cgroups {
            Ok(_) => info!(
                "max_memory: each crawl with a limit has a cgroup of its own, and the kernel keeps the limit, too"
            ),
            Err(why) => info!(
                "max_memory: the server looks once a second how much memory the crawls take, because they have no cgroups of their own: {why}"
            ),
        }
        self.watching.cgroups = Some(cgroups);
    }

    /// The cgroups, if there are any.
    pub(super) fn cgroups(&self) -> Option<&Cgroups> {
        self.watching.cgroups.as_ref()?.as_ref().ok()
    }

    /// Looks at everything, once a second at most.
    pub(super) fn watch(&mut self) {
        if self.watching.looked.is_some_and(|at| at.elapsed() < WATCH_EVERY) {
            return;
        }
        self.watching.looked = Some(Instant::now());
        let table = Processes::look();
        let adopted = self.adopted(&table);
        for executed in self.executed.values_mut().filter(|it| it.end.is_none()) {
            let mut roots = vec![executed.process.pid];
            roots.extend(adopted.get(&executed.number).into_iter().flatten());
            let limit = executed.schedule.settings.max_memory.map(|limit| limit as u64);
            let of_it = table.families(&roots);
            executed.vitals.memory = family::memory(&of_it, limit);
            if let Some(limit) = limit.filter(|limit| executed.vitals.memory > *limit) {
                executed.takes_too_much(limit);
            }
            let child = executed.child.as_ref();
            if let Some((max_silence, child)) = executed.schedule.settings.max_silence.zip(child) {
                let heartbeat = self.house.heartbeat(child.folder(), max_silence);
                executed.hear(heartbeat, max_silence);
            }
        }
    }

    /// Processes that a crawl has started and that are children of this one now, by the number of the crawl. A program that an ended crawl has
    /// left behind is killed and reaped.
    fn adopted(&mut self, table: &Processes) -> BTreeMap<u64, Vec<u32>> {
        let own: BTreeSet<u32> = self.executed.values().map(|executed| executed.process.pid).collect();
        let (before, mut tokens) = (std::mem::take(&mut self.watching.tokens), BTreeMap::new());
        let (mut adopted, mut zombies) = (BTreeMap::<u64, Vec<u32>>::new(), BTreeSet::new());
        for seen in table.children(std::process::id()).filter(|seen| !own.contains(&seen.pid)) {
            let process = (seen.pid, seen.began);
            if seen.is_zombie {
                // It is reaped at the second look, so that whoever waits for it here comes first.
                if self.watching.zombies.contains(&process) {
                    family::reap(seen.pid);
                } else {
                    zombies.insert(process);
                }
                continue;
            }
            let token = before.get(&process).cloned().unwrap_or_else(|| family::token_of(seen.pid));
            if let Some(token) = &token {
                let of =
                    self.executed.values().find(|it| it.end.is_none() && family::token(it.number) == *token);
                match of {
                    Some(executed) => adopted.entry(executed.number).or_default().push(seen.pid),
                    None => {
                        warn!(pid = seen.pid, "killed a program that a crawl has started and left behind");
                        family::kill(seen.pid);
                    }
                }
            }
            tokens.insert(process, token);
        }
        (self.watching.tokens, self.watching.zombies) = (tokens, zombies);
        adopted
    }
}

impl Executed {
    fn takes_too_much(&mut self, limit: u64) {
        let used = self.vitals.memory;
        self.stop(StopCause::Memory { limit, used });
        if used > limit.saturating_mul(TOO_FAR) {
            self.is_dangerous = true;
        }
    }

    fn hear(&mut self, heartbeat: Heartbeat, max_silence: Duration) {
        let why = match heartbeat {
            Heartbeat::Well => return self.vitals.are_well(),
            Heartbeat::Unknown(why) => {
                if !self.vitals.is_unknown {
                    let (schedule, pid) = (&self.schedule.name, self.process.pid);
                    warn!(schedule, pid, "the server would not notice if the crawl hung: {why}");
                }
                self.vitals.are_well();
                self.vitals.is_unknown = true;
                return;
            }
            Heartbeat::Missing if self.vitals.well_at.elapsed() < max_silence => return,
            Heartbeat::Missing => {
                format!("it has given no sign of life for {} s", self.vitals.well_at.elapsed().as_secs())
            }
            Heartbeat::Hangs(why) => why,
        };
        let since = *self.vitals.hung_since.get_or_insert_with(Instant::now);
        if since.elapsed() >= HUNG_FOR {
            self.stop(StopCause::Silent(why));
        }
    }
}
