//! Metrics in the text format of Prometheus, as crawls write them: read, added up, and written again.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

/// Families of metrics by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Samples(BTreeMap<String, Family>);

#[derive(Clone, Debug, Default, PartialEq)]
struct Family {
    kind: String,
    help: String,
    /// The series with their labels, in the order in which they came: the buckets of a histogram must not be sorted as texts.
    order: Vec<String>,
    values: HashMap<String, f64>,
}

impl Samples {
    /// Reads what [`fmt::Display`] and the encoder of a crawl write. Lines that are something else are left out.
    pub(crate) fn read(text: &str) -> Self {
        let mut samples = Self::default();
        let mut family = String::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').unwrap_or((rest, ""));
                help.clone_into(&mut samples.0.entry(name.to_owned()).or_default().help);
            } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|it| it.split_once(' '))
            {
                kind.clone_into(&mut samples.0.entry(name.to_owned()).or_default().kind);
                name.clone_into(&mut family);
            } else if let Some((series, value)) = line.rsplit_once(' ')
                && let Ok(value) = value.parse()
                && series.starts_with(family.as_str())
                && !family.is_empty()
            {
                samples.set(&family.clone(), &in_order(series), value);
            }
        }
        samples
    }

    /// A family without values.
    pub(crate) fn begin(&mut self, name: &str, kind: &str, help: &str) {
        let family = self.0.entry(name.to_owned()).or_default();
        (family.kind, family.help) = (kind.to_owned(), help.to_owned());
    }

    /// The value of a series of this family.
    pub(crate) fn set(&mut self, family: &str, series: &str, value: f64) {
        let family = self.0.entry(family.to_owned()).or_default();
        if family.values.insert(series.to_owned(), value).is_none() {
            family.order.push(series.to_owned());
        }
    }

    /// Adds the counts of others to these, and takes over their other values.
    pub(crate) fn add(&mut self, others: &Self) {
        self.combine(others, false);
    }

    /// Adds only the counts.
    pub(crate) fn add_counts(&mut self, others: &Self) {
        self.combine(others, true);
    }

    fn combine(&mut self, others: &Self, only_counts: bool) {
        for (name, other) in &others.0 {
            if only_counts && !other.is_count() {
                continue;
            }
            self.begin(name, &other.kind, &other.help);
            for series in &other.order {
                let value = other.values[series];
                let own = self.0.get(name).and_then(|family| family.values.get(series)).copied();
                let sum = if other.is_count() { own.unwrap_or_default() + value } else { value };
                self.set(name, series, sum);
            }
        }
    }
}

/// A series with its labels in the order of their names. Two processes may write them in different orders.
fn in_order(series: &str) -> String {
    let Some((name, labels)) =
        series.split_once('{').and_then(|(name, rest)| Some((name, rest.strip_suffix('}')?)))
    else {
        return series.to_owned();
    };
    let (mut parts, mut begin, mut is_quoted, mut is_escaped) = (Vec::new(), 0, false, false);
    for (at, c) in labels.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => {
                parts.push(&labels[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&labels[begin..]);
    parts.sort_unstable();
    format!("{name}{{{}}}", parts.join(","))
}

impl Family {
    /// Whether processes add up.
    fn is_count(&self) -> bool {
        matches!(self.kind.as_str(), "counter" | "histogram")
    }
}

impl fmt::Display for Samples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, family) in &self.0 {
            writeln!(f, "# HELP {name} {}\n# TYPE {name} {}", family.help, family.kind)?;
            for series in &family.order {
                writeln!(f, "{series} {}", family.values[series])?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "# HELP a_total What a is.\n# TYPE a_total counter\na_total{by=\"} 9\",run=\"x y\"} 3\n\
                       # HELP h_seconds Time.\n# TYPE h_seconds histogram\nh_seconds_bucket{le=\"2\"} 1\nh_seconds_bucket{le=\"10\"} 4\n\
                       h_seconds_bucket{le=\"+Inf\"} 5\nh_seconds_sum 7.5\nh_seconds_count 5\n\
                       # HELP g Now.\n# TYPE g gauge\ng 8\n";

    #[test]
    fn what_is_read_is_written_again() {
        let samples = Samples::read(ONE);
        assert_eq!(Samples::read(&samples.to_string()), samples);
        let buckets: Vec<&str> = "le=\"2\",le=\"10\",le=\"+Inf\"".split(',').collect();
        let text = samples.to_string();
        let places: Vec<_> = buckets.iter().map(|it| text.find(it).unwrap()).collect();
        assert!(places.is_sorted(), "{text}");
        assert_eq!(Samples::read("nonsense\n# TYPE\n{} x\na 1\n"), Samples::default());
    }

    #[test]
    fn a_series_is_the_same_in_every_order_of_its_labels() {
        let one = in_order(r#"a{run="x,\"y",spider="s}",by="b\\"}"#);
        assert_eq!(one, r#"a{by="b\\",run="x,\"y",spider="s}"}"#);
        assert_eq!(in_order(&one), one);
        assert_eq!((in_order("a"), in_order("a{}")), ("a".to_owned(), "a{}".to_owned()));
    }

    #[test]
    fn counts_add_up_and_the_rest_is_taken_over() {
        let mut total = Samples::read(ONE);
        total.add(&Samples::read(&ONE.replace("g 8", "g 2")));
        let text = total.to_string();
        for line in [",run=\"x y\"} 6\n", "{le=\"10\"} 8\n", "h_seconds_sum 15\n", "\ng 2\n"] {
            assert!(text.contains(line), "{line}: {text}");
        }
        let mut counts = Samples::default();
        counts.add_counts(&total);
        assert!(!counts.to_string().contains("\ng ") && counts.to_string().contains("h_seconds_count 10\n"));
    }
}
