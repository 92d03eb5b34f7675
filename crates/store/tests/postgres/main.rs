//! What only Postgres promises: what the conformance suite asks of every store is in `tests/conformance`.

// A test reports by failing.
#![allow(clippy::expect_used, clippy::unwrap_used)]

mod flush;
mod support;
