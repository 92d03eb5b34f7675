//! What the engine, the item pipelines, the stores and the runtime agree on. No I/O, no async runtime.
//!
//! A [`Fetched`] answer goes from the downloader to a crawl thread. A [`PageOutcome`] goes from the crawl thread to the
//! persistence thread. A [`StoreEvent`] comes back to the scheduler. A [`Store`] makes outcomes durable. The engine, the
//! pipelines and the stores know these types, and do not know each other.
//!
//! The types that authors of spiders see are in `dragline-spider`. Every part needs them together with the contracts, so
//! this crate re-exports them.

pub mod back_off;
pub mod bridge;
pub mod budget;
mod carried_item;
pub mod cookies;
pub mod credit;
pub mod diff;
pub mod due;
pub mod earlier;
pub mod fetched;
pub mod gone;
pub mod hold;
pub mod host_note;
pub mod item_figures;
pub mod kept_answer;
pub mod kept_body;
pub mod kept_page;
mod latency;
pub mod letters;
pub mod lineage;
pub mod newest_rows;
pub mod outcome;
pub mod page_traces;
pub mod probe;
pub mod program;
pub mod prune;
pub mod pulse;
pub mod reparse;
pub mod run_kind;
pub mod run_verdict;
pub mod runs;
pub mod schedules;
pub mod shard;
pub mod sql_answers;
pub mod stop;
pub mod store;
pub mod suspects;
pub mod suspension;
pub mod tally;
pub mod timeline;
pub mod worker;

pub use bridge::{OutcomeSink, PageFault, Receipt, ReceiptSink, StoreEvent, SubmitError};
pub use carried_item::CarriedItem;
pub use cookies::StoredCookie;
pub use earlier::{EarlierPage, EarlierPages, PageRecord, ParserVersion};
pub use fetched::Fetched;
pub use host_note::HostNote;
pub use kept_answer::{KeptAnswer, KeptAnswers, KeptAsk, KeptEntry, KeptListAsk, KeptListed, KeptPlace};
pub use kept_body::{KeptBody, KeptBodyError};
pub use latency::{LATENCY_BOUNDS, Latency, LatencySnapshot};
pub use outcome::{DeadLetter, PageKey, PageOutcome, PageState};
pub use run_kind::RunKind;
pub use store::{Refilled, Store, StoreError};

pub use dragline_spider::*;
