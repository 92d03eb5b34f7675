//! Memory stays under the budget and a fixed allowance, whatever pages, items and the database do.

use std::time::Duration;

use dragline_testkit::{
    Answer, ChaosProxy, Dragline, Finished, HostilePage, Link, Running, Site, wait_until,
};

use crate::sitemaps::packed;
use crate::stored::{Stored, crawl_nasty, crawl_site, example, on_both_stores};

const MIB: usize = 1 << 20;
/// `--memory-budget`.
const BUDGET: usize = 64 * MIB;
/// Memory beyond the budget: the program itself, a single page that needs more than the budget, and texts on their way from a page
/// into its item.
const ALLOWANCE: usize = 90 * MIB;
/// The same with items of 20 MiB, of which the spider makes copies of its own on each of two crawl threads.
const ALLOWANCE_WITH_COPIES: usize = 256 * MIB;
/// A debug build takes seconds for 20 MiB of text.
const LIMIT: Duration = Duration::from_secs(240);

/// A page of links to `count` pages with this body, whose paths end in `name`.
fn site(count: usize, name: &str, body: &str) -> Site {
    let path = |page: usize| format!("/{page}/{name}");
    let links: String = (0..count).map(|page| format!("<a href={}>{page}</a>", path(page))).collect();
    let mut site = Site::builder().page("/", Answer::html(links));
    let answer = Answer::html(body.to_owned());
    for page in 0..count {
        site = site.page(&path(page), answer.clone());
    }
    site.start()
}

fn limited(crawl: Dragline) -> Dragline {
    crawl.limit(LIMIT).args(["--memory-budget", "64MiB", "--crawl-threads", "2"])
}

/// The most that was resident so far.
fn peak(running: &Running) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", running.pid())).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.map_or(0, |peak| peak.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10)
}

/// Waits for the end and holds the most that was ever resident against the limit.
fn stays_small(mut running: Running, code: i32) -> Finished {
    let mut most = 0;
    wait_until("the end", LIMIT, || {
        most = most.max(peak(&running));
        !running.is_running()
    });
    let finished = running.finish();
    finished.assert_code(code);
    assert!(most > 0 && most < BUDGET + ALLOWANCE, "{} MiB\n{finished}", most / MIB);
    println!("at most {} MiB were resident", most / MIB);
    finished
}

#[test]
fn huge_pages_wait_for_each_other() {
    let stored = Stored::postgres();
    let paragraph = format!("<p>{}\n", "many words ".repeat(90));
    let site = site(24, "large", &paragraph.repeat(20 * MIB / paragraph.len()));
    stays_small(limited(crawl_nasty(&site.url("/"), &stored)).spawn(), 0);
    assert_eq!((stored.pages("done"), stored.pages("failed")), (25, 0));
}

/// As large as the protocol allows: 50,000 pages, and 50 MB.
#[test]
fn the_largest_sitemap_stays_within_the_budget() {
    let image = format!("<image:image><image:loc>/{}</image:loc></image:image>", "x".repeat(900));
    let page = |page| format!("<url><loc>/page/{page}</loc><lastmod>2026-01-31</lastmod>{image}</url>");
    let sitemap = format!("<urlset>{}</urlset>", (0..50_000).map(page).collect::<String>());
    assert!(sitemap.len() > 48 * MIB - MIB && sitemap.len() < 50_000_000 + MIB, "{}", sitemap.len());
    let packed = packed(&sitemap);
    for body in [sitemap.into_bytes(), packed] {
        let stored = Stored::sqlite();
        let site = Site::builder()
            .handler(|asked| asked.path.starts_with("/page/").then(|| Answer::html("<title>page</title>")))
            .page("/", Answer::html("home"))
            .page("/sitemap.xml", Answer::new(200).body(body))
            .start();
        let crawl = limited(crawl_site(&site.url("/"), &stored)).args(["--sitemaps", "--limit", "100"]);
        stays_small(crawl.spawn(), 0);
        assert_eq!(stored.pages("done"), 100);
        assert_eq!(stored.count("select count(*) from crawl_requests where url like '%/page/%'"), 50_000);
    }
}

#[test]
fn a_page_larger_than_the_budget_goes_alone() {
    let stored = Stored::sqlite();
    let site = site(3, "larger", &"words ".repeat(4 * MIB));
    crawl_nasty(&site.url("/"), &stored).limit(LIMIT).args(["--memory-budget", "1MiB"]).run().assert_code(0);
    assert_eq!((stored.pages("done"), stored.pages("failed")), (4, 0));
}

#[test]
fn huge_items_of_small_pages_wait_for_an_absent_database() {
    let stored = Stored::postgres();
    let Stored::Postgres(database) = &stored else { unreachable!() };
    let (proxy, url) = ChaosProxy::before(&database.url());
    // Together as much as budget and allowance, in items that each are larger than a batch.
    let site = site(16, "huge", "a small page");
    let crawl =
        example("nasty_spiders").args(["crawl", "nasty", "--start-url", &site.url("/"), "--store", &url]);
    // Robots.txt, the first page and six items: the others come when the database is away.
    site.hold_after(8);
    let mut running =
        limited(crawl).args(["--rate", "0", "--host-concurrency", "16", "--max-field", "32MiB"]).spawn();
    running.wait_until("the first pages are done", LIMIT, |_| stored.pages("done") > 0);
    proxy.go_away();
    site.release();
    running.wait_until("it waits", LIMIT, |running| running.stderr().contains("pages_per_second=0.0"));
    assert!(peak(&running) < BUDGET + ALLOWANCE_WITH_COPIES, "{} MiB", peak(&running) / MIB);
    proxy.set(Link::Pass);
    running.wait_until("it goes on", LIMIT, |_| stored.pages("done") > 4);
    assert!(peak(&running) < BUDGET + ALLOWANCE_WITH_COPIES, "{} MiB", peak(&running) / MIB);
    let whole = "select count(*) from nasty_things where length(text) = 20 * 1024 * 1024";
    assert!(stored.count(whole) >= 4);
    // The rest would take a debug build a minute more.
    running.kill9();
}

#[test]
fn a_spider_that_hoards_is_stopped_before_the_kernel_does_it() {
    let stored = Stored::sqlite();
    let links: String = (0..60).map(|page| format!("<a href=/{page}/hoard>{page}</a>")).collect();
    let site = Site::builder().page("/", Answer::html(links));
    let site = (0..60).fold(site, |site, page| {
        site.page(&format!("/{page}/hoard"), Answer::html("a page").delay(Duration::from_millis(300)))
    });
    let site = site.start();
    // One page is held back: the crawl does not come to its end before its memory is looked at.
    site.hold_page("/59/hoard");
    let hoard = crawl_nasty(&site.url("/"), &stored).limit(LIMIT).args(["--memory-limit", "160MiB"]);
    let stopped = hoard.run();
    site.release();
    stopped.assert_code(75).assert_stderr("fetching pauses").assert_stderr("stays above its soft limit");
    assert!(stored.pages("queued") > 0, "it stopped before the site was done");
    let (state, reason) = stored.runs().remove(0);
    assert!(state == "stopped" && reason.starts_with("memory: "), "{reason}");
    // With more memory the same command goes on.
    crawl_nasty(&site.url("/"), &stored).limit(LIMIT).run().assert_code(0);
    assert_eq!(stored.pages("done"), 61);
}

/// What these pages would become without limits: 180 MB of text, two to six gigabytes of tree, 180 MB of JSON.
const HOSTILE: [&str; 8] = [
    "controls",
    "windows-1252",
    "invalid-utf-8",
    "attributes",
    "paragraphs",
    "reopened-formatting",
    "links",
    "gzip",
];

on_both_stores! { an_item_of_control_characters_is_in_memory_a_few_times, hostile_pages_stay_within_the_budget, an_item_that_is_too_large_is_a_letter_that_says_so }

/// As JSON, the item has 120 MiB: six bytes for each character.
fn an_item_of_control_characters_is_in_memory_a_few_times(stored: &Stored) {
    let title = "\u{1}".repeat(20 * MIB);
    let site = Site::builder().page("/", Answer::html(format!("<title>{title}</title>"))).start();
    let limits = ["--max-field", "1GiB", "--max-item", "1GiB"];
    let mut running = limited(crawl_site(&site.url("/"), stored).args(limits)).spawn();
    let mut most = 0;
    wait_until("the end", LIMIT, || {
        most = most.max(peak(&running));
        !running.is_running()
    });
    running.finish().assert_code(0);
    println!("at most {} MiB were resident", most / MIB);
    assert!(most > 0 && most < 400 * MIB, "{} MiB", most / MIB);
    let bytes = match stored {
        Stored::Postgres(_) => "length(data ->> 'title')",
        Stored::Sqlite(_) => "length(json_extract(data, '$.title'))",
    };
    assert_eq!(stored.count(&format!("select {bytes} from crawl_items")), 20 * MIB);
    // The constraint that such an item does not need holds for others.
    if matches!(stored, Stored::Sqlite(_)) {
        let broken = "update crawl_items set data = 'x' where item_id = 1";
        assert!(std::panic::catch_unwind(|| stored.execute(broken)).is_err());
    }
}

fn hostile_pages_stay_within_the_budget(stored: &Stored) {
    const BYTES: usize = 12 << 20;
    let links: String = HOSTILE.iter().map(|name| format!("<a href=/{name}>{name}</a>")).collect();
    let site = HOSTILE.iter().fold(Site::builder().page("/", Answer::html(links)), |site, name| {
        site.page(&format!("/{name}"), HostilePage::named(name).answer(BYTES))
    });
    let site = site.start();
    let crawl = crawl_site(&site.url("/"), stored).args(["--max-page-memory", "32MiB", "--max-depth", "1"]);
    // Most pages fail, and the run's verdict reports it.
    stays_small(limited(crawl).spawn(), 65);
    let ends =
        stored.query("select state, reason, count(*) from crawl_requests where depth = 1 group by 1, 2");
    // Whatever has no room is refused by name.
    let by_name = |row: &Vec<String>| row[0] != "failed" || row[1] == "page_too_large";
    assert!(ends.iter().all(by_name), "{ends:?}");
    assert!(stored.pages("failed") >= 5, "{ends:?}");
}

fn an_item_that_is_too_large_is_a_letter_that_says_so(stored: &Stored) {
    let site = site(1, "huge", "a small page");
    let crawl = crawl_nasty(&site.url("/"), stored).limit(LIMIT);
    crawl.clone().run().assert_code(65).assert_stderr("the limit is 16777216 (max_field)");
    assert_eq!((stored.pages("done"), stored.pages("dead")), (1, 1));
    let reason = stored.query("select reason, error from crawl_requests where state = 'dead'").remove(0);
    assert_eq!(reason[0], "item_refused");
    assert!(reason[1].starts_with("thing.text has 20971522 bytes as JSON"), "{reason:?}");
    let letters = stored.query(
        "select item_type, length(cast(payload as text)) < 10000, error = (select error from crawl_requests
         where state = 'dead') from crawl_dead_letters order by item_type",
    );
    let is_true = |text: &str| matches!(text, "t" | "1" | "true");
    assert_eq!(letters.iter().map(|row| row[0].as_str()).collect::<Vec<_>>(), ["thing"]);
    assert!(letters.iter().all(|row| is_true(&row[1]) && is_true(&row[2])), "{letters:?}");
    let retry = example("nasty_spiders").args(["dead-letters", "retry", "--all", "--store", &stored.url()]);
    let retried = retry.run();
    let refused = "the letter holds only the beginning of the item";
    retried.assert("it says why", retried.stdout.contains(refused) || retried.stderr.contains(refused));
    // With a larger limit, the page is whole.
    let fresh = crawl.args(["--fresh", "--max-field", "32MiB"]);
    fresh.run();
    assert_eq!(stored.count("select count(*) from nasty_things where length(text) = 20 * 1024 * 1024"), 1);
}
