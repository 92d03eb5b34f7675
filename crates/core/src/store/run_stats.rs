//! The keys in `crawl_runs.stats` that a later start or another command reads. The other keys are only for people.

/// The key in `crawl_runs.stats` for the item rows that all starts of a run wrote.
pub const RUN_ITEMS: &str = "run_items";

/// The same, for whether all that was left to fetch had to wait at the last sign of life of the last start.
pub const RUN_WAITS: &str = "waits";

/// The same for the requests that the run has at least. Only deleting rows makes them fewer.
pub const RUN_REQUESTS: &str = "run_requests";

/// The same for the barren pages.
pub const RUN_BARREN_PAGES: &str = "run_barren_pages";
