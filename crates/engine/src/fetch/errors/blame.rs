//! Decides which party is at fault when no answer came: the host, the way to it, a proxy, or our own machine. `crate::outage`
//! acts on it.

use std::error::Error;
use std::io;

use dragline_core::Reason;

use super::{FetchError, causes, explain, innermost};
use crate::downloader::Fault;
use crate::fetch::networks::NO_ANSWER;
use crate::fetch::proxy::{Passing, Route};
use crate::fetch::wire;

/// No free descriptors (EMFILE, ENFILE), buffers (ENOBUFS) or memory (ENOMEM). The numbers are those of Linux.
const OUR_OWN: [i32; 4] = [24, 23, 105, 12];
/// No address for a connection (EADDRNOTAVAIL), the network is down or has no route (ENETDOWN, ENETUNREACH). This can also be
/// the host's fault: it may have only an IPv6 address, and this machine none.
const NO_ROUTE: [i32; 3] = [99, 100, 101];

/// The error of a connection that failed.
pub(super) fn of_connection(error: &wire::Error, reason: Reason, route: &Route) -> FetchError {
    let problem = explain(error);
    let fault = of_this_machine(error).unwrap_or_else(|| of_the_way(error, reason, route));
    match (route, fault) {
        (_, Fault::Ours) if of_this_machine(error).is_some() => {
            FetchError::Connection { reason, problem, fault }
        }
        (Route::Proxy { shown, .. }, Fault::Ours | Fault::Way | Fault::NamedProxy) => {
            if says(error, |text| text.ends_with("proxy authorization required")) {
                return proxy_wants_password(route);
            }
            let problem = format!("the proxy {shown}: {problem}");
            FetchError::Connection { reason: Reason::Proxy, problem, fault }
        }
        _ => FetchError::Connection { reason, problem, fault },
    }
}

/// Connecting took too long. Through a proxy that forwards requests, only the proxy is connected to.
pub(super) fn of_connect_timeout(timeout: FetchError, route: &Route) -> FetchError {
    match route {
        Route::Proxy { shown, passing: Passing::Forwarded, is_named } => {
            let fault = if *is_named { Fault::NamedProxy } else { Fault::Ours };
            let problem = format!("the proxy {shown}: {timeout}");
            FetchError::Connection { reason: Reason::Proxy, problem, fault }
        }
        _ => timeout,
    }
}

pub(super) fn proxy_wants_password(route: &Route) -> FetchError {
    let (shown, is_named) = match route {
        Route::Proxy { shown, is_named, .. } => (shown.as_str(), *is_named),
        Route::Direct => ("of the way", false),
    };
    let problem = format!(
        "the proxy {shown} answers 407: it wants a user name and password, or refuses these (see `--proxy` and `--auth`)"
    );
    let fault = if is_named { Fault::NamedProxy } else { Fault::Ours };
    FetchError::Connection { reason: Reason::Proxy, problem, fault }
}

/// Whether the server says that it has not processed the request (RFC 9113 §8.7). After GOAWAY, only requests beyond the last
/// stream have this error.
pub(super) fn not_processed(error: &wire::Error) -> Option<FetchError> {
    let error = causes(error).find_map(|cause| cause.downcast_ref::<h2::Error>())?;
    // h2 gives up the whole connection because of one invalid header. Over HTTP/1.1, the header is left out.
    let cannot_be_read =
        error.is_library() && error.is_go_away() && error.reason() == Some(h2::Reason::PROTOCOL_ERROR);
    let wants_http1 = cannot_be_read || error.reason() == Some(h2::Reason::HTTP_1_1_REQUIRED);
    let is_refused = error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
    let is_so = cannot_be_read || (error.is_remote() && (wants_http1 || is_refused || error.is_go_away()));
    is_so.then(|| FetchError::NotProcessed { problem: error.to_string(), wants_http1 })
}

fn of_this_machine(error: &wire::Error) -> Option<Fault> {
    let code = causes(error)
        .find_map(|cause| innermost(cause).downcast_ref::<io::Error>().and_then(io::Error::raw_os_error))?;
    if OUR_OWN.contains(&code) {
        Some(Fault::Ours)
    } else if NO_ROUTE.contains(&code) {
        Some(Fault::Way)
    } else {
        None
    }
}

fn of_the_way(error: &wire::Error, reason: Reason, route: &Route) -> Fault {
    let says = |is_so: fn(&str) -> bool| says(error, is_so);
    match route {
        Route::Proxy { is_named: true, passing, .. } => {
            let is_forwarded = *passing == Passing::Forwarded;
            if is_forwarded || matches!(reason, Reason::Dns | Reason::Connect | Reason::Proxy) {
                Fault::NamedProxy
            } else {
                of_the_host(error, reason)
            }
        }
        // A proxy answers with an error if the host fails. So the proxy broke this connection.
        Route::Proxy { passing: Passing::Forwarded, .. } if error.is_connect() => Fault::Ours,
        Route::Proxy { passing: Passing::Forwarded, .. } => Fault::Way,
        Route::Proxy { .. } if reason == Reason::Proxy => {
            let is_certain = says(|text| {
                text.ends_with("failed to create underlying connection")
                    || text.ends_with("proxy authorization required")
                    || (text.starts_with("SOCKS error") && is_about_credentials(text))
            });
            if is_certain { Fault::Ours } else { Fault::Way }
        }
        Route::Direct | Route::Proxy { .. } => of_the_host(error, reason),
    }
}

fn of_the_host(error: &wire::Error, reason: Reason) -> Fault {
    match reason {
        Reason::Dns if says(error, is_no_answer_of_a_resolver) => Fault::Names,
        // There is no such name.
        Reason::Dns => Fault::Request,
        Reason::InvalidAnswer => Fault::Host,
        _ => Fault::HostOrWay,
    }
}

/// The texts of `EAI_AGAIN` (glibc, musl, macOS). The error has no code.
fn is_no_answer_of_a_resolver(text: &str) -> bool {
    text == NO_ANSWER || text.contains("Temporary failure in name resolution") || text.ends_with("Try again")
}

fn is_about_credentials(text: &str) -> bool {
    text.contains("authentication") || text.contains("credentials")
}

fn says(error: &(dyn Error + 'static), is_so: fn(&str) -> bool) -> bool {
    causes(error).any(|cause| is_so(&cause.to_string()))
}
