//! Which requests a run makes.

use dragline_core::PageState;
use dragline_testkit::{Answer, Site};

use super::harness::{Crawl, crawl_all, fast, start};
use crate::{CrawlEnd, LinkRefusal};

fn links(paths: impl IntoIterator<Item = String>) -> Answer {
    Answer::html(paths.into_iter().map(|path| format!("<a href='{path}'>x</a>")).collect::<String>())
}

#[test]
fn private_networks_are_not_reached_and_each_request_says_why() {
    let site = Site::builder().page("/", Answer::html("<title>secret</title>")).start();
    let by_name = site.url("/").replace("127.0.0.1", "localhost");
    let settings = fast().but(|it| it.client.deny_private_networks = true);
    let ended =
        crawl_all(settings, &[site.url("/"), by_name.clone(), "http://[::ffff:10.0.0.1]/".to_owned()]);
    assert!(matches!(ended.end, CrawlEnd::Finished), "{}", ended.end);
    let mut errors: Vec<String> = ended.frontier.rows().into_iter().filter_map(|row| row.error).collect();
    errors.sort();
    let not_reached = "and `deny_private_networks` forbids private networks";
    assert_eq!(
        errors,
        [
            format!("127.0.0.1 is a loopback address, {not_reached}"),
            format!("::ffff:10.0.0.1 is a private address, {not_reached}"),
            format!("localhost is this machine, {not_reached}"),
        ]
    );
    assert_eq!((site.total_hits(), ended.frontier.count(Some(PageState::Failed))), (0, 3));
}

#[test]
fn so_many_pages_of_a_host_are_done_over_all_starts() {
    let site = Site::builder()
        .page("/", links((0..30).map(|page| format!("/page-{page}"))))
        .handler(|asked| asked.path.starts_with("/page-").then(|| Answer::html("page")))
        .start();
    let settings = || fast().but(|it| it.links.max_pages_per_host = Some(10));
    let first = Crawl::begin(settings().but(|it| it.limits.pages = Some(4)), start(&[site.url("/")])).end();
    assert!(matches!(first.end, CrawlEnd::LimitReached), "{}", first.end);
    let second = Crawl::begin(settings(), first.frontier).end();
    assert!(matches!(second.end, CrawlEnd::Finished), "{}", second.end);
    assert_eq!(second.done(), 10);
    assert_eq!(second.frontier.count(Some(PageState::Skipped)), 21);
    assert_eq!(second.stats.refused_links[&LinkRefusal::HostFull], 21);
}

#[test]
fn a_page_that_fails_makes_room_for_another() {
    let site = Site::builder()
        .page("/", links((0..20).map(|page| format!("/{page}"))))
        .handler(|asked| match asked.path[1..].parse::<u32>() {
            Ok(0..10) => Some(Answer::html("please fail")),
            Ok(10..20) => Some(Answer::html("page")),
            _ => None,
        })
        .start();
    let ended = crawl_all(fast().but(|it| it.links.max_pages_per_host = Some(11)), &[site.url("/")]);
    assert!(matches!(ended.end, CrawlEnd::Finished), "{}", ended.end);
    let ended_as = |state| ended.frontier.count(Some(state));
    assert_eq!((ended.done(), ended_as(PageState::Failed) + ended_as(PageState::Skipped)), (11, 10));
}

#[test]
fn a_calendar_without_end_ends_and_the_rest_of_the_site_is_there() {
    let site = Site::builder()
        .page("/", links(["/day/2026-0".to_owned(), "/shop/1".to_owned(), "/shop/x/x/x".to_owned()]))
        .page("/shop/1", links(["/shop/2".to_owned(), "/logo.png".to_owned()]))
        .page("/shop/2", Answer::html("two"))
        .handler(|asked| {
            let day: u32 = asked.path.strip_prefix("/day/2026-")?.parse().ok()?;
            Some(links([format!("/day/2026-{}", day + 1)]))
        })
        .start();
    let ended = crawl_all(fast().but(|it| it.links.max_pages_per_pattern = Some(20)), &[site.url("/")]);
    assert!(matches!(ended.end, CrawlEnd::Finished), "{}", ended.end);
    assert_eq!(ended.done(), 1 + 20 + 2);
    assert_eq!(ended.fate("/day/2026-20").0, Some(PageState::Skipped));
    assert!(ended.fate("/day/2026-20").2.contains("max_pages_per_pattern"));
    let refused = &ended.stats.refused_links;
    assert_eq!(
        [LinkRefusal::PatternFull, LinkRefusal::Extension, LinkRefusal::Repeating].map(|why| refused[&why]),
        [1, 1, 1]
    );
}

#[test]
fn patterns_and_domains_hold_for_links_and_for_redirects() {
    let site = Site::builder()
        .page(
            "/",
            links([
                "/shop/1".to_owned(),
                "/shop/2".to_owned(),
                "/about".to_owned(),
                "/shop/3?print".to_owned(),
            ]),
        )
        .page("/shop/1", Answer::html("one"))
        .page("/shop/2", Answer::redirect(302, "/login"))
        .start();
    let settings = fast().but(|it| {
        it.links.allow = vec!["/shop/".to_owned()];
        it.links.deny = vec!["print".to_owned()];
    });
    let ended = crawl_all(settings, &[site.url("/")]);
    assert_eq!((ended.done(), site.hits("/login"), site.hits("/about")), (2, 0, 0));
    let told = format!("redirected to {}, which matches no pattern that is allowed", site.url("/login"));
    assert_eq!(ended.fate("/shop/2").2, told);
    let elsewhere = fast().but(|it| it.links.allow_domains = vec!["a.example".to_owned()]);
    let ended = crawl_all(elsewhere, &[site.url("/")]);
    assert_eq!(ended.done(), 1, "a start request is asked for, and its links lead nowhere");
}
