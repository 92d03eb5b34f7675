//! The tokenizer and the tree compared with the public test suites of HTML, and with html5ever's tokenizer and `scraper`'s tree.

// clippy.toml allows these in test functions; here every function serves one.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod compared;
mod html5lib;
mod limits;
mod pages;
mod random;
mod same_tree;
mod selected;
mod trees;
mod written_by_hand;
