//! `dragline board`: the page of runs, without a crawl. It shows the runs of all processes that use the store.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use dragline_board::{
    Board, BoardParts, ComingRun, HostName, KnownSpider, Live, NotLive, Plan, PlannedSchedule,
};
use dragline_core::Spider;
use dragline_core::schedules::ScheduleNote;
use dragline_runtime::early_signals;
use dragline_runtime::listen::ListenAddr;
use dragline_serve::{Clock, Schedule};
use dragline_store::StoreSettings;
use tokio::runtime::Runtime;
use tokio::time::timeout;

use super::control::controls;
use super::demo_site::Shelf;
use super::print;
use super::schedule::{coming, local};
use crate::arguments::Board as Arguments;
use crate::exit::Exit;
use crate::failed::Failed;
use crate::program::Program;
use crate::settings::Common;

/// Sessions of the page. Further reads wait for one.
const SESSIONS: usize = 4;
/// Time to give back the sessions at the end.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);

pub(super) fn run(arguments: Arguments, common: &Common, program: &Program) -> Result<Exit, Failed> {
    let plan = FilePlan::new(common.file.schedules().cloned().collect());
    let is_private = matches!(arguments.listen, ListenAddr::Unix(_));
    let controls = controls(&arguments.control, common, program, &plan, is_private)?;
    let board = of_store(common, &program.spiders, arguments.listen_hosts, Arc::new(NotLive), plan)?;
    let board = Board::new(BoardParts { controls, ..board });
    let address = arguments.listen;
    let runtime = runtime().map_err(|error| Failed::error(format!("cannot start a thread: {error}")))?;
    let listener = {
        let _inside = runtime.enter();
        address.bind().map_err(|error| cannot_listen(&address, &error))?
    };
    let bound = listener.address().map_err(|error| cannot_listen(&address, &error))?;
    let at = if bound.starts_with("unix:") { bound } else { format!("http://{bound}/") };
    let served = board.clone();
    let task = runtime.spawn(async move {
        dragline_board::serve(listener, &served).await;
    });
    print(&format!("serving the page of runs at {at} until Ctrl-C\n"))?;
    let stopped = early_signals::until_stopped();
    task.abort();
    runtime.block_on(async {
        let _ = timeout(CLOSE_LIMIT, board.close()).await;
    });
    runtime.shutdown_background();
    stopped.map_err(|error| Failed::error(format!("cannot listen for signals: {error}")))?;
    Ok(Exit::Finished)
}

/// Says why nobody can reach the page.
pub(super) fn cannot_listen(address: &ListenAddr, error: &std::io::Error) -> Failed {
    let failed = Failed::error(format!("cannot listen at {address}: {error}"));
    failed.hint(match address {
        ListenAddr::Tcp(_) => "choose another port: --listen 127.0.0.1:8081",
        ListenAddr::Unix(_) => "choose another file for the socket, in a folder that this user may write to",
    })
}

/// The schedules of a settings file. `dragline serve` replaces them when it reads its file again.
#[derive(Clone, Default)]
pub(crate) struct FilePlan(Arc<RwLock<Vec<Schedule>>>);

impl FilePlan {
    pub(crate) fn new(schedules: Vec<Schedule>) -> Self {
        Self(Arc::new(RwLock::new(schedules)))
    }

    pub(super) fn replace(&self, schedules: Vec<Schedule>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = schedules;
    }

    pub(crate) fn of_name(&self, name: &str) -> Option<Schedule> {
        self.read().iter().find(|schedule| schedule.name == name).cloned()
    }

    fn read(&self) -> RwLockReadGuard<'_, Vec<Schedule>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Plan for FilePlan {
    fn schedules(&self) -> Vec<PlannedSchedule> {
        let now = Clock::of_this_process().now();
        let planned = |schedule: &Schedule| {
            let ScheduleNote { name, definition } = schedule.note();
            let next = schedule.times.next_after(now).filter(|_| schedule.settings.enabled);
            PlannedSchedule { name, definition, next: next.map(|due_at| coming_run(due_at, schedule)) }
        };
        self.read().iter().map(planned).collect()
    }

    fn coming(&self, count: usize, is_left_out: &dyn Fn(&str) -> bool) -> Vec<ComingRun> {
        let all = self.read();
        let schedules: Vec<&Schedule> = all.iter().filter(|schedule| !is_left_out(&schedule.name)).collect();
        let ticks = coming(&schedules, Clock::of_this_process().now(), count);
        ticks.into_iter().map(|(due_at, schedule)| coming_run(due_at, schedule)).collect()
    }
}

fn coming_run(due_at: DateTime<Utc>, schedule: &Schedule) -> ComingRun {
    ComingRun {
        due_at: due_at.to_rfc3339_opts(SecondsFormat::Secs, true),
        local: local(due_at, schedule.times.zone()),
        schedule: schedule.name.clone(),
        spider: schedule.spider.clone(),
    }
}

/// The parts of a board of all runs of the store, without actions.
pub(super) fn of_store(
    common: &Common,
    spiders: &[Arc<dyn Spider>],
    hosts: Vec<HostName>,
    live: Arc<dyn Live>,
    plan: FilePlan,
) -> Result<BoardParts, Failed> {
    let settings = StoreSettings { take_over_after: None, connections: SESSIONS, ..common.store_settings()? };
    // The demo's spider isn't listed, and its runs may be in the store all the same.
    let demo: Arc<dyn Spider> = Arc::new(Shelf);
    let known = spiders.iter().chain([&demo]);
    Ok(BoardParts {
        store: common.open_schedules(&settings)?,
        spiders: known
            .map(|spider| KnownSpider { name: spider.name().to_owned(), items: spider.items() })
            .collect(),
        plan: Arc::new(plan),
        live,
        log_dir: common.log_dir(),
        controls: None,
        hosts,
    })
}

/// A runtime with several threads, because the store for SQLite blocks in place.
fn runtime() -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_name("board").enable_all().build()
}
