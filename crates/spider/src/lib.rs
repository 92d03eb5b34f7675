//! What an author of spiders and item pipelines sees.
//!
//! [`prelude`] is enough for a spider. A [`Spider`] says where to start and what a [`Page`] yields: items and new
//! [`Request`]s, which it puts into an [`Output`]. An [`ItemPipeline`] looks at each item after that.
//!
//! ```
//! use dragline_spider::StoredPage;
//!
//! let page = StoredPage::new("https://example.com/", "<h1>Hello</h1><a href=more>more</a>").page()?;
//! assert_eq!(page.text("h1")?, "Hello");
//! assert_eq!(page.request("more")?.url().as_str(), "https://example.com/more");
//! # Ok::<(), dragline_spider::Error>(())
//! ```
//!
//! This crate does no I/O, starts no thread and reads no clock: a spider gets a page and returns values. How a page is
//! fetched, when, and where its items go is decided elsewhere (`dragline-core` and the crates above it).

// The macros use the same name for this crate as other crates do.
#[allow(unused_extern_crates)]
extern crate self as dragline_spider;

pub mod accepts;
pub mod args;
pub mod argument_error;
pub mod arguments;
mod cache;
pub mod canonical;
mod compiled;
pub mod counted;
mod document;
mod elements;
pub mod encoding;
pub mod error;
mod extract;
mod failure;
pub mod fingerprint;
mod fold;
pub mod form;
mod found;
pub mod from_record;
mod from_text;
pub mod item;
pub mod item_extras;
pub mod item_history;
pub mod item_limits;
pub mod item_origin;
pub mod item_pipeline;
pub mod item_type;
mod json;
mod key;
mod link;
mod look_up_ticket;
pub mod merge;
mod meta;
pub mod mime;
pub mod natural_key;
mod nearest;
mod node;
pub mod options;
pub mod output;
pub mod page;
pub mod page_memory;
mod pattern;
mod place;
pub mod proxy;
pub mod queued_request;
pub mod reason;
pub mod refresh;
pub mod relations;
pub mod request;
pub mod resolve;
pub mod response;
pub mod router;
pub mod rule_counts;
pub mod same_request;
pub mod sample;
pub mod secrets;
pub mod sitemap;

mod sniff;
pub mod spider;
pub mod sql_database;
pub mod stay_in;
pub mod stored_page;
pub mod table_name;
pub mod type_pattern;
mod typed_values;
pub mod url_list;
pub mod value;
mod view;
mod visible_text;

pub use accepts::{Accepts, AcceptsError};
pub use args::Args;
pub use argument_error::{ArgumentError, ArgumentProblem};
pub use arguments::{Argument, Arguments, Presence, SpiderArgs};
pub use compiled::AsSelector;
pub use dragline_css::{Selector, SelectorError};
pub use dragline_derive::{Extract, Item, SpiderArgs, css};
pub use error::{Error, Result};
pub use extract::Extract;
pub use failure::Failure;
pub use fingerprint::Fingerprint;
pub use form::Form;
pub use from_record::{FromJson, FromRecord, FromValue};
pub use from_text::{FromFormat, FromText};
pub use item::{Item, ItemRecord, RecordError};
pub use item_limits::ItemLimits;
pub use item_origin::ItemOrigin;
pub use item_pipeline::{Enrich, ItemPipeline, LookUp, TypedPipeline, Verdict};
pub use item_type::{Column, ColumnType, ItemType, ItemTypeBuilder, ItemTypeError};
pub use key::{HasId, IdPart, Key, Parent};
pub use look_up_ticket::LookUpTicket;
pub use merge::Merge;
pub use node::Node;
pub use options::{RequestOptions, SitemapRole};
pub use output::Output;
pub use page::Page;
pub use pattern::{AsPattern, Re};
pub use proxy::Proxy;
pub use queued_request::QueuedRequest;
pub use reason::Reason;
pub use refresh::Refresh;
pub use regex::Regex;
pub use relations::{IdColumn, Reference};
pub use request::{Followed, MAX_HOST_BYTES, Request, RequestError, SqlQuestion};
pub use response::Response;
pub use router::{Router, UnknownTag};
pub use rule_counts::{BrokenRule, Consequence, RuleCounts, RuleTally};
pub use same_request::SameRequest;
pub use sample::Sample;
pub use sitemap::{Sitemap, SitemapEntry, SitemapError, SitemapKind};
pub use spider::Spider;
pub use sql_database::SqlDatabase;
pub use stay_in::StayIn;
pub use stored_page::StoredPage;
pub use type_pattern::{TypePattern, TypePatternError};
pub use value::{Field, Value};
pub use view::View;

/// The types that `#[item(…)]` fields are made of, under the names that the derive macro uses.
pub use chrono;
pub use rust_decimal;
pub use serde_json;
pub use uuid;

/// The names that the macros use in the code that they write. Do not use them yourself.
#[doc(hidden)]
pub mod __private {
    pub use crate::extract::Extract;
    pub use crate::from_record::{FromJson, FromRecord, FromValue, RecordFields};
    pub use crate::from_text::{FromFormat, FromText};
    pub use crate::key::{HasId, IdPart, Key, Parent, ParentKey};
    pub use crate::merge::Merge;
    pub use crate::place::{Place, checked_pattern, made_with, parsed};
    pub use crate::value::{Field, Value};
    pub use crate::{Args, ArgumentError, Arguments, Presence, SpiderArgs};
    pub use crate::{ColumnType, Item, ItemRecord, ItemType, RecordError};
    pub use crate::{Error, Node, Result};
    pub use dragline_css::Selector;
    pub use regex::Regex;
}

/// Everything that a spider needs: `use dragline::prelude::*;`.
pub mod prelude {
    pub use crate::accepts::Accepts;
    pub use crate::args::Args;
    pub use crate::arguments::{Arguments, SpiderArgs};
    pub use crate::bail;
    pub use crate::error::{Error, Result};
    pub use crate::extract::Extract as _;
    pub use crate::failure::Failure;
    pub use crate::form::Form;
    pub use crate::item::Item as _;
    pub use crate::item_type::ItemType;
    pub use crate::key::Key;
    pub use crate::node::Node;
    pub use crate::output::Output;
    pub use crate::page::Page;
    pub use crate::pattern::Re as _;
    pub use crate::request::Request;
    pub use crate::router::Router;
    pub use crate::same_request::SameRequest;
    pub use crate::sample;
    pub use crate::sample::Sample;
    pub use crate::spider::Spider;
    pub use crate::spiders;
    pub use crate::stay_in::StayIn;
    pub use chrono::{DateTime, NaiveDate, Utc};
    pub use dragline_css::Selector;
    pub use dragline_derive::{Extract, Item, SpiderArgs, css};
    pub use rust_decimal::Decimal;
    pub use serde::Serialize;
    pub use serde_json::Value as Json;
    pub use url::Url;
    pub use uuid::Uuid;
}
