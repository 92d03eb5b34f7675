//! The answers of the endpoints. They read what the threads publish, and wait for none of them.

use dragline_core::secrets;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

use super::{Served, Told};

const JSON: &str = "application/json";
const PLAIN: &str = "text/plain; charset=utf-8";
/// The text format of Prometheus, version 0.0.4.
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";
const PATHS: &str = "/health /ready /status /metrics\n";

/// Answers one request and ignores its body.
pub(super) fn answer<B>(served: &dyn Served, request: &Request<B>) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refused = response(StatusCode::METHOD_NOT_ALLOWED, PLAIN, "only GET and HEAD\n".to_owned());
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    match request.uri().path() {
        "/health" => told(served.told(), |it| it.is_alive),
        "/ready" => told(served.told(), |it| it.is_ready),
        "/status" => told(served.told(), |_| true),
        "/metrics" => response(StatusCode::OK, METRICS, served.metrics()),
        "/live" if let Some(mut live) = served.live() => {
            secrets::hide_in_json(&mut live);
            response(StatusCode::OK, JSON, live.to_string())
        }
        _ => response(StatusCode::NOT_FOUND, PLAIN, format!("there are {PATHS}")),
    }
}

fn told(told: Told, is_well: impl Fn(&Told) -> bool) -> Response<Full<Bytes>> {
    let status = if is_well(&told) { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut body = told.status;
    secrets::hide_in_json(&mut body);
    response(status, JSON, format!("{body:#}\n"))
}

fn response(status: StatusCode, content_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
