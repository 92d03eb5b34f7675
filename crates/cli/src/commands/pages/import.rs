//! `dragline pages import`: the answers of a WARC file become the kept pages of a run.
//!
//! The run has the kind `import`. Until it is finished, nobody reads what it has kept. Each batch is two transactions: the requests are
//! added, and then they are done, with their answers. If the process is killed, the same command resumes the run: it reads the file from
//! its beginning, and pages that are there already change nothing.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::BufReader;
use std::sync::Arc;
use std::time::Duration;

use bytesize::ByteSize;
use chrono::{DateTime, Utc};
use dragline_core::counted::counted;
use dragline_core::earlier::body_hash;
use dragline_core::kept_page::{KeptCounts, KeptPage, KeptPart};
use dragline_core::probe::reach;
use dragline_core::run_verdict::EndFigures;
use dragline_core::store::{ProcessInfo, RunKey, RunSpec, RunState};
use dragline_core::tally::TallyOf;
use dragline_core::{
    KeptBody, PageOutcome, PageState, QueuedRequest, Request, Response, RunKind, SameRequest, Spider, secrets,
};
use dragline_engine::{FetchSettings, decoded_body, unwanted_type};
use http::{HeaderMap, HeaderValue, header};
use serde_json::{Value as Json, json};

use super::Pages;
use crate::arguments::ImportPages;
use crate::commands::{find_spider, print};
use crate::failed::Failed;
use crate::probes;
use crate::warc::{HttpBlock, Record, WarcFault, WarcReader};

/// A batch is stored when its compressed bodies reach this size.
const BATCH_BYTES: usize = 8 << 20;
/// The same for the number of its pages.
const BATCH_PAGES: usize = 500;
/// How much longer than its body an answer may be: status line, headers and chunks.
const HEAD_BYTES: u64 = 1 << 20;
/// How long another process may hold the run's lock.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);

/// Why a record does not become a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Skipped {
    OtherRecord,
    Revisit,
    CutOff,
    OtherUrl,
    Redirect,
    OtherStatus,
    OtherType,
    TooLarge,
    Undecodable,
}

impl Skipped {
    fn told(self) -> &'static str {
        match self {
            Self::OtherRecord => "records of other types (requests, metadata …)",
            Self::Revisit => "revisit records, which have no body",
            Self::CutOff => "answers that were cut off or split when the file was made",
            Self::OtherUrl => "records that are not answers of HTTP",
            Self::Redirect => "redirects",
            Self::OtherStatus => "answers with a status that the spider doesn't accept",
            Self::OtherType => "answers of a type that the spider doesn't accept",
            Self::TooLarge => "answers longer than --max-body",
            Self::Undecodable => "answers whose body is damaged",
        }
    }
}

/// Which answers become pages, and of which requests.
struct Rules<'a> {
    spider: &'a dyn Spider,
    fetch: FetchSettings,
    same_request: SameRequest,
    tag: &'a str,
}

/// What was imported so far, and what not.
#[derive(Default)]
struct Imported {
    /// Pages that the run has got from this process.
    kept: KeptCounts,
    /// Answers of pages that the run had already.
    repeated: u64,
    skipped: BTreeMap<Skipped, u64>,
}

pub(super) fn run(arguments: &ImportPages, pages: &Pages, spiders: &[Arc<dyn Spider>]) -> Result<(), Failed> {
    probes::arm();
    let spider = &**find_spider(&arguments.spider, spiders)?;
    let path = &arguments.file;
    let unreadable = |error: &dyn std::fmt::Display| Failed::error(format!("{}: {error}", path.display()));
    let file = File::open(path).map_err(|error| {
        Failed::usage(format!("cannot open {}: {error}", path.display()))
            .hint("name a .warc or .warc.gz file")
    })?;
    let mut reader = WarcReader::new(BufReader::new(file)).map_err(|error| unreadable(&error))?;
    let rules = Rules {
        spider,
        fetch: FetchSettings { max_body_bytes: arguments.max_body, ..FetchSettings::default() },
        same_request: spider.same_request(),
        tag: &arguments.tag,
    };
    // A file that is no WARC begins no run.
    let first = next(&mut reader).map_err(|fault| unreadable(&fault).hint(NO_WARC))?;
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let about = json!({ "file": name, "tag": arguments.tag });
    let run_name = arguments.run.clone().unwrap_or_else(|| format!("import-of-{name}"));
    let run = open(&run_name, &rules, &about, pages)?;
    let mut imported = Imported::default();
    let read = import(&mut reader, first, &rules, &run, pages, &mut imported);
    read.map_err(|failed| {
        let hint = "the run is not finished, so nothing reads its pages: get the whole file and start the same command \
                    again, or give the run up with `dragline runs end`";
        Failed { what: format!("{}: {}", path.display(), failed.what), ..failed }.hint(hint)
    })?;
    finish(&run_name, &run, &imported, pages)
}

const NO_WARC: &str = "is it a WARC file? Such files have names like pages.warc.gz";

type FileReader = WarcReader<BufReader<File>>;

fn next(reader: &mut FileReader) -> Result<Option<Record>, WarcFault> {
    reader.next()
}

/// Begins the run, or resumes it.
fn open(name: &str, rules: &Rules<'_>, about: &Json, pages: &Pages) -> Result<RunKey, Failed> {
    let spec = RunSpec {
        name: name.to_owned(),
        spider: rules.spider.name().to_owned(),
        kind: RunKind::Import,
        args: json!({ "start_urls": [], "args": {}, "import": about }),
        start: Vec::new(),
        reparse: None,
        fresh: false,
        force: true,
        after_run: None,
        min_interval: None,
        tally: TallyOf::default(),
        incremental: false,
        keeps_pages: false,
        process: ProcessInfo { pid: std::process::id(), hostname: dragline_runtime::hostname() },
    };
    pages.wait("connect", pages.store.connect())?;
    pages.wait("locking the run", pages.store.lock_run(name, LOCK_PATIENCE))?;
    let opened = pages.wait("opening the run", pages.store.open_run(&spec))?;
    if let Some(resumed) = &opened.resumed {
        if resumed.args["import"] != *about {
            let problem =
                format!("the unfinished run {name:?} imports another file: {}", resumed.args["import"]);
            return Err(Failed::error(problem)
                .hint("choose another name with --run, or give that run up with `dragline runs end`"));
        }
        tracing::info!(
            run = name,
            pages = resumed.pages.of(PageState::Done),
            "resuming an import that was cut off"
        );
    }
    Ok(opened.key)
}

/// Reads the records and stores their pages, batch by batch.
fn import(
    reader: &mut FileReader,
    first: Option<Record>,
    rules: &Rules<'_>,
    run: &RunKey,
    pages: &Pages,
    imported: &mut Imported,
) -> Result<(), Failed> {
    let mut batch = Batch::default();
    let mut record = first;
    while let Some(current) = record {
        match page_of(&current, reader, rules) {
            Ok(Ok((queued, kept))) => batch.add(queued, kept),
            Ok(Err(skipped)) => *imported.skipped.entry(skipped).or_default() += 1,
            Err(fault) => return Err(Failed::error(fault.to_string())),
        }
        if batch.is_full() {
            store(&mut batch, run, pages, imported)?;
        }
        record = next(reader).map_err(|fault| Failed::error(fault.to_string()))?;
    }
    store(&mut batch, run, pages, imported)
}

/// Pages that are not stored yet.
#[derive(Default)]
struct Batch {
    requests: Vec<QueuedRequest>,
    outcomes: Vec<PageOutcome>,
    bytes: usize,
}

impl Batch {
    fn add(&mut self, queued: QueuedRequest, kept: KeptPage) {
        self.bytes += kept.size();
        let status = kept.status;
        let outcome = PageOutcome { kept: Some(Box::new(kept)), ..PageOutcome::done(&queued) };
        self.outcomes.push(outcome.with_answer(Some(status), 1));
        self.requests.push(queued);
    }

    fn is_full(&self) -> bool {
        self.bytes >= BATCH_BYTES || self.outcomes.len() >= BATCH_PAGES
    }
}

fn store(batch: &mut Batch, run: &RunKey, pages: &Pages, imported: &mut Imported) -> Result<(), Failed> {
    let Batch { requests, outcomes, .. } = std::mem::take(batch);
    if outcomes.is_empty() {
        return Ok(());
    }
    pages.wait("adding requests", pages.store.add_requests(run, &requests))?;
    reach("import: requests added");
    let receipt = pages.wait("storing pages", pages.store.flush(run, &outcomes))?;
    reach("import: batch stored");
    imported.kept.add(receipt.kept);
    imported.repeated += outcomes.len() as u64 - receipt.kept.pages;
    let stats = json!({ "pages_flushed": imported.kept.pages });
    pages.wait("writing the heartbeat", pages.store.heartbeat(run, &stats))
}

/// The page of a record, or why it has none.
fn page_of(
    record: &Record,
    reader: &mut FileReader,
    rules: &Rules<'_>,
) -> Result<Result<(QueuedRequest, KeptPage), Skipped>, WarcFault> {
    let kind = record.field("WARC-Type").unwrap_or_default().to_ascii_lowercase();
    let is_resource = kind == "resource";
    match kind.as_str() {
        "response" | "resource" => {}
        "revisit" => return Ok(Err(Skipped::Revisit)),
        _ => return Ok(Err(Skipped::OtherRecord)),
    }
    if record.field("WARC-Truncated").is_some() || record.field("WARC-Segment-Number").is_some() {
        return Ok(Err(Skipped::CutOff));
    }
    let content_type = record.field("Content-Type").unwrap_or_default();
    if !is_resource && !content_type.to_ascii_lowercase().starts_with("application/http") {
        return Ok(Err(Skipped::OtherUrl));
    }
    // Some tools write the URL in angle brackets.
    let url = record.field("WARC-Target-URI").unwrap_or_default().trim_matches(['<', '>']);
    let Ok(request) = Request::get(url) else { return Ok(Err(Skipped::OtherUrl)) };
    if record.length > rules.fetch.max_body_bytes as u64 + HEAD_BYTES {
        return Ok(Err(Skipped::TooLarge));
    }
    let date = record.field("WARC-Date").unwrap_or_default();
    let fetched_at = moment(date).ok_or_else(|| reader.fault(&format!("its WARC-Date is {date:?}")))?;
    let block = reader.block()?;
    let answer = if is_resource {
        let mut headers = HeaderMap::new();
        headers.extend(HeaderValue::from_str(content_type).ok().map(|value| (header::CONTENT_TYPE, value)));
        HttpBlock { status: 200, headers, body: block }
    } else {
        HttpBlock::parse(&block).map_err(|problem| reader.fault(&problem))?
    };
    let queued = QueuedRequest::start_by(&rules.same_request, request.with_tag(rules.tag), 0);
    Ok(rules.page(queued, answer, fetched_at))
}

impl Rules<'_> {
    /// The answer as a crawl would have given it to the spider.
    fn page(
        &self,
        queued: QueuedRequest,
        answer: HttpBlock,
        fetched_at: DateTime<Utc>,
    ) -> Result<(QueuedRequest, KeptPage), Skipped> {
        let HttpBlock { status, mut headers, body } = answer;
        if !self.spider.accepts().has_status(status) {
            let is_redirect = (300..400).contains(&status) && headers.contains_key(header::LOCATION);
            return Err(if is_redirect { Skipped::Redirect } else { Skipped::OtherStatus });
        }
        let max_bytes = self.fetch.max_body_bytes;
        if body.len() > max_bytes {
            return Err(Skipped::TooLarge);
        }
        let decoded = decoded_body(&headers, body.into(), max_bytes).map_err(|_| Skipped::Undecodable)?;
        if headers.remove(header::CONTENT_ENCODING).is_some() {
            headers.remove(header::CONTENT_LENGTH);
        }
        let response = Response::of_queued(queued, status, headers, decoded);
        if !matches!(unwanted_type(&self.fetch, self.spider, &response), Ok(None)) {
            return Err(Skipped::OtherType);
        }
        let Response { queued, headers, body, .. } = response;
        let packed = KeptBody::pack(&body, body_hash(&body)).map_err(|_| Skipped::TooLarge)?;
        let url = queued.request.url().as_str();
        let kept = KeptPage::of(url, status, &headers, fetched_at, KeptPart::Whole(packed));
        Ok((queued, kept))
    }
}

/// A date of a record (W3C profile of ISO 8601): WARC 1.1 allows to leave its end out.
fn moment(text: &str) -> Option<DateTime<Utc>> {
    let end = match text.len() {
        4 => "-01-01T00:00:00Z",
        7 => "-01T00:00:00Z",
        10 => "T00:00:00Z",
        17 => return DateTime::parse_from_rfc3339(&text.replace('Z', ":00Z")).ok().map(|at| at.to_utc()),
        _ => "",
    };
    DateTime::parse_from_rfc3339(&format!("{text}{end}")).ok().map(|at| at.to_utc())
}

/// Ends the run, and says what it has.
fn finish(name: &str, run: &RunKey, imported: &Imported, pages: &Pages) -> Result<(), Failed> {
    let summary = pages.wait("counting", pages.store.summary(run.run_id, &[]))?;
    let done = summary.pages.of(PageState::Done);
    if summary.pages.queued > 0 {
        let left = counted(summary.pages.queued, "page");
        let problem =
            format!("{left} of an earlier attempt are not in this file, so the run {name:?} is not finished");
        return Err(
            Failed::error(problem).hint("give it up with `dragline runs end`, and import the file again")
        );
    }
    let is_empty = done == 0;
    let (state, reason) =
        if is_empty { (RunState::Failed, "nothing to import") } else { (RunState::Finished, "finished") };
    pages.wait("ending the run", pages.store.end_run(run, state, reason))?;
    let figures = EndFigures { pages: summary.pages, ..EndFigures::default() };
    pages.wait("keeping the figures of the run", pages.store.judge_run(run, &figures, None))?;
    let Imported { kept, repeated, skipped } = imported;
    let mut text = format!(
        "run {} (id {}) has {}: {} imported now, {} of new bodies\n",
        secrets::hide(name),
        run.run_id,
        counted(done, "page"),
        kept.pages,
        ByteSize(kept.bytes).display().iec()
    );
    if *repeated > 0 {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  left out: {repeated} × answers of pages that the run had already");
    }
    for (why, count) in skipped {
        let _ = writeln!(text, "  left out: {count} × {}", why.told());
    }
    print(&text)?;
    if is_empty {
        return Err(Failed::error("the file has no page for this spider")
            .hint("see above why its records were left out"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_all_lengths_are_read() {
        let read = |text: &str| moment(text).map(|at| at.to_rfc3339());
        for (text, expected) in [
            ("2026-03-04T05:06:07Z", "2026-03-04T05:06:07+00:00"),
            ("2026-03-04T05:06:07.25Z", "2026-03-04T05:06:07.250+00:00"),
            ("2026-03-04T05:06Z", "2026-03-04T05:06:00+00:00"),
            ("2026-03-04", "2026-03-04T00:00:00+00:00"),
            ("2026-03", "2026-03-01T00:00:00+00:00"),
            ("2026", "2026-01-01T00:00:00+00:00"),
        ] {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
        for wrong in ["", "yesterday", "2026-13", "20260304050607"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
