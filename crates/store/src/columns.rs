//! How requests are written into columns and read back, the same way in both stores.
//!
//! Whatever a request carries can be stored. A NUL character, which Postgres cannot store, becomes U+FFFD, because the new
//! requests of a page are stored even when its items are refused.

use std::io::{self, BufWriter};

use dragline_core::fingerprint::Fingerprint;
use dragline_core::outcome::clean;
use dragline_core::queued_request::{QueuedRequest, host_of};
use dragline_core::shard::ShardRule;
use dragline_core::value::json_has_nul;
use dragline_core::{ItemRecord, PageOutcome, Request, RequestOptions};
use http::Method;
use serde::Serialize;
use serde_json::{Map, Value as Json};
use sha2::{Digest, Sha256};
use url::Url;

/// JSON is written in many small parts. They are collected up to this size, and handled together.
pub(crate) const COLLECTED_BYTES: usize = 4 << 10;

/// The columns of `crawl_requests` that describe a request.
#[derive(Debug, Default)]
pub(crate) struct RequestRow {
    pub(crate) shard: i16,
    pub(crate) fingerprint: Vec<u8>,
    pub(crate) parent: Option<Vec<u8>>,
    pub(crate) url: String,
    pub(crate) method: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) tag: String,
    pub(crate) meta: Map<String, Json>,
    pub(crate) options: RequestOptions,
    pub(crate) priority: i32,
    pub(crate) depth: u32,
    pub(crate) host: String,
    pub(crate) redirects: Vec<String>,
    pub(crate) dont_filter: bool,
}

/// A request to insert into the frontier, with the page that it was found on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FoundRequest<'a> {
    pub(crate) request: &'a QueuedRequest,
    pub(crate) parent: Option<Fingerprint>,
}

impl<'a> FoundRequest<'a> {
    /// A start request. It wasn't found on a page.
    pub(crate) fn start(request: &'a QueuedRequest) -> Self {
        Self { request, parent: None }
    }

    /// The new requests of these pages.
    pub(crate) fn on<'p>(
        pages: impl IntoIterator<Item = &'p &'a PageOutcome>,
    ) -> impl Iterator<Item = FoundRequest<'a>>
    where
        'a: 'p,
    {
        pages.into_iter().flat_map(|page| {
            let parent = Some(page.fingerprint);
            page.requests.iter().map(move |request| FoundRequest { request, parent })
        })
    }
}

impl RequestRow {
    /// The row of a request.
    pub(crate) fn of(found: FoundRequest<'_>, rule: ShardRule) -> Self {
        let FoundRequest { request: queued, parent } = found;
        Self {
            shard: rule.shard_of(&queued.host),
            fingerprint: queued.fingerprint.as_bytes().to_vec(),
            parent: parent.map(|parent| parent.as_bytes().to_vec()),
            depth: queued.depth,
            host: queued.host.clone(),
            redirects: queued.redirects.clone(),
            ..Self::of_request(&queued.request)
        }
    }

    /// The columns that only depend on the request itself.
    pub(crate) fn of_request(request: &Request) -> Self {
        Self {
            url: request.url().as_str().to_owned(),
            method: request.method().as_str().to_owned(),
            headers: request.headers().iter().map(|(name, value)| (clean(name), clean(value))).collect(),
            body: request.body().map(<[u8]>::to_vec),
            tag: clean(request.tag()),
            meta: cleaned_map(request.meta()),
            options: cleaned_options(request.options()),
            priority: request.priority(),
            dont_filter: request.is_unfiltered(),
            ..Self::default()
        }
    }

    /// The request of a row.
    ///
    /// # Errors
    /// A message that names the column that cannot be read.
    pub(crate) fn into_queued(mut self) -> Result<QueuedRequest, String> {
        let fingerprint = Fingerprint::from_bytes(&self.fingerprint)
            .ok_or_else(|| format!("the request {:?} has an invalid fingerprint", self.url))?;
        let (host, redirects) = (std::mem::take(&mut self.host), std::mem::take(&mut self.redirects));
        let depth = self.depth;
        Ok(QueuedRequest { fingerprint, request: self.into_request()?, host, depth, redirects })
    }

    /// The request itself.
    ///
    /// # Errors
    /// A message that names the column that cannot be read.
    pub(crate) fn into_request(self) -> Result<Request, String> {
        let wrong = |column: &str| format!("the request {:?} has an invalid {column}", self.url);
        let method = Method::from_bytes(self.method.as_bytes()).map_err(|_| wrong("method"))?;
        let mut request = Request::of_stored_url(&self.url)
            .map_err(|_| wrong("url"))?
            .with_method(method)
            .with_tag(self.tag)
            .with_all_meta(self.meta)
            .with_options(self.options)
            .with_priority(self.priority);
        for (name, value) in self.headers {
            request = match name.strip_prefix(':') {
                Some(option) => {
                    with_old_option(request, option, value).ok_or_else(|| wrong(&format!("header {name}")))?
                }
                None => request.with_header(name, value),
            };
        }
        if let Some(body) = self.body {
            request = request.with_body(body);
        }
        if self.dont_filter {
            request = request.without_filter();
        }
        Ok(request)
    }
}

/// Until schema version 5 the options were stored as headers, under names that no header can have. A run that began then
/// still has such rows.
fn with_old_option(request: Request, option: &str, value: String) -> Option<Request> {
    Some(match option {
        "session" => request.with_session(value),
        "proxy" => request.with_proxy(value.parse().ok()?),
        "cookies" => request.without_cookies(),
        "retries" => request.with_max_retries(value.parse().ok()?),
        _ => return None,
    })
}

/// The shard of a page, by the URL of its request.
pub(crate) fn shard_of_page(rule: ShardRule, url: &str) -> i16 {
    match Url::parse(url) {
        Ok(url) => rule.shard_of(&host_of(&url)),
        // No request has such a URL, so the store has no such page in any shard.
        Err(_) => 0,
    }
}

/// An item's fields as stored in `crawl_items.data`, and the digest of that text.
pub(crate) fn data_and_hash(record: &ItemRecord) -> (String, String) {
    let data = record.json_text();
    let hash = content_hash(&data);
    (data, hash)
}

/// Writes an item's fields as they are stored in `crawl_items.data`. Returns the digest of what it wrote.
///
/// # Errors
/// Those of `out`.
pub(crate) fn write_data(record: &ItemRecord, out: &mut dyn io::Write) -> io::Result<String> {
    let mut collected = BufWriter::with_capacity(COLLECTED_BYTES, Digested { out, hasher: Sha256::new() });
    record.write_json(&mut collected)?;
    let digested = collected.into_inner().map_err(io::IntoInnerError::into_error)?;
    Ok(hex_text(&digested.hasher.finalize()))
}

/// Digests what is written.
struct Digested<'a> {
    out: &'a mut dyn io::Write,
    hasher: Sha256,
}

impl io::Write for Digested<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hasher.update(bytes);
        self.out.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// SHA-256 of the data's JSON text, in hexadecimal.
pub(crate) fn content_hash(data: &str) -> String {
    hex_text(&Sha256::digest(data.as_bytes()))
}

/// Appends bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8], text: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        text.extend_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
}

fn hex_text(bytes: &[u8]) -> String {
    let mut text = Vec::with_capacity(2 * bytes.len());
    hex(bytes, &mut text);
    text.into_iter().map(char::from).collect()
}

/// A list or a map as JSON text.
pub(crate) fn json_text(value: &impl Serialize) -> String {
    // This fails only for a map whose keys are not strings, or for a type whose `Serialize` returns an error.
    serde_json::to_string(value).unwrap_or_default()
}

/// The same JSON without NUL characters.
pub(crate) fn cleaned(json: Json) -> Json {
    if !json_has_nul(&json) {
        return json;
    }
    match json {
        Json::String(text) => Json::String(clean(&text)),
        Json::Array(list) => Json::Array(list.into_iter().map(cleaned).collect()),
        Json::Object(map) => Json::Object(cleaned_map(&map)),
        other => other,
    }
}

fn cleaned_map(map: &Map<String, Json>) -> Map<String, Json> {
    map.iter().map(|(name, value)| (clean(name), cleaned(value.clone()))).collect()
}

fn cleaned_options(options: &RequestOptions) -> RequestOptions {
    let mut cleaned = options.clone();
    cleaned.session = options.session.as_deref().map(clean);
    cleaned
}

#[cfg(test)]
mod tests {
    use super::*;
    use dragline_core::{ColumnType, ItemType};

    fn row(queued: &QueuedRequest) -> RequestRow {
        RequestRow::of(FoundRequest::start(queued), ShardRule::NEW)
    }

    fn get() -> Request {
        Request::get("http://a.example/").unwrap()
    }

    #[test]
    fn a_request_comes_back_as_it_was() {
        let mut options = RequestOptions::default();
        options.is_link = true;
        let request = Request::post("http://a.example/x?q=ä", b"\0\xff".to_vec())
            .unwrap()
            .with_header("X-Tab", "a\tb")
            .with_tag("detail\\page")
            .with_meta("nested", serde_json::json!({"n": [1, 2.5, null, "\n"]}))
            .with_priority(-3)
            .with_options(options)
            .with_session("ann")
            .with_max_retries(7)
            .with_proxy("socks5h://p.example:1080".parse().unwrap())
            .without_cookies()
            .without_filter();
        let mut queued = QueuedRequest::start(request, 4);
        queued.depth = 7;
        queued.redirects = vec!["http://a.example/1".to_owned(), "http://a.example/2".to_owned()];
        let read = row(&queued).into_queued().unwrap();
        assert_eq!(read, queued);
        assert!(read.request.is_link());
    }

    #[test]
    fn options_in_the_headers_of_an_older_version_are_read() {
        let mut old = row(&QueuedRequest::start(get(), 0));
        let pairs = [
            ("X-Own", "1"),
            (":session", "ann"),
            (":proxy", "http://p:3128/"),
            (":cookies", "off"),
            (":retries", "0"),
        ];
        old.headers = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let expected = get()
            .with_header("X-Own", "1")
            .with_session("ann")
            .with_proxy("http://p:3128/".parse().unwrap())
            .without_cookies()
            .without_retries();
        assert_eq!(old.into_queued().unwrap().request, expected);
    }

    #[test]
    fn nul_characters_do_not_keep_a_request_out() {
        let request = get().with_tag("a\0b").with_meta("k\0", "v\0").with_session("s\0");
        let row = row(&QueuedRequest::start(request, 0));
        assert_eq!(row.tag, "a\u{fffd}b");
        assert_eq!(json_text(&row.meta), "{\"k\u{fffd}\":\"v\u{fffd}\"}");
        assert_eq!(json_text(&row.options), "{\"session\":\"s\u{fffd}\"}");
    }

    #[test]
    fn the_error_of_a_row_names_column_and_request() {
        for (name, value) in [(":proxy", "nonsense"), (":moon", "1")] {
            let mut row = row(&QueuedRequest::start(get(), 0));
            row.headers = vec![(name.to_owned(), value.to_owned())];
            let problem = row.into_queued().unwrap_err();
            assert!(problem.contains(name) && problem.contains("http://a.example/"), "{problem}");
        }
    }

    #[test]
    fn a_page_is_in_the_shard_of_its_request() {
        for url in ["http://a.example/x", "https://ä.example:444/?q=1", "http://[::1]:8080/"] {
            let queued = QueuedRequest::start(Request::get(url).unwrap(), 0);
            let of_page = shard_of_page(ShardRule::NEW, queued.request.url().as_str());
            assert_eq!(of_page, row(&queued).shard, "{url}");
        }
    }

    #[test]
    fn data_that_is_written_has_the_same_text_and_digest() {
        let item = ItemType::builder("note").with_column("text", ColumnType::Text).build().unwrap();
        let record = ItemRecord { item_type: item, values: vec!["a \\\"\u{1}é".into()] };
        let mut written = Vec::new();
        let hash = write_data(&record, &mut written).unwrap();
        assert_eq!((String::from_utf8(written).unwrap(), hash), data_and_hash(&record));
    }

    #[test]
    fn the_content_hash_is_sha_256() {
        assert!(content_hash("{}").starts_with("44136fa355b3678a1146ad16f7e8649e"));
    }
}
