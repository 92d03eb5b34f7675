//! The page outcome: everything that one request produced. It is stored in one transaction or not at all.

use std::borrow::Cow;
use std::fmt;
use std::io;

use serde_json::{Map, Value as Json};

use crate::budget::Charge;
use crate::cookies::StoredCookie;
use crate::credit::Credit;
use crate::earlier::PageRecord;
use crate::kept_page::KeptPage;
use dragline_spider::fingerprint::Fingerprint;
use dragline_spider::item::ItemRecord;
use dragline_spider::item_limits::ItemLimits;
use dragline_spider::queued_request::QueuedRequest;
use dragline_spider::reason::Reason;
use dragline_spider::request::Request;
use dragline_spider::rule_counts::RuleCounts;
use dragline_spider::secrets;
use dragline_spider::value::{json_has_nul, json_size};

/// The state in which a request ends. Before that it is `queued`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PageState {
    /// All its kept items and new requests are stored.
    Done,
    /// Given up, with the error kept.
    Failed,
    /// Not fetched or not parsed, with the reason kept.
    Skipped,
    /// An item of it cannot be stored, and is a dead letter. If only the database knows which item that is, all of its items
    /// are dead letters.
    Dead,
}

impl PageState {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 4] = [Self::Done, Self::Failed, Self::Skipped, Self::Dead];

    /// Its stored form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Dead => "dead",
        }
    }

    /// From its stored form. `None` for `queued` and for anything unknown.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

impl fmt::Display for PageState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Everything that one request produced.
#[derive(Debug)]
pub struct PageOutcome {
    /// The request.
    pub fingerprint: Fingerprint,
    /// Where the page was.
    pub url: String,
    /// The state that the request ends in.
    pub state: PageState,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// How often the page was requested.
    pub attempts: u32,
    /// Why the page is not `done`, or why it was not parsed.
    pub reason: Option<Reason>,
    /// What happened in this case, for people.
    pub error: Option<String>,
    /// Whether it is done and had contents, but the spider found no item in them. A run that stored nothing is only
    /// suspicious if it had such pages.
    pub is_barren: bool,
    /// The rules that its items broke.
    pub rules: RuleCounts,
    /// Where the items come from, if this is not the page itself: the answer to a look-up fills an item of an earlier page.
    pub items_url: Option<String>,
    /// The kept items.
    pub items: Vec<ItemRecord>,
    /// The new requests, each fingerprint once.
    pub requests: Vec<QueuedRequest>,
    /// Items that cannot be stored where they belong.
    pub dead_letters: Vec<DeadLetter>,
    /// The answer, or its first bytes, if the settings keep them.
    pub kept: Option<Box<KeptPage>>,
    /// What to keep of the page for later runs. It is stored if the page is done.
    pub record: Option<Box<PageRecord>>,
    /// The run that fetched the page and kept its answer, if this run has read the answer and not fetched the page.
    pub read_from: Option<i64>,
    /// The answer's changes to the cookie jars. They are stored with the page, whatever its state.
    pub cookies: Vec<StoredCookie>,
    /// It returns when the persistence thread takes the outcome.
    pub credit: Option<Credit>,
    /// It is held until the outcome is durable.
    pub charge: Option<Charge>,
}

/// An item that could not be stored where it belongs.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadLetter {
    /// Its type's name.
    pub item_type: String,
    /// Its fields.
    pub payload: Json,
    /// Why it is a dead letter.
    pub error: String,
    /// The server's error code, if the server refused it.
    pub sqlstate: Option<String>,
}

/// The page of an outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageKey {
    /// Its request.
    pub fingerprint: Fingerprint,
    /// Where it is.
    pub url: String,
}

impl From<&QueuedRequest> for PageKey {
    fn from(queued: &QueuedRequest) -> Self {
        Self { fingerprint: queued.fingerprint, url: queued.request.url().as_str().to_owned() }
    }
}

impl PageOutcome {
    /// A page that is done and has no items or requests yet.
    pub fn done(page: impl Into<PageKey>) -> Self {
        let PageKey { fingerprint, url } = page.into();
        Self {
            fingerprint,
            url,
            state: PageState::Done,
            status: None,
            attempts: 1,
            reason: None,
            error: None,
            is_barren: false,
            rules: RuleCounts::default(),
            items_url: None,
            items: Vec::new(),
            requests: Vec::new(),
            dead_letters: Vec::new(),
            kept: None,
            record: None,
            read_from: None,
            cookies: Vec::new(),
            credit: None,
            charge: None,
        }
    }

    /// A page that was given up. `detail` says what happened in this case.
    pub fn failed(page: impl Into<PageKey>, reason: Reason, detail: &str) -> Self {
        Self {
            state: PageState::Failed,
            reason: Some(reason),
            error: Some(stored_error(detail)),
            ..Self::done(page)
        }
    }

    /// A page that was not fetched or not parsed, on purpose. `detail` says what happened in this case.
    pub fn skipped(page: impl Into<PageKey>, reason: Reason, detail: &str) -> Self {
        Self { state: PageState::Skipped, ..Self::failed(page, reason, detail) }
    }

    /// Makes the page a dead one: its items become dead letters, and its new requests stay. A failed page stays `failed`
    /// with its own reason, and only its items become dead letters.
    pub fn kill(&mut self, reason: Reason, detail: &str, sqlstate: Option<&str>) {
        self.end_as_dead(reason, detail);
        for record in std::mem::take(&mut self.items) {
            self.dead_letters.push(DeadLetter::of(record, detail, sqlstate));
        }
    }

    /// Makes every item that no store can hold, or that is larger than `limits` allow, a dead letter, and the page a dead one.
    /// The other items stay. Returns why the first of them was refused.
    pub fn set_refused_items_apart(&mut self, limits: &ItemLimits) -> Option<String> {
        let mut first = None;
        let refusal = |record: &ItemRecord| limits.refusal(record).or_else(|| record.refusal());
        if !self.items.iter().any(|record| refusal(record).is_some()) {
            return None;
        }
        for record in std::mem::take(&mut self.items) {
            let (too_large, unfit) = (limits.refusal(&record), record.refusal());
            match (too_large, unfit) {
                (None, None) => self.items.push(record),
                (Some(detail), _) => {
                    self.dead_letters.push(DeadLetter::shortened(record, &detail));
                    first.get_or_insert(detail);
                }
                (None, Some(detail)) => {
                    self.dead_letters.push(DeadLetter::of(record, &detail, None));
                    first.get_or_insert(detail);
                }
            }
        }
        if let Some(detail) = &first {
            self.end_as_dead(Reason::ItemRefused, detail);
        }
        first
    }

    fn end_as_dead(&mut self, reason: Reason, detail: &str) {
        if self.state != PageState::Failed {
            self.state = PageState::Dead;
            self.reason = Some(reason);
            self.error = Some(stored_error(detail));
        }
    }

    /// Adds the HTTP status of the last answer, if there was one, and how often the page was requested.
    #[must_use]
    pub fn with_answer(self, status: Option<u16>, attempts: u32) -> Self {
        Self { status, attempts, ..self }
    }

    /// A page that is done without a parse, because it is as an earlier run found it.
    pub fn as_before(page: impl Into<PageKey>, reason: Reason, record: PageRecord) -> Self {
        Self { reason: Some(reason), record: Some(Box::new(record)), ..Self::done(page) }
    }

    /// Adds the credit of the request.
    #[must_use]
    pub fn with_credit(self, credit: Credit) -> Self {
        Self { credit: Some(credit), ..self }
    }

    /// Adds the answer's changes to the cookie jars.
    #[must_use]
    pub fn with_cookies(self, cookies: Vec<StoredCookie>) -> Self {
        Self { cookies, ..self }
    }

    /// What to keep of the page for later runs. Only a page that is done has something, and only if all its items are stored.
    pub fn record_to_keep(&self) -> Option<&PageRecord> {
        self.record.as_deref().filter(|_| self.state == PageState::Done && self.dead_letters.is_empty())
    }

    /// Whether an incremental run notes that it has visited the page: it has a record, or items that count as seen.
    pub fn is_visit(&self) -> bool {
        self.record_to_keep().is_some() || !self.items.is_empty()
    }

    /// Whether its items are all that the page has.
    pub fn was_parsed(&self) -> bool {
        !matches!(self.record_to_keep(), Some(PageRecord::Unchanged(_) | PageRecord::Fresh))
    }

    /// Whether an earlier record of the page no longer says what is stored: the page may have changed rows, and has no record of
    /// its own.
    pub fn outdates_record(&self) -> bool {
        self.may_change_rows() && self.record_to_keep().is_none()
    }

    /// Whether rows of its items may have changed.
    pub fn may_change_rows(&self) -> bool {
        matches!(self.state, PageState::Done | PageState::Dead) || !self.items.is_empty()
    }

    /// The URL of the page as the rows of its items and letters show it. The frontier has the whole URL.
    pub fn shown_url(&self) -> Cow<'_, str> {
        secrets::hide_given_in_url(self.items_url.as_deref().unwrap_or(&self.url))
    }

    /// The rows that it adds or changes: its own, and those of its items, dead letters, new requests and cookies.
    pub fn rows(&self) -> usize {
        1 + self.items.len() + self.dead_letters.len() + self.requests.len() + self.cookies.len()
    }

    /// About how much memory it holds.
    pub fn size(&self) -> usize {
        let requests: usize = self
            .requests
            .iter()
            .map(|queued| {
                size_of::<QueuedRequest>() - size_of::<Request>()
                    + queued.request.url().as_str().len()
                    + request_size(&queued.request)
            })
            .sum();
        let letters: usize = self.dead_letters.iter().map(|letter| json_size(&letter.payload)).sum();
        size_of::<Self>()
            + self.url.len()
            + self.items_url.as_ref().map_or(0, String::len)
            + self.items.iter().map(ItemRecord::size).sum::<usize>()
            + requests
            + letters
            + self.kept.as_ref().map_or(0, |kept| kept.size())
            + self.record.as_ref().map_or(0, |record| record.size())
            + self.cookies.iter().map(StoredCookie::size).sum::<usize>()
    }
}

/// About how much memory a request holds.
pub fn request_size(request: &Request) -> usize {
    size_of::<Request>()
        + request.url().as_str().len()
        + request.body().map_or(0, <[u8]>::len)
        + request.meta().values().map(json_size).sum::<usize>()
}

impl DeadLetter {
    /// An item as a dead letter. A NUL character is replaced by U+FFFD, because Postgres cannot hold it in JSON and a dead
    /// letter must always be storable.
    pub fn of(record: ItemRecord, error: &str, sqlstate: Option<&str>) -> Self {
        let item_type = record.item_type.name().to_owned();
        let payload = cleaned(Json::Object(record.into_json()));
        Self { item_type, payload, error: stored_error(error), sqlstate: sqlstate.map(str::to_owned) }
    }

    /// An item that is too large, as a dead letter that holds its beginning. It cannot be retried.
    pub fn shortened(record: ItemRecord, error: &str) -> Self {
        let item_type = record.item_type.name().to_owned();
        let mut bytes = Map::new();
        let mut payload = Map::new();
        for (name, value) in record.into_json() {
            let (value, length) = beginning(value);
            if let Some(length) = length {
                bytes.insert(name.clone(), Json::from(length));
            }
            payload.insert(name, value);
        }
        payload.insert(SHORTENED.to_owned(), Json::Object(bytes));
        Self {
            item_type,
            payload: cleaned(Json::Object(payload)),
            error: stored_error(error),
            sqlstate: None,
        }
    }

    /// Whether the payload is only the beginning of the item.
    pub fn is_shortened(&self) -> bool {
        self.payload.get(SHORTENED).is_some()
    }
}

/// The key in the payload of a letter whose item was too large: the whole length of each field that was cut. No column can have
/// this name.
const SHORTENED: &str = "#bytes";
/// How much of a field is kept if the item is too large. It is enough to see what it was.
const BEGINNING_BYTES: usize = 4 << 10;
/// A longer error text is cut. It may quote the page.
const MAX_ERROR_BYTES: usize = 16 << 10;

/// The beginning of a field, and its whole length as text if it is longer.
fn beginning(value: Json) -> (Json, Option<usize>) {
    let cut = |text: &str| Json::from(&text[..text.floor_char_boundary(BEGINNING_BYTES)]);
    match value {
        Json::String(text) if text.len() > BEGINNING_BYTES => (cut(&text), Some(text.len())),
        value @ (Json::Array(_) | Json::Object(_)) if json_size(&value) > BEGINNING_BYTES => {
            let mut start = Beginning::default();
            // It fails as soon as there is enough.
            let _ = serde_json::to_writer(&mut start, &value);
            (cut(&String::from_utf8_lossy(&start.0)), Some(json_size(&value)))
        }
        value => (value, None),
    }
}

/// Keeps the first bytes that are written.
#[derive(Default)]
struct Beginning(Vec<u8>);

impl io::Write for Beginning {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() > BEGINNING_BYTES {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.0.extend_from_slice(&bytes[..bytes.len().min(BEGINNING_BYTES)]);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An error in a form that every store takes, without secrets, and no longer than somebody reads: people read the tables.
pub fn stored_error(error: &str) -> String {
    // No secret is longer than what is looked at beyond the end, so none is cut in two before it is found.
    let looked_at = &error[..error.floor_char_boundary(2 * MAX_ERROR_BYTES)];
    let mut stored = clean(&secrets::hide(looked_at));
    if stored.len() > MAX_ERROR_BYTES {
        stored.truncate(stored.floor_char_boundary(MAX_ERROR_BYTES));
        stored.push('…');
    }
    stored
}

/// The text in a form that every store takes.
pub fn clean(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// The same JSON without NUL characters. It is copied only if it has some.
pub fn cleaned(json: Json) -> Json {
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
