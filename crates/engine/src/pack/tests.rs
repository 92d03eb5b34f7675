//! What becomes of a page, and of what its spider does wrong.

mod sizes;

use super::*;
use crate::scope::LinkRefusal;
use crate::scope::tests::scope_of;
use dragline_core::{Args, ColumnType, Error, Fingerprint, Item, PageState, Value, Verdict};

struct Note(&'static str);

impl Item for Note {
    fn item_type() -> ItemType {
        ItemType::builder("note").with_column("text", ColumnType::Text).build().unwrap()
    }

    fn into_record(self) -> ItemRecord {
        ItemRecord { item_type: Self::item_type(), values: vec![Value::Text(self.0.to_owned())] }
    }
}

fn note(text: String) -> ItemRecord {
    ItemRecord { item_type: Note::item_type(), values: vec![Value::Text(text)] }
}

type Parse = fn(&Page, &mut Output) -> dragline_core::Result<()>;

struct Test(Parse);

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

    fn failed(&self, failure: &Failure, out: &mut Output) -> dragline_core::Result<()> {
        assert_eq!(failure.args().get("shelf"), Some("rope"));
        out.item(Note("keep"));
        out.request(Request::get("http://a.example/instead")?);
        out.request(Request::get("http://b.example/off-site")?);
        match failure.request().tag() {
            "panic" => panic!("here"),
            "error" => Err(Error::new("here too")),
            "dead" => {
                out.item(Note("a\0b"));
                Ok(())
            }
            "stray" => {
                out.item(Other);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// Keeps, drops or quarantines by what the note says.
struct Sieve;

impl ItemPipeline for Sieve {
    fn name(&self) -> &str {
        "sieve"
    }

    fn process(&self, record: ItemRecord, origin: &ItemOrigin<'_>) -> Verdict {
        match record.get("text") {
            Some(Value::Text(text)) if text == "drop" => Verdict::drop("empty"),
            Some(Value::Text(text)) if text == "keep apart" => Verdict::quarantine(record, "odd"),
            Some(Value::Text(text)) if text == "where" => Verdict::drop(format!(
                "{} {:?} {} {} {:?} {:?}",
                origin.url(),
                origin.tag(),
                origin.depth(),
                origin.spider(),
                origin.run_id(),
                origin.run(),
            )),
            Some(Value::Text(text)) if text == "panic" => panic!("no sieve"),
            _ => Verdict::Keep(record),
        }
    }
}

const PAGE_MEMORY: usize = 16 << 20;

fn packer(parse: Parse) -> Packer {
    let spider = Test(parse);
    Packer {
        run: Some(RunLabel { run_id: 7, name: "nightly".to_owned() }),
        args: Args::default().with_value("shelf", "rope"),
        routes: spider.routes(),
        items: spider.items(),
        stats: Arc::new(CrawlStats::new(&spider.items())),
        spider: Arc::new(spider),
        pipelines: Arc::new([Box::new(Sieve) as Box<dyn ItemPipeline>]),
        keep: KeepSettings::default(),
        item_limits: ItemLimits::default(),
        max_page_memory: PAGE_MEMORY,
        max_depth: None,
        limits: LimitSettings::default(),
        redirects: RedirectSettings::default(),
        robots: RobotsSettings::default(),
        sitemaps: SitemapSettings::default(),
        max_body_bytes: PAGE_MEMORY,
        same_request: SameRequest::canonical().with_ignored(["utm_*"]),
        revisits: None,
        known: Arc::default(),
        look_ups: Arc::default(),
    }
}

fn page(packer: &Packer) -> PageOutcome {
    let request = Request::get("http://a.example/").unwrap();
    pack(packer, Response::stored(request, "<a href='/x'>x</a>"))
}

fn pack(packer: &Packer, response: Response) -> PageOutcome {
    let memory = PageMemory::up_to(packer.max_page_memory);
    packer
        .page(response, Arrival::default(), &scope_of(&["a.example:80"]), &memory)
        .unwrap_or_else(|_| panic!("it is alone"))
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
fn a_pipeline_sees_where_an_item_comes_from() {
    let packer = packer(|_, out| {
        out.item(Note("where"));
        Ok(())
    });
    let request = Request::get("http://a.example/list").unwrap().with_tag("list");
    let mut response = Response::stored(request, "");
    response.queued.depth = 3;
    pack(&packer, response);
    let reasons = packer.stats.snapshot().drop_reasons;
    let seen = "sieve: http://a.example/list \"list\" 3 test Some(7) Some(\"nightly\")";
    assert_eq!(reasons.keys().collect::<Vec<_>>(), [seen]);
}

#[test]
fn requests_come_once_without_fragment_and_without_password() {
    let packer = packer(|page, out| {
        for href in ["/x", "/x#a", "/y#b", "/", "http://b.example/", "ftp://a.example/"] {
            out.follow(page, href);
        }
        out.follow(page, &format!("/{}", "x".repeat(2083)));
        out.request(page.request("/x")?.without_filter());
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
fn a_request_for_a_link_of_the_page_counts_as_that_link() {
    let follows: Parse = |page, out| {
        out.follow(page, "/film.mp4");
        Ok(())
    };
    let asks: Parse = |page, out| {
        out.request(page.request("/film.mp4")?.with_tag("film"));
        Ok(())
    };
    for parse in [follows, asks] {
        let packer = packer(parse);
        assert!(page(&packer).requests.is_empty());
        assert_eq!(packer.stats.snapshot().refused_links[&LinkRefusal::Extension], 1);
    }
    // A request that the spider makes up itself is fetched, whatever its name ends with.
    let made_up = packer(|_, out| {
        out.request(Request::get("http://a.example/film.mp4")?);
        Ok(())
    });
    assert_eq!(page(&made_up).requests.len(), 1);
}

#[test]
fn the_rule_of_the_run_says_which_links_are_one_request() {
    let packer = packer(|page, out| {
        for href in ["/x?b=1&a=2&utm_source=here", "/x?a=2&b=1", "/x?a=2&b=1&utm_medium=mail", "/x?a=1&b=2"] {
            out.follow(page, href);
        }
        Ok(())
    });
    let found: Vec<String> =
        page(&packer).requests.iter().map(|queued| queued.request.url().to_string()).collect();
    // Sent as they were found.
    assert_eq!(found, ["http://a.example/x?b=1&a=2&utm_source=here", "http://a.example/x?a=1&b=2"]);
    packer.known.are_stored([Fingerprint::of(&Request::get("http://a.example/x?a=2&b=1").unwrap())]);
    assert_eq!(page(&packer).requests.len(), 1);
}

#[test]
fn what_the_store_is_known_to_have_is_not_sent_there_again() {
    let packer = packer(|page, out| {
        for href in ["/old", "/new", "/old#part"] {
            out.follow(page, href);
        }
        out.request(page.request("/old")?.without_filter());
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
fn a_page_beyond_its_limits_fails_and_says_so() {
    let limited = |links, items| Packer {
        limits: LimitSettings {
            links_per_page: Some(links),
            items_per_page: Some(items),
            ..LimitSettings::default()
        },
        ..packer(|page, out| {
            for href in ["/a", "/b", "/a", "/c", "http://b.example/"] {
                out.follow(page, href);
            }
            for _ in 0..4 {
                out.item(Note("keep"));
            }
            Ok(())
        })
    };
    let outcome = page(&limited(3, 4));
    assert_eq!((outcome.state, outcome.requests.len(), outcome.items.len()), (PageState::Done, 3, 4));
    for (links, items, reason, says) in [
        (2, 4, Reason::TooManyLinks, "the page leads to more than 2 new requests (--max-links-per-page)"),
        (3, 3, Reason::TooManyItems, "parse: emitted 4 items, and a page may have 3 (--max-items-per-page)"),
    ] {
        let outcome = page(&limited(links, items));
        assert_eq!((outcome.state, outcome.reason), (PageState::Failed, Some(reason)));
        assert_eq!(outcome.error.as_deref(), Some(says));
        assert_eq!(outcome.rows(), 1, "nothing of it is stored");
    }
}

#[test]
fn faults_of_user_code_fail_the_page_and_nothing_else() {
    let cases: [(Parse, Reason, &str); 7] = [
        (|_, _| Err(Error::new("no price")), Reason::ParseError, "parse: no price"),
        (|_, _| panic!("oh"), Reason::ParsePanic, "parse: panicked: oh"),
        (|page, _| page.text("h1").map(drop), Reason::ParseError, "parse: "),
        (
            |_, out| {
                out.item(Note("panic"));
                Ok(())
            },
            Reason::PipelinePanic,
            "item pipelines: panicked: no sieve",
        ),
        (
            |_, out| {
                out.item(Other);
                Ok(())
            },
            Reason::ItemUndeclared,
            "parse: the spider's items() does not declare the item type other",
        ),
        (
            |page, out| {
                out.request(page.request("/x")?.with_tag("a\0b"));
                Ok(())
            },
            Reason::InvalidRequest,
            "the request for http://a.example/x has a NUL character in its tag",
        ),
        (
            |page, out| {
                out.request(page.request("/x")?.with_meta("list", vec!["\0"]));
                Ok(())
            },
            Reason::InvalidRequest,
            "the request for http://a.example/x has a NUL character in its meta",
        ),
    ];
    for (parse, reason, expected) in cases {
        let outcome = page(&packer(parse));
        let error = outcome.error.unwrap_or_default();
        assert_eq!((outcome.state, outcome.status), (PageState::Failed, Some(200)), "{expected}");
        assert_eq!(outcome.reason, Some(reason), "{expected}");
        assert!(error.starts_with(expected), "{error}");
        assert!(outcome.items.is_empty() && outcome.requests.is_empty(), "{expected}");
    }
}

#[test]
fn a_page_with_a_tag_that_no_route_has_is_not_parsed() {
    let routed = || Packer {
        routes: Router::new().with_start(|_: &Page, _: &mut Output| {}),
        ..packer(|_, out| {
            out.item(Note("keep"));
            Ok(())
        })
    };
    let parsed = page(&routed());
    assert_eq!((parsed.state, parsed.items.len()), (PageState::Done, 1));

    let request = Request::get("http://a.example/").unwrap().with_tag("old");
    let outcome = pack(&routed(), Response::stored(request, ""));
    assert_eq!((outcome.state, outcome.reason), (PageState::Failed, Some(Reason::UnknownTag)));
    assert!(outcome.items.is_empty());
    let error = outcome.error.unwrap_or_default();
    assert!(error.starts_with("parse: no route of the spider has the tag \"old\""), "{error}");
}

#[test]
fn an_item_that_no_store_may_take_makes_the_page_dead_and_keeps_the_rest_of_it() {
    let outcome = page(&packer(|page, out| {
        out.item(Note("well"));
        out.item(Note("a\0b"));
        out.follow_all(page, "a");
        Ok(())
    }));
    assert_eq!((outcome.state, outcome.reason), (PageState::Dead, Some(Reason::ItemRefused)));
    assert_eq!(outcome.error.as_deref(), Some("note.text is text with a NUL character"));
    assert_eq!((outcome.items.len(), outcome.dead_letters.len(), outcome.requests.len()), (1, 1, 1));
}

#[test]
fn parse_sees_the_arguments_of_the_run() {
    let outcome = page(&packer(|page, out| {
        if page.args().get("shelf") == Some("rope") {
            out.item(Note("keep"));
        }
        Ok(())
    }));
    assert_eq!(outcome.items.len(), 1);
}

/// The outcome of a request with this tag that was given up.
fn failure(packer: &Packer, tag: &str) -> PageOutcome {
    let request = Request::get("http://a.example/").unwrap().with_tag(tag);
    let failure = Failure::of(request, Reason::HttpStatus)
        .with_status(404)
        .with_error("HTTP 404")
        .with_args(packer.args.clone());
    let outcome = packer.failure(&failure, &scope_of(&["a.example:80"]));
    assert_eq!((outcome.state, outcome.status), (PageState::Failed, Some(404)), "{tag}");
    assert_eq!(outcome.reason, Some(Reason::HttpStatus), "{tag}");
    assert_eq!(outcome.error.as_deref(), Some("HTTP 404"), "{tag}");
    outcome
}

#[test]
fn what_a_spider_makes_of_a_failure_is_packed_with_it() {
    let packer = packer(|_, _| Ok(()));
    let outcome = failure(&packer, "");
    let urls: Vec<&str> = outcome.requests.iter().map(|queued| queued.request.url().path()).collect();
    assert_eq!((outcome.items.len(), outcome.dead_letters.len(), urls), (1, 0, vec!["/instead"]));
    assert_eq!(outcome.requests[0].depth, 1);
    assert_eq!(packer.stats.snapshot().refused_links[&LinkRefusal::OffSite], 1);
    // The same failure again, as after a kill: the same fingerprints.
    assert_eq!(failure(&packer, "").requests, outcome.requests);
    let too_deep = failure(&Packer { max_depth: Some(0), ..packer }, "");
    assert_eq!((too_deep.items.len(), too_deep.requests.len()), (1, 0));
}

#[test]
fn a_spider_that_cannot_handle_a_failure_leaves_it_as_it_was() {
    let packer = packer(|_, _| Ok(()));
    for tag in ["panic", "error", "stray"] {
        let outcome = failure(&packer, tag);
        assert_eq!(outcome.rows(), 1, "{tag}");
    }
    let outcome = failure(&packer, "dead");
    assert_eq!((outcome.items.len(), outcome.dead_letters.len(), outcome.requests.len()), (1, 1, 1));
}

struct Other;

impl Item for Other {
    fn item_type() -> ItemType {
        Note::item_type().to_builder().with_name("other").build().unwrap()
    }

    fn into_record(self) -> ItemRecord {
        ItemRecord { item_type: Self::item_type(), values: vec![Value::Null] }
    }
}

fn tracks() -> ItemType {
    let track = ItemType::builder("track").with_table("tracks").with_column("title", ColumnType::Text);
    track.with_id(["title"]).build().unwrap()
}

/// Removes what a shop adds to titles.
struct Retitle;

impl ItemPipeline for Retitle {
    fn name(&self) -> &str {
        "retitle"
    }

    fn process(&self, mut record: ItemRecord, _origin: &ItemOrigin<'_>) -> Verdict {
        if let Some(Value::Text(title)) = record.get_mut("title") {
            *title = title.replace(" (new!)", "");
        }
        Verdict::Keep(record)
    }
}

#[test]
fn an_id_is_that_of_what_the_pipelines_made() {
    let track = |title: &str| ItemRecord::from_fields(&tracks(), [("title", title)]).unwrap();
    let mut packer = packer(|_, out| {
        out.record(ItemRecord::from_fields(&tracks(), [("title", "Jóga (new!)")])?);
        Ok(())
    });
    packer.items = vec![tracks()];
    packer.pipelines = Arc::new([Box::new(Retitle) as Box<dyn ItemPipeline>]);
    assert_ne!(track("Jóga (new!)"), track("Jóga"));
    assert_eq!(page(&packer).items, [track("Jóga")]);
}
