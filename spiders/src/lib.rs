//! The spiders that come with Dragline: one file per site, each registered in [`all`].
//!
//! A spider is a function of its page. It cannot reach the network, the clock or the database, so what it
//! makes of a page is tried with samples that it carries: stored pages (`pages/`), each with what is expected of it
//! beside it. `dragline check` runs them, and so do the tests.

use std::sync::Arc;

use dragline::{Spider, spiders};

pub mod books;
pub mod quotes;
pub mod site;

/// All of them, in the order of `dragline list`.
pub fn all() -> Vec<Arc<dyn Spider>> {
    spiders![
        books::Books,
        quotes::Quotes,
        site::Site, //
    ]
}
