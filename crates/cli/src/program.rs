//! The parts of a program, which the commands work with.

use std::sync::Arc;

use dragline_core::{ItemPipeline, Spider};
use dragline_engine::Downloaders;

/// The spiders of a program, and its own item pipelines and downloaders.
#[derive(Default)]
pub(crate) struct Program {
    pub(crate) spiders: Vec<Arc<dyn Spider>>,
    pub(crate) pipelines: Vec<Arc<dyn ItemPipeline>>,
    pub(crate) downloaders: Downloaders,
}
