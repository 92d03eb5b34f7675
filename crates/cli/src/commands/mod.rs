//! Parses the command line, runs one command, and maps its result to an exit code.

mod board;
mod check;
mod completions;
mod config;
mod control;
mod crawl;
mod dead_letters;
mod demo;
mod demo_site;
mod diff;
mod export;
mod fetch;
mod healthcheck;
mod list;
mod man;
mod own_words;
mod pages;
mod reparse;
mod runs;
mod schedule;
mod schema;
mod serve;
mod table;
mod which_run;
mod words;

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use dragline_core::{Spider, program, secrets};

use self::config::Given;
use self::own_words::OwnWords;
use self::words::{parse, words};
use crate::arguments::{Command, ConfigAction};
use crate::exit::Exit;
use crate::export::data_out;
use crate::failed::Failed;
use crate::open_files;
use crate::program::Program;
use crate::settings::file::File;
use crate::settings::{Common, StoreUrl, environment};
use dragline_runtime::logging::{self, Log, LogHandle};
use dragline_runtime::visible::{is_obeyed, visible, visible_with_colours};
use dragline_runtime::{early_signals, first_process};

/// The complete `main` of a binary.
pub(crate) fn run(program: &Program) -> ExitCode {
    dragline_malloc::give_back_large_blocks();
    if let Some(name) = own_name() {
        program::is_called(name);
    }
    match called(program) {
        Ok(exit) => exit,
        Err(failed) => {
            logging::failed_before_start(&failed.fatal());
            failed.exit.into()
        }
    }
}

/// The name by which this process was started.
fn own_name() -> Option<String> {
    let path = PathBuf::from(std::env::args_os().next()?);
    Some(path.file_stem()?.to_str()?.to_owned())
}

fn called(program: &Program) -> Result<ExitCode, Failed> {
    // Before anything else, because a signal may come at any moment.
    let caught = early_signals::catch().and_then(|()| first_process::begin());
    caught.map_err(|error| Failed::error(format!("cannot listen for signals: {error}")))?;
    open_files::raise_limit();
    let spiders: Vec<String> = program.spiders.iter().map(|spider| spider.name().to_owned()).collect();
    let words = words(&spiders, &OwnWords::new(program::name(), &program.spiders));
    let (arguments, _) = match parse(words.clone()) {
        Ok(parsed) => parsed,
        Err(error) => return Ok(told(&error)),
    };
    // A crawl stops in its own way. The other commands simply end.
    if !matches!(
        arguments.command,
        Command::Crawl(_) | Command::Reparse(_) | Command::Demo(_) | Command::Serve(_) | Command::Board(_)
    ) {
        early_signals::end_at_once();
    }
    // These must not depend on settings, because they have to work even if the settings file is invalid.
    match &arguments.command {
        Command::Healthcheck(_) => return healthcheck::run(arguments, words, &spiders).map(Exit::into),
        Command::Completions(asked) => return completions::run(asked, words).map(Exit::into),
        Command::Man(asked) => return man::run(asked, words).map(Exit::into),
        _ => {}
    }
    // Only now is the path of the file known. Its values are defaults, so parse everything again with them.
    let file = File::read(arguments.config.as_deref(), &spiders)?;
    let file = file.for_schedule(schedule_of(&arguments.command), settings_of(&arguments.command))?;
    let (arguments, matches) = match parse(file.beneath(words.clone())) {
        Ok(parsed) => parsed,
        Err(error) => return Ok(told(&error)),
    };
    if let Command::Config { action } = arguments.command {
        let given = Given { words: &words, matches: &matches, file: &file };
        return config::run(action, &StoreUrl(arguments.global.store), &given).map(Exit::into);
    }
    let common = Common::of(arguments.global, arguments.logging, file);
    dispatch(arguments.command, &common, program).map(Exit::into)
}

/// Help and version also come this way, with their own exit code.
fn told(error: &clap::Error) -> ExitCode {
    let text = error.to_string();
    // The parser repeats what it refuses, and that may be a secret in the wrong place.
    let has_secret = error.use_stderr() && secrets::hide(&text) != text;
    // It also repeats variables and the settings file, which others may have written.
    let is_obeyed = error.use_stderr() && text.contains(is_obeyed);
    if error.use_stderr() && logging::is_json_asked_for() {
        let failed = Failed::usage(text.strip_prefix("error: ").unwrap_or(&text).trim_end());
        logging::failed_before_start(&failed.fatal());
    } else if has_secret || is_obeyed {
        let _ = io::stderr().write_all(visible(&secrets::hide(&text)).as_bytes());
    } else {
        let _ = error.print();
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(Exit::Usage.code()))
}

fn dispatch(asked: Command, common: &Common, program: &Program) -> Result<Exit, Failed> {
    let log = Log::start(&common.log, spider_of(&asked))?;
    for (what, hint) in environment::unknown() {
        tracing::warn!(hint, "{what}");
    }
    let done = command(asked, common, program, &log.handle());
    if let Err(failed) = &done {
        // Write it through the log, so that a blocked stderr doesn't hold up the end.
        log.handle().failed(&failed.fatal());
    }
    Ok(done.unwrap_or_else(|failed| failed.exit))
}

fn command(command: Command, common: &Common, program: &Program, log: &LogHandle) -> Result<Exit, Failed> {
    match command {
        Command::Crawl(crawl) => crawl::run(*crawl, common, program, log),
        Command::Reparse(reparse) => reparse::run(*reparse, common, program, log),
        Command::List(list) => list::run(&list, &program.spiders),
        Command::Fetch(fetch) => fetch::run(&fetch, common, program),
        Command::Check(check) => check::run(&check, program),
        Command::Schema { action } => schema::run(action, common, &program.spiders),
        Command::Serve(serve) => serve::run(*serve, common, program, log),
        Command::Schedule { action } => schedule::run(&action, common),
        Command::Export(export) => export::run(&export, common, &program.spiders),
        Command::Diff(diff) => diff::run(&diff, common, &program.spiders),
        Command::Runs { action } => runs::run(&action, common, &program.spiders),
        Command::Pages { action } => pages::run(&action, common, &program.spiders),
        Command::Board(board) => board::run(board, common, program),
        Command::DeadLetters { action } => dead_letters::run(&action, common, program),
        Command::Demo(demo) if demo.serve => demo::serve(),
        Command::Demo(_) => demo::run(common, log),
        // This was already printed before there was a log.
        Command::Healthcheck(_) | Command::Completions(_) | Command::Man(_) | Command::Config { .. } => {
            Ok(Exit::Finished)
        }
    }
}

/// The spider of a crawl. The log names it, and if there are log files, it gets its own.
fn spider_of(command: &Command) -> Option<&str> {
    match command {
        Command::Crawl(crawl) => Some(&crawl.spider),
        Command::Reparse(reparse) => reparse.of_spider.as_deref(),
        Command::Demo(_) => Some(demo_site::SPIDER),
        _ => None,
    }
}

/// The spider whose settings apply.
fn settings_of(command: &Command) -> Option<&str> {
    match command {
        Command::Crawl(crawl) => Some(&crawl.spider),
        Command::Reparse(reparse) => reparse.of_spider.as_deref(),
        Command::Fetch(fetch) => fetch.spider.as_deref(),
        Command::Config { action: ConfigAction::Show(show) } => show.spider.as_deref(),
        _ => None,
    }
}

/// The schedule whose settings apply.
fn schedule_of(command: &Command) -> Option<&str> {
    match command {
        Command::Crawl(crawl) => crawl.schedule.as_deref(),
        _ => None,
    }
}

/// Writes to stdout. It is fine if the reader has gone away. Any other problem is an error.
fn print(text: &str) -> Result<(), Failed> {
    let text = program::with_own_commands(text);
    let mut stdout = io::stdout().lock();
    let text = if stdout.is_terminal() { visible_with_colours(&text) } else { text };
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failed::error(format!("cannot write the output to stdout: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes to stderr what goes along with data on stdout. It may be lost.
fn tell(text: &str) {
    let mut stderr = io::stderr().lock();
    let text = if stderr.is_terminal() { visible_with_colours(text) } else { text.into() };
    let _ = stderr.write_all(text.as_bytes());
}

/// Writes the body of a page to stdout as it is. On a terminal, what the terminal would obey becomes visible.
fn print_body(body: &[u8]) -> Result<(), Failed> {
    let mut stdout = data_out();
    match stdout.write_all(body).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failed::error(format!("cannot write the body to stdout: {error}")))
        }
        _ => Ok(()),
    }
}

/// The spider of this name.
fn find_spider<'a>(name: &str, spiders: &'a [Arc<dyn Spider>]) -> Result<&'a Arc<dyn Spider>, Failed> {
    spiders.iter().find(|spider| spider.name() == name).ok_or_else(|| {
        let known: Vec<&str> = spiders.iter().map(|spider| spider.name()).collect();
        Failed::usage(format!("this program has no spider {name:?}"))
            .hint(format!("it has {}", known.join(", ")))
    })
}
