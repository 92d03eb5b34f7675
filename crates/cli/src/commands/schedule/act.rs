//! `dragline schedule run|pause|resume`: what a person asks of the servers, by the store.

use dragline_core::schedules::{NewTicks, TickKind, TickRecord};
use dragline_runtime::{hostname, shown};
use dragline_serve::{Clock, Schedule};

use super::Schedules;
use crate::commands::print;
use crate::exit::Exit;
use crate::failed::Failed;
use crate::settings::Common;

/// How many servers are looked at to find a living one. The living ones come first.
const SERVERS_LOOKED_AT: usize = 20;
/// A server that is silent for longer is not told of. This is far more than the lease of most servers.
const SILENT: std::time::Duration = std::time::Duration::from_secs(60);

/// Adds a tick that is due now.
pub(super) fn run_now(name: &str, common: &Common) -> Result<Exit, Failed> {
    let schedule = common.file.schedule(name)?;
    let store = Schedules::open(common)?;
    let added = add_tick(schedule, &store, &by("asked for"));
    store.close();
    print(&shown(&added?))?;
    Ok(Exit::Finished)
}

/// Adds a tick that is due now for this reason, and says what becomes of it.
pub(crate) fn add_tick(schedule: &Schedule, store: &Schedules, reason: &str) -> Result<String, Failed> {
    let (name, now) = (&schedule.name, Clock::of_this_process().now());
    store.wait("noting the schedule", store.store.note_schedules(&[schedule.note()], now))?;
    let tick = TickRecord { reason: Some(reason.to_owned()), ..TickRecord::new(name, now, TickKind::Manual) };
    let new = NewTicks { schedule: name.clone(), known_until: None, ticks: vec![tick] };
    store.wait("adding a tick", store.store.add_ticks(&new))?;
    let servers = store.wait("reading the servers", store.store.list_servers(SERVERS_LOOKED_AT))?;
    let is_any = servers.iter().any(|server| server.ended_at.is_none() && server.silent_for() < SILENT);
    let when = if is_any { "a server starts it within seconds, if a worker is free" } else { NO_SERVER };
    Ok(format!("added a tick of {name}, which is due now; {when}\n"))
}

const NO_SERVER: &str = "no server is running, so it waits for the next `dragline serve`";

/// Pauses the schedule, or lets it go on.
pub(super) fn pause(name: &str, is_pause: bool, common: &Common) -> Result<Exit, Failed> {
    let schedule = common.file.schedule(name)?;
    let store = Schedules::open(common)?;
    let who = by("");
    let set = set_pause(schedule, &store, is_pause.then_some(who.trim()));
    store.close();
    print(&shown(&set?))?;
    Ok(Exit::Finished)
}

/// Pauses the schedule in somebody's name, or lets it go on without one, and says what has changed.
pub(crate) fn set_pause(schedule: &Schedule, store: &Schedules, who: Option<&str>) -> Result<String, Failed> {
    let (name, now, is_pause) = (&schedule.name, Clock::of_this_process().now(), who.is_some());
    store.wait("noting the schedule", store.store.note_schedules(&[schedule.note()], now))?;
    let changed = store.wait("pausing", store.store.pause_schedule(name, who))?;
    Ok(match (is_pause, changed) {
        (true, true) => {
            format!("paused {name}: its ticks are skipped until `dragline schedule resume {name}`\n")
        }
        (true, false) => format!("{name} is paused already\n"),
        (false, true) => format!("{name} goes on with its next tick\n"),
        (false, false) => format!("{name} is not paused\n"),
    })
}

/// The name of the person who does this, as others will read it.
pub(crate) fn by(what: &str) -> String {
    let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_default();
    let user = if user.is_empty() { "somebody".to_owned() } else { user };
    let who = format!("{user} on {}", hostname());
    if what.is_empty() { who } else { format!("{what} by {who}") }
}
