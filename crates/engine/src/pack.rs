//! Packing: from an answer to a page outcome, through the spider and the item pipelines.
//!
//! Whatever user code does here (errors, panics, items that nobody declared, rows that no store may take) is
//! the fate of this one page.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use dragline_core::canonical::{drop_userinfo, has_userinfo};
use dragline_core::outcome::clean;
use dragline_core::value::json_has_nul;
use dragline_core::worker::panic_message;
use dragline_core::{
    DeadLetter, Failure, Fingerprint, ItemPipeline, ItemRecord, ItemType, Output, Page, PageOutcome,
    PageState, QueuedRequest, Request, Response, Spider, Verdict,
};
use url::Url;

use crate::item_counts::Fate;
use crate::known::KnownRequests;
use crate::scope::{LinkRefusal, Scope};
use crate::stats::CrawlStats;

/// Makes page outcomes. One for all crawl threads.
pub(crate) struct Packer {
    pub(crate) spider: Arc<dyn Spider>,
    pub(crate) pipelines: Arc<[Box<dyn ItemPipeline>]>,
    /// What the spider declared.
    pub(crate) items: Vec<ItemType>,
    pub(crate) max_depth: Option<u32>,
    pub(crate) max_url_bytes: usize,
    pub(crate) stats: Arc<CrawlStats>,
    /// What the store is known to have.
    pub(crate) known: Arc<KnownRequests>,
}

/// Why a page failed, as it is stored.
type Fault = String;

/// Hears of what a page yields and a crawl does not store.
pub(crate) trait Refusals {
    fn link(&mut self, reason: LinkRefusal, url: &Url);
    /// Links that are no http(s) URLs.
    fn unusable_links(&mut self, count: usize);
    /// A request that the page has yielded before, or that is its own.
    fn repeated(&mut self, url: &Url);
    /// A copy of an item, for who wants to see what was dropped: an item pipeline keeps the item itself.
    fn copy_of(&mut self, record: &ItemRecord) -> Option<ItemRecord>;
    fn item(&mut self, item_type: &'static str, copy: Option<ItemRecord>, reason: String);
}

/// A crawl counts them.
impl Refusals for &CrawlStats {
    fn link(&mut self, reason: LinkRefusal, _url: &Url) {
        self.refuse_links(reason, 1);
    }

    fn unusable_links(&mut self, count: usize) {
        self.refuse_links(LinkRefusal::Scheme, count as u64);
    }

    fn repeated(&mut self, _url: &Url) {}

    fn copy_of(&mut self, _record: &ItemRecord) -> Option<ItemRecord> {
        None
    }

    fn item(&mut self, item_type: &'static str, _copy: Option<ItemRecord>, reason: String) {
        self.drop_item(item_type, reason);
    }
}

impl Packer {
    /// Parses a page and packs what it yields.
    pub(crate) fn page(&self, response: Response, scope: &Scope) -> PageOutcome {
        self.page_telling(response, scope, &mut &*self.stats)
    }

    /// The same; `refusals` hears of what is left out.
    pub(crate) fn page_telling(
        &self,
        response: Response,
        scope: &Scope,
        refusals: &mut impl Refusals,
    ) -> PageOutcome {
        let page = Page::new(response);
        let produced = self.produce(&page, scope, refusals);
        let Response { queued, status, attempts, .. } = page.into_response();
        let mut outcome =
            PageOutcome::new(queued.fingerprint, queued.request.url().as_str(), PageState::Done);
        (outcome.status, outcome.attempts) = (Some(status), attempts);
        match produced {
            Ok(Produced { items, dead_letters, requests }) => {
                let refusal = items.iter().find_map(ItemRecord::refusal);
                (outcome.items, outcome.dead_letters, outcome.requests) = (items, dead_letters, requests);
                if let Some(reason) = refusal {
                    tracing::warn!(error = reason, "the page is dead: no store may take one of its items");
                    outcome.kill(&reason, None);
                }
            }
            Err(fault) => {
                tracing::warn!(error = fault, "the page failed");
                outcome.state = PageState::Failed;
                outcome.error = Some(clean(&fault));
            }
        }
        outcome
    }

    /// Tells the spider that a request was given up, and packs the failure.
    pub(crate) fn given_up(&self, failure: &Failure) -> PageOutcome {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.spider.failed(failure))) {
            tracing::warn!(error = panic_message(&*panic), "the spider's `failed` panicked");
        }
        let url = failure.queued.request.url().as_str();
        let mut outcome = PageOutcome::new(failure.queued.fingerprint, url, PageState::Failed);
        (outcome.status, outcome.attempts) = (failure.status, failure.attempts);
        outcome.error = Some(clean(&failure.error));
        outcome
    }

    fn produce(&self, page: &Page, scope: &Scope, refusals: &mut impl Refusals) -> Result<Produced, Fault> {
        let mut out = Output::new();
        guarded("parse", || self.spider.parse(page, &mut out).map_err(|error| format!("parse: {error}")))?;
        let (records, requests, unusable_links) = out.into_parts();
        refusals.unusable_links(unusable_links);
        if let Some(stray) = records.iter().find(|record| !self.items.contains(&record.item_type)) {
            let name = stray.item_type.name;
            return Err(format!(
                "parse: item type {name} is not among those that the spider's items() declares"
            ));
        }
        let mut produced =
            Produced { requests: self.links(page, requests, scope, refusals)?, ..Produced::default() };
        let url = page.url().as_str();
        guarded("item pipelines", || {
            for record in records {
                self.keep(record, url, &mut produced, refusals);
            }
            Ok(())
        })?;
        Ok(produced)
    }

    /// Sends an item through the pipelines.
    fn keep(&self, mut record: ItemRecord, url: &str, produced: &mut Produced, refusals: &mut impl Refusals) {
        let (copy, item_type) = (refusals.copy_of(&record), record.item_type.name);
        for pipeline in self.pipelines.iter() {
            match pipeline.process(record, url) {
                Verdict::Keep(next) => record = next,
                Verdict::Drop { reason } => {
                    return refusals.item(item_type, copy, format!("{}: {reason}", pipeline.name()));
                }
                Verdict::Quarantine { record, reason } => {
                    self.stats.item(item_type, Fate::Quarantined);
                    let error = format!("{}: {reason}", pipeline.name());
                    return produced.dead_letters.push(DeadLetter::of(&record, &error, None));
                }
            }
        }
        self.stats.item(item_type, Fate::Kept);
        produced.items.push(record);
    }

    /// The requests that are worth storing, each fingerprint once: those that the store is not known to have.
    fn links(
        &self,
        page: &Page,
        requests: Vec<Request>,
        scope: &Scope,
        refusals: &mut impl Refusals,
    ) -> Result<Vec<QueuedRequest>, Fault> {
        let parent = &page.response().queued;
        if self.max_depth.is_some_and(|max| parent.depth >= max) {
            for request in &requests {
                refusals.link(LinkRefusal::TooDeep, request.url());
            }
            return Ok(Vec::new());
        }
        let mut seen: HashSet<Fingerprint> = HashSet::with_capacity(requests.len() + 1);
        // A page that links to itself says nothing new.
        seen.insert(parent.fingerprint);
        let mut kept = Vec::new();
        for (ordinal, request) in requests.into_iter().enumerate() {
            if let Some(problem) = unstorable(&request) {
                return Err(format!("parse: the request for {} {problem}", request.url()));
            }
            if request.url().as_str().len() > self.max_url_bytes {
                refusals.link(LinkRefusal::TooLong, request.url());
                continue;
            }
            let request = without_extras(request);
            if !scope.contains(request.host()) {
                refusals.link(LinkRefusal::OffSite, request.url());
                continue;
            }
            let fingerprint = parent.child_fingerprint(&request, ordinal);
            if seen.insert(fingerprint) {
                kept.push((ordinal, request, fingerprint));
            } else {
                refusals.repeated(request.url());
            }
        }
        self.known.retain_unknown(&mut kept, |(_, _, fingerprint)| *fingerprint);
        Ok(kept.into_iter().map(|(ordinal, request, _)| parent.child(request, ordinal)).collect())
    }
}

/// What a page yields.
#[derive(Default)]
struct Produced {
    items: Vec<ItemRecord>,
    dead_letters: Vec<DeadLetter>,
    requests: Vec<QueuedRequest>,
}

/// A fragment never reaches the server, and links that differ in it alone are one request: without it, what
/// a spider stores of the page's URL does not depend on which of them came first. A password would be stored.
fn without_extras(request: Request) -> Request {
    if request.url().fragment().is_none() && !has_userinfo(request.url()) {
        return request;
    }
    let mut url = request.url().clone();
    url.set_fragment(None);
    drop_userinfo(&mut url);
    request.with_url(url)
}

/// Runs user code; a panic in it becomes a fault.
fn guarded(what: &str, work: impl FnOnce() -> Result<(), Fault>) -> Result<(), Fault> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|panic| Err(format!("{what}: panicked: {}", panic_message(&*panic))))
}

/// Why no store may take a request, if so: Postgres has no NUL in text.
fn unstorable(request: &Request) -> Option<&'static str> {
    if request.tag_str().contains('\0') {
        return Some("has a NUL character in its tag");
    }
    if request.session_name().is_some_and(|session| session.contains('\0')) {
        return Some("has a NUL character in the name of its session");
    }
    if request.headers().iter().any(|(name, value)| name.contains('\0') || value.contains('\0')) {
        return Some("has a NUL character in a header");
    }
    let in_meta = request.meta_map().iter().any(|(name, value)| name.contains('\0') || json_has_nul(value));
    in_meta.then_some("has a NUL character in its meta")
}

#[cfg(test)]
mod tests {
    use super::*;
    use dragline_core::{Args, Column, ColumnType, Error, Item, Value};
    use std::sync::Mutex;

    const COLUMNS: &[Column] = &[Column { name: "text", kind: ColumnType::Text, nullable: false }];

    struct Note(&'static str);

    impl Item for Note {
        fn item_type() -> ItemType {
            ItemType { name: "note", table: None, key: &[], columns: COLUMNS, auto_create: true }
        }

        fn into_record(self) -> ItemRecord {
            ItemRecord { item_type: Self::item_type(), values: vec![Value::Text(self.0.to_owned())] }
        }
    }

    type Parse = fn(&Page, &mut Output) -> dragline_core::Result<()>;

    struct Test(Parse, Mutex<Vec<String>>);

    impl Spider for Test {
        fn name(&self) -> &str {
            "test"
        }

        fn items(&self) -> Vec<ItemType> {
            vec![Note::item_type()]
        }

        fn start(&self, _args: &Args) -> dragline_core::Result<Vec<Request>> {
            Ok(Vec::new())
        }

        fn parse(&self, page: &Page, out: &mut Output) -> dragline_core::Result<()> {
            (self.0)(page, out)
        }

        fn failed(&self, failure: &Failure) {
            self.1.lock().unwrap().push(failure.error.clone());
            panic!("also here");
        }
    }

    /// Keeps, drops or quarantines by what the note says.
    struct Sieve;

    impl ItemPipeline for Sieve {
        fn name(&self) -> &'static str {
            "sieve"
        }

        fn process(&self, record: ItemRecord, _url: &str) -> Verdict {
            match record.get("text") {
                Some(Value::Text(text)) if text == "drop" => Verdict::Drop { reason: "empty".to_owned() },
                Some(Value::Text(text)) if text == "keep apart" => {
                    Verdict::Quarantine { record, reason: "odd".to_owned() }
                }
                Some(Value::Text(text)) if text == "panic" => panic!("no sieve"),
                _ => Verdict::Keep(record),
            }
        }
    }

    fn packer(parse: Parse) -> Packer {
        let spider = Test(parse, Mutex::default());
        Packer {
            items: spider.items(),
            stats: Arc::new(CrawlStats::new(&spider.items())),
            spider: Arc::new(spider),
            pipelines: Arc::new([Box::new(Sieve) as Box<dyn ItemPipeline>]),
            max_depth: None,
            max_url_bytes: 100,
            known: Arc::default(),
        }
    }

    fn page(packer: &Packer) -> PageOutcome {
        let request = Request::get("http://a.example/").unwrap();
        packer.page(Response::stored(request, "<a href='/x'>x</a>"), &Scope::new(["a.example:80"]))
    }

    #[test]
    fn items_are_kept_dropped_or_kept_apart() {
        let packer = packer(|_, out| {
            for text in ["keep", "drop", "keep apart", "drop"] {
                out.item(Note(text));
            }
            Ok(())
        });
        let outcome = page(&packer);
        assert_eq!((outcome.state, outcome.status), (PageState::Done, Some(200)));
        assert_eq!(outcome.items.len(), 1);
        assert_eq!(outcome.dead_letters.len(), 1);
        assert_eq!(outcome.dead_letters[0].error, "sieve: odd");
        let stats = packer.stats.snapshot();
        assert_eq!((stats.items_kept, stats.items_dropped, stats.items_quarantined), (1, 2, 1));
        assert_eq!(stats.drop_reasons["sieve: empty"], 2);
    }

    #[test]
    fn requests_come_once_without_fragment_and_without_password() {
        let packer = packer(|page, out| {
            for href in ["/x", "/x#a", "/y#b", "/", "http://b.example/", "ftp://a.example/"] {
                out.follow(page, href);
            }
            out.follow(page, &format!("/{}", "x".repeat(100)));
            out.request(page.request("/x")?.dont_filter());
            out.request(Request::get("http://user:secret@a.example/z")?);
            Ok(())
        });
        let outcome = page(&packer);
        assert!(outcome.requests.iter().all(|queued| queued.request.url().username().is_empty()));
        let urls: Vec<&str> = outcome.requests.iter().map(|queued| queued.request.url().path()).collect();
        assert_eq!(urls, ["/x", "/y", "/x", "/z"]);
        assert!(outcome.requests.iter().all(|queued| queued.depth == 1));
        assert!(outcome.requests.iter().all(|queued| queued.request.url().fragment().is_none()));
        let refused = packer.stats.snapshot().refused_links;
        assert_eq!(refused.values().sum::<u64>(), 3);
        // The same page again, as after a kill: the same fingerprints.
        assert_eq!(page(&packer).requests, outcome.requests);
    }

    #[test]
    fn what_the_store_is_known_to_have_is_not_sent_there_again() {
        let packer = packer(|page, out| {
            for href in ["/old", "/new", "/old#part"] {
                out.follow(page, href);
            }
            out.request(page.request("/old")?.dont_filter());
            Ok(())
        });
        let urls = || -> Vec<String> {
            page(&packer).requests.iter().map(|queued| queued.request.url().path().to_owned()).collect()
        };
        assert_eq!(urls(), ["/old", "/new", "/old"]);
        packer.known.are_stored([Fingerprint::of(&Request::get("http://a.example/old").unwrap())]);
        assert_eq!(urls(), ["/new", "/old"], "the one that must not be filtered is another request");
    }

    #[test]
    fn a_page_that_is_too_deep_leads_nowhere() {
        let shallow = Packer {
            max_depth: Some(0),
            ..packer(|page, out| {
                out.follow_all(page, "a");
                Ok(())
            })
        };
        assert!(page(&shallow).requests.is_empty());
        assert_eq!(shallow.stats.snapshot().refused_links[&LinkRefusal::TooDeep], 1);
    }

    #[test]
    fn faults_of_user_code_fail_the_page_and_nothing_else() {
        let cases: [(Parse, &str); 7] = [
            (|_, _| Err(Error::new("no price")), "parse: no price"),
            (|_, _| panic!("oh"), "parse: panicked: oh"),
            (|page, _| page.text("h1").map(drop), "parse: "),
            (
                |_, out| {
                    out.item(Note("panic"));
                    Ok(())
                },
                "item pipelines: panicked: no sieve",
            ),
            (
                |_, out| {
                    out.item(Other);
                    Ok(())
                },
                "parse: item type other is not among those that the spider's items() declares",
            ),
            (
                |page, out| {
                    out.request(page.request("/x")?.tag("a\0b"));
                    Ok(())
                },
                "parse: the request for http://a.example/x has a NUL character in its tag",
            ),
            (
                |page, out| {
                    out.request(page.request("/x")?.meta("list", vec!["\0"]));
                    Ok(())
                },
                "parse: the request for http://a.example/x has a NUL character in its meta",
            ),
        ];
        for (parse, expected) in cases {
            let outcome = page(&packer(parse));
            let error = outcome.error.unwrap_or_default();
            assert_eq!((outcome.state, outcome.status), (PageState::Failed, Some(200)), "{expected}");
            assert!(error.starts_with(expected), "{error}");
            assert!(outcome.items.is_empty() && outcome.requests.is_empty(), "{expected}");
        }
    }

    #[test]
    fn an_item_that_no_store_may_take_makes_the_page_dead_and_keeps_its_requests() {
        let outcome = page(&packer(|page, out| {
            out.item(Note("well"));
            out.item(Note("a\0b"));
            out.follow_all(page, "a");
            Ok(())
        }));
        assert_eq!(outcome.state, PageState::Dead);
        assert_eq!(outcome.error.as_deref(), Some("note.text is text with a NUL character"));
        assert_eq!((outcome.items.len(), outcome.dead_letters.len(), outcome.requests.len()), (0, 2, 1));
    }

    #[test]
    fn a_spider_hears_of_what_was_given_up_and_may_panic_at_it() {
        let packer = packer(|_, _| Ok(()));
        let queued = QueuedRequest::start(Request::get("http://a.example/").unwrap(), 0);
        let failure = Failure { queued, status: Some(404), attempts: 1, error: "HTTP 404".to_owned() };
        let outcome = packer.given_up(&failure);
        assert_eq!((outcome.state, outcome.status), (PageState::Failed, Some(404)));
        assert_eq!(outcome.error.as_deref(), Some("HTTP 404"));
    }

    struct Other;

    impl Item for Other {
        fn item_type() -> ItemType {
            ItemType { name: "other", ..Note::item_type() }
        }

        fn into_record(self) -> ItemRecord {
            ItemRecord { item_type: Self::item_type(), values: vec![Value::Null] }
        }
    }
}
