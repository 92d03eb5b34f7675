//! `[host."example.com"]` in `dragline.toml`: what is set for single hosts.
//!
//! ```toml
//! [host."example.com"]
//! rate = 0.5
//! concurrency = 1
//!
//! [host."*.example.com"]
//! rate = 1
//! ```

use clap::{ArgAction, Args, Command, FromArgMatches};
use dragline_engine::{HostOverride, HostPattern};

use super::parse::{count, jitter, rate};

/// What a host may have of its own. A key in the file is the name of one of these.
#[derive(Debug, Args)]
pub(crate) struct HostFlags {
    /// Requests per second, fractions allowed; 0 = no limit
    #[arg(long, value_name = "R", value_parser = rate, allow_negative_numbers = true)]
    rate: Option<f64>,

    /// Requests in flight
    #[arg(long, value_name = "N", value_parser = count)]
    concurrency: Option<usize>,

    /// Share of a gap that chance moves a request by, 0 to 0.5
    #[arg(long, value_name = "SHARE", value_parser = jitter, allow_negative_numbers = true)]
    jitter: Option<f64>,

    /// Whether robots.txt is obeyed
    #[arg(long, value_name = "BOOL", action = ArgAction::Set)]
    robots: Option<bool>,
}

/// The parser of what a host may have.
pub(crate) fn command() -> Command {
    HostFlags::augment_args(Command::new("file").no_binary_name(true).disable_help_flag(true))
}

/// What is set for the hosts of a pattern, in the words of flags that were checked one by one.
pub(super) fn host_override(pattern: HostPattern, words: &[String]) -> Result<HostOverride, clap::Error> {
    let flags = HostFlags::from_arg_matches(&command().try_get_matches_from(words)?)?;
    Ok(HostOverride {
        rate_per_second: flags.rate.map(|rate| Some(rate).filter(|rate| *rate > 0.0)),
        concurrency: flags.concurrency,
        jitter: flags.jitter,
        robots: flags.robots,
        ..HostOverride::new(pattern)
    })
}
