//! One crawl, as a value: every thread and channel of it, its stop, and what it tells of itself.
//!
//! [`run`] makes all threads and channels, in order. `stopping` ends them, in order, and the watchdog bounds that.
//! [`health`], [`metrics`] and [`listen`] tell whoever asks how the crawl is. [`logging`], [`signals`] and [`progress`]
//! are for a program that gives its whole process to one crawl: the command line starts them, and nothing else does.
//!
//! This crate reads no command line, no environment and no settings file. What a crawl needs comes as [`settings`].

mod critical;
mod diagnosis;
pub mod exit;
pub mod first_process;
pub mod health;
pub mod listen;
pub mod logging;
pub mod memory;
pub mod metrics;
pub mod progress;
mod resume_line;
pub mod run;
pub mod run_name;
pub mod settings;
pub mod signals;
pub mod start;
pub mod stopping;
mod verdict;
mod watchdog;
