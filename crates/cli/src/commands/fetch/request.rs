//! The request of `dragline fetch`, from its arguments.

use dragline_core::Request;
use dragline_core::canonical::has_userinfo;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Method};
use serde_json::Value as Json;

use crate::arguments::Fetch;
use crate::failed::Failed;

/// The type of `--data` unless a header says otherwise, as in every browser.
const FORM: &str = "application/x-www-form-urlencoded";

/// The request that the arguments describe.
pub(super) fn of(arguments: &Fetch) -> Result<Request, Failed> {
    let mut request = Request::get(arguments.url.trim()).map_err(|error| {
        // `user:password@host` isn't a URL either.
        let shown = arguments
            .url
            .rsplit_once('@')
            .map_or_else(|| error.to_string(), |(_, rest)| format!("…@{rest} is not an absolute URL"));
        Failed::usage(shown).hint("include the scheme: https://example.com/")
    })?;
    if has_userinfo(request.url()) {
        return Err(Failed::usage("the URL contains a user name or a password, which would appear in logs")
            .hint("send them in a header: -H 'Authorization: …'"));
    }
    let method = match &arguments.method {
        Some(method) => Method::from_bytes(method.to_ascii_uppercase().as_bytes())
            .map_err(|_| Failed::usage(format!("--method {method:?} is not a valid HTTP method")))?,
        None if arguments.data.is_some() => Method::POST,
        None => Method::GET,
    };
    request = request.with_method(method).with_tag(arguments.tag.as_str());
    let mut has_type = false;
    for text in &arguments.headers {
        let (name, value) = header(text)?;
        has_type |= name == CONTENT_TYPE;
        request = request.with_header(name.as_str(), value);
    }
    if let Some(data) = &arguments.data {
        request = request.with_body(data.as_bytes());
        if !has_type {
            request = request.with_header(CONTENT_TYPE.as_str(), FORM);
        }
    }
    for text in &arguments.meta {
        let Some((name, value)) = text.split_once('=').filter(|(name, _)| !name.is_empty()) else {
            return Err(Failed::usage("a value of --meta is not NAME=JSON")
                .hint("example: --meta 'page=2' --meta 'category=\"travel\"'"));
        };
        request = request.with_meta(name, serde_json::from_str(value).unwrap_or_else(|_| Json::from(value)));
    }
    Ok(request)
}

/// Its value may be a secret, so the error doesn't repeat it.
fn header(text: &str) -> Result<(HeaderName, &str), Failed> {
    let wrong = || {
        Failed::usage("-H must be 'NAME: VALUE', with a valid header name and value")
            .hint("example: -H 'Accept: application/json'")
    };
    let (name, value) = text.split_once(':').ok_or_else(wrong)?;
    let (name, value) = (HeaderName::try_from(name.trim()).map_err(|_| wrong())?, value.trim());
    HeaderValue::from_str(value).map_err(|_| wrong())?;
    Ok((name, value))
}
