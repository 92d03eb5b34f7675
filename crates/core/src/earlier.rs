//! What earlier runs of a spider know about its pages, so that a run fetches and parses only what may have changed.
//!
//! A store keeps one record for each page of a spider. It is written in the transaction that makes the page `done`, so it
//! never says more than what is stored. An [`EarlierPage`] is a record that was read, and a [`PageRecord`] is one to write.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use dragline_spider::fingerprint::Fingerprint;
use dragline_spider::item_type::ItemType;
use dragline_spider::{Args, Request, Spider};
use sha2::{Digest, Sha256};

use crate::outcome::request_size;

/// SHA-256 of a decompressed body.
pub type BodyHash = [u8; 32];

/// The hash of a body.
pub fn body_hash(body: &[u8]) -> BodyHash {
    Sha256::digest(body).into()
}

/// What a server says about the version of a page (RFC 9110 §8.8). A later request may send it back and ask for the page only if
/// it has another version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validators {
    /// `ETag`, as it was sent.
    pub etag: Option<String>,
    /// `Last-Modified`, as it was sent.
    pub last_modified: Option<String>,
}

impl Validators {
    /// A longer header is not kept. No server needs so much to name a version.
    const MAX_BYTES: usize = 1024;

    /// The validators of an answer.
    pub fn of(headers: &http::HeaderMap) -> Self {
        let text = |name| {
            let value = headers.get(name)?.to_str().ok()?.trim();
            (!value.is_empty() && value.len() <= Self::MAX_BYTES).then(|| value.to_owned())
        };
        let date = text(http::header::DATE);
        let last_modified = text(http::header::LAST_MODIFIED).filter(|it| is_old_enough(it, date.as_deref()));
        Self { etag: text(http::header::ETAG), last_modified }
    }

    /// Whether the server gave none.
    pub fn is_empty(&self) -> bool {
        self.etag.is_none() && self.last_modified.is_none()
    }

    /// These, replaced by those that an answer 304 has (RFC 9111 §4.3.4).
    #[must_use]
    pub fn updated_by(&self, newer: Self) -> Self {
        Self {
            etag: newer.etag.or_else(|| self.etag.clone()),
            last_modified: newer.last_modified.or_else(|| self.last_modified.clone()),
        }
    }

    fn size(&self) -> usize {
        [&self.etag, &self.last_modified].into_iter().flatten().map(String::len).sum()
    }
}

/// Whether a page was last modified a minute before the answer or earlier. Dates are exact to a second, so a page that was modified
/// just now may change again and keep its date (RFC 9110 §8.8.2.2). A date in the future says nothing.
fn is_old_enough(last_modified: &str, date: Option<&str>) -> bool {
    let moment = |text| DateTime::parse_from_rfc2822(text).ok();
    match (moment(last_modified), date.map(moment)) {
        (Some(modified), Some(Some(date))) => date - modified >= TimeDelta::minutes(1),
        (Some(_), None) => true,
        // A server compares the date as text, so it need not be a valid one. But this one cannot be checked.
        _ => false,
    }
}

/// Identifies what made items and links of a page: the spider with its item types, its version and its arguments. If it
/// changes, a page has to be parsed even if the page itself is unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ParserVersion([u8; 16]);

impl ParserVersion {
    /// The version of a spider with these item types and arguments, whose items go through the item pipelines of these names.
    pub fn new<'a>(
        spider: &dyn Spider,
        items: &[ItemType],
        args: &Args,
        pipelines: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let mut parts = Parts::default();
        parts.add(spider.version());
        for (name, value) in args.iter() {
            parts.add(name);
            parts.add(value);
        }
        for item in items {
            parts.add(&format!("{} {:?} {:?} {:?}", item.name(), item.table(), item.key(), item.columns()));
            item.merges().for_each(|(column, merge)| parts.add(&format!("{column} {merge}")));
        }
        pipelines.into_iter().for_each(|name| parts.add(name));
        parts.finish()
    }

    /// The version for the page of a request. A spider decides by the tag how to parse a page, and its meta may be part of the
    /// items.
    #[must_use]
    pub fn of_page(self, request: &Request) -> Self {
        let mut parts = Parts::default();
        parts.0.update(self.0);
        parts.add(request.tag());
        for (name, value) in request.meta() {
            parts.add(name);
            parts.add(&value.to_string());
        }
        parts.finish()
    }

    /// Its stored form.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// From its stored form.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

/// A digest of texts, each with its length, so that no two lists give the same bytes.
#[derive(Default)]
struct Parts(Sha256);

impl Parts {
    fn add(&mut self, text: &str) {
        self.0.update((text.len() as u64).to_le_bytes());
        self.0.update(text);
    }

    fn finish(self) -> ParserVersion {
        let digest = self.0.finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        ParserVersion(bytes)
    }
}

/// What earlier runs know about a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlierPage {
    /// What the server said about its version.
    pub validators: Validators,
    /// The hash of its body when it was last parsed.
    pub body_hash: BodyHash,
    /// What parsed it.
    pub parser: ParserVersion,
    /// When a run first asked for it.
    pub first_at: DateTime<Utc>,
    /// When a run last asked for it. All times are those of the store's clock.
    pub checked_at: DateTime<Utc>,
    /// How often its body had changed by then.
    pub changes: u32,
}

/// The records of earlier pages, by the fingerprint of the request.
pub type EarlierPages = BTreeMap<Fingerprint, Box<EarlierPage>>;

/// What to keep of a page for later runs.
#[derive(Clone, Debug)]
pub enum PageRecord {
    /// It was parsed.
    Parsed {
        /// The tag of its request.
        tag: String,
        /// What the server says about its version.
        validators: Validators,
        /// The hash of its body.
        body_hash: BodyHash,
        /// What parsed it.
        parser: ParserVersion,
        /// What it leads to, before any rule of the run left something out.
        links: Vec<Request>,
    },
    /// The server was asked, and the page is unchanged.
    Unchanged(Validators),
    /// The server was not asked.
    Fresh,
}

impl PageRecord {
    /// About how much memory it holds.
    pub fn size(&self) -> usize {
        match self {
            Self::Parsed { validators, links, .. } => {
                size_of::<Self>() + validators.size() + links.iter().map(request_size).sum::<usize>()
            }
            Self::Unchanged(validators) => size_of::<Self>() + validators.size(),
            Self::Fresh => size_of::<Self>(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dragline_spider::ColumnType;
    use http::{HeaderMap, HeaderValue};

    fn version(spider: &dyn Spider, args: &Args) -> ParserVersion {
        ParserVersion::new(spider, &spider.items(), args, [])
    }

    struct Versioned(&'static str);

    impl Spider for Versioned {
        fn name(&self) -> &'static str {
            "versioned"
        }
        fn items(&self) -> Vec<ItemType> {
            Vec::new()
        }
        fn start(&self, _: &Args) -> dragline_spider::Result<Vec<Request>> {
            Ok(Vec::new())
        }
        fn version(&self) -> &str {
            self.0
        }
    }

    #[test]
    fn a_parser_is_another_one_after_a_new_version_or_with_other_arguments() {
        let none = Args::default();
        let one = version(&Versioned("1"), &none);
        assert_eq!(one, version(&Versioned("1"), &none));
        assert_ne!(one, version(&Versioned("2"), &none));
        assert_ne!(one, version(&Versioned("1"), &Args::default().with_value("lang", "de")));
        let book = ItemType::builder("book").with_column("isbn", ColumnType::Text);
        let renamed = [book.build().unwrap()];
        assert_ne!(one, ParserVersion::new(&Versioned("1"), &renamed, &none, []));
        assert_ne!(one, ParserVersion::new(&Versioned("1"), &[], &none, ["prices"]));
    }

    #[test]
    fn tag_and_meta_of_a_request_are_part_of_the_version_for_its_page() {
        let parser = version(&Versioned(""), &Args::default());
        let request = Request::get("http://a.example/").unwrap();
        let plain = parser.of_page(&request);
        assert_ne!(plain, parser.of_page(&request.clone().with_tag("book")));
        assert_ne!(plain, parser.of_page(&request.clone().with_meta("rank", 1)));
        assert_ne!(
            parser.of_page(&request.clone().with_meta("rank", 1)),
            parser.of_page(&request.with_meta("rank", "1"))
        );
    }

    #[test]
    fn validators_are_kept_as_they_were_sent_unless_they_are_absurd() {
        let mut headers = HeaderMap::new();
        assert!(Validators::of(&headers).is_empty());
        headers.insert(http::header::ETAG, HeaderValue::from_static("W/\"a b\""));
        headers.insert(http::header::LAST_MODIFIED, HeaderValue::from_str(&"x".repeat(2000)).unwrap());
        let validators = Validators::of(&headers);
        assert_eq!((validators.etag.as_deref(), &validators.last_modified), (Some("W/\"a b\""), &None));
        let at = |headers: &mut HeaderMap, name, text: &'static str| {
            headers.insert(name, HeaderValue::from_static(text));
            Validators::of(headers).last_modified.is_some()
        };
        let (date, modified) = (http::header::DATE, http::header::LAST_MODIFIED);
        assert!(
            at(&mut headers, modified.clone(), "Sun, 06 Nov 1994 08:49:37 GMT"),
            "no date to compare it with"
        );
        assert!(at(&mut headers, date.clone(), "Sun, 06 Nov 1994 08:50:37 GMT"));
        assert!(
            !at(&mut headers, date.clone(), "Sun, 06 Nov 1994 08:50:36 GMT"),
            "it may change in the same second"
        );
        assert!(!at(&mut headers, date.clone(), "Sat, 05 Nov 1994 08:49:37 GMT"), "modified in the future");
        assert!(!at(&mut headers, modified, "yesterday"));
        let newer = Validators { etag: None, last_modified: Some("now".into()) };
        let updated = validators.updated_by(newer);
        assert_eq!(
            (updated.etag.as_deref(), updated.last_modified.as_deref()),
            (Some("W/\"a b\""), Some("now"))
        );
    }
}
