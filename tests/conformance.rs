//! The suite that every store passes: what the `Store` trait promises, shown on real databases.
//!
//! A case is a function over an empty place for a store; it is a test for each of the stores. Rows are read
//! past the store, by other means, and only from the tables and columns that are a contract.

mod children;
mod closing;
mod column_types;
mod concurrent;
mod cookies;
mod fixture;
mod flushing;
mod frontier;
mod history;
mod history_tables;
mod hosts;
mod item_figures;
mod item_tables;
mod item_types;
mod kept_pages;
mod letters;
mod merging;
mod origins;
mod ownership;
mod page_records;
mod parents;
mod reading;
mod refill_model;
mod relations;
mod run_admin;
mod runs;
mod schedules;
mod suspects;
mod views;
