//! What only Postgres promises: what the conformance suite asks of every store is in `tests/conformance`.

// A test reports by failing.
#![allow(clippy::expect_used, clippy::unwrap_used)]

mod catalog;
mod concurrency;
mod encryption;
mod ending;
mod flush;
mod frontier;
mod outage;
mod places;
mod poolers;
mod schemas;
mod setup;
mod support;
mod workers;
