//! What spiders, pipelines, stores and threads agree on. No I/O, no clock, no async runtime.
//!
//! Two readers come here. Somebody who writes a spider needs [`prelude`] and nothing else: [`Spider`],
//! [`Page`], [`Output`], [`Request`], [`Item`]. Somebody who works on Dragline finds the contracts by which
//! its parts are joined: a [`PageOutcome`] goes from a crawl thread to the persistence thread, a
//! [`StoreEvent`] comes back to the scheduler, and a [`Store`] makes outcomes durable. The engine, the
//! pipelines and the stores know these types and not each other.

// The derive macro names the facade crate; inside this repository `dragline` is this crate.
#[allow(unused_extern_crates)]
extern crate self as dragline;

pub mod args;
pub mod bridge;
pub mod budget;
pub mod canonical;
mod compiled;
pub mod cookies;
pub mod credit;
mod document;
mod elements;
pub mod encoding;
pub mod error;
pub mod fingerprint;
pub mod form;
pub mod frontier;
pub mod hold;
pub mod host_note;
pub mod item;
pub mod item_pipeline;
mod latency;
pub mod letters;
mod link;
pub mod mime;
pub mod options;
pub mod outcome;
pub mod output;
pub mod page;
pub mod probe;
pub mod proxy;
pub mod pulse;
pub mod refresh;
pub mod request;
pub mod resolve;
pub mod response;
pub mod runs;
pub mod same_request;
pub mod sample;
pub mod selector;
mod sniff;
pub mod spider;
pub mod stay_in;
pub mod stop;
pub mod store;
pub mod stored_page;
pub mod tally;
pub mod value;
mod visible_text;
pub mod worker;

pub use args::Args;
pub use bridge::{OutcomeSink, Receipt, ReceiptSink, StoreEvent, SubmitError};
pub use cookies::StoredCookie;
pub use dragline_derive::Item;
pub use error::{Error, Result};
pub use fingerprint::Fingerprint;
pub use form::Form;
pub use frontier::QueuedRequest;
pub use host_note::HostNote;
pub use item::{Column, ColumnType, Item, ItemRecord, ItemType};
pub use item_pipeline::{ItemPipeline, Verdict};
pub use latency::{LATENCY_BOUNDS, Latency, LatencySnapshot};
pub use options::RequestOptions;
pub use outcome::{DeadLetter, PageOutcome, PageState};
pub use output::Output;
pub use page::Page;
pub use proxy::Proxy;
pub use refresh::Refresh;
pub use request::{Request, RequestError};
pub use response::Response;
pub use same_request::SameRequest;
pub use sample::Sample;
pub use selector::Node;
pub use spider::{Failure, Spider};
pub use stay_in::StayIn;
pub use store::{Refilled, Store, StoreError};
pub use stored_page::StoredPage;
pub use value::{Field, Value};

/// The types that `#[item(…)]` fields are made of, under the names that the derive macro uses.
pub use chrono;
pub use rust_decimal;
pub use serde_json;

/// Everything that a spider needs: `use dragline::prelude::*;`.
pub mod prelude {
    pub use crate::args::Args;
    pub use crate::bail;
    pub use crate::error::{Error, Result};
    pub use crate::form::Form;
    pub use crate::item::{Item as _, ItemType};
    pub use crate::output::Output;
    pub use crate::page::Page;
    pub use crate::request::Request;
    pub use crate::same_request::SameRequest;
    pub use crate::sample;
    pub use crate::sample::Sample;
    pub use crate::selector::Node;
    pub use crate::spider::{Failure, Spider};
    pub use crate::spiders;
    pub use crate::stay_in::StayIn;
    pub use chrono::{DateTime, NaiveDate, Utc};
    pub use dragline_derive::Item;
    pub use rust_decimal::Decimal;
    pub use serde::Serialize;
    pub use serde_json::Value as Json;
    pub use url::Url;
}
