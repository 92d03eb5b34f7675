//! `dragline runs cancel`: asks the server that executes a run to stop it.

use dragline_core::schedules::{TickAsk, TickRecord, TickState};
use dragline_runtime::shown;

use super::{Runs, standing};
use crate::commands::print;
use crate::commands::schedule::{Schedules, by};
use crate::exit::Exit;
use crate::failed::Failed;
use crate::settings::Common;

/// How many of the newest ticks of the schedule are looked at.
const TICKS_LOOKED_AT: usize = 100;
/// How often it is tried again if the tick changes in between.
const TRIES: usize = 20;

pub(super) fn run(run: &str, runs: &Runs, common: &Common) -> Result<Exit, Failed> {
    print(&shown(&cancelled(run, runs, common, &by("cancelled"))?))?;
    Ok(Exit::Finished)
}

/// Cancels the run for this reason, and says what was done.
pub(crate) fn cancelled(run: &str, runs: &Runs, common: &Common, reason: &str) -> Result<String, Failed> {
    let run = runs.find(run)?;
    let store = Schedules::open(common)?;
    let done = cancel(&run.name, &store, reason);
    store.close();
    let Some(tick) = done? else {
        let problem = format!("no server executes the run {} (id {})", run.name, run.run_id);
        let failed = Failed::error(problem);
        return Err(match run.process.as_ref().filter(|_| run.is_held) {
            Some(process) => failed.hint(format!(
                "pid {} on {} works on it; SIGTERM stops it and loses nothing",
                process.pid, process.hostname
            )),
            None => failed.hint(format!(
                "it is {}; `dragline runs end {}` gives it up",
                standing::word(&run),
                run.run_id
            )),
        });
    };
    let what = match tick.state {
        TickState::Running => "its server stops it within seconds",
        _ => "it is not tried again",
    };
    Ok(format!(
        "cancelled the run {} (id {}): {what}. The next tick goes on with it; `dragline runs end {}` gives it up\n",
        run.name, run.run_id, run.run_id
    ))
}

/// Marks the open tick of a run. Its server may change the row at the same moment.
fn cancel(run_name: &str, store: &Schedules, reason: &str) -> Result<Option<TickRecord>, Failed> {
    for _ in 0..TRIES {
        let ask =
            TickAsk { limit: TICKS_LOOKED_AT, schedule: Some(run_name.to_owned()), ..TickAsk::default() };
        let ticks = store.wait("reading ticks", store.store.list_ticks(&ask))?;
        let of_run = |tick: &TickRecord| tick.run_name == run_name && tick.attempts > 0;
        let Some(tick) = ticks.into_iter().find(|tick| !tick.state.is_final() && of_run(tick)) else {
            return Ok(None);
        };
        let marked = TickRecord { cancel: Some(reason.to_owned()), ..tick };
        if store.wait("cancelling", store.store.swap_tick(&marked))? {
            return Ok(Some(marked));
        }
    }
    Err(Failed::error("the tick of the run changed again and again").hint("try it once more"))
}
