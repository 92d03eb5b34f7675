//! Item pipelines, and the bridge to the persistence thread.
//!
//! An item that a spider emits passes the steps of [`item_pipelines`] on the crawl thread. Items that the steps keep
//! travel in their page's outcome through [`persistence`] into the store. [`letters`] tries again what the store
//! refused. To add a step, write one file here and add one line to [`item_pipelines`].

pub mod letters;
pub mod normalize;
pub mod normalize_text;
mod pause;
pub mod persistence;
pub mod replace_nul;
pub mod validate;

pub use persistence::{
    CloseReport, DueSettings, OpenError, PersistencePipeline, PersistenceSettings, PersistenceStatus, RunEnd,
};

use std::sync::Arc;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args};
use dragline_core::ItemPipeline;

/// What a user decides about the steps.
#[derive(Args, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[command(next_help_heading = "Storing")]
pub struct ItemPipelineSettings {
    /// Replace a NUL character in an item with U+FFFD, instead of making its page `dead`
    ///
    /// Text in Postgres can't contain a NUL. The items of a `dead` page become dead letters.
    #[arg(long, env = "DRAGLINE_REPLACE_NUL", value_name = "BOOL", action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = BoolishValueParser::new(), default_value_t = Self::default().replace_nul, hide_short_help = true)]
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
