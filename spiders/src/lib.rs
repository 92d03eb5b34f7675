//! The spiders that come with Dragline: one file per site, each registered in [`all`].
//!
//! A spider is a function of its page. It cannot reach the network, the clock or the database, so what it
//! makes of a page is tried with stored pages (`pages/`) and held by snapshots (`tests/`).

use std::sync::Arc;

use dragline::{Spider, spiders};

pub mod quotes;
pub mod site;

/// All of them, in the order of `dragline list`.
pub fn all() -> Vec<Arc<dyn Spider>> {
    spiders![
        quotes::Quotes,
        site::Site, //
    ]
}

/// Its examples are tests.
#[cfg(doctest)]
#[doc = include_str!("../../docs/writing-a-spider.md")]
pub struct WritingASpider;
