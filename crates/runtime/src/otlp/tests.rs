//! What is in the messages, and which pages are sampled.

use dragline_core::{PageState, Reason};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use prometheus::{HistogramOpts, IntCounter, IntGauge};
use prost::Message as _;

use super::*;

#[test]
fn a_share_of_the_traces_is_sampled() {
    let sampled = |share| (0..10_000).filter(|_| is_sampled(&rand::random(), share)).count();
    assert_eq!((sampled(1.0), sampled(0.0)), (10_000, 0));
    assert!((2_000..3_000).contains(&sampled(0.25)), "{}", sampled(0.25));
    // The same trace, and a larger share.
    let id = rand::random();
    assert!(!is_sampled(&id, 0.3) || is_sampled(&id, 0.6));
}

#[test]
#[allow(clippy::float_cmp)] // a float has small whole numbers exactly
fn metrics_are_those_of_the_registry() {
    let registry = Registry::new();
    let counter = IntCounter::new("pages_total", "Pages.").unwrap();
    let gauge = IntGauge::new("memory_bytes", "Memory.").unwrap();
    let buckets = HistogramOpts::new("wait_seconds", "Waits.").buckets(vec![0.5, 1.0]);
    let histogram = prometheus::Histogram::with_opts(buckets).unwrap();
    registry.register(Box::new(counter.clone())).unwrap();
    registry.register(Box::new(gauge.clone())).unwrap();
    registry.register(Box::new(histogram.clone())).unwrap();
    counter.inc_by(7);
    gauge.set(9);
    for seconds in [0.25, 0.5, 0.75, 8.0] {
        histogram.observe(seconds);
    }
    let message = Described::new(&[], "books", "nightly").metrics(&registry.gather(), Utc::now());
    let message = ExportMetricsServiceRequest::decode(message.as_slice()).unwrap();
    let mut metrics = message.resource_metrics[0].scope_metrics[0].metrics.clone();
    metrics.sort_by(|a, b| a.name.cmp(&b.name));
    let units: Vec<_> = metrics.iter().map(|metric| (metric.name.as_str(), metric.unit.as_str())).collect();
    assert_eq!(units, [("memory_bytes", "By"), ("pages_total", "1"), ("wait_seconds", "s")]);
    let Some(Data::Sum(sum)) = &metrics[1].data else { panic!("{:?}", metrics[1]) };
    assert!(sum.is_monotonic && sum.data_points[0].time_unix_nano >= sum.data_points[0].start_time_unix_nano);
    let Some(Data::Histogram(histogram)) = &metrics[2].data else { panic!("{:?}", metrics[2]) };
    let point = &histogram.data_points[0];
    assert_eq!((&point.explicit_bounds[..], &point.bucket_counts[..]), (&[0.5, 1.0][..], &[2, 1, 1][..]));
    assert_eq!((point.count, point.sum), (4, Some(9.5)));
}

#[test]
fn a_page_is_a_span_with_its_fetch_and_its_parse() {
    let began = Utc::now();
    let trace = PageTrace {
        url: "http://me:hunter2@shop.example/1?token=hunter2-token".to_owned(),
        method: "GET".to_owned(),
        tag: "offer".to_owned(),
        status: Some(500),
        state: PageState::Failed,
        reason: Some(Reason::HttpStatus),
        attempts: 3,
        items: 0,
        requests: 0,
        fetch: Some((began, Duration::from_millis(250))),
        work: (began + Duration::from_secs(1), Duration::from_millis(5)),
    };
    let given = [("service.name".to_owned(), "nightly".to_owned())];
    let message = Described::new(&given, "books", "run").traces(&[([7; 16], trace)]);
    assert!(!String::from_utf8_lossy(&message).contains("hunter2"), "secrets are hidden");
    let message = ExportTraceServiceRequest::decode(message.as_slice()).unwrap();
    let resource = message.resource_spans[0].resource.clone().unwrap();
    assert_eq!(resource.attributes.iter().filter(|it| it.key == "service.name").count(), 1);
    let spans = &message.resource_spans[0].scope_spans[0].spans;
    let [page, fetch, parse] = spans.as_slice() else { panic!("{spans:?}") };
    assert_eq!((page.name.as_str(), fetch.name.as_str(), parse.name.as_str()), ("page", "fetch", "parse"));
    assert!(spans.iter().all(|span| span.trace_id == [7; 16]));
    assert!(page.parent_span_id.is_empty() && fetch.parent_span_id == page.span_id);
    assert_eq!(parse.parent_span_id, page.span_id);
    assert_eq!(fetch.end_time_unix_nano - fetch.start_time_unix_nano, 250_000_000);
    assert_eq!(page.end_time_unix_nano - page.start_time_unix_nano, 1_005_000_000);
    assert_eq!(page.status.as_ref().unwrap().message, "HTTP status");
}
