//! What a program is made of. The commands work with it.

use std::sync::Arc;

use dragline_core::{ItemPipeline, Spider};

/// The spiders of a program, and its own item pipelines.
#[derive(Default)]
pub(crate) struct Program {
    pub(crate) spiders: Vec<Arc<dyn Spider>>,
    pub(crate) pipelines: Vec<Arc<dyn ItemPipeline>>,
}
