//! Of the engine: what it asks for, what comes, what it makes of that.

use dragline_engine::{LinkRefusal, StatsSnapshot};

use super::family::{Family, by, counter, gauge, histogram};

pub(super) const TITLE: &str = "Fetching and parsing";

pub(super) const FAMILIES: &[Family<StatsSnapshot>] = &[
    by(
        &[("status", "`2xx`, `3xx`, `4xx`, `5xx`, `other`; `none`: no answer, or not all of it")],
        counter(
            "dragline_requests_total",
            "Fetches of pages that have ended, whatever came of them.",
            |now, out| {
                for (class, count) in now.answers {
                    out.count_of(&[class.as_str()], count);
                }
            },
        ),
    ),
    counter("dragline_fetched_pages_total", "Answers that were received whole.", |now, out| {
        out.count(now.pages_fetched);
    }),
    counter("dragline_fetched_bytes_total", "Bytes of their bodies, decompressed.", |now, out| {
        out.count(now.bytes_fetched);
    }),
    counter("dragline_retries_total", "Fetches that were put off to be tried again.", |now, out| {
        out.count(now.retries);
    }),
    counter("dragline_redirects_total", "Requests that ended in a redirect.", |now, out| {
        out.count(now.redirects);
    }),
    counter("dragline_given_up_total", "Requests that were given up, after all retries.", |now, out| {
        out.count(now.given_up);
    }),
    counter("dragline_robots_denied_total", "Requests that robots.txt forbids.", |now, out| {
        out.count(now.robots_denied);
    }),
    counter(
        "dragline_unwanted_types_total",
        "Pages skipped at their headers, for their type.",
        |now, out| {
            out.count(now.unwanted_types);
        },
    ),
    counter(
        "dragline_host_waits_total",
        "Times that a host asked to be left alone (429, `Retry-After`).",
        |now, out| {
            out.count(now.waits_asked);
        },
    ),
    counter(
        "dragline_host_slow_downs_total",
        "Times that a host was slowed down because it refused.",
        |now, out| {
            out.count(now.slow_downs);
        },
    ),
    counter(
        "dragline_host_pauses_total",
        "Times that a host was left alone because it kept failing.",
        |now, out| {
            out.count(now.host_pauses);
        },
    ),
    counter("dragline_host_down_total", "Requests that were given up because their host was.", |now, out| {
        out.count(now.host_down);
    }),
    by(
        &[("reason", "as in the report: `off-site`, `too-deep`, `too-long`, `scheme` …")],
        counter("dragline_links_refused_total", "Links that were not followed.", |now, out| {
            for reason in LinkRefusal::ALL {
                let count = now.refused_links.get(&reason).copied().unwrap_or_default();
                out.count_of(&[reason.as_str()], count);
            }
        }),
    ),
    by(
        &[("type", "the item types of the spider"), ("verdict", "`kept`, `dropped`, `quarantined`")],
        counter(
            "dragline_items_total",
            "Items that spiders emitted, by what the item pipelines decided.",
            |now, out| {
                for of_type in &now.items {
                    out.count_of(&[&of_type.item_type, "kept"], of_type.kept);
                    out.count_of(&[&of_type.item_type, "dropped"], of_type.dropped);
                    out.count_of(&[&of_type.item_type, "quarantined"], of_type.quarantined);
                }
            },
        ),
    ),
    histogram(
        "dragline_fetch_seconds",
        "From the request to the last byte of the answer, or to the error.",
        |now, out| {
            out.seconds(&now.fetch);
        },
    ),
    histogram("dragline_page_wait_seconds", "From there until a crawl thread took the page.", |now, out| {
        out.seconds(&now.page_wait);
    }),
    histogram(
        "dragline_parse_seconds",
        "The spider's parse and the item pipelines, for a page.",
        |now, out| {
            out.seconds(&now.parse);
        },
    ),
    gauge(
        "dragline_requests_in_flight",
        "Credits in use: being fetched, parsed, or waiting for the persistence thread.",
        |now, out| {
            out.count(now.in_flight);
        },
    ),
    gauge("dragline_window_requests", "Requests in the window.", |now, out| out.count(now.window_requests)),
    gauge("dragline_waiting_pages", "Pages that wait for a crawl thread.", |now, out| {
        out.count(now.waiting_pages);
    }),
    gauge(
        "dragline_waiting_hosts",
        "Hosts that may not be asked now: pace, back-off, robots.",
        |now, out| {
            out.count(now.waiting_hosts);
        },
    ),
    by(
        &[("stage", "`arriving`, `parsing`, `storing`")],
        gauge("dragline_held_bytes", "Memory that the byte budget is charged with.", |now, out| {
            for (stage, bytes) in now.held_bytes {
                out.count_of(&[stage.as_str()], bytes);
            }
        }),
    ),
];
