//! `dragline fetch`: shows one page, and what a spider would make of it. It uses no store, except for pages that were kept.

mod emitted;
mod kept;
mod request;
mod select;
mod shown;

use std::fs;
use std::sync::Arc;

use dragline_core::queued_request::host_of;
use dragline_core::spider::start_requests;
use dragline_core::{Accepts, Failure, Page, PageState, Reason, Response, Spider};
use dragline_engine::{Preview, Previewer, Scope, Visit, VisitProblem, unwanted_type, visit};
use dragline_pipelines::item_pipelines;
use serde_json::{Value as Json, json};

use self::select::Selected;
use super::{find_spider, print, print_body, tell};
use crate::arguments::Fetch;
use crate::exit::Exit;
use crate::failed::Failed;
use crate::program::Program;
use crate::settings::{Common, FetchSettings};
use dragline_runtime::{chain, check_arguments};

pub(super) fn run(arguments: &Fetch, common: &Common, program: &Program) -> Result<Exit, Failed> {
    let spider = arguments.spider.as_deref().map(|name| find_spider(name, &program.spiders)).transpose()?;
    let selectors = select::selectors(arguments)?;
    let to_stdout = arguments.body || arguments.output.as_deref() == Some("-");
    if to_stdout && !selectors.is_empty() {
        return Err(Failed::usage("--select and -o - both write to stdout")
            .hint("write the body to a file: -o page.html"));
    }
    let settings = FetchSettings::combine(arguments, common)?;
    let maker = spider.map(|spider| Maker { spider, program });
    if let Some(run) = &arguments.kept {
        return kept::run(run, arguments, settings, common, maker, &selectors);
    }
    let request = request::of(arguments)?;
    if let Some(spider) = spider {
        check_arguments(&**spider, &settings.args)?;
    }
    let mut visit = visit(&settings.engine, request).map_err(|error| {
        let failed = Failed::error(chain(&error));
        match error.hint() {
            Some(hint) => failed.hint(hint),
            None => failed,
        }
    })?;
    let shown = (shown::text(&visit), shown::json(&visit));
    let mut found = Vec::new();
    visit.end = visit.end.map(|answer| {
        let page = Page::new(answer);
        found = select::find(&selectors, &page);
        page.into_response()
    });
    if let Ok(page) = &visit.end {
        give_body(arguments, page, to_stdout)?;
    }
    let verdict = verdict(&visit, spider, &settings);
    let is_parsed = verdict.is_ok();
    let gone = VisitProblem { reason: None, text: String::new() };
    let end = std::mem::replace(&mut visit.end, Err(gone));
    let hosts: Vec<&str> = visit.hops.iter().map(|hop| hop.queued.host.as_str()).collect();
    let emitted = match (maker, end) {
        (Some(maker), Ok(page)) if is_parsed => Some(maker.page(&settings, &hosts, page)?),
        (Some(maker), Ok(page)) => maker.answer_that_is_no_page(&settings, &hosts, page)?,
        (Some(maker), Err(problem)) => match (problem.reason, visit.hops.last()) {
            (Some(reason), Some(hop)) => {
                let failure = Failure::of_queued(hop.queued.clone(), reason, problem.text);
                Some(maker.failure(&settings, &hosts, failure)?)
            }
            _ => None,
        },
        _ => None,
    };
    show(arguments, shown, emitted.as_ref(), &found, to_stdout)?;
    verdict?;
    ended(emitted)
}

/// The exit code, by what a crawl would make of the page.
fn ended(emitted: Option<Preview>) -> Result<Exit, Failed> {
    match emitted.map(|preview| (preview.outcome.state, preview.outcome.error)) {
        None | Some((PageState::Done, _)) => Ok(Exit::Finished),
        Some((state, error)) => {
            Err(Failed::error(format!("the page would be {state}: {}", error.unwrap_or_default())))
        }
    }
}

/// Whether a crawl would parse the page, and if not, why.
fn verdict(visit: &Visit, spider: Option<&Arc<dyn Spider>>, settings: &FetchSettings) -> Result<(), Failed> {
    let url = visit.hops.last().map(|hop| hop.queued.request.url().to_string()).unwrap_or_default();
    match &visit.end {
        Err(problem) => {
            let failed = Failed::error(format!("{url}: {problem}"));
            Err(if problem.text.starts_with("robots.txt") {
                failed.hint("a crawl would not fetch it either; --robots false ignores robots.txt")
            } else {
                failed
            })
        }
        Ok(page) if spider.map_or_else(Accepts::new, |spider| spider.accepts()).has_status(page.status) => {
            let unwanted = match spider {
                Some(spider) => unwanted_type(&settings.engine.fetch, &**spider, page)
                    .map_err(|error| Failed::error(error.to_string()))?,
                None => None,
            };
            let skipped = |essence| {
                Failed::error(format!("{url}: a crawl would skip it because of its type {essence}"))
            };
            unwanted.map_or(Ok(()), |essence| {
                Err(skipped(essence).hint("to read this type, add it to --accept-types"))
            })
        }
        Ok(page) => Err(Failed::error(format!("{url}: HTTP {}", page.status))),
    }
}

/// Makes items and requests of a page.
#[derive(Clone, Copy)]
struct Maker<'a> {
    spider: &'a Arc<dyn Spider>,
    program: &'a Program,
}

impl Maker<'_> {
    /// What the spider makes of a page.
    fn page(self, settings: &FetchSettings, hosts: &[&str], page: Response) -> Result<Preview, Failed> {
        let scope = self.scope(settings, hosts)?;
        Ok(self.previewer(settings, &scope)?.page(page))
    }

    /// What it makes of a failure.
    fn failure(self, settings: &FetchSettings, hosts: &[&str], failure: Failure) -> Result<Preview, Failed> {
        let scope = self.scope(settings, hosts)?;
        Ok(self.previewer(settings, &scope)?.failure(failure))
    }

    /// What it makes of an answer that is not a page because of its status. `None` if its type is the cause: a crawl would
    /// skip it, and tell the spider nothing.
    fn answer_that_is_no_page(
        self,
        settings: &FetchSettings,
        hosts: &[&str],
        page: Response,
    ) -> Result<Option<Preview>, Failed> {
        let status = page.status;
        if self.spider.accepts().has_status(status) {
            return Ok(None);
        }
        let failure = Failure::of_queued(page.queued, Reason::HttpStatus, format!("HTTP {status}"));
        self.failure(settings, hosts, failure.with_status(status)).map(Some)
    }

    /// As if the crawl had begun at these hosts or at the spider's own start URLs.
    fn scope(self, settings: &FetchSettings, hosts: &[&str]) -> Result<Scope, Failed> {
        let begin = start_requests(&**self.spider, &settings.args).unwrap_or_default();
        let begin: Vec<String> = begin.iter().map(|request| host_of(request.url())).collect();
        let hosts = hosts.iter().copied().chain(begin.iter().map(String::as_str));
        Scope::new(&settings.engine.links, &**self.spider, hosts)
            .map_err(|error| Failed::error(chain(&error)))
    }

    fn previewer<'a>(self, settings: &'a FetchSettings, scope: &'a Scope) -> Result<Previewer<'a>, Failed> {
        let (own, items) = (&self.program.pipelines, self.spider.items());
        let steps = item_pipelines(&settings.item_pipelines, own, &items)
            .map_err(|error| Failed::usage(error.to_string()))?;
        Ok(Previewer {
            settings: &settings.engine,
            spider: Arc::clone(self.spider),
            args: settings.args.clone(),
            pipelines: steps.into(),
            scope,
        })
    }
}

fn give_body(arguments: &Fetch, page: &Response, to_stdout: bool) -> Result<(), Failed> {
    if to_stdout {
        print_body(&page.body)?;
    } else if let Some(file) = &arguments.output {
        fs::write(file, &page.body)
            .map_err(|error| Failed::error(format!("-o {file}: cannot write the file: {error}")))?;
    }
    Ok(())
}

/// Shows everything except the body. If the body goes to stdout, the rest goes to stderr.
fn show(
    arguments: &Fetch,
    shown: (String, Json),
    emitted: Option<&Preview>,
    found: &[Selected],
    to_stdout: bool,
) -> Result<(), Failed> {
    let (mut text, mut fields) = shown;
    if arguments.json {
        if let Some(preview) = emitted {
            fields["spider"] = json!(arguments.spider);
            fields["emitted"] = emitted::json(preview);
        }
        if !found.is_empty() {
            fields["selected"] = select::json(found);
        }
        text = format!("{fields:#}\n");
    } else if let Some(preview) = emitted {
        text.push_str(&emitted::text(preview));
    }
    if !found.is_empty() && !arguments.json {
        text.push_str(&select::nothing(found));
        tell(&text);
        return print(&select::text(found));
    }
    if to_stdout {
        // If someone reads only the body from stdout, the rest may be lost.
        tell(&text);
        return Ok(());
    }
    print(&text)
}
