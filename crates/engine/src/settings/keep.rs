//! What is kept of answers.

use clap::Args;
use clap::builder::BoolishValueParser;
use dragline_flags::{Limit, bytes_or_none, limit, text};

use crate::error::EngineError;
use crate::setting_check::require;

/// As much is kept if no size is given: enough for most pages.
const SIZE: &str = "64KiB";
/// Each kept page is in memory until it is stored.
const MAX_BYTES: usize = 16 << 20;

/// What is kept of answers.
#[derive(Args, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[command(next_help_heading = "Storing")]
pub struct KeepSettings {
    /// Keep the answer of each page that the spider gets: status, headers and the whole body, compressed
    ///
    /// The answer is stored together with its page. A body that the store has already is not stored again. Cookies and
    /// other headers with secrets are left out. `dragline pages` lists, prints and exports what is kept, and
    /// `dragline runs prune` removes it.
    #[arg(id = "keep_pages", long = "keep-pages", env = "DRAGLINE_KEEP_PAGES", value_parser = BoolishValueParser::new(), hide_short_help = true)]
    pub pages: bool,

    /// Keep the first bytes of each failed page's answer, at most 16MiB of each; 0 = keep nothing
    ///
    /// Without a size, it is 64KiB. The bytes are in the table `crawl_kept_pages`, until someone deletes the run.
    /// `dragline runs show RUN --kept URL` prints them, and `dragline fetch --kept RUN --spider NAME URL` gives
    /// them to the spider again.
    #[arg(id = "keep_failed", long = "keep-failed", env = "DRAGLINE_KEEP_FAILED", value_name = "BYTES", num_args = 0..=1, require_equals = true, default_missing_value = SIZE, value_parser = limit(bytes_or_none), default_value = text::limit(Self::default().failed_bytes, text::bytes), hide_short_help = true)]
    pub failed_bytes: Limit<usize>,
}

impl KeepSettings {
    pub(crate) fn validate(&self) -> Result<(), EngineError> {
        let Some(bytes) = self.failed_bytes else { return Ok(()) };
        require(bytes <= MAX_BYTES, "keep_failed", &bytes, "it must be at most 16MiB")
    }
}
