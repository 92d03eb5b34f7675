//! Item pipelines, and the bridge to the persistence thread.
//!
//! An item that a spider emits passes the steps of [`item_pipelines`] on the crawl thread; what they keep
//! goes inside its page's outcome through [`persistence`] into the store. A new step is one file here and one
//! line in [`item_pipelines`]. What the store refused can be tried again: [`letters`].

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
    /// Replace NUL characters by U+FFFD; without it their item is a dead letter.
    pub replace_nul: bool,
}

/// The steps that every item passes, in order; a program's `own` come after text has its form, and before the
/// last look at what they made of it.
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
