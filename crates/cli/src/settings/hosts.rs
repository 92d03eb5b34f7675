//! `[host."example.com"]` in `dragline.toml`: settings for single hosts.
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

use dragline_flags::{count, jitter, rate};

/// The settings that a host may have. Their names are the keys in the file.
#[derive(Debug, Args)]
pub(crate) struct HostFlags {
    /// Requests per second, fractions allowed; 0 = no limit
    #[arg(long, value_name = "R", value_parser = rate, allow_negative_numbers = true)]
    rate: Option<f64>,

    /// Requests in flight
    #[arg(long, value_name = "N", value_parser = count)]
    concurrency: Option<usize>,

    /// A random moment within this share of a time slot at which to send a request, 0 to 0.5
    #[arg(long, value_name = "SHARE", value_parser = jitter, allow_negative_numbers = true)]
    jitter: Option<f64>,

    /// Obey robots.txt
    #[arg(long, value_name = "BOOL", action = ArgAction::Set)]
    robots: Option<bool>,
}

/// The parser of these settings.
pub(crate) fn command() -> Command {
    HostFlags::augment_args(Command::new("file").no_binary_name(true).disable_help_flag(true))
}

/// The settings for the hosts of a pattern, from flags that were already checked one by one.
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
