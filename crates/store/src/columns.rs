//! How requests and items are written into columns, the same way in both stores.
//!
//! Whatever a request carries can be stored: a NUL character, which Postgres has no room for, becomes
//! U+FFFD, because the new requests of a page are stored even when its items are refused.

use dragline_core::fingerprint::Fingerprint;
use dragline_core::outcome::clean;
use dragline_core::queued_request::QueuedRequest;
use dragline_core::value::json_has_nul;
use dragline_core::{ItemRecord, Request};
use http::Method;
use serde_json::{Map, Value as Json};
use sha2::{Digest, Sha256};

/// The jar that the request's cookies are in. As in HTTP/2, the colon tells it from a header (RFC 9113 §8.3).
const SESSION: &str = ":session";
/// The proxy that it takes.
const PROXY: &str = ":proxy";
/// There when it has nothing to do with cookies.
const COOKIES: &str = ":cookies";
/// How often it may be tried again, where it says so itself.
const RETRIES: &str = ":retries";

/// A request as it stands in its row.
#[derive(Debug)]
pub(crate) struct RequestRow {
    pub(crate) fingerprint: Vec<u8>,
    pub(crate) url: String,
    pub(crate) method: String,
    /// `[[name, value], …]`. How the request is sent stands here, too, under names that no header can have.
    pub(crate) headers: String,
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) tag: String,
    /// An object.
    pub(crate) meta: String,
    pub(crate) priority: i32,
    pub(crate) depth: u32,
    pub(crate) host: String,
    /// `[url, …]`, first to last.
    pub(crate) redirects: String,
    pub(crate) dont_filter: bool,
}

impl RequestRow {
    /// The row of a request.
    pub(crate) fn of(queued: &QueuedRequest) -> Self {
        let request = &queued.request;
        Self {
            fingerprint: queued.fingerprint.as_bytes().to_vec(),
            url: request.url().as_str().to_owned(),
            method: request.method().as_str().to_owned(),
            headers: headers_text(request),
            body: request.body().map(<[u8]>::to_vec),
            tag: clean(request.tag()),
            meta: meta_text(request.meta()),
            priority: request.priority(),
            depth: queued.depth,
            host: queued.host.clone(),
            redirects: Json::from(queued.redirects.as_slice()).to_string(),
            dont_filter: request.is_unfiltered(),
        }
    }

    /// The request of a row; else what is wrong with it.
    pub(crate) fn into_queued(self) -> Result<QueuedRequest, String> {
        let wrong = |column: &str| format!("the request {:?} has a {column} that cannot be read", self.url);
        let fingerprint = Fingerprint::from_bytes(&self.fingerprint).ok_or_else(|| wrong("fingerprint"))?;
        let method = Method::from_bytes(self.method.as_bytes()).map_err(|_| wrong("method"))?;
        let headers: Vec<(String, String)> =
            serde_json::from_str(&self.headers).map_err(|_| wrong("headers"))?;
        let meta: Map<String, Json> = serde_json::from_str(&self.meta).map_err(|_| wrong("meta"))?;
        let redirects: Vec<String> = serde_json::from_str(&self.redirects).map_err(|_| wrong("redirects"))?;
        let mut request = Request::get(&self.url)
            .map_err(|_| wrong("url"))?
            .with_method(method)
            .with_tag(self.tag)
            .with_all_meta(meta)
            .with_priority(self.priority);
        for (name, value) in headers {
            request = match name.as_str() {
                SESSION => request.with_session(value),
                PROXY => request.with_proxy(value.parse().map_err(|_| wrong("proxy"))?),
                COOKIES => request.without_cookies(),
                RETRIES => request.with_max_retries(value.parse().map_err(|_| wrong("number of retries"))?),
                _ => request.with_header(name, value),
            };
        }
        if let Some(body) = self.body {
            request = request.with_body(body);
        }
        if self.dont_filter {
            request = request.without_filter();
        }
        Ok(QueuedRequest { fingerprint, request, host: self.host, depth: self.depth, redirects })
    }
}

/// An item's fields as stored in `crawl_items.data`, and the digest of that text.
pub(crate) fn data_and_hash(record: &ItemRecord) -> (String, String) {
    let data = record.json_text();
    let hash = content_hash(&data);
    (data, hash)
}

/// SHA-256 of the data's JSON text, in hexadecimal.
pub(crate) fn content_hash(data: &str) -> String {
    let mut hash = String::with_capacity(64);
    hex(&Sha256::digest(data.as_bytes()), &mut hash);
    hash
}

/// Appends bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8], text: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}

fn headers_text(request: &Request) -> String {
    let own = request.headers().iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let session = request.session().map(|session| (SESSION, session));
    let proxy = request.proxy().map(|proxy| (PROXY, proxy.url().as_str()));
    let cookies = (!request.has_cookies()).then_some((COOKIES, "off"));
    let retries = request.max_retries().map(|retries| retries.to_string());
    let retries = retries.as_deref().map(|retries| (RETRIES, retries));
    let pairs = own.chain(session).chain(proxy).chain(cookies).chain(retries);
    cleaned(pairs.map(|(name, value)| Json::from(vec![name, value])).collect()).to_string()
}

fn meta_text(meta: &Map<String, Json>) -> String {
    cleaned(Json::Object(meta.clone())).to_string()
}

/// The same JSON without NUL characters.
pub(crate) fn cleaned(json: Json) -> Json {
    if !json_has_nul(&json) {
        return json;
    }
    match json {
        Json::String(text) => Json::String(clean(&text)),
        Json::Array(list) => Json::Array(list.into_iter().map(cleaned).collect()),
        Json::Object(map) => {
            Json::Object(map.into_iter().map(|(name, value)| (clean(&name), cleaned(value))).collect())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_comes_back_as_it_was() {
        let request = Request::post("http://a.example/x?q=ä", b"\0\xff".to_vec())
            .unwrap()
            .with_header("X-Tab", "a\tb")
            .with_tag("detail\\page")
            .with_meta("nested", serde_json::json!({"n": [1, 2.5, null, "\n"]}))
            .with_priority(-3)
            .with_session("ann")
            .with_max_retries(7)
            .with_proxy("socks5h://p.example:1080".parse().unwrap())
            .without_cookies()
            .without_filter();
        let mut queued = QueuedRequest::start(request, 4);
        queued.depth = 7;
        queued.redirects = vec!["http://a.example/1".to_owned(), "http://a.example/2".to_owned()];
        assert_eq!(RequestRow::of(&queued).into_queued().unwrap(), queued);
    }

    #[test]
    fn nul_characters_do_not_keep_a_request_out() {
        let request = Request::get("http://a.example/").unwrap().with_tag("a\0b").with_meta("k\0", "v\0");
        let row = RequestRow::of(&QueuedRequest::start(request, 0));
        assert_eq!((row.tag.as_str(), row.meta.as_str()), ("a\u{fffd}b", "{\"k\u{fffd}\":\"v\u{fffd}\"}"));
    }

    #[test]
    fn a_row_that_cannot_be_read_is_named() {
        let mut row = RequestRow::of(&QueuedRequest::start(Request::get("http://a.example/").unwrap(), 0));
        row.headers = "nonsense".to_owned();
        let problem = row.into_queued().unwrap_err();
        assert!(problem.contains("headers") && problem.contains("http://a.example/"), "{problem}");
    }

    #[test]
    fn the_content_hash_is_sha_256() {
        assert!(content_hash("{}").starts_with("44136fa355b3678a1146ad16f7e8649e"));
    }
}
