//! A crawl as a value, in a program that is not Dragline's: everything here uses the facade and nothing below it.

// clippy.toml allows these in test functions; here every function serves one.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod invalid;
mod stopping;
mod titles;
mod together;
