//! Item pipelines, and the bridge to the persistence thread.
//!
//! An item that a spider emits passes the steps of [`item_pipelines`] on the crawl thread. Items that the steps keep
//! travel in their page's outcome through [`persistence`] into the store. [`letters`] tries again what the store
//! refused. To add a step, write one file here and add one line to `steps.rs`.

pub mod letters;
pub mod normalize;
pub mod normalize_text;
mod pause;
pub mod persistence;
pub mod replace_nul;
pub mod rules;
mod steps;
pub mod validate;

pub use persistence::{
    CloseReport, DueSettings, OpenError, PersistencePipeline, PersistenceSettings, PersistenceStatus, RunEnd,
};
pub use steps::{ItemPipelineSettings, StepError, item_pipelines};
