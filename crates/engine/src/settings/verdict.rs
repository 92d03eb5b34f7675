//! Which finished runs count as good.

use clap::Args;
use dragline_flags::share;

/// Which finished runs count as good. The runtime judges them.
#[derive(Args, Clone, Debug, Default, PartialEq)]
#[command(next_help_heading = "Limits")]
pub struct VerdictSettings {
    /// The share of failed and dead pages that a good run may have [default: 0.1, and always four pages]
    ///
    /// A run with more of them is `finished` with problems, and the exit code is 65. The share is from 0 to 1, and
    /// skipped pages don't count. With 0, one page is enough. This stops no crawl: --max-failed-share does that.
    #[arg(long, env = "DRAGLINE_TOLERATED_FAILED_SHARE", value_name = "SHARE", value_parser = share, allow_negative_numbers = true, hide_short_help = true)]
    pub tolerated_failed_share: Option<f64>,

    /// Item types, separated by commas, of which a good run may have no rows [default: none]
    ///
    /// Otherwise a run is `finished` with problems if it has no rows of an item type that an earlier good run had,
    /// or no rows at all. A run that a limit cut short isn't judged like this, and neither is one whose pages had
    /// nothing in them, such as an empty list of an API.
    #[arg(
        long,
        env = "DRAGLINE_MAY_BE_EMPTY",
        value_name = "TYPES",
        value_delimiter = ',',
        hide_short_help = true
    )]
    pub may_be_empty: Vec<String>,
}
