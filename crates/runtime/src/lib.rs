//! One crawl, as a value: every thread and channel of it, its stop, and what it tells about itself.
//!
//! [`Crawl`] is the way in. `run.rs` makes all threads and channels, in order; `stopping.rs` ends them, in order; the
//! watchdog limits how long that takes. [`health`], [`metrics`] and [`listen`] answer whoever asks how the crawl is.
//!
//! [`logging`], [`signals`], [`progress`] and [`first_process`] belong to a program that gives its whole process to one
//! crawl. The command line starts them, and a [`Crawl`] never does.
//!
//! This crate reads no command line, no environment and no settings file.

pub mod blocking;
mod careful_line;
mod crawl;
mod critical;
pub mod diagnosis;
pub mod early_signals;
mod ended;
mod ending;
mod error;
mod error_chain;
pub mod first_process;
pub mod gone;
pub mod health;
mod known_secrets;
pub mod listen;
pub mod logging;
mod look_up_databases;
pub mod memory;
pub mod metrics;
pub mod notify;
pub mod otlp;
mod outcome;
mod page;
mod page_counts;
mod parts;
pub mod progress;
mod report;
mod resume_line;
mod row_watch;
mod run;
mod run_changes;
mod run_name;
mod run_spec;
mod running;
pub mod settings;
mod shown;
pub mod signals;
mod start_url;
mod stop_handle;
mod stop_report;
mod stop_times;
mod stopping;
mod usage;
mod verdict;
pub mod visible;
mod watchdog;
mod watched;

pub use crawl::Crawl;
pub use ended::Ended;
pub use error::CrawlError;
pub use error_chain::chain;
pub use known_secrets::remember_arguments;
pub use outcome::CrawlOutcome;
pub use report::CrawlReport;
pub use run_spec::{check_arguments, hostname};
pub use running::Running;
pub use shown::shown;
pub use start_url::start_url;
pub use stop_handle::StopHandle;
pub use stop_report::StopReport;
pub use stop_times::{DEFAULT_SHUTDOWN_TIMEOUT, MIN_SHUTDOWN_TIMEOUT};
pub use watchdog::Overrun;
