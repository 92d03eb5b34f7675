//! The run that a crawl opens: its name, its start requests, and the rule for what is the same request.

use dragline_core::reparse::Reparse;
use dragline_core::spider::start_requests;
use dragline_core::store::{OpenedRun, ProcessInfo, RunSpec};
use dragline_core::{Args, QueuedRequest, Request, RunKind, SameRequest, Spider};
use dragline_engine::Scope;
use serde_json::{Value as Json, json};

use crate::error::CrawlError;
use crate::settings::{CrawlSettings, ReparseSettings};

/// The run to open: its name, its start requests, who opens it.
pub(crate) fn run_spec(spider: &dyn Spider, settings: &CrawlSettings) -> Result<RunSpec, CrawlError> {
    let cannot = |problem: String| CrawlError::Spider { spider: spider.name().to_owned(), problem };
    check_arguments(spider, &settings.args)?;
    // An error in the spider's patterns is reported before there is a run.
    Scope::new(&settings.engine.links, spider, []).map_err(|error| cannot(error.to_string()))?;
    if let Some(reparse) = &settings.reparse {
        return reparse_spec(spider, settings, reparse);
    }
    let start = start_requests(spider, &settings.args).map_err(|error| cannot(error.to_string()))?;
    settings.engine.sitemaps.check_spider(spider).map_err(|error| CrawlError::Setting(error.into()))?;
    let sitemaps =
        settings.engine.sitemaps.requests(&start).map_err(|error| CrawlError::Setting(error.into()))?;
    let start: Vec<Request> = start.into_iter().chain(sitemaps).collect();
    if start.is_empty() {
        return Err(CrawlError::NoStartUrl { spider: spider.name().to_owned() });
    }
    let rule = settings.engine.same_request(spider);
    Ok(RunSpec {
        name: settings.run_name(spider.name()),
        spider: spider.name().to_owned(),
        args: run_args(settings, &rule),
        start: start
            .into_iter()
            .enumerate()
            .map(|(at, request)| QueuedRequest::start_by(&rule, request, at))
            .collect(),
        reparse: None,
        fresh: settings.fresh,
        force: settings.force_run,
        after_run: settings.after_run,
        min_interval: settings.due.min_interval,
        tally: settings.engine.links.tally(),
        incremental: settings.engine.revisits.keeps_records(),
        kind: if settings.engine.revisits.replay { RunKind::Replay } else { RunKind::Crawl },
        keeps_pages: settings.engine.keep.pages,
        process: ProcessInfo { pid: std::process::id(), hostname: hostname() },
    })
}

/// The run of a reparse. Its requests come from the store.
fn reparse_spec(
    spider: &dyn Spider,
    settings: &CrawlSettings,
    reparse: &ReparseSettings,
) -> Result<RunSpec, CrawlError> {
    let mut args = run_args(settings, &wanted_rule(spider, settings)?);
    args[Reparse::ARGUMENT] = reparse.reparse.to_json();
    Ok(RunSpec {
        name: settings.run_name(spider.name()),
        spider: spider.name().to_owned(),
        kind: RunKind::Reparse,
        args,
        start: Vec::new(),
        reparse: Some(reparse.reparse),
        fresh: settings.fresh,
        force: settings.force_run,
        after_run: None,
        min_interval: None,
        tally: settings.engine.links.tally(),
        incremental: false,
        keeps_pages: settings.engine.keep.pages,
        process: ProcessInfo { pid: std::process::id(), hostname: hostname() },
    })
}

/// The rule for equal requests of a new run. A reparse has that of the run whose pages it parses, so that it knows which links are
/// new.
pub(crate) fn wanted_rule(spider: &dyn Spider, settings: &CrawlSettings) -> Result<SameRequest, CrawlError> {
    let Some(of) = settings.reparse.as_ref().and_then(|reparse| reparse.run_args.as_ref()) else {
        return Ok(settings.engine.same_request(spider));
    };
    match of.get(SAME_REQUEST) {
        Some(stored) => SameRequest::from_json(stored).ok_or(CrawlError::SameRequestRule),
        None => Ok(SameRequest::default()),
    }
}

/// Checks that the spider declares these arguments, and that each is a value of its type.
///
/// # Errors
/// When they do not fit. The error names the argument, and its hint lists those that the spider has.
pub fn check_arguments(spider: &dyn Spider, args: &Args) -> Result<(), CrawlError> {
    spider.arguments().check(args).map_err(|source| {
        let hint = source.hint();
        CrawlError::Arguments { spider: spider.name().to_owned(), source, hint }
    })
}

/// Where the rule for the same request stands among a run's arguments, unless it is the common one.
const SAME_REQUEST: &str = "same_request";

/// Where the sources of sitemaps stand among a run's arguments, unless there are none.
pub(crate) const SITEMAPS: &str = "sitemaps";

/// The start URLs, arguments and rules of the run, without secrets, because people read them. The requests themselves are in the
/// frontier.
fn run_args(settings: &CrawlSettings, rule: &SameRequest) -> Json {
    let mut args = json!({ "start_urls": settings.args.shown_start_urls(), "args": settings.args.shown() });
    if !settings.args.start_tag().is_empty() {
        args["start_tag"] = settings.args.start_tag().into();
    }
    let sitemaps = settings.engine.sitemaps.shown();
    if !sitemaps.is_empty() {
        args[SITEMAPS] = sitemaps.into();
    }
    if *rule != SameRequest::default() {
        args[SAME_REQUEST] = rule.to_json();
    }
    args
}

/// The same-request rule that the run began with. A new run would begin with `wanted`. With a different rule,
/// finished pages would be taken for new ones.
pub(crate) fn same_request(run: &OpenedRun, wanted: SameRequest) -> Result<SameRequest, CrawlError> {
    let Some(resumed) = &run.resumed else { return Ok(wanted) };
    let Some(stored) = resumed.args.get(SAME_REQUEST) else {
        return Ok(kept(SameRequest::default(), &wanted));
    };
    let rule = SameRequest::from_json(stored).ok_or(CrawlError::SameRequestRule)?;
    Ok(kept(rule, &wanted))
}

fn kept(rule: SameRequest, wanted: &SameRequest) -> SameRequest {
    if rule != *wanted {
        tracing::warn!(
            began_with = %rule,
            set_now = %wanted,
            "the rule for equal requests has changed since the run began; this run keeps its rule, and the \
             next run uses the new one"
        );
    }
    rule
}

/// The name of this host, so that people can find the process that holds a run.
pub fn hostname() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok().or(std::env::var("HOSTNAME").ok());
    name.map_or_else(|| "unknown".to_owned(), |name| name.trim().to_owned())
}
