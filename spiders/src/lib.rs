//! The spiders that come with Dragline: one file per site, each registered in [`all`].
//!
//! A spider is a function of its page. It cannot reach the network, the clock or the database, so you can test it with its
//! samples. These are stored pages (`pages/`), each next to a file with the expected result. `dragline check` and the tests
//! check them.

use std::sync::Arc;

use dragline::{Spider, spiders};

pub mod books;
pub mod catalogue;
pub mod mixesdb;
pub mod quotes;
pub mod site;
pub mod tracklists1001;

/// All of them, in the order of `dragline list`.
pub fn all() -> Vec<Arc<dyn Spider>> {
    spiders![books::Books, mixesdb::MixesDb, quotes::Quotes, site::Site, tracklists1001::Tracklists1001,]
}
