//! The declaration of a metric: name, kind, labels, meaning, and how to read its value. `/metrics`, the
//! textfile and `docs/metrics.md` are all generated from it.

use std::collections::HashMap;

use dragline_core::LatencySnapshot;
use prometheus::core::{Collector, Desc};
use prometheus::proto::{self, LabelPair, MetricFamily, MetricType};

/// The kind of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It only rises, from 0 at the start of the process.
    Counter,
    /// It rises and falls.
    Gauge,
    /// Seconds, in buckets.
    Histogram,
}

/// A metric whose value is read from an `S`.
pub(super) struct Family<S: 'static> {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) help: &'static str,
    /// Names, each with a description of its possible values. A value must never depend on a site.
    pub(super) labels: &'static [(&'static str, &'static str)],
    read: fn(&S, &mut Samples<'_>),
}

/// A number that only rises.
pub(super) const fn counter<S>(
    name: &'static str,
    help: &'static str,
    read: fn(&S, &mut Samples<'_>),
) -> Family<S> {
    Family { name, kind: Kind::Counter, help, labels: &[], read }
}

/// A number that rises and falls.
pub(super) const fn gauge<S>(
    name: &'static str,
    help: &'static str,
    read: fn(&S, &mut Samples<'_>),
) -> Family<S> {
    Family { name, kind: Kind::Gauge, help, labels: &[], read }
}

/// Durations in seconds.
pub(super) const fn histogram<S>(
    name: &'static str,
    help: &'static str,
    read: fn(&S, &mut Samples<'_>),
) -> Family<S> {
    Family { name, kind: Kind::Histogram, help, labels: &[], read }
}

/// The same with labels.
#[allow(clippy::needless_pass_by_value)] // it is what is given back
pub(super) const fn by<S>(labels: &'static [(&'static str, &'static str)], family: Family<S>) -> Family<S> {
    Family { labels, ..family }
}

/// The values of one metric at one moment.
pub(super) struct Samples<'a> {
    kind: Kind,
    labels: &'a [(&'static str, &'static str)],
    metrics: Vec<proto::Metric>,
}

impl Samples<'_> {
    /// A number.
    pub(super) fn count(&mut self, count: u64) {
        self.count_of(&[], count);
    }

    /// The number for these label values, in the order of the labels.
    // Above 2^53 the last digits are lost, but no graph shows them.
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn count_of(&mut self, labels: &[&str], count: u64) {
        self.value_of(labels, count as f64);
    }

    /// A value.
    pub(super) fn value(&mut self, value: f64) {
        self.value_of(&[], value);
    }

    /// The value for these label values, in the order of the labels.
    pub(super) fn value_of(&mut self, labels: &[&str], value: f64) {
        let mut metric = self.metric(labels);
        match self.kind {
            Kind::Counter => {
                let mut counter = proto::Counter::default();
                counter.set_value(value);
                metric.set_counter(counter);
            }
            Kind::Gauge | Kind::Histogram => {
                let mut gauge = proto::Gauge::default();
                gauge.set_value(value);
                metric.set_gauge(gauge);
            }
        }
        self.metrics.push(metric);
    }

    /// 1 for the current value, 0 for all others.
    pub(super) fn one_of<'v>(&mut self, values: impl IntoIterator<Item = &'v str>, now: Option<&str>) {
        for value in values {
            self.count_of(&[value], u64::from(now == Some(value)));
        }
    }

    /// A histogram.
    pub(super) fn seconds(&mut self, latency: &LatencySnapshot) {
        self.seconds_of(&[], latency);
    }

    /// The histogram for these label values, in the order of the labels.
    pub(super) fn seconds_of(&mut self, labels: &[&str], latency: &LatencySnapshot) {
        let buckets = latency.cumulative().map(|(bound, count)| {
            let mut bucket = proto::Bucket::default();
            bucket.set_upper_bound(bound.as_secs_f64());
            bucket.set_cumulative_count(count);
            bucket
        });
        let mut histogram = proto::Histogram::default();
        histogram.set_bucket(buckets.collect());
        histogram.set_sample_count(latency.count());
        histogram.set_sample_sum(latency.sum.as_secs_f64());
        let mut metric = self.metric(labels);
        metric.set_histogram(histogram);
        self.metrics.push(metric);
    }

    fn metric(&self, values: &[&str]) -> proto::Metric {
        debug_assert_eq!(values.len(), self.labels.len(), "a value for each label");
        let pairs = self.labels.iter().zip(values).map(|((name, _), value)| {
            let mut pair = LabelPair::default();
            pair.set_name((*name).to_owned());
            pair.set_value((*value).to_owned());
            pair
        });
        proto::Metric::from_label(pairs.collect())
    }
}

/// Metrics that are read from one source on request.
pub(super) struct Group<S: 'static> {
    families: &'static [Family<S>],
    descs: Vec<Desc>,
    now: Box<dyn Fn() -> Option<S> + Send + Sync>,
}

impl<S> Group<S> {
    /// `now` returns the source as soon as there is one.
    ///
    /// # Errors
    /// When a name is invalid.
    pub(super) fn new(
        families: &'static [Family<S>],
        now: impl Fn() -> Option<S> + Send + Sync + 'static,
    ) -> prometheus::Result<Self> {
        let desc = |family: &Family<S>| {
            let labels = family.labels.iter().map(|(name, _)| (*name).to_owned()).collect();
            Desc::new(family.name.to_owned(), family.help.to_owned(), labels, HashMap::new())
        };
        let descs = families.iter().map(desc).collect::<prometheus::Result<_>>()?;
        Ok(Self { families, descs, now: Box::new(now) })
    }
}

impl<S> Collector for Group<S> {
    fn desc(&self) -> Vec<&Desc> {
        self.descs.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let Some(now) = (self.now)() else { return Vec::new() };
        let read = |family: &Family<S>| {
            let mut samples = Samples { kind: family.kind, labels: family.labels, metrics: Vec::new() };
            (family.read)(&now, &mut samples);
            let mut read = MetricFamily::default();
            read.set_name(family.name.to_owned());
            read.set_help(family.help.to_owned());
            read.set_field_type(match family.kind {
                Kind::Counter => MetricType::COUNTER,
                Kind::Gauge => MetricType::GAUGE,
                Kind::Histogram => MetricType::HISTOGRAM,
            });
            read.set_metric(samples.metrics);
            read
        };
        self.families.iter().map(read).collect()
    }
}
