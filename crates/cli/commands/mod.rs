//! From words to deeds: parses the command line, runs one command, maps its result to an exit code.

mod crawl;
mod dead_letters;
mod demo;
mod demo_site;
mod export;
mod fetch;
mod list;
mod runs;
mod schema;
mod table;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use clap::builder::PossibleValuesParser;
use clap::{ArgMatches, CommandFactory, FromArgMatches};
use dragline_core::Spider;

use crate::arguments::{Arguments, Command};
use crate::exit::{Exit, Failed};
use crate::health::{self, Where};
use crate::logging::{self, Log, LogHandle};
use crate::settings::file::File;
use crate::settings::{Common, environment};

/// All of a binary's `main`: the command line, with these spiders.
#[allow(clippy::needless_pass_by_value)] // `run(spiders![A, B])` is all of a `main`
pub fn run(spiders: Vec<Arc<dyn Spider>>) -> ExitCode {
    match called(&spiders) {
        Ok(exit) => exit,
        Err(failed) => {
            logging::failed_before_start(&failed);
            failed.exit.into()
        }
    }
}

fn called(spiders: &[Arc<dyn Spider>]) -> Result<ExitCode, Failed> {
    let words = words(spiders);
    let (arguments, _) = match parse(words.clone()) {
        Ok(parsed) => parsed,
        Err(error) => return Ok(told(&error)),
    };
    if let Command::Healthcheck(check) = arguments.command {
        // A health check must not depend on settings: it answers even where they are wrong.
        return healthcheck(&check).map(Exit::into);
    }
    // Known only now: where the file is. What it says are defaults, so everything is read once more above them.
    let file = File::read(arguments.config.as_deref())?;
    match parse(file.beneath(words)) {
        Ok((arguments, _)) => dispatch(arguments, file, spiders).map(Exit::into),
        Err(error) => Ok(told(&error)),
    }
}

/// All words that this program understands. The spiders' names are values that the parser knows: it suggests the
/// one that was meant.
fn words(spiders: &[Arc<dyn Spider>]) -> clap::Command {
    let names: Vec<String> = spiders.iter().map(|spider| spider.name().to_owned()).collect();
    let command = Arguments::command().mut_subcommand("crawl", |crawl| {
        crawl.mut_arg("spider", |spider| spider.value_parser(PossibleValuesParser::new(names)))
    });
    environment::read(command)
}

fn parse(words: clap::Command) -> Result<(Arguments, ArgMatches), clap::Error> {
    let matches = words.try_get_matches()?;
    Ok((Arguments::from_arg_matches(&matches)?, matches))
}

/// Help and version come this way too, with their own exit code.
fn told(error: &clap::Error) -> ExitCode {
    if error.use_stderr() && logging::is_json_asked_for() {
        let text = error.to_string();
        let failed = Failed::usage(text.strip_prefix("error: ").unwrap_or(&text).trim_end());
        logging::failed_before_start(&failed);
    } else {
        let _ = error.print();
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(Exit::Usage.code()))
}

fn dispatch(arguments: Arguments, file: File, spiders: &[Arc<dyn Spider>]) -> Result<Exit, Failed> {
    let common = Common::of(arguments.global, arguments.logging, file);
    let log = Log::start(&common.log, spider_of(&arguments.command))?;
    let done = command(arguments.command, &common, spiders, &log.handle());
    if let Err(failed) = &done {
        // Through the log, so that a stderr that takes nothing does not hold up the end.
        log.handle().failed(failed);
    }
    Ok(done.unwrap_or_else(|failed| failed.exit))
}

fn command(
    command: Command,
    common: &Common,
    spiders: &[Arc<dyn Spider>],
    log: &LogHandle,
) -> Result<Exit, Failed> {
    match command {
        Command::Crawl(crawl) => crawl::run(*crawl, common, spiders, log),
        Command::List => list::run(spiders),
        Command::Fetch(fetch) => fetch::run(&fetch, common, spiders),
        Command::Schema { action } => schema::run(action, common, spiders),
        Command::Export(export) => export::run(&export, common, spiders),
        Command::Runs { action } => runs::run(&action, common, spiders),
        Command::DeadLetters { action } => dead_letters::run(&action, common, spiders),
        Command::Demo => demo::run(common, log),
        Command::Healthcheck(check) => healthcheck(&check),
    }
}

/// The spider that a process crawls with: its log names it, and has a file of its own where files are wished for.
fn spider_of(command: &Command) -> Option<&str> {
    match command {
        Command::Crawl(crawl) => Some(&crawl.spider),
        Command::Demo => Some(demo_site::SPIDER),
        _ => None,
    }
}

fn healthcheck(check: &crate::arguments::Healthcheck) -> Result<Exit, Failed> {
    let place = match (&check.listen, &check.heartbeat_file) {
        (Some(address), _) => Where::Endpoint(address),
        (None, Some(file)) => Where::File(file, check.max_age),
        (None, None) => return Err(Failed::usage("neither --listen nor --heartbeat-file is given")),
    };
    match health::ask(&place) {
        Ok(line) => {
            print(&format!("healthy: {line}\n"))?;
            Ok(Exit::Finished)
        }
        Err(line) => {
            print(&format!("unhealthy: {line}\n"))?;
            Ok(Exit::Error)
        }
    }
}

/// Writes to stdout. A reader that is gone has seen enough; anything else is told.
fn print(text: &str) -> Result<(), Failed> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failed::error(format!("stdout does not take the output: {error}")))
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
