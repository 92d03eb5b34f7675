//! `dragline board`: the page of runs, without a crawl. It shows the runs of all processes that use the store.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use dragline_board::{Board, BoardParts, ComingRun, ComingRuns, HostName, KnownSpider, Live, NotLive};
use dragline_core::Spider;
use dragline_runtime::early_signals;
use dragline_runtime::listen::ListenAddr;
use dragline_serve::Schedule;
use dragline_store::StoreSettings;
use tokio::runtime::Runtime;
use tokio::time::timeout;

use super::demo_site::Shelf;
use super::print;
use super::schedule::{coming, local};
use crate::arguments::Board as Arguments;
use crate::exit::Exit;
use crate::failed::Failed;
use crate::settings::Common;
use crate::settings::file::File;

/// Sessions of the page. Further reads wait for one.
const SESSIONS: usize = 4;
/// Time to give back the sessions at the end.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);

pub(super) fn run(
    arguments: Arguments,
    common: &Common,
    spiders: &[Arc<dyn Spider>],
) -> Result<Exit, Failed> {
    let board = of_store(common, spiders, arguments.listen_hosts, Arc::new(NotLive))?;
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

/// What the schedules of the settings file say.
fn coming_runs(file: File) -> ComingRuns {
    Box::new(move |count| {
        let schedules: Vec<_> = file.schedules().collect();
        let ticks = coming(&schedules, Utc::now(), count);
        let run = |(due_at, schedule): (DateTime<Utc>, &Schedule)| ComingRun {
            due_at: due_at.to_rfc3339_opts(SecondsFormat::Secs, true),
            local: local(due_at, schedule.times.zone()),
            schedule: schedule.name.clone(),
            spider: schedule.spider.clone(),
        };
        ticks.into_iter().map(run).collect()
    })
}

/// The board of all runs of the store.
pub(super) fn of_store(
    common: &Common,
    spiders: &[Arc<dyn Spider>],
    hosts: Vec<HostName>,
    live: Arc<dyn Live>,
) -> Result<Board, Failed> {
    let settings = StoreSettings { take_over_after: None, connections: SESSIONS, ..common.store_settings()? };
    // The demo's spider isn't listed, and its runs may be in the store all the same.
    let demo: Arc<dyn Spider> = Arc::new(Shelf);
    let known = spiders.iter().chain([&demo]);
    Ok(Board::new(BoardParts {
        store: common.open_runs(&settings)?,
        spiders: known
            .map(|spider| KnownSpider { name: spider.name().to_owned(), items: spider.items() })
            .collect(),
        coming: coming_runs(common.file.clone()),
        live,
        log_dir: common.log_dir(),
        hosts,
    }))
}

/// A runtime with several threads, because the store for SQLite blocks in place.
fn runtime() -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_name("board").enable_all().build()
}
