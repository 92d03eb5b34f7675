//! Item pipelines, and the bridge to the persistence thread.
//!
//! An item that a spider emits passes the steps of [`item_pipelines`] on the crawl thread. Items that the steps keep
//! travel in their page's outcome through [`persistence`] into the store. [`letters`] tries again what the store
//! refused. To add a step, write one file here and add one line to [`item_pipelines`].

pub mod letters;
pub mod normalize;
mod pause;
pub mod persistence;
pub mod replace_nul;
pub mod validate;

pub use persistence::{
    CloseReport, OpenError, PersistencePipeline, PersistenceSettings, PersistenceStatus, RunEnd,
};

use std::sync::Arc;

use dragline_core::ItemPipeline;

/// What a user decides about the steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ItemPipelineSettings {
    /// Whether to replace NUL characters by U+FFFD. If not, an item with one becomes a dead letter.
    pub replace_nul: bool,
}

/// The steps that every item passes, in order. A program's `own` steps see normalized text, and what they return is
/// validated.
pub fn item_pipelines(
    settings: ItemPipelineSettings,
    own: &[Arc<dyn ItemPipeline>],
) -> Vec<Box<dyn ItemPipeline>> {
    let mut steps: Vec<Box<dyn ItemPipeline>> = Vec::new();
    if settings.replace_nul {
        steps.push(Box::new(replace_nul::ReplaceNul));
    }
    steps.push(Box::new(normalize::Normalize));
    for step in own {
        steps.push(Box::new(Arc::clone(step)));
    }
    steps.push(Box::new(validate::Validate));
    steps
}
