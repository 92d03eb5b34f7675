//! Where an item comes from.

use crate::rule_counts::{RuleCounts, RuleTally};

/// The page that an item comes from, and the run that crawls it. Item pipelines get it with each item.
///
/// ```
/// use dragline_spider::ItemOrigin;
///
/// let origin = ItemOrigin::new("https://shop.example/1").with_tag("offer").with_depth(2);
/// assert_eq!((origin.url(), origin.tag(), origin.depth()), ("https://shop.example/1", "offer", 2));
/// assert_eq!(origin.run_id(), None);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ItemOrigin<'a> {
    url: &'a str,
    tag: &'a str,
    depth: u32,
    spider: &'a str,
    run: Option<(i64, &'a str)>,
    tally: Option<&'a RuleTally>,
}

impl<'a> ItemOrigin<'a> {
    /// The page with this URL. It has no tag, depth 0, no spider and no run, until you say otherwise.
    pub fn new(url: &'a str) -> Self {
        Self { url, tag: "", depth: 0, spider: "", run: None, tally: None }
    }

    /// Sets the page's tag.
    #[must_use]
    pub fn with_tag(self, tag: &'a str) -> Self {
        Self { tag, ..self }
    }

    /// Sets the page's depth.
    #[must_use]
    pub fn with_depth(self, depth: u32) -> Self {
        Self { depth, ..self }
    }

    /// Sets the name of the spider.
    #[must_use]
    pub fn with_spider(self, spider: &'a str) -> Self {
        Self { spider, ..self }
    }

    /// Sets the id and the name of the run.
    #[must_use]
    pub fn with_run(self, run_id: i64, name: &'a str) -> Self {
        Self { run: Some((run_id, name)), ..self }
    }

    /// Counts broken rules there.
    #[must_use]
    pub fn with_tally(self, tally: &'a RuleTally) -> Self {
        Self { tally: Some(tally), ..self }
    }

    /// Counts rules. Without a tally, as in a test, nothing happens.
    pub fn count_rules(&self, change: impl FnOnce(&mut RuleCounts)) {
        if let Some(tally) = self.tally {
            tally.note(change);
        }
    }

    /// The page's URL.
    pub fn url(&self) -> &'a str {
        self.url
    }

    /// The page's tag. It is empty for a page without one.
    pub fn tag(&self) -> &'a str {
        self.tag
    }

    /// The number of links from a start page to this page.
    pub fn depth(&self) -> u32 {
        self.depth
    }

    /// The name of the spider.
    pub fn spider(&self) -> &'a str {
        self.spider
    }

    /// The id of the run, as in the column `run_id`. `None` when nothing is stored, as in `check` and `fetch`.
    pub fn run_id(&self) -> Option<i64> {
        self.run.map(|(run_id, _)| run_id)
    }

    /// The name of the run. `None` when nothing is stored, as in `check` and `fetch`.
    pub fn run(&self) -> Option<&'a str> {
        self.run.map(|(_, name)| name)
    }
}
