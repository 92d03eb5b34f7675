//! The check of a request, and what a browser must not do with an answer.
//!
//! A page of another site can make a browser send requests to this address, under a name of that site that it lets point here (DNS
//! rebinding). So a request must name this machine: by an address, as `localhost`, or by a name that the operator gave.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use axum::response::Response;
use http::header::{
    CONTENT_SECURITY_POLICY, HOST, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderValue, Request, StatusCode};

use crate::answer::Refused;

/// The paths of the board, besides `/`. Everything below them belongs to it.
const PATHS: [&str; 9] =
    ["/runs", "/spiders", "/schedules", "/items", "/actions", "/login", "/logout", "/assets", "/api"];

/// No script, style, image or connection from elsewhere, and nothing inline.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

/// Whether this path belongs to the board.
pub fn is_page(path: &str) -> bool {
    path == "/"
        || PATHS
            .iter()
            .any(|own| path.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

/// A name under which a machine is reached, without a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostName(String);

impl FromStr for HostName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let name = text.trim().trim_end_matches('.').to_ascii_lowercase();
        if name.is_empty() || !name.chars().all(is_name) {
            return Err(
                "not a host name; write it without scheme, port and path: board.example.com".to_owned()
            );
        }
        Ok(Self(name))
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Refuses a request that does not name this machine.
pub(crate) fn check_host<B>(request: &Request<B>, known: &[HostName]) -> Result<(), Refused> {
    let mut names = request.headers().get_all(HOST).iter();
    let (Some(name), None) = (names.next(), names.next()) else {
        return Err(Refused::wrong("the request does not name one host"));
    };
    let refused = || {
        Refused::new(StatusCode::MISDIRECTED_REQUEST, "this page is not served under that name")
            .hint("use the address of the machine, or name the host with --listen-host")
    };
    let name = name.to_str().map_err(|_| refused())?;
    let name = without_port(name).trim_end_matches('.').to_ascii_lowercase();
    let is_address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok();
    let is_local = name == "localhost" || name.ends_with(".localhost");
    if is_address || is_local || known.iter().any(|known| known.0 == name) { Ok(()) } else { Err(refused()) }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// Adds what every answer tells a browser.
pub(crate) fn protect(answer: &mut Response) {
    let headers = answer.headers_mut();
    let mut say = |name: HeaderName, value| headers.insert(name, HeaderValue::from_static(value));
    say(CONTENT_SECURITY_POLICY, POLICY);
    say(X_CONTENT_TYPE_OPTIONS, "nosniff");
    // With `no-referrer`, a browser would not say that a form comes from here.
    say(REFERRER_POLICY, "same-origin");
    say(X_FRAME_OPTIONS, "DENY");
    say(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    say(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_requests_to_this_machine_are_answered() {
        let known = ["board.example.com".parse().unwrap()];
        let asked = |host: &str| {
            let request = Request::builder().header(HOST, host).body(()).unwrap();
            check_host(&request, &known).is_ok()
        };
        for host in [
            "127.0.0.1",
            "127.0.0.1:8080",
            "[::1]:8080",
            "[::1]",
            "10.2.3.4:80",
            "localhost",
            "localhost:8080",
            "LOCALHOST.:1",
            "board.example.com",
            "Board.Example.com:443",
        ] {
            assert!(asked(host), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:8080",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "",
            ":8080",
            "board.example.com.evil.example",
            "user@127.0.0.1",
            "127.0.0.1:8080:evil.example",
        ] {
            assert!(!asked(host), "{host}");
        }
        assert!(check_host(&Request::builder().body(()).unwrap(), &known).is_err());
        let twice = Request::builder().header(HOST, "localhost").header(HOST, "localhost").body(()).unwrap();
        assert!(check_host(&twice, &known).is_err());
        for wrong in ["", "https://x", "x:80", "x/y", "a b"] {
            assert!(wrong.parse::<HostName>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_probes_are_no_pages() {
        for page in
            ["/", "/runs", "/runs/7", "/api/v1/runs", "/assets/board.css", "/items/quote", "/spiders/a"]
        {
            assert!(is_page(page), "{page}");
        }
        for other in ["/health", "/ready", "/status", "/metrics", "/runsx", "/favicon.ico", "//", "/nowhere"]
        {
            assert!(!is_page(other), "{other}");
        }
    }
}
