//! Traces and metrics over OTLP: a collector gets what the crawl did, and no collector can slow the crawl down or stop it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::{Duration, Instant};

use dragline_testkit::{Answer, Dragline, Received, Site};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::metrics::v1::{metric::Data, number_data_point::Value as Number};
use opentelemetry_proto::tonic::trace::v1::Span;

use crate::stored::{Stored, crawl_site};
use crate::tidy::source::repository;

const SOON: Duration = Duration::from_secs(30);

/// A collector that takes everything.
fn collector() -> Site {
    Site::builder()
        .handler(|asked| {
            let is_known = matches!(asked.path.as_str(), "/v1/traces" | "/v1/metrics");
            is_known.then(|| Answer::new(200).header("Content-Type", "application/x-protobuf"))
        })
        .start()
}

fn crawl(site: &Site, stored: &Stored, collector: &str) -> Dragline {
    crawl_site(&site.url("/"), stored).env("OTEL_EXPORTER_OTLP_ENDPOINT", collector)
}

fn messages<M: prost::Message + Default>(collector: &Site, path: &str) -> Vec<M> {
    let of_path = |message: &Received| message.path == path;
    let received = collector.received().into_iter().filter(of_path);
    received.map(|message| M::decode(message.body.as_slice()).unwrap()).collect()
}

fn spans(collector: &Site) -> Vec<Span> {
    let messages: Vec<ExportTraceServiceRequest> = messages(collector, "/v1/traces");
    let scopes = messages.into_iter().flat_map(|it| it.resource_spans).flat_map(|it| it.scope_spans);
    scopes.flat_map(|scope| scope.spans).collect()
}

fn text(attributes: &[KeyValue], key: &str) -> String {
    let found = attributes.iter().find(|attribute| attribute.key == key).and_then(|it| it.value.clone());
    match found.and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    }
}

/// The numbers in the last message, by name and labels as a textfile has them.
fn last_metrics(collector: &Site) -> BTreeMap<String, f64> {
    let message = messages::<ExportMetricsServiceRequest>(collector, "/v1/metrics").pop().unwrap();
    let mut numbers = BTreeMap::new();
    for metric in &message.resource_metrics[0].scope_metrics[0].metrics {
        let points = match metric.data.as_ref().unwrap() {
            Data::Sum(sum) => &sum.data_points,
            Data::Gauge(gauge) => &gauge.data_points,
            Data::Histogram(histogram) => {
                numbers.insert(
                    metric.name.clone(),
                    f64::from(u32::try_from(histogram.data_points[0].count).unwrap()),
                );
                continue;
            }
            other => panic!("{other:?}"),
        };
        for point in points {
            let Some(Number::AsDouble(value)) = point.value else { panic!("{point:?}") };
            let mut labels: Vec<_> = point
                .attributes
                .iter()
                .map(|it| format!("{}=\"{}\"", it.key, text(&point.attributes, &it.key)))
                .collect();
            labels.sort();
            numbers.insert(format!("{}{{{}}}", metric.name, labels.join(",")), value);
        }
    }
    numbers
}

#[test]
fn a_collector_gets_a_trace_of_each_page_and_the_metrics_of_the_run() {
    let site = Site::builder()
        .generated(40, 6)
        .page("/", Answer::html("<a href='/page/1.html'>x</a><a href='/gone'>x</a>"))
        .start();
    let (stored, collector, folder) = (Stored::sqlite(), collector(), tempfile::tempdir().unwrap());
    let file = folder.path().join("last.prom");
    let finished = crawl(&site, &stored, &collector.url(""))
        .env("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20hunter2-token")
        .env("OTEL_SERVICE_NAME", "nightly")
        .args(["--log", "debug", "--metrics-textfile", file.to_str().unwrap()])
        .run();
    finished.assert_code(0);
    assert!(!finished.stderr.contains("hunter2"), "{}", finished.stderr);
    let received = collector.received();
    assert!(received.iter().all(|it| it.header("authorization") == Some("Bearer hunter2-token")));
    assert!(received.iter().all(|it| it.header("content-type") == Some("application/x-protobuf")));

    let spans = spans(&collector);
    let of_name = |name: &str| spans.iter().filter(|span| span.name == name).collect::<Vec<_>>();
    let (pages, fetches) = (of_name("page"), of_name("fetch"));
    assert_eq!(pages.len(), stored.pages("done") + stored.pages("failed"));
    assert_eq!(fetches.len(), stored.pages("done"), "a page that was given up has only its last state");
    assert_eq!(of_name("parse").len(), pages.len());
    let ids: BTreeSet<_> = pages.iter().map(|page| &page.trace_id).collect();
    assert_eq!(ids.len(), pages.len(), "each page is a trace of its own");
    for span in &spans {
        assert!(span.start_time_unix_nano <= span.end_time_unix_nano && span.start_time_unix_nano > 0);
        let page = pages.iter().find(|page| page.trace_id == span.trace_id).unwrap();
        assert!(span.name == "page" || span.parent_span_id == page.span_id);
    }
    let gone = pages.iter().find(|page| text(&page.attributes, "url.full") == site.url("/gone")).unwrap();
    assert_eq!(text(&gone.attributes, "dragline.reason"), "http_status");
    assert!(gone.status.is_some());
    let done =
        fetches.iter().find(|it| text(&it.attributes, "url.full") == site.url("/page/1.html")).unwrap();
    assert_eq!(text(&done.attributes, "http.response.status_code"), "200");
    assert_eq!(text(&done.attributes, "http.request.method"), "GET");

    // The numbers are those of the textfile.
    let told = fs::read_to_string(&file).unwrap();
    let exported = last_metrics(&collector);
    let mut compared = 0;
    for line in told.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        let moves = [
            "dragline_otlp",
            "seconds",
            "bytes",
            "dragline_threads",
            "dragline_open_files",
            "log_events",
            "_bucket",
            "_sum",
            "_count",
        ];
        if moves.iter().any(|part| name.contains(part)) {
            continue;
        }
        assert_eq!(exported.get(&sorted(name)).map(f64::to_string).as_deref(), Some(value), "{name}");
        compared += 1;
    }
    assert!(compared > 50, "only {compared} were compared");
    assert!(told.contains(&format!("{} {}", sent(&told), pages.len())), "{told}");
    let service = messages::<ExportMetricsServiceRequest>(&collector, "/v1/metrics").pop().unwrap();
    let resource = service.resource_metrics[0].resource.clone().unwrap();
    assert_eq!(text(&resource.attributes, "service.name"), "nightly");
    assert_eq!(text(&resource.attributes, "dragline.spider"), "site");
}

/// The name of a sample with its labels in order. No value has a comma.
fn sorted(sample: &str) -> String {
    let (name, labels) = sample.trim_end_matches('}').split_once('{').unwrap();
    let mut labels: Vec<&str> = labels.split(',').collect();
    labels.sort_unstable();
    format!("{name}{{{}}}", labels.join(","))
}

/// The beginning of the line with the traces that were sent.
fn sent(told: &str) -> String {
    let line =
        told.lines().find(|line| line.starts_with("dragline_otlp_traces_total") && line.contains("\"sent\""));
    line.unwrap().rsplit_once(' ').unwrap().0.to_owned()
}

#[test]
fn samplers_choose_pages_and_exporters_can_be_switched_off() {
    let site = Site::generated(120, 6);
    let traced = |variables: &[(&str, &str)]| {
        let (stored, collector) = (Stored::sqlite(), collector());
        let crawl = crawl(&site, &stored, &collector.url(""));
        let crawl = variables.iter().fold(crawl, |crawl, (name, value)| crawl.env(name, value));
        crawl.run().assert_code(0);
        let pages = spans(&collector).iter().filter(|span| span.name == "page").count();
        (pages, collector.hits("/v1/metrics"))
    };
    assert_eq!(traced(&[("OTEL_TRACES_SAMPLER", "always_off")]).0, 0);
    let (half, _) = traced(&[("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "0.5")]);
    assert!((25..96).contains(&half), "{half} of 120");
    let (all, metrics) = traced(&[("OTEL_METRICS_EXPORTER", "none")]);
    assert!(all >= 120 && metrics == 0, "{all} {metrics}");
    assert_eq!(traced(&[("OTEL_SDK_DISABLED", "true")]), (0, 0));
    let (none, metrics) = traced(&[("OTEL_TRACES_EXPORTER", "none"), ("OTEL_METRIC_EXPORT_INTERVAL", "50")]);
    assert!(none == 0 && metrics > 1, "{none} {metrics}");
}

#[test]
fn a_collector_that_is_away_is_one_warning_and_costs_nothing_else() {
    let (site, stored, folder) = (Site::generated(60, 6), Stored::sqlite(), tempfile::tempdir().unwrap());
    let file = folder.path().join("last.prom");
    let away = dragline_testkit::bad_server::nobody("");
    let finished = crawl(&site, &stored, &away)
        .env("OTEL_METRIC_EXPORT_INTERVAL", "100")
        .args(["--metrics-textfile", file.to_str().unwrap()])
        .run();
    finished.assert_code(0).assert_stdout("verdict   good");
    assert_eq!(
        finished.stderr.matches("traces and metrics cannot be exported").count(),
        1,
        "{}",
        finished.stderr
    );
    let told = fs::read_to_string(&file).unwrap();
    let dropped = told.lines().find(|line| line.contains("result=\"dropped\"")).unwrap();
    let dropped: usize = dropped.rsplit_once(' ').unwrap().1.parse().unwrap();
    assert_eq!(dropped, stored.pages("done") + stored.pages("failed"), "each of them is counted");
}

#[test]
fn a_collector_that_hangs_holds_up_neither_the_crawl_nor_its_stop() {
    let (site, stored, collector) = (Site::generated(60, 6), Stored::sqlite(), collector());
    collector.hold();
    let begun = Instant::now();
    let crawl = crawl(&site, &stored, &collector.url("")).env("OTEL_METRIC_EXPORT_INTERVAL", "50");
    let finished = crawl.run();
    finished.assert_code(0);
    assert_eq!(finished.stderr.matches("cannot be exported").count(), 1, "{}", finished.stderr);
    assert_eq!(stored.titles(), *site.truth());
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());

    // A stop ends within its limit, with a second for the export.
    let stored = Stored::sqlite();
    site.hold_after(20);
    let crawl = crawl_site(&site.url("/"), &stored)
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url(""))
        .env("OTEL_METRIC_EXPORT_INTERVAL", "50")
        .args(["--shutdown-timeout", "4s"]);
    let mut running = crawl.spawn();
    running.wait_until("the crawl is under way", SOON, |_| site.waiting() > 0 && collector.waiting() > 0);
    running.signal("TERM");
    let asked = Instant::now();
    running.finish().assert_code(75);
    assert!(asked.elapsed() < Duration::from_secs(8), "{:?}", asked.elapsed());
}

#[test]
fn a_wrong_variable_is_an_error_before_the_crawl() {
    let (site, stored) = (Site::generated(3, 1), Stored::sqlite());
    for (name, value, expected) in [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318", "it is not a URL of http or https"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "usually 4318"),
        ("OTEL_TRACES_SAMPLER", "some", "use always_on"),
    ] {
        let finished = crawl(&site, &stored, "http://127.0.0.1:4318").env(name, value).run();
        finished
            .assert_code(2)
            .assert_stderr(name)
            .assert_stderr(expected)
            .assert_stderr("OTEL_SDK_DISABLED");
    }
    assert_eq!(site.total_hits(), 0);
}

#[test]
fn the_documents_name_each_variable() {
    let page = fs::read_to_string(repository().join("docs/operating.md")).unwrap();
    let own = fs::read_to_string(repository().join("crates/runtime/src/otlp/settings.rs")).unwrap();
    let variables: BTreeSet<&str> = own.split('"').filter(|text| text.starts_with("OTEL_")).collect();
    assert!(variables.len() >= 15, "{variables:?}");
    for variable in variables {
        assert!(page.contains(&format!("`{variable}`")), "docs/operating.md has no {variable}");
    }
}
