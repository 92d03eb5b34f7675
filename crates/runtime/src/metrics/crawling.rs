//! Metrics of the engine: its requests, their answers, and what it makes of them.

use dragline_core::Reason;
use dragline_engine::{LinkRefusal, StatsSnapshot};

use super::family::{Family, by, counter, gauge, histogram};

pub(super) const TITLE: &str = "Fetching and parsing";

pub(super) const FAMILIES: &[Family<StatsSnapshot>] = &[
    by(
        &[("status", "`2xx`, `3xx`, `4xx`, `5xx`, `other`; `none`: no answer, or an incomplete one")],
        counter("dragline_requests_total", "Fetches that have ended, with any result.", |now, out| {
            for (class, count) in now.answers {
                out.count_of(&[class.as_str()], count);
            }
        }),
    ),
    counter("dragline_fetched_pages_total", "Answers that were received completely.", |now, out| {
        out.count(now.pages_fetched);
    }),
    counter("dragline_fetched_bytes_total", "Size of their bodies after decompression.", |now, out| {
        out.count(now.bytes_fetched);
    }),
    counter("dragline_retries_total", "Fetches that will be tried again later.", |now, out| {
        out.count(now.retries);
    }),
    counter("dragline_redirects_total", "Requests that ended in a redirect.", |now, out| {
        out.count(now.redirects);
    }),
    counter("dragline_given_up_total", "Requests that failed after all retries.", |now, out| {
        out.count(now.given_up);
    }),
    counter("dragline_robots_denied_total", "Requests that robots.txt forbids.", |now, out| {
        out.count(now.robots_denied);
    }),
    counter(
        "dragline_skipped_header_lines_total",
        "Invalid header lines that were left out of answers over HTTP/1.",
        |now, out| {
            out.count(now.skipped_header_lines);
        },
    ),
    counter(
        "dragline_unwanted_types_total",
        "Pages skipped at their headers because of their type.",
        |now, out| {
            out.count(now.unwanted_types);
        },
    ),
    counter(
        "dragline_unchanged_pages_total",
        "Pages done without a parse, because they are as an earlier run found them.",
        |now, out| {
            out.count(now.pages_unchanged);
        },
    ),
    counter(
        "dragline_fresh_pages_total",
        "Pages done without a fetch, because an earlier run saw them a short time ago.",
        |now, out| {
            out.count(now.pages_fresh);
        },
    ),
    counter("dragline_kept_pages_read_total", "Kept pages that were read, and not fetched.", |now, out| {
        out.count(now.pages_read);
    }),
    counter(
        "dragline_host_waits_total",
        "How many times a host asked Dragline to wait (429, `Retry-After`).",
        |now, out| {
            out.count(now.waits_asked);
        },
    ),
    counter(
        "dragline_host_slow_downs_total",
        "How many times a host was slowed down because it refused a request.",
        |now, out| {
            out.count(now.slow_downs);
        },
    ),
    counter(
        "dragline_host_pauses_total",
        "How many times a host was paused because it kept failing.",
        |now, out| {
            out.count(now.host_pauses);
        },
    ),
    counter("dragline_host_down_total", "Requests that failed because their host was down.", |now, out| {
        out.count(now.host_down);
    }),
    gauge(
        "dragline_network_outage_seconds",
        "How long no host could be reached: the network, the name servers or the proxy are away; 0 while they work.",
        |now, out| {
            let outage = now.network_outage.as_ref();
            out.value(outage.map_or(0.0, |outage| outage.since.elapsed().as_secs_f64()));
        },
    ),
    counter("dragline_network_outages_total", "How many times that happened.", |now, out| {
        out.count(now.network_outages);
    }),
    counter(
        "dragline_excused_fetches_total",
        "Fetches that failed because of such an outage, or that the server did not process. They don't count as attempts.",
        |now, out| {
            out.count(now.excused);
        },
    ),
    gauge("dragline_connections", "Connections that may be open, at most.", |now, out| {
        out.count(now.connections);
    }),
    by(
        &[(
            "reason",
            "the code of the reason, as in the column `reason`: `http_status`, `timeout`, `parse_error` …",
        )],
        counter("dragline_failed_pages_total", "Pages that failed or are dead.", |now, out| {
            let failures = now.failures_by_reason();
            for reason in Reason::ALL {
                out.count_of(&[reason.code()], failures.get(&reason).copied().unwrap_or_default());
            }
        }),
    ),
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
            "Items that spiders emitted, by the verdict of the item pipelines.",
            |now, out| {
                for of_type in &now.items {
                    out.count_of(&[&of_type.item_type, "kept"], of_type.kept);
                    out.count_of(&[&of_type.item_type, "dropped"], of_type.dropped);
                    out.count_of(&[&of_type.item_type, "quarantined"], of_type.quarantined);
                }
            },
        ),
    ),
    by(
        &[
            ("type", "the item types of the spider"),
            ("rule", "the name of the rule, such as `price range`"),
            ("consequence", "`dropped`, `quarantined`, `warned`"),
        ],
        counter("dragline_broken_rules_total", "Rules that items broke.", |now, out| {
            for (rule, count) in now.rules.iter() {
                out.count_of(&[&rule.item, &rule.rule, rule.consequence.as_str()], count);
            }
        }),
    ),
    by(
        &[
            ("look_up", "the name of the step"),
            ("result", "`asked`, `answered`, `from_memory`, `missing`, `failed`"),
        ],
        counter("dragline_look_ups_total", "Items that were looked up, by what became of it.", |now, out| {
            for (step, counts) in &now.look_ups {
                for (result, count) in counts.named() {
                    out.count_of(&[step, result], count);
                }
            }
        }),
    ),
    histogram(
        "dragline_fetch_seconds",
        "Time from the request to the last byte of the answer, or to the error.",
        |now, out| {
            out.seconds(&now.fetch);
        },
    ),
    histogram(
        "dragline_page_wait_seconds",
        "Time from there until a crawl thread took the page.",
        |now, out| {
            out.seconds(&now.page_wait);
        },
    ),
    histogram(
        "dragline_parse_seconds",
        "Time in the spider's parse and the item pipelines, per page.",
        |now, out| {
            out.seconds(&now.parse);
        },
    ),
    gauge(
        "dragline_requests_in_flight",
        "Credits in use: requests that are being fetched or parsed, or that wait for the persistence thread.",
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
        "Hosts that can't be asked right now because of pace, back-off or robots.",
        |now, out| {
            out.count(now.waiting_hosts);
        },
    ),
    by(
        &[("stage", "`arriving`, `parsing`, `storing`")],
        gauge("dragline_held_bytes", "Memory that is charged to the byte budget.", |now, out| {
            for (stage, bytes) in now.held_bytes {
                out.count_of(&[stage.as_str()], bytes);
            }
        }),
    ),
];
