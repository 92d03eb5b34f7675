//! Where traces and metrics go, from the variables of the OpenTelemetry specification.

use std::fmt;
use std::time::Duration;

use dragline_core::secrets;
use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;
use url::Url;

/// The variables that are understood. Others of `OTEL_…` are ignored.
pub const VARIABLES: [&str; 15] = [
    DISABLED,
    ENDPOINT,
    TRACES_ENDPOINT,
    METRICS_ENDPOINT,
    HEADERS,
    TIMEOUT,
    PROTOCOL,
    TRACES_EXPORTER,
    METRICS_EXPORTER,
    INTERVAL,
    SAMPLER,
    SAMPLER_ARG,
    SERVICE,
    RESOURCE,
    COMPRESSION,
];

const DISABLED: &str = "OTEL_SDK_DISABLED";
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const METRICS_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT";
const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
const TIMEOUT: &str = "OTEL_EXPORTER_OTLP_TIMEOUT";
const PROTOCOL: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";
const COMPRESSION: &str = "OTEL_EXPORTER_OTLP_COMPRESSION";
const TRACES_EXPORTER: &str = "OTEL_TRACES_EXPORTER";
const METRICS_EXPORTER: &str = "OTEL_METRICS_EXPORTER";
const INTERVAL: &str = "OTEL_METRIC_EXPORT_INTERVAL";
const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const SAMPLER_ARG: &str = "OTEL_TRACES_SAMPLER_ARG";
const SERVICE: &str = "OTEL_SERVICE_NAME";
const RESOURCE: &str = "OTEL_RESOURCE_ATTRIBUTES";

/// The times of the specification.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
const DEFAULT_INTERVAL: Duration = Duration::from_secs(60);

/// Where traces and metrics go.
#[derive(Clone)]
pub struct OtlpSettings {
    /// The address for traces.
    pub(super) traces: Option<Url>,
    /// The address for metrics.
    pub(super) metrics: Option<Url>,
    /// Headers of each message. They usually hold a token.
    pub(super) headers: HeaderMap,
    /// The time for one message.
    pub(super) timeout: Duration,
    /// The time between two messages with metrics.
    pub(super) interval: Duration,
    /// The share of pages that have a trace, from 0 to 1.
    pub(super) sampled: f64,
    /// What describes the process.
    pub(super) resource: Vec<(String, String)>,
}

/// A variable with a value that cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: {problem}")]
pub struct OtlpProblem {
    /// The variable.
    pub variable: &'static str,
    /// What is wrong, without the value of a secret.
    pub problem: String,
}

impl OtlpSettings {
    /// Reads the variables. `None` if nothing is exported.
    ///
    /// # Errors
    /// When a variable has a value that cannot be used.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, OtlpProblem> {
        let variable =
            |name| variable(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        if variable(DISABLED).is_some_and(|text| text.eq_ignore_ascii_case("true")) {
            return Ok(None);
        }
        let base = address(ENDPOINT, variable(ENDPOINT))?;
        let of_signal = |own: &'static str, exporter: &'static str, path: &str| {
            if is_off(exporter, variable(exporter))? {
                return Ok(None);
            }
            let own = address(own, variable(own))?;
            Ok(own.or_else(|| base.as_ref().map(|base| below(base, path))))
        };
        let traces = of_signal(TRACES_ENDPOINT, TRACES_EXPORTER, "v1/traces")?;
        let metrics = of_signal(METRICS_ENDPOINT, METRICS_EXPORTER, "v1/metrics")?;
        if traces.is_none() && metrics.is_none() {
            return Ok(None);
        }
        one_of(
            PROTOCOL,
            variable(PROTOCOL),
            &["http/protobuf"],
            "this program speaks no other protocol: use the collector's port for it, usually 4318",
        )?;
        one_of(COMPRESSION, variable(COMPRESSION), &["none"], "messages are not compressed")?;
        let text = variable(RESOURCE).unwrap_or_default();
        let mut resource = pairs(RESOURCE, &text)?;
        if let Some(name) = variable(SERVICE) {
            resource.retain(|(key, _)| key != "service.name");
            resource.push(("service.name".to_owned(), name));
        }
        Ok(Some(Self {
            traces,
            metrics,
            headers: headers(variable(HEADERS).as_deref().unwrap_or_default())?,
            timeout: milliseconds(TIMEOUT, variable(TIMEOUT))?.unwrap_or(DEFAULT_TIMEOUT),
            interval: milliseconds(INTERVAL, variable(INTERVAL))?.unwrap_or(DEFAULT_INTERVAL),
            sampled: sampled(variable(SAMPLER), variable(SAMPLER_ARG))?,
            resource,
        }))
    }
}

/// Without headers, which may hold a token, and without addresses, which may hold a password.
impl fmt::Debug for OtlpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { timeout, interval, sampled, .. } = self;
        write!(f, "OtlpSettings(timeout {timeout:?}, interval {interval:?}, sampled {sampled})")
    }
}

fn wrong(variable: &'static str, problem: impl Into<String>) -> OtlpProblem {
    OtlpProblem { variable, problem: problem.into() }
}

fn address(name: &'static str, text: Option<String>) -> Result<Option<Url>, OtlpProblem> {
    let Some(text) = text else { return Ok(None) };
    let hint = "write http://HOST:PORT or https://HOST:PORT, as in http://localhost:4318";
    let url = Url::parse(&text).map_err(|error| wrong(name, format!("it is not a URL ({error}); {hint}")))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(wrong(name, format!("it is not a URL of http or https; {hint}")));
    }
    url.password().into_iter().for_each(secrets::remember);
    Ok(Some(url))
}

/// The address of a signal.
fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url
}

fn is_off(name: &'static str, text: Option<String>) -> Result<bool, OtlpProblem> {
    let exporter = one_of(name, text, &["otlp", "none"], "nothing else can be exported to")?;
    Ok(exporter.is_some_and(|exporter| exporter == "none"))
}

fn one_of(
    name: &'static str,
    text: Option<String>,
    known: &[&str],
    why: &str,
) -> Result<Option<String>, OtlpProblem> {
    match text {
        Some(text) if !known.contains(&text.as_str()) => {
            Err(wrong(name, format!("{text:?} is not {}; {why}", known.join(" or "))))
        }
        text => Ok(text),
    }
}

fn milliseconds(name: &'static str, text: Option<String>) -> Result<Option<Duration>, OtlpProblem> {
    let Some(text) = text else { return Ok(None) };
    match text.parse::<u64>() {
        Ok(number) if number > 0 => Ok(Some(Duration::from_millis(number))),
        _ => Err(wrong(name, format!("{text:?} is not a number of milliseconds from 1"))),
    }
}

/// `a=1,b=2`, where a value may be percent-encoded. A value is never part of the error.
fn pairs(name: &'static str, text: &str) -> Result<Vec<(String, String)>, OtlpProblem> {
    let given = text.split(',').filter(|pair| !pair.trim().is_empty());
    given
        .map(|pair| {
            let (key, value) = pair
                .split_once('=')
                .ok_or_else(|| wrong(name, "write NAME=VALUE, and a comma between two of them"))?;
            let value = percent_decode_str(value.trim())
                .decode_utf8()
                .map_err(|_| wrong(name, format!("the value of {:?} is not UTF-8", key.trim())))?;
            Ok((key.trim().to_owned(), value.into_owned()))
        })
        .collect()
}

fn headers(text: &str) -> Result<HeaderMap, OtlpProblem> {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs(HEADERS, text)? {
        secrets::remember(&value);
        value.split(' ').for_each(secrets::remember);
        let known = HeaderName::try_from(name.as_str())
            .map_err(|_| wrong(HEADERS, format!("{name:?} is not the name of a header")))?;
        let mut value = HeaderValue::try_from(value)
            .map_err(|_| wrong(HEADERS, format!("the value of {name:?} cannot be sent in a header")))?;
        value.set_sensitive(true);
        headers.append(known, value);
    }
    Ok(headers)
}

/// A page is never part of another trace, so the samplers that ask the parent do as their root says.
fn sampled(sampler: Option<String>, share: Option<String>) -> Result<f64, OtlpProblem> {
    let Some(sampler) = sampler else { return Ok(1.0) };
    match sampler.strip_prefix("parentbased_").unwrap_or(&sampler) {
        "always_on" => Ok(1.0),
        "always_off" => Ok(0.0),
        "traceidratio" => {
            let share = share.unwrap_or_else(|| "1".to_owned());
            let number = share.parse::<f64>().ok().filter(|number| (0.0..=1.0).contains(number));
            number.ok_or_else(|| wrong(SAMPLER_ARG, format!("{share:?} is not a number from 0 to 1")))
        }
        _ => Err(wrong(
            SAMPLER,
            format!(
                "{sampler:?} is unknown: use always_on, always_off or traceidratio, or parentbased_ with one of them"
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Option<OtlpSettings>, OtlpProblem> {
        OtlpSettings::read(|name| {
            assert!(VARIABLES.contains(&name), "{name} is not listed");
            variables.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned())
        })
    }

    fn some(variables: &[(&str, &str)]) -> OtlpSettings {
        read(variables).unwrap().unwrap()
    }

    #[test]
    fn nothing_is_exported_without_an_address() {
        for variables in [
            &[][..],
            &[(ENDPOINT, " ")],
            &[(PROTOCOL, "grpc")],
            &[(ENDPOINT, "http://c:4318"), (DISABLED, "true")],
            &[(ENDPOINT, "http://c:4318"), (TRACES_EXPORTER, "none"), (METRICS_EXPORTER, "none")],
        ] {
            assert!(read(variables).unwrap().is_none(), "{variables:?}");
        }
    }

    #[test]
    fn each_signal_has_its_address() {
        let addresses = |variables: &[(&str, &str)]| {
            let settings = some(variables);
            [settings.traces, settings.metrics].map(|url| url.map_or_else(String::new, String::from))
        };
        let own = "http://t:1/x";
        assert_eq!(
            addresses(&[(ENDPOINT, "http://c:4318")]),
            ["http://c:4318/v1/traces", "http://c:4318/v1/metrics"]
        );
        assert_eq!(
            addresses(&[(ENDPOINT, "https://c/a/")]),
            ["https://c/a/v1/traces", "https://c/a/v1/metrics"]
        );
        assert_eq!(
            addresses(&[(ENDPOINT, "http://c:1"), (TRACES_ENDPOINT, own)]),
            [own, "http://c:1/v1/metrics"]
        );
        assert_eq!(addresses(&[(METRICS_ENDPOINT, own)]), ["", own]);
        assert_eq!(
            addresses(&[(ENDPOINT, "http://c:1"), (METRICS_EXPORTER, "none")]),
            ["http://c:1/v1/traces", ""]
        );
    }

    #[test]
    fn the_rest_has_the_values_of_the_specification() {
        let usual = some(&[(ENDPOINT, "http://c:4318")]);
        assert_eq!((usual.timeout, usual.interval, usual.sampled), (DEFAULT_TIMEOUT, DEFAULT_INTERVAL, 1.0));
        let own = some(&[
            (ENDPOINT, "http://c:4318"),
            (HEADERS, "authorization=Bearer%20hunter2-token, x-scope=a"),
            (TIMEOUT, "250"),
            (INTERVAL, "1000"),
            (SAMPLER, "parentbased_traceidratio"),
            (SAMPLER_ARG, "0.25"),
            (SERVICE, "nightly"),
            (RESOURCE, "service.name=other,team=data%20desk"),
        ]);
        assert_eq!(own.headers["authorization"], "Bearer hunter2-token");
        assert_eq!((own.timeout, own.interval), (Duration::from_millis(250), Duration::from_secs(1)));
        assert!((own.sampled - 0.25).abs() < f64::EPSILON);
        let pairs = [("team", "data desk"), ("service.name", "nightly")];
        assert_eq!(own.resource, pairs.map(|(key, value)| (key.to_owned(), value.to_owned())));
        assert!(!format!("{own:?}").contains("hunter2"));
    }

    #[test]
    fn a_wrong_value_is_told_with_its_variable_and_without_secrets() {
        for (name, value, expected) in [
            (ENDPOINT, "localhost:4318", "it is not a URL of http or https"),
            (ENDPOINT, "http://", "it is not a URL"),
            (TRACES_ENDPOINT, "grpc://c", "it is not a URL of http or https"),
            (PROTOCOL, "grpc", "usually 4318"),
            (COMPRESSION, "gzip", "not compressed"),
            (TIMEOUT, "10s", "milliseconds"),
            (INTERVAL, "0", "milliseconds"),
            (SAMPLER, "jaeger_remote", "use always_on"),
            (TRACES_EXPORTER, "zipkin", "is not otlp or none"),
            (HEADERS, "hunter2-secret", "write NAME=VALUE"),
            (HEADERS, "a b=hunter2-secret", "is not the name of a header"),
        ] {
            let problem = read(
                &[(ENDPOINT, "http://c:1"), (name, value)]
                    .map(|pair| if pair.0 == name { (name, value) } else { pair }),
            )
            .unwrap_err();
            assert_eq!(problem.variable, name);
            assert!(problem.problem.contains(expected) && !problem.problem.contains("hunter2"), "{problem}");
        }
        let share = [(ENDPOINT, "http://c:1"), (SAMPLER, "traceidratio"), (SAMPLER_ARG, "2")];
        assert_eq!(read(&share).unwrap_err().variable, SAMPLER_ARG);
    }
}
