//! `dragline fetch --kept RUN URL`: a page as a crawl kept it, given to the spider again.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use dragline_core::kept_body::MAX_SHOWN_BYTES;
use dragline_core::kept_page::KeptPage;
use dragline_core::runs::RunRecord;
use dragline_core::{Accepts, Args, Page, Response, Selector, secrets};
use dragline_runtime::check_arguments;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value as Json, json};
use url::Url;

use super::{Maker, ended, give_body, select, show};
use crate::arguments::Fetch;
use crate::commands::runs::Runs;
use crate::exit::Exit;
use crate::failed::Failed;
use crate::settings::{Common, FetchSettings};

pub(super) fn run(
    run: &str,
    arguments: &Fetch,
    settings: FetchSettings,
    common: &Common,
    maker: Option<Maker<'_>>,
    selectors: &[Selector],
) -> Result<Exit, Failed> {
    let runs = Runs::open(common)?;
    let run = runs.find(run)?;
    let kept = runs.kept_pages(&run, &arguments.url);
    runs.close();
    let Some(kept) = kept?.into_iter().next() else { return Ok(Exit::Finished) };
    let args = if arguments.args.is_empty() { args_of(&run) } else { settings.args };
    let settings = FetchSettings { args, ..settings };
    if let Some(maker) = maker {
        check_arguments(&**maker.spider, &settings.args)?;
    }
    let is_whole = kept.page.body.is_whole();
    if !is_whole {
        tracing::warn!("only the first bytes of the body were kept, so the spider may miss the rest");
    }
    let body = kept.page.body.read(MAX_SHOWN_BYTES).map_err(|error| Failed::error(error.to_string()))?;
    let shown = (text(&run, &kept.page, body.len()), json(&run, &kept.page, body.len()));
    let to_stdout = arguments.body || arguments.output.as_deref() == Some("-");
    let status = kept.page.status;
    let host = kept.request.host.clone();
    let headers = headers(&kept.page);
    let page = Response::of_queued(kept.request, status, headers, body.into_owned().into());
    let page = Page::new(page);
    let found = select::find(selectors, &page);
    let page = page.into_response();
    give_body(arguments, &page, to_stdout)?;
    let is_page = maker.map_or_else(Accepts::new, |maker| maker.spider.accepts()).has_status(status);
    let emitted = match maker {
        Some(maker) if is_page => Some(maker.page(&settings, &[&host], page)?),
        Some(maker) => maker.answer_that_is_no_page(&settings, &[&host], page)?,
        None => None,
    };
    show(arguments, shown, emitted.as_ref(), &found, to_stdout)?;
    ended(emitted)
}

/// The arguments that the run was started with. Secrets are not stored, so they are missing.
fn args_of(run: &RunRecord) -> Args {
    let urls = run.args["start_urls"].as_array().into_iter().flatten().filter_map(Json::as_str);
    let urls = urls.filter_map(|url| Url::parse(url).ok()).collect();
    let values = run.args["args"].as_object().into_iter().flatten();
    let values: BTreeMap<String, String> =
        values.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect();
    Args::new(urls, values)
}

fn headers(page: &KeptPage) -> HeaderMap {
    let header = |(name, value): &(String, String)| {
        let name = HeaderName::try_from(name.as_str()).ok()?;
        Some((name, HeaderValue::from_bytes(value.as_bytes()).ok()?))
    };
    page.headers.iter().filter_map(header).collect()
}

fn text(run: &RunRecord, page: &KeptPage, bytes: usize) -> String {
    let mut text = format!("kept by run {} (id {}): {}\n", run.name, run.run_id, secrets::hide(&page.url));
    // Writing to a String cannot fail.
    let _ = writeln!(text, "  status   {}", page.status);
    for (name, value) in &page.headers {
        let _ = writeln!(text, "  header   {name}: {value}");
    }
    let of = match page.body.body_bytes() {
        _ if page.body.is_whole() => String::new(),
        Some(all) => format!(" of {all}"),
        None => ", the first ones".to_owned(),
    };
    let _ = writeln!(text, "  body     {bytes} bytes{of}");
    text
}

fn json(run: &RunRecord, page: &KeptPage, bytes: usize) -> Json {
    json!({
        "kept_by_run": run.run_id,
        "url": secrets::hide(&page.url),
        "status": page.status,
        "headers": page.headers,
        "bytes": bytes,
        "body_bytes": page.body.body_bytes(),
    })
}
