//! Compares what spiders make of their samples with the expected results.
//!
//! A sample goes the same way as a page in a crawl: the spider, the declared types, the item pipelines, the
//! rules of the stores. The expected result is JSON, so you can read it and review its changes. It may be an
//! error, because a page that the site has changed should give one. A mistake is never accepted: a panic, an
//! undeclared type, or an item that no store accepts.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use dragline_core::spider::check_selectors;
use dragline_core::worker::panic_message;
use dragline_core::{
    Enrich, ItemOrigin, ItemPipeline, ItemRecord, Output, Request, Sample, Spider, Verdict, secrets,
};
use dragline_pipelines::{ItemPipelineSettings, item_pipelines};
use serde_json::{Value as Json, json};
use similar::TextDiff;

/// Lines of context around a difference.
const CONTEXT_LINES: usize = 3;

/// A checked sample.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) spider: String,
    pub(crate) sample: Sample,
    pub(crate) found: Found,
}

/// The result.
#[derive(Debug, PartialEq)]
pub(crate) enum Found {
    /// The result is the expected one.
    AsExpected,
    /// The result is different. This is its text, and the difference as a diff.
    Other { now: String, diff: String },
    /// A mistake. It is never accepted as the expected result.
    Mistake(String),
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AsExpected => f.write_str("as expected"),
            Self::Other { diff, .. } => write!(f, "differs\n{diff}"),
            Self::Mistake(mistake) => write!(f, "mistake: {mistake}"),
        }
    }
}

/// Checks all samples of these spiders. Their items pass these pipelines in addition to Dragline's own.
pub(crate) fn check(spiders: &[Arc<dyn Spider>], own: &[Arc<dyn ItemPipeline>]) -> Vec<Checked> {
    let samples = spiders.iter().flat_map(|spider| spider.samples().into_iter().map(move |s| (spider, s)));
    samples
        .map(|(spider, sample)| {
            let steps = item_pipelines(&ItemPipelineSettings::default(), own, &spider.items());
            let made = steps.map_err(|error| error.to_string());
            let found = match made.and_then(|steps| made_of(&sample, &**spider, &steps)) {
                Ok(made) => compared(&sample, made),
                Err(mistake) => Found::Mistake(mistake),
            };
            Checked { spider: spider.name().to_owned(), sample, found }
        })
        .collect()
}

fn compared(sample: &Sample, made: Json) -> Found {
    let expected = serde_json::from_str(sample.expected());
    if expected.as_ref().is_ok_and(|expected: &Json| *expected == made) {
        return Found::AsExpected;
    }
    // Text that isn't JSON is shown as it is. The file of a new sample is empty.
    let expected = expected.map_or_else(|_| sample.expected().to_owned(), text);
    let now = text(made);
    let path = sample.page_path().display();
    let diff = TextDiff::from_lines(&expected, &now)
        .unified_diff()
        .context_radius(CONTEXT_LINES)
        .header(&format!("{path}.json"), "what the spider makes of it now")
        .to_string();
    Found::Other { now, diff }
}

/// The text of a result. It doesn't depend on the order of maps in the program.
fn text(mut json: Json) -> String {
    json.sort_all_objects();
    format!("{json:#}\n")
}

/// The result that a crawl would pass to the store, or the mistake that prevents it.
fn made_of(sample: &Sample, spider: &dyn Spider, steps: &[Box<dyn ItemPipeline>]) -> Result<Json, String> {
    check_selectors(spider).map_err(|error| error.to_string())?;
    let page = sample.page().page().map_err(|error| format!("the sample is not a valid page: {error}"))?;
    let status = page.status();
    if !spider.accepts().has_status(status) {
        return Err(format!(
            "the spider does not accept status {status}, so a crawl would not parse this page"
        ));
    }
    spider.arguments().check(page.args()).map_err(|error| error.to_string())?;
    let mut out = Output::new();
    if let Err(error) = guarded("parse", || spider.parse(&page, &mut out))? {
        return Ok(json!({ "error": error.to_string() }));
    }
    if let Some(name) = out.undeclared(&spider.items()) {
        return Err(format!("the spider's items() does not declare the item type {name}"));
    }
    spider.routes().check(out.requests()).map_err(|error| error.to_string())?;
    let mut shown = out.to_json();
    let passed = guarded("item pipelines", || {
        let mut passed = Passed::default();
        let origin = ItemOrigin::new(page.url().as_str()).with_tag(page.tag()).with_spider(spider.name());
        for record in out.into_parts().0 {
            passed.pass(record, &origin, steps);
        }
        passed
    })?;
    if let Some(reason) = passed.kept.iter().find_map(ItemRecord::refusal) {
        return Err(format!("no store accepts one of the items: {reason}"));
    }
    shown["items"] = passed.kept.iter().map(one).collect();
    for (name, held_back) in
        [("dropped", passed.dropped), ("quarantined", passed.quarantined), ("look_ups", passed.look_ups)]
    {
        if !held_back.is_empty() {
            shown[name] = held_back.into();
        }
    }
    Ok(shown)
}

/// Items after the item pipelines.
#[derive(Default)]
struct Passed {
    kept: Vec<ItemRecord>,
    dropped: Vec<Json>,
    quarantined: Vec<Json>,
    look_ups: Vec<Json>,
}

impl Passed {
    fn pass(&mut self, mut record: ItemRecord, origin: &ItemOrigin<'_>, steps: &[Box<dyn ItemPipeline>]) {
        for step in steps {
            let reason = |reason: String| format!("{}: {reason}", step.name());
            if let Some(asked) = step.look_up().filter(|asked| *asked.item() == record.item_type) {
                self.look_ups.extend(look_up(asked, &record));
            }
            match step.process(record, origin) {
                Verdict::Keep(next) => record = next,
                Verdict::Drop { reason: why } => return self.dropped.push(reason(why).into()),
                Verdict::Quarantine { item, reason: why } => {
                    return self.quarantined.push(json!({ "item": one(&item), "reason": reason(why) }));
                }
            }
        }
        self.kept.push(record);
    }
}

/// What a crawl would ask about the item. Nobody is asked here.
fn look_up(asks: &Enrich, record: &ItemRecord) -> Option<Json> {
    let shown = match asks.request(record) {
        Ok(request) => shown_question(&request?),
        Err(error) => format!("not asked: {error}"),
    };
    Some(json!({ asks.name(): shown }))
}

/// The URL, and the parameters of a question to a database.
fn shown_question(request: &Request) -> String {
    let url = secrets::hide_in_url(request.url());
    match request.sql_question() {
        Some(question) => format!("{url} {}", Json::from(question.parameters)),
        None => url,
    }
}

fn one(record: &ItemRecord) -> Json {
    json!({ record.item_type.name(): record.to_json() })
}

fn guarded<T>(what: &str, work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work))
        .map_err(|panic| format!("{what} panicked: {}", panic_message(&*panic)))
}
