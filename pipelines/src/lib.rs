//! Item pipelines, and the bridge to the persistence thread.
//!
//! An item that a spider emits passes the steps of [`default_pipelines`] on the crawl thread; what they keep
//! goes inside its page's outcome through [`persistence`] into the store. A new step is one file here and one
//! line in [`default_pipelines`].

pub mod normalize;
pub mod persistence;
pub mod validate;

pub use persistence::{
    CloseReport, OpenError, PersistencePipeline, PersistenceSettings, PersistenceStatus, RunEnd,
};

use dragline_core::ItemPipeline;

/// The steps that every item passes, in order.
pub fn default_pipelines() -> Vec<Box<dyn ItemPipeline>> {
    vec![
        Box::new(normalize::Normalize), //
        Box::new(validate::Validate),
    ]
}
