//! `dragline runs logs`: prints the log file of a run's last process, and follows it.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use dragline_board::read::log_files;
use dragline_core::runs::{RunAsk, RunRecord};
use dragline_core::schedules::{TickAsk, TickRecord};
use dragline_core::stop::Stop;
use dragline_core::store::RunState;
use dragline_runtime::visible::visible;
use dragline_runtime::{hostname, shown};

use super::Runs;
use crate::arguments::LogsOfRun;
use crate::commands::print;
use crate::commands::schedule::Schedules;
use crate::exit::Exit;
use crate::failed::Failed;
use crate::settings::Common;

/// How often new lines are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How often the store is asked whether the run goes on.
const ASK_EVERY: Duration = Duration::from_secs(2);
/// How much of new lines is printed at once.
const MAX_PIECE: u64 = 1 << 20;
/// A line that is longer is cut.
const MAX_LINE: usize = 64 << 10;
/// How many servers are looked at to find that of a tick.
const SERVERS_LOOKED_AT: usize = 100;

pub(super) fn run(asked: &LogsOfRun, runs: &Runs, common: &Common) -> Result<Exit, Failed> {
    let store = Schedules::open(common)?;
    let done = print_log(asked, runs, &store, common);
    store.close();
    done
}

fn print_log(asked: &LogsOfRun, runs: &Runs, store: &Schedules, common: &Common) -> Result<Exit, Failed> {
    let run = runs.find(&asked.run)?;
    let place = Place::of(&run, store, common)?;
    let files = place.files(&run)?;
    let mut last = VecDeque::new();
    for file in &files {
        let open = File::open(file).map_err(|error| unreadable(file, &error))?;
        for line in BufReader::new(open).split(b'\n') {
            let line = line.map_err(|error| unreadable(file, &error))?;
            last.push_back(text_of(&line));
            if last.len() > asked.lines {
                last.pop_front();
            }
        }
    }
    print(&shown(&last.into_iter().collect::<String>()))?;
    if asked.follow {
        follow(run, files, &place, runs, store)?;
    }
    Ok(Exit::Finished)
}

/// Where the log files of a run are.
struct Place {
    folders: Vec<PathBuf>,
    /// The machine of its server, if that is another one.
    elsewhere: Option<String>,
}

impl Place {
    fn of(run: &RunRecord, store: &Schedules, common: &Common) -> Result<Self, Failed> {
        let tick = tick_of(run, store)?;
        let given = common.log_dir();
        let noted = tick.as_ref().and_then(|tick| tick.log_dir.clone()).map(PathBuf::from);
        let mut elsewhere = None;
        if let Some(server_id) = tick.and_then(|tick| tick.server_id) {
            let servers = store.wait("reading the servers", store.store.list_servers(SERVERS_LOOKED_AT))?;
            let server = servers.into_iter().find(|server| server.server_id == server_id);
            elsewhere = server.map(|server| server.server.hostname).filter(|name| *name != hostname());
        }
        let folders: Vec<PathBuf> = given.into_iter().chain(noted).collect();
        if folders.is_empty() {
            let problem =
                format!("it is not known where the log of the run {} (id {}) is", run.name, run.run_id);
            return Err(Failed::error(problem).hint(
                "start `dragline serve` or the crawl with --log-dir DIR, so that it writes log files; for a crawl without a server, \
                 name that folder here with --log-dir, too",
            ));
        }
        Ok(Self { folders, elsewhere })
    }

    /// The parts of the log of the run's last process. There is at least one.
    fn files(&self, run: &RunRecord) -> Result<Vec<PathBuf>, Failed> {
        let mut refused = None;
        for folder in &self.folders {
            match log_files(folder, run) {
                Ok(files) if files.is_empty() => {}
                Ok(files) => return Ok(files),
                Err(error) => refused = Some(format!("{}: {error}", folder.display())),
            }
        }
        let folders: Vec<String> = self.folders.iter().map(|folder| folder.display().to_string()).collect();
        let problem = format!(
            "the last process of the run {} (id {}) has no log file in {}",
            run.name,
            run.run_id,
            folders.join(" or ")
        );
        let failed = Failed::error(problem);
        Err(match (&self.elsewhere, refused) {
            (Some(machine), _) => failed
                .hint(format!("its server ran on {machine}, so look there: the files are on that machine")),
            (None, Some(refused)) => failed.hint(format!("a folder cannot be read: {refused}")),
            (None, None) => {
                failed.hint("old files are removed: --log-files of the server says how many stay")
            }
        })
    }
}

/// The last tick that has executed the run.
fn tick_of(run: &RunRecord, store: &Schedules) -> Result<Option<TickRecord>, Failed> {
    let ask = TickAsk { run_id: Some(run.run_id), limit: 1, ..TickAsk::default() };
    Ok(store.wait("reading ticks", store.store.list_ticks(&ask))?.pop())
}

/// Prints what is added, until the run has ended, and nobody goes on with it.
fn follow(
    mut run: RunRecord,
    mut files: Vec<PathBuf>,
    place: &Place,
    runs: &Runs,
    store: &Schedules,
) -> Result<(), Failed> {
    let clock = Stop::new();
    let Some(mut current) = files.pop() else { return Ok(()) };
    let mut from = current.metadata().map_or(0, |found| found.len());
    let mut asked = Instant::now();
    loop {
        while print_more(&current, &mut from)? {}
        let is_time_to_ask = asked.elapsed() >= ASK_EVERY;
        if is_time_to_ask {
            asked = Instant::now();
            let ask = RunAsk { run_id: Some(run.run_id), limit: 1, ..RunAsk::default() };
            let Some(now) = runs.list(&ask)?.pop() else { return Ok(()) };
            run = now;
            // Its next process, or the next part, may have begun.
            let all = place.files(&run).unwrap_or_default();
            let next = match all.iter().position(|file| *file == current) {
                Some(at) => all.get(at + 1),
                None => all.first(),
            };
            if let Some(next) = next {
                while print_more(&current, &mut from)? {}
                (current, from) = (next.clone(), 0);
                continue;
            }
            let is_open = tick_of(&run, store)?.is_some_and(|tick| !tick.state.is_final());
            let has_ended = matches!(run.state, RunState::Finished | RunState::Failed) || !run.is_held;
            if has_ended && !is_open {
                while print_more(&current, &mut from)? {}
                return Ok(());
            }
        }
        clock.sleep(LOOK_EVERY);
    }
}

/// Prints the whole lines that were added. Returns whether there may be more.
fn print_more(file: &Path, from: &mut u64) -> Result<bool, Failed> {
    let read = || -> io::Result<Vec<u8>> {
        let mut open = File::open(file)?;
        open.seek(SeekFrom::Start(*from))?;
        let mut bytes = Vec::new();
        open.take(MAX_PIECE).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = match read() {
        Ok(bytes) => bytes,
        // It was removed, because it is old.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(unreadable(file, &error)),
    };
    let is_full = bytes.len() as u64 == MAX_PIECE;
    let whole = match bytes.iter().rposition(|byte| *byte == b'\n') {
        Some(at) => &bytes[..=at],
        None if is_full => &bytes[..],
        None => return Ok(false),
    };
    *from += whole.len() as u64;
    let lines: String = whole.trim_ascii_end().split(|byte| *byte == b'\n').map(text_of).collect();
    print(&shown(&lines))?;
    Ok(is_full)
}

fn text_of(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(&line[..line.len().min(MAX_LINE)]);
    format!("{}\n", visible(text.trim_end()))
}

fn unreadable(file: &Path, error: &io::Error) -> Failed {
    Failed::error(format!("cannot read the log file {}: {error}", file.display()))
}
