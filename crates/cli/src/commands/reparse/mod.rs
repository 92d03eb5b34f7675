//! `dragline reparse`: parses kept pages once more, as a run that can be stopped and resumed like a crawl.

mod changes;
mod dry_run;

use std::collections::BTreeMap;

use dragline_core::reparse::{Reparse as Plan, ReparseOf};
use dragline_core::runs::RunRecord;
use dragline_core::store::RunState;
use dragline_core::{Args, RunKind, Spider, program as this_program};
use dragline_runtime::logging::LogHandle;
use dragline_runtime::settings::ReparseSettings;
use dragline_runtime::{remember_arguments, start_url};
use serde_json::Value as Json;

use super::own_words::OwnWords;
use super::runs::Runs;
use super::words::{parse, words};
use super::{crawl, find_spider};
use crate::arguments::{Command, CrawlFlags, Reparse};
use crate::exit::Exit;
use crate::failed::Failed;
use crate::probes;
use crate::program::Program;
use crate::settings::file::File;
use crate::settings::{CommandSettings, Common};

pub(super) fn run(
    arguments: Reparse,
    common: &Common,
    program: &Program,
    log: &LogHandle,
) -> Result<Exit, Failed> {
    probes::arm();
    let Reparse { of_run, of_spider, follow, dry_run, format, flags } = arguments;
    refuse_flags_of_a_crawl(&flags)?;
    let run = match &of_run {
        Some(run) => Some(source(run, common)?),
        None => None,
    };
    let name = run.as_ref().map(|run| &run.spider).or(of_spider.as_ref());
    let spider = find_spider(name.map_or("", String::as_str), &program.spiders)?;
    let (flags, file) = for_spider(flags, &**spider, common, program)?;
    let mut settings = CommandSettings::combine(flags, &common.store, &file)?;
    settings.crawl.log_dir = common.log_dir();
    if let Some(run) = &run {
        settings.crawl.args = with_arguments_of(run, &settings.crawl.args);
        remember_arguments(&settings.crawl.args);
    }
    let of = run.as_ref().map_or(ReparseOf::Spider, |run| ReparseOf::Run(run.run_id));
    settings.crawl.reparse = Some(ReparseSettings {
        reparse: Plan { of, follows_links: follow },
        run_args: run.map(|run| run.args),
    });
    if !follow {
        // They keep a crawl from asking a site too much. These pages are there, and the run may have had higher limits.
        let links = &mut settings.crawl.engine.links;
        (links.max_pages_per_host, links.max_pages_per_pattern) = (None, None);
    }
    if dry_run {
        return dry_run::run(spider, &settings, format, common, program);
    }
    crawl::go(spider, &settings, program, log)
}

/// These say what is crawled or where its rows go, so they would be ignored here without a word.
fn refuse_flags_of_a_crawl(flags: &CrawlFlags) -> Result<(), Failed> {
    let given = [
        ("--start-url", !flags.start.start_urls.is_empty()),
        ("--tag", flags.start.tag.is_some()),
        ("--replay", flags.revisits.replay),
        ("--output", flags.identity.output.is_some()),
    ];
    let Some((flag, _)) = given.into_iter().find(|(_, is_given)| *is_given) else { return Ok(()) };
    let failed =
        Failed::usage(format!("{flag} has no place in a reparse, which takes its pages from the store"));
    Err(match flag {
        "--output" => failed.hint("`dragline export RUN` exports the rows of the run afterwards"),
        _ => failed.hint("leave it out; it may also be set by its environment variable"),
    })
}

/// The run whose pages are parsed.
fn source(run: &str, common: &Common) -> Result<RunRecord, Failed> {
    let runs = Runs::open(common)?;
    let found = runs.find(run);
    runs.close();
    let run = found?;
    let of = format!("run {} (id {})", run.name, run.run_id);
    if run.kind == RunKind::Reparse {
        return Err(Failed::usage(format!("{of} is itself a reparse, which keeps no pages"))
            .hint("name the run whose pages it parsed; `dragline runs show` shows it"));
    }
    if run.kind == RunKind::Import && run.state != RunState::Finished {
        return Err(Failed::error(format!("{of} is an import that is not complete"))
            .hint("run the same `dragline pages import` again first"));
    }
    if run.is_held {
        return Err(Failed::error(format!("a process works on {of} now, so its pages still change"))
            .hint("wait until it has ended, or stop it (SIGTERM loses nothing)"));
    }
    if run.pruned_at().is_some() {
        return Err(Failed::error(format!("{of} was pruned, so its requests are no longer in the store"))
            .hint("`dragline reparse --spider` parses what other runs of the spider have kept"));
    }
    Ok(run)
}

/// The flags and the file, with the table that the file has for this spider. When the command line was parsed, the spider of the run
/// was not known yet.
fn for_spider(
    flags: CrawlFlags,
    spider: &dyn Spider,
    common: &Common,
    program: &Program,
) -> Result<(CrawlFlags, File), Failed> {
    let file = common.file.clone().for_spider(Some(spider.name()));
    let names: Vec<String> = program.spiders.iter().map(|spider| spider.name().to_owned()).collect();
    let words = words(&names, &OwnWords::new(this_program::name(), &program.spiders));
    let (again, _) =
        parse(file.beneath(words)).map_err(|error| Failed::usage(error.to_string().trim_end()))?;
    match again.command {
        Command::Reparse(again) => Ok((again.flags, file)),
        _ => Ok((flags, file)),
    }
}

/// The arguments of the run, and over them those that were given.
fn with_arguments_of(run: &RunRecord, given: &Args) -> Args {
    let texts = |json: &Json| json.as_str().map(str::to_owned);
    let of_run = run.args.get("args").and_then(Json::as_object);
    let of_run = of_run.into_iter().flatten().filter_map(|(name, value)| Some((name.clone(), texts(value)?)));
    let mut values: BTreeMap<String, String> = of_run.collect();
    values.extend(given.iter().map(|(name, value)| (name.to_owned(), value.to_owned())));
    let urls = run.args.get("start_urls").and_then(Json::as_array);
    let urls = urls.into_iter().flatten().filter_map(|url| start_url(url.as_str()?).ok());
    let tag = run.args.get("start_tag").and_then(texts).unwrap_or_default();
    Args::new(urls.collect(), values).with_start_tag(tag)
}
