//! Every hop is a request of its own.

use dragline_core::{PageState, QueuedRequest, Request};
use dragline_testkit::{Answer, Site};

use super::frontier::Frontier;
use super::harness::{Crawl, crawl_all, fast};
use crate::CrawlEnd;

#[test]
fn a_chain_ends_hop_by_hop_and_its_end_is_parsed_once() {
    let site = Site::builder()
        .page("/", Answer::html("<a href='/a'>a</a><a href='/b'>b</a><a href='/end'>end</a>"))
        .page("/a", Answer::redirect(301, "/b"))
        .page("/b", Answer::redirect(302, "end?x=1"))
        .page("/end?x=1", Answer::html("<title>end</title>"))
        .page("/end", Answer::redirect(308, "mailto:somebody@a.example"))
        .start();
    let ended = crawl_all(fast(), &[site.url("/")]);
    assert!(matches!(ended.end, CrawlEnd::Finished), "{}", ended.end);
    let skipped = |path: &str, to: &str| {
        let (state, _, error) = ended.fate(path);
        assert_eq!((state, error), (Some(PageState::Skipped), format!("redirected to {}", site.url(to))));
    };
    skipped("/a", "/b");
    skipped("/b", "/end?x=1");
    assert_eq!(ended.fate("/end?x=1").0, Some(PageState::Done));
    assert_eq!(
        ended.fate("/end").2,
        "redirected to mailto:somebody@a.example; only http and https can be fetched"
    );
    assert_eq!((site.hits("/b"), site.hits("/end?x=1")), (1, 1));
}

#[test]
fn a_cookie_check_comes_back_and_a_loop_ends() {
    let site = Site::builder()
        .page("/", Answer::html("<a href='/checked'>a</a><a href='/loop'>b</a>"))
        .answers("/checked", [Answer::redirect(302, "/check"), Answer::html("<title>in</title>")])
        .page("/check", Answer::redirect(302, "/checked"))
        .page("/loop", Answer::redirect(302, "/loop"))
        .start();
    let ended = crawl_all(fast().but(|it| it.redirects.max_hops = 5), &[site.url("/")]);
    assert!(matches!(ended.end, CrawlEnd::Finished), "{}", ended.end);
    assert!(ended.frontier.items().iter().any(|item| item.contains("\"in\"")));
    assert_eq!(site.hits("/loop"), 6);
    let rows = ended.frontier.rows();
    let last = rows.iter().find(|row| row.state == Some(PageState::Failed)).unwrap();
    assert!(last.error.as_deref().unwrap().starts_with("too many redirects"), "{last:?}");
}

#[test]
fn a_referer_and_credentials_of_a_spider_do_not_follow_to_another_origin() {
    let shown = |asked: &dragline_testkit::Received| {
        let seen = |name| asked.header(name).unwrap_or("none").to_owned();
        let seen = ["referer", "authorization", "origin"].map(seen).join(" ");
        Answer::html(format!("<title>{seen}</title>"))
    };
    let other = Site::builder().handler(move |asked| Some(shown(asked))).start();
    let away = other.url("/there");
    let site = Site::builder()
        .handler(move |asked| match asked.path.as_str() {
            "/away" => Some(Answer::redirect(302, &away)),
            "/near" => Some(Answer::redirect(302, "/here")),
            _ => Some(shown(asked)),
        })
        .start();
    let secret = site.url("/account?token=1");
    for (path, expected) in
        [("/near", format!("{secret} Basic 1 me")), ("/away", format!("{} none none", site.url("/")))]
    {
        let request = Request::get(site.url(path)).unwrap().with_header("Referer", &secret);
        let request = request.with_header("Authorization", "Basic 1").with_header("Origin", "me");
        let ended = Crawl::begin(fast(), Frontier::with([QueuedRequest::start(request, 0)])).end();
        let items = ended.frontier.items();
        assert!(items.iter().any(|item| item.contains(&expected)), "{expected}: {items:?}");
    }
}

#[test]
fn a_start_request_may_lead_to_another_host_and_a_link_may_not() {
    let other = Site::builder()
        .bind("127.0.2.1")
        .page("/", Answer::html("<a href='/more'>more</a>"))
        .page("/more", Answer::html("more"))
        .start();
    let away = other.url("/");
    let site = Site::builder().page("/", Answer::redirect(302, &away)).start();
    let ended = crawl_all(fast(), &[site.url("/")]);
    assert_eq!((ended.done(), other.total_hits()), (2, 2));

    let third = Site::builder().bind("127.0.2.2").page("/", Answer::html("hidden")).start();
    let site = Site::builder()
        .page("/", Answer::html("<a href='/out'>out</a>"))
        .page("/out", Answer::redirect(302, &third.url("/")))
        .start();
    let ended = crawl_all(fast(), &[site.url("/")]);
    let (state, _, error) = ended.fate("/out");
    assert_eq!(state, Some(PageState::Skipped));
    assert_eq!(error, format!("redirected to {}, which is off site", third.url("/")));
    assert_eq!(third.total_hits(), 0);
}

#[test]
fn a_page_that_sends_its_reader_on_is_no_page() {
    let refresh = |content: &str| {
        Answer::html(format!("<title>x</title><meta http-equiv=refresh content='{content}'>"))
    };
    let site = Site::builder()
        .page(
            "/",
            Answer::html(
                "<a href='/soon'>a</a><a href='/late'>b</a><a href='/out'>c</a><a href='/round'>d</a>",
            ),
        )
        .page("/soon", refresh("5; url=/end"))
        .page("/late", refresh("500; url=/never"))
        .page("/out", refresh("0; url=http://127.0.2.9:9/"))
        .page("/round", refresh("0; url=/round"))
        .page("/end", Answer::html("<title>end</title>"))
        .start();
    let ended = crawl_all(fast(), &[site.url("/")]);
    assert!(matches!(ended.end, CrawlEnd::Finished), "{}", ended.end);
    let (state, _, error) = ended.fate("/soon");
    assert_eq!(state, Some(PageState::Skipped));
    assert_eq!(error, format!("redirected to {} (refresh)", site.url("/end")));
    for page in ["/late", "/out", "/end"] {
        assert_eq!(ended.fate(page).0, Some(PageState::Done), "{page}");
    }
    assert_eq!(ended.stats.refused_links[&crate::LinkRefusal::OffSite], 1);
    assert_eq!(site.hits("/round"), 4, "as often as it may mean `please wait`");
    let ends = ended.frontier.rows();
    let end = ends.iter().find(|row| row.queued.request.url().path() == "/end").unwrap();
    assert_eq!(end.queued.redirects, [site.url("/soon")]);
}

#[test]
fn a_refresh_of_the_start_page_may_lead_to_another_host() {
    let other = Site::builder()
        .bind("127.0.2.3")
        .page("/", Answer::html("<a href='/more'>more</a>"))
        .page("/more", Answer::html("more"))
        .start();
    let html = format!("<meta http-equiv=refresh content='0;url={}'>", other.url("/"));
    let site = Site::builder().page("/", Answer::html(html)).start();
    let ended = crawl_all(fast(), &[site.url("/")]);
    assert_eq!((ended.done(), other.total_hits()), (2, 2));
}

#[test]
fn no_redirect_is_followed_where_none_may_be() {
    let site = Site::builder()
        .page("/", Answer::redirect(302, "/there"))
        .page("/there", Answer::html("there"))
        .start();
    let ended = crawl_all(fast().but(|it| it.redirects.max_hops = 0), &[site.url("/")]);
    let (state, _, error) = ended.fate("/");
    assert_eq!(state, Some(PageState::Failed));
    assert_eq!(error, format!("too many redirects: 1 hop, the last to {}", site.url("/there")));
}

#[test]
fn an_answer_that_the_spider_accepts_is_a_page_and_no_redirect() {
    let answer = Answer::redirect(307, "/there").body("<title>moved</title><a href='/here'>here</a>");
    let site = Site::builder()
        .page("/", answer.header("Content-Type", "text/html"))
        .page("/here", Answer::html("here"))
        .start();
    let ended = crawl_all(fast(), &[site.url("/")]);
    assert_eq!((ended.done(), site.hits("/there"), site.hits("/here")), (2, 0, 1));
}
