//! `dragline serve`.

mod heartbeats;

use std::fs::File as SystemFile;
use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf, absolute};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::bounded;
use dragline_board::{Board, BoardParts, Live, LiveRun, Within};
use dragline_core::program;
use dragline_core::stop::{Stop, StopReason};
use dragline_core::store::BoxFuture;
use dragline_core::worker::Worker;
use dragline_runtime::listen::{ListenAddr, Listener, Served, Told};
use dragline_runtime::logging::{LogFormat, LogHandle};
use dragline_runtime::visible::visible;
use dragline_runtime::{first_process, hostname, signals};
use dragline_serve::{
    Asked, Children, Health, Heartbeat, House, Launch, Schedule, ServeEnd, ServeError, Server, Status,
};

use serde_json::Value as Json;

use super::board::{self, FilePlan};
use super::control::controls;
use crate::arguments::Serve;
use crate::exit::Exit;
use crate::failed::Failed;
use crate::program::Program;
use crate::settings::Common;
use crate::settings::file::File;

/// Variables that belong to this process. A crawl with them would write the same file or listen at the same
/// address, and it has no use for tokens.
const OF_THIS_PROCESS: [&str; 15] = [
    "DRAGLINE_ALLOW_CONTROL",
    "DRAGLINE_CONFIG",
    "DRAGLINE_CONTROL_TOKEN",
    "DRAGLINE_CONTROL_TOKEN_FILE",
    "DRAGLINE_FORCE_RUN",
    "DRAGLINE_FRESH",
    "DRAGLINE_HEARTBEAT_FILE",
    "DRAGLINE_LISTEN",
    "DRAGLINE_LOG_DIR",
    "DRAGLINE_METRICS_TEXTFILE",
    "DRAGLINE_OUTPUT",
    "DRAGLINE_PROGRESS",
    "DRAGLINE_RUN",
    "DRAGLINE_SPIDER",
    "DRAGLINE_START_URLS",
];
/// Signals that are waiting to be heard. More of them say nothing new.
const SIGNALS_WAITING: usize = 16;

pub(super) fn run(
    arguments: Serve,
    common: &Common,
    program: &Program,
    log: &LogHandle,
) -> Result<Exit, Failed> {
    let schedules: Vec<Schedule> = common.file.schedules().cloned().collect();
    if schedules.is_empty() {
        return Err(Failed::usage("there is nothing to serve: the settings file has no schedules").hint(
            "add a table such as [schedule.nightly] with spider and cron to dragline.toml, or name another file with --config",
        ));
    }
    let plan = FilePlan::new(schedules.clone());
    let store = common.open_schedules(&common.store_settings()?)?;
    let stop = Stop::new();
    let asked = listen(&stop)?;
    let copy = ConfigCopy::new(&common.file)
        .map_err(|error| Failed::error(format!("the settings file cannot be copied: {error}")))?;
    let house = CommandLine {
        spiders: program.spiders.iter().map(|spider| spider.name().to_owned()).collect(),
        path: common.file.path().to_owned(),
        copy: Mutex::new(copy),
        store: common.store.0.clone(),
        // The row of a tick names it, and a person may read that in another folder.
        log_dir: common.log_dir().map(|dir| absolute(&dir).unwrap_or(dir)),
        log_format: common.log.format,
        log_filter: common.log.filter.clone(),
        log: log.clone(),
        plan: plan.clone(),
    };
    // The server knows which children it waits for.
    first_process::hand_over();
    let status = Arc::<Status>::default();
    let children = Children::new()
        .map(Arc::new)
        .map_err(|error| Failed::error(format!("cannot start a thread: {error}")))?;
    let listen = arguments.listening.listen;
    let _listener = match &listen {
        None => None,
        Some(address) => {
            let live = Arc::new(OfChildren(Arc::clone(&children)));
            let is_private = matches!(address, ListenAddr::Unix(_));
            let controls = controls(&arguments.control, common, program, &plan, is_private)?;
            let hosts = arguments.listening.listen_hosts;
            let board = board::of_store(common, &program.spiders, hosts, live, plan.clone())?;
            let board = Board::new(BoardParts { controls, ..board });
            let (status, children) = (Arc::clone(&status), Arc::clone(&children));
            let served = Endpoints { status, children, page: Within::new(board) };
            Some(Listener::start(address, served).map_err(|error| board::cannot_listen(address, &error))?)
        }
    };
    let server = Server {
        schedules,
        settings: arguments.settings,
        hostname: hostname(),
        house: Arc::new(house),
        status,
        children,
        listen: listen.map(|address| address.to_string()),
    };
    match dragline_serve::serve(server, store, &asked.1, &stop) {
        Ok(ServeEnd::Stopped) => Ok(Exit::Finished),
        Ok(ServeEnd::Forced) => Ok(Exit::Forced),
        Err(ServeError::Store(error)) => Err(error.into()),
        Err(ServeError::Usage(problem)) => Err(Failed::usage(problem)),
        Err(error) => Err(Failed::error(dragline_runtime::chain(&error))),
    }
}

type Signals = (Worker<()>, crossbeam_channel::Receiver<Asked>);

/// Hears signals from now on. A stop is requested at once, because the server may be waiting for its store.
fn listen(stop: &Stop) -> Result<Signals, Failed> {
    let (sender, asked) = bounded(SIGNALS_WAITING);
    let stop = stop.clone();
    let thread = signals::each(move |signal| {
        let ask = match signal {
            "SIGHUP" => Asked::Reload,
            "SIGUSR1" => Asked::Tell,
            signal => {
                stop.request(StopReason::Signal(signal));
                Asked::Stop(signal)
            }
        };
        let _ = sender.try_send(ask);
    });
    let thread = thread.map_err(|error| Failed::error(format!("cannot listen for signals: {error}")))?;
    Ok((thread, asked))
}

/// What the endpoints answer.
struct Endpoints {
    status: Arc<Status>,
    children: Arc<Children>,
    /// The page of all runs.
    page: Within,
}

impl Served for Endpoints {
    fn told(&self) -> Told {
        let Health { is_alive, is_ready, mut body } = self.status.health();
        for crawl in body["running"].as_array_mut().into_iter().flatten() {
            let pid = crawl["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok());
            crawl["crawl"] = pid.and_then(|pid| self.children.health(pid)).unwrap_or(Json::Null);
        }
        Told { is_alive, is_ready, status: body }
    }

    fn metrics(&self) -> String {
        self.status.metrics() + &self.children.metrics()
    }

    fn page(&self) -> Option<&Within> {
        Some(&self.page)
    }
}

/// The crawls of this server, for its page.
struct OfChildren(Arc<Children>);

impl Live for OfChildren {
    fn of_run(&self, run_id: i64) -> BoxFuture<'_, Option<LiveRun>> {
        Box::pin(async move {
            let (live, age) = self.0.live(run_id).await?;
            let live: LiveRun = serde_json::from_value(live).ok()?;
            Some(LiveRun { age_seconds: age.as_secs_f64(), ..live })
        })
    }
}

/// This program, as the server needs it.
struct CommandLine {
    spiders: Vec<String>,
    path: PathBuf,
    copy: Mutex<ConfigCopy>,
    store: String,
    log_dir: Option<PathBuf>,
    log_format: LogFormat,
    log_filter: Option<String>,
    log: LogHandle,
    /// The schedules for the page.
    plan: FilePlan,
}

impl House for CommandLine {
    fn reload(&self) -> Result<Vec<Schedule>, String> {
        let file = File::read(Some(&self.path), &self.spiders).map_err(|failed| failed.to_string())?;
        let copy = ConfigCopy::new(&file).map_err(|error| error.to_string())?;
        *self.copy.lock().unwrap_or_else(PoisonError::into_inner) = copy;
        let schedules: Vec<Schedule> = file.schedules().cloned().collect();
        self.plan.replace(schedules.clone());
        Ok(schedules)
    }

    fn command(&self, schedule: &Schedule, launch: Launch<'_>) -> io::Result<(Command, Option<String>)> {
        let mut command = own_program()?;
        for name in OF_THIS_PROCESS {
            command.env_remove(name);
        }
        let config = self.copy.lock().unwrap_or_else(PoisonError::into_inner).path();
        command.arg("--config").arg(config).arg("crawl").arg(&schedule.spider);
        command.args(["--schedule", &schedule.name, "--stop-with-stdin"]);
        if let Some(folder) = launch.supervised {
            command.arg("--supervised").arg(folder);
            if let Some(file) = heartbeats::file(folder) {
                command.env("DRAGLINE_HEARTBEAT_FILE", file);
            }
        }
        if launch.fresh {
            command.arg("--fresh");
        }
        if let Some(run_id) = launch.after_run {
            command.arg("--after-run").arg(run_id.to_string());
        }
        if let Some(pages) = launch.pages {
            command.arg("--max-pages-per-process").arg(pages.to_string());
        }
        // The URL may have a password, and everybody can read the arguments of a process.
        command.env("DRAGLINE_STORE", &self.store);
        command.env("DRAGLINE_LOG_FORMAT", if self.log_format == LogFormat::Json { "json" } else { "text" });
        if let Some(filter) = &self.log_filter {
            command.env("DRAGLINE_LOG", filter);
        }
        let log_dir = self.log_dir.as_ref().map(|dir| dir.join(&schedule.name));
        if let Some(dir) = &log_dir {
            command.env("DRAGLINE_LOG_DIR", dir);
        }
        Ok((command, log_dir.map(|dir| dir.display().to_string())))
    }

    fn heartbeat(&self, folder: &Path, max_silence: Duration) -> Heartbeat {
        heartbeats::look(folder, max_silence)
    }

    fn line(&self, schedule: &str, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        let text = visible(text.trim_end());
        // A JSON line names its run, which has the name of the schedule.
        self.log.pass_on(match self.log_format {
            LogFormat::Json if text.starts_with('{') => format!("{text}\n"),
            _ => format!("{schedule} | {text}\n"),
        });
    }

    fn critical(&self, text: &str) {
        self.log.critical(text);
    }
}

/// The program of this process, even if its file was replaced since.
fn own_program() -> io::Result<Command> {
    let path = Path::new("/proc/self/exe");
    let mut command = Command::new(if path.exists() { path.to_owned() } else { std::env::current_exe()? });
    command.arg0(program::name());
    Ok(command)
}

/// The settings file as it was read. A crawl gets this copy, so that a file that somebody is changing, or that was refused, changes no
/// crawl. It is in memory and has no name, because it may hold secrets.
struct ConfigCopy {
    path: PathBuf,
    _open: Option<SystemFile>,
}

impl ConfigCopy {
    #[cfg(target_os = "linux")]
    fn new(file: &File) -> io::Result<Self> {
        use std::os::fd::AsRawFd as _;

        // Without the flag that closes it, the crawls inherit it.
        let copy = rustix::fs::memfd_create("dragline.toml", rustix::fs::MemfdFlags::empty())?;
        let mut copy = SystemFile::from(copy);
        copy.write_all(file.text().as_bytes())?;
        Ok(Self { path: format!("/proc/self/fd/{}", copy.as_raw_fd()).into(), _open: Some(copy) })
    }

    #[cfg(not(target_os = "linux"))]
    fn new(file: &File) -> io::Result<Self> {
        Ok(Self { path: file.path().to_owned(), _open: None })
    }

    fn path(&self) -> PathBuf {
        self.path.clone()
    }
}
