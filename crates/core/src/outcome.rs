//! The page outcome: everything that one request produced. It is stored in one transaction or not at all.

use std::fmt;

use serde_json::Value as Json;

use crate::budget::Charge;
use crate::cookies::StoredCookie;
use crate::credit::Credit;
use dragline_spider::fingerprint::Fingerprint;
use dragline_spider::item::ItemRecord;
use dragline_spider::queued_request::QueuedRequest;
use dragline_spider::value::json_size;

/// The state that a request ends in; before, it is `queued`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PageState {
    /// All its kept items and new requests are stored.
    Done,
    /// Given up, with the error kept.
    Failed,
    /// Not fetched or not parsed, with the reason kept.
    Skipped,
    /// The store refuses one of its items; they are in the dead letters.
    Dead,
}

impl PageState {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 4] = [Self::Done, Self::Failed, Self::Skipped, Self::Dead];

    /// As stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Dead => "dead",
        }
    }

    /// From its stored form; `None` for `queued` and anything unknown.
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
    /// How often it was asked for.
    pub attempts: u32,
    /// The error of a failed page, the reason of a skipped or dead one.
    pub error: Option<String>,
    /// The kept items.
    pub items: Vec<ItemRecord>,
    /// The new requests, each fingerprint once.
    pub requests: Vec<QueuedRequest>,
    /// Items that are kept apart.
    pub dead_letters: Vec<DeadLetter>,
    /// What the answer changes in the jars of cookies. Stored with the page, whatever becomes of it.
    pub cookies: Vec<StoredCookie>,
    /// Returned when the persistence thread takes the outcome.
    pub credit: Option<Credit>,
    /// Held until the outcome is durable.
    pub charge: Option<Charge>,
}

/// An item that could not be stored where it belongs.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadLetter {
    /// Its type's name.
    pub item_type: String,
    /// Its fields.
    pub payload: Json,
    /// Why it is here.
    pub error: String,
    /// The server's code, if it was the server who refused.
    pub sqlstate: Option<String>,
}

impl PageOutcome {
    /// An outcome with a state and nothing else.
    pub fn new(fingerprint: Fingerprint, url: impl Into<String>, state: PageState) -> Self {
        Self {
            fingerprint,
            url: url.into(),
            state,
            status: None,
            attempts: 1,
            error: None,
            items: Vec::new(),
            requests: Vec::new(),
            dead_letters: Vec::new(),
            cookies: Vec::new(),
            credit: None,
            charge: None,
        }
    }

    /// The same page as a dead one: its items become dead letters, its new requests stay.
    pub fn kill(&mut self, error: &str, sqlstate: Option<&str>) {
        self.state = PageState::Dead;
        self.error = Some(clean(error));
        for record in std::mem::take(&mut self.items) {
            self.dead_letters.push(DeadLetter::of(&record, error, sqlstate));
        }
    }

    /// Rows that it adds or changes: itself, its items, its dead letters, its new requests, its cookies.
    pub fn rows(&self) -> usize {
        1 + self.items.len() + self.dead_letters.len() + self.requests.len() + self.cookies.len()
    }

    /// About how much memory it holds.
    pub fn size(&self) -> usize {
        let requests: usize = self
            .requests
            .iter()
            .map(|queued| {
                size_of::<QueuedRequest>()
                    + 2 * queued.request.url().as_str().len()
                    + queued.request.body().map_or(0, <[u8]>::len)
                    + queued.request.meta().values().map(json_size).sum::<usize>()
            })
            .sum();
        let letters: usize = self.dead_letters.iter().map(|letter| json_size(&letter.payload)).sum();
        size_of::<Self>()
            + self.url.len()
            + self.items.iter().map(ItemRecord::size).sum::<usize>()
            + requests
            + letters
            + self.cookies.iter().map(StoredCookie::size).sum::<usize>()
    }
}

impl DeadLetter {
    /// An item as a dead letter. What Postgres cannot hold in JSON is replaced (NUL by U+FFFD), for a dead
    /// letter must always be storable.
    pub fn of(record: &ItemRecord, error: &str, sqlstate: Option<&str>) -> Self {
        Self {
            item_type: record.item_type.name.to_owned(),
            payload: Json::Object(
                record.to_json().into_iter().map(|(name, value)| (name, clean_json(value))).collect(),
            ),
            error: clean(error),
            sqlstate: sqlstate.map(str::to_owned),
        }
    }
}

/// Text that every store takes.
pub fn clean(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

fn clean_json(json: Json) -> Json {
    match json {
        Json::String(text) => Json::String(clean(&text)),
        Json::Array(list) => Json::Array(list.into_iter().map(clean_json).collect()),
        Json::Object(map) => {
            Json::Object(map.into_iter().map(|(name, value)| (clean(&name), clean_json(value))).collect())
        }
        other => other,
    }
}
