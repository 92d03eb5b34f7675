//! Traces and metrics as messages of OTLP. The metrics are those of `/metrics`: whatever the registry has is sent, so there is no
//! second list of them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use dragline_core::page_traces::{PageTrace, TraceId};
use dragline_core::{PageState, secrets};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics,
    ScopeMetrics, Sum, metric, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prometheus::proto::{self, MetricFamily, MetricType};
use prost::Message as _;

/// The flag of a span that is sampled (W3C Trace Context).
const SAMPLED: u32 = 1;

/// What describes this process in each message.
pub(super) struct Described {
    resource: Resource,
    scope: InstrumentationScope,
    /// Since when counters count.
    started_at: DateTime<Utc>,
}

impl Described {
    /// Describes a process with these attributes, in addition to the usual ones.
    pub(super) fn new(attributes: &[(String, String)], spider: &str, run: &str) -> Self {
        let own = [
            ("service.name", "dragline".to_owned()),
            ("service.version", env!("CARGO_PKG_VERSION").to_owned()),
            ("process.pid", std::process::id().to_string()),
            ("dragline.spider", spider.to_owned()),
            ("dragline.run", run.to_owned()),
        ];
        let own = own.into_iter().filter(|(key, _)| !attributes.iter().any(|(given, _)| given == key));
        let own = own.map(|(key, value)| text(key, value));
        let given = attributes.iter().map(|(key, value)| text(key, value.clone()));
        let scope = InstrumentationScope {
            name: "dragline".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..InstrumentationScope::default()
        };
        let resource = Resource { attributes: own.chain(given).collect(), ..Resource::default() };
        Self { resource, scope, started_at: Utc::now() }
    }

    /// The message with these traces.
    pub(super) fn traces(&self, traces: &[(TraceId, PageTrace)]) -> Vec<u8> {
        let spans = traces.iter().flat_map(|(id, trace)| spans(*id, trace)).collect();
        let scope = ScopeSpans { scope: Some(self.scope.clone()), spans, ..ScopeSpans::default() };
        let resource = ResourceSpans {
            resource: Some(self.resource.clone()),
            scope_spans: vec![scope],
            ..ResourceSpans::default()
        };
        ExportTraceServiceRequest { resource_spans: vec![resource] }.encode_to_vec()
    }

    /// The message with these metrics.
    pub(super) fn metrics(&self, families: &[MetricFamily], now: DateTime<Utc>) -> Vec<u8> {
        let times = Times { since: nanoseconds(self.started_at), now: nanoseconds(now) };
        let metrics = families.iter().map(|family| metric(family, times)).collect();
        let scope = ScopeMetrics { scope: Some(self.scope.clone()), metrics, ..ScopeMetrics::default() };
        let resource = ResourceMetrics {
            resource: Some(self.resource.clone()),
            scope_metrics: vec![scope],
            ..ResourceMetrics::default()
        };
        ExportMetricsServiceRequest { resource_metrics: vec![resource] }.encode_to_vec()
    }
}

/// The spans of a page: the page, and in it the fetch and the work of the crawl thread.
fn spans(trace_id: TraceId, trace: &PageTrace) -> Vec<Span> {
    let page_id = span_id();
    let (work_began, work) = trace.work;
    let began = trace.fetch.map_or(work_began, |(began, _)| began.min(work_began));
    let of_page = |name: &str, (began, took): (DateTime<Utc>, Duration)| Span {
        trace_id: trace_id.to_vec(),
        span_id: span_id(),
        parent_span_id: page_id.clone(),
        flags: SAMPLED,
        name: name.to_owned(),
        kind: SpanKind::Internal.into(),
        start_time_unix_nano: nanoseconds(began),
        end_time_unix_nano: nanoseconds(began).saturating_add(nanoseconds_of(took)),
        ..Span::default()
    };
    let mut fetch = trace.fetch.map(|fetch| of_page("fetch", fetch));
    if let Some(fetch) = &mut fetch {
        fetch.kind = SpanKind::Client.into();
        fetch.attributes = fetch_attributes(trace);
    }
    let work_span = of_page("parse", (work_began, work));
    let page = Span {
        span_id: page_id.clone(),
        parent_span_id: Vec::new(),
        start_time_unix_nano: nanoseconds(began),
        end_time_unix_nano: work_span.end_time_unix_nano,
        attributes: page_attributes(trace),
        status: status(trace),
        ..of_page("page", trace.work)
    };
    [Some(page), fetch, Some(work_span)].into_iter().flatten().collect()
}

fn fetch_attributes(trace: &PageTrace) -> Vec<KeyValue> {
    let mut attributes =
        vec![text("http.request.method", trace.method.clone()), text("url.full", url(trace))];
    attributes.extend(trace.status.map(|status| number("http.response.status_code", i64::from(status))));
    let again = trace.attempts.saturating_sub(1);
    if again > 0 {
        attributes.push(number("http.request.resend_count", i64::from(again)));
    }
    attributes
}

fn page_attributes(trace: &PageTrace) -> Vec<KeyValue> {
    let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let mut attributes = vec![
        text("url.full", url(trace)),
        text("dragline.state", trace.state.as_str().to_owned()),
        number("dragline.items", count(trace.items)),
        number("dragline.requests", count(trace.requests)),
        number("dragline.attempts", i64::from(trace.attempts)),
    ];
    if !trace.tag.is_empty() {
        attributes.push(text("dragline.tag", trace.tag.clone()));
    }
    attributes.extend(trace.reason.map(|reason| text("dragline.reason", reason.code().to_owned())));
    attributes
}

/// As the log shows it.
fn url(trace: &PageTrace) -> String {
    secrets::hide(&trace.url).into_owned()
}

fn status(trace: &PageTrace) -> Option<Status> {
    let has_failed = matches!(trace.state, PageState::Failed | PageState::Dead);
    has_failed.then(|| Status {
        code: StatusCode::Error.into(),
        message: trace.reason.map(|reason| reason.to_string()).unwrap_or_default(),
    })
}

fn span_id() -> Vec<u8> {
    // The id of zeros means no span.
    rand::random_range(1..=u64::MAX).to_be_bytes().to_vec()
}

#[derive(Clone, Copy)]
struct Times {
    since: u64,
    now: u64,
}

fn metric(family: &MetricFamily, times: Times) -> Metric {
    let all = family.get_metric();
    let cumulative = AggregationTemporality::Cumulative.into();
    let numbers = |read: fn(&proto::Metric) -> f64| -> Vec<NumberDataPoint> {
        all.iter()
            .map(|one| NumberDataPoint {
                attributes: labels(one),
                start_time_unix_nano: times.since,
                time_unix_nano: times.now,
                value: Some(number_data_point::Value::AsDouble(read(one))),
                ..NumberDataPoint::default()
            })
            .collect()
    };
    let data = match family.get_field_type() {
        MetricType::COUNTER => metric::Data::Sum(Sum {
            data_points: numbers(|one| one.get_counter().get_value()),
            aggregation_temporality: cumulative,
            is_monotonic: true,
        }),
        MetricType::HISTOGRAM => metric::Data::Histogram(Histogram {
            data_points: all.iter().map(|one| histogram(one, times)).collect(),
            aggregation_temporality: cumulative,
        }),
        _ => metric::Data::Gauge(Gauge { data_points: numbers(|one| one.get_gauge().get_value()) }),
    };
    Metric {
        name: family.name().to_owned(),
        description: family.help().to_owned(),
        unit: unit(family.name()).to_owned(),
        data: Some(data),
        ..Metric::default()
    }
}

/// A bucket of Prometheus counts those below it, too, and one of OTLP does not.
fn histogram(one: &proto::Metric, times: Times) -> HistogramDataPoint {
    let histogram = one.get_histogram();
    let count = histogram.get_sample_count();
    let (mut bounds, mut counts, mut below) = (Vec::new(), Vec::new(), 0);
    for bucket in histogram.get_bucket().iter().filter(|bucket| bucket.upper_bound().is_finite()) {
        bounds.push(bucket.upper_bound());
        counts.push(bucket.cumulative_count().saturating_sub(below));
        below = bucket.cumulative_count();
    }
    counts.push(count.saturating_sub(below));
    HistogramDataPoint {
        attributes: labels(one),
        start_time_unix_nano: times.since,
        time_unix_nano: times.now,
        count,
        sum: Some(histogram.get_sample_sum()),
        bucket_counts: counts,
        explicit_bounds: bounds,
        ..HistogramDataPoint::default()
    }
}

fn labels(one: &proto::Metric) -> Vec<KeyValue> {
    one.get_label().iter().map(|label| text(label.name(), label.value().to_owned())).collect()
}

/// As UCUM writes it. The names of the metrics end with the unit.
fn unit(name: &str) -> &'static str {
    let name = name.strip_suffix("_total").unwrap_or(name);
    match name.rsplit('_').next() {
        Some("seconds") => "s",
        Some("bytes") => "By",
        _ => "1",
    }
}

fn text(key: &str, value: String) -> KeyValue {
    attribute(key, Value::StringValue(value))
}

fn number(key: &str, value: i64) -> KeyValue {
    attribute(key, Value::IntValue(value))
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

fn nanoseconds(moment: DateTime<Utc>) -> u64 {
    moment.timestamp_nanos_opt().and_then(|nanoseconds| u64::try_from(nanoseconds).ok()).unwrap_or_default()
}

fn nanoseconds_of(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
