//! What to do with rows that the site no longer has.

use std::fmt;
use std::str::FromStr;

use clap::Args;
use dragline_flags::{number, share};

/// What to do with rows that the site no longer has. The runtime does it.
#[derive(Args, Clone, Debug, PartialEq)]
#[command(next_help_heading = "Limits")]
pub struct GoneSettings {
    /// At the end of a complete run, remove the rows that the last N complete runs did not see [default: never]
    ///
    /// With `after=3`, a row is removed if three complete runs in a row did not see it. A run is complete if it saw the
    /// whole site and its verdict is good. Only rows of item types with a key are removed. `dragline runs gone` shows which
    /// rows would go.
    #[arg(long, env = "DRAGLINE_DELETE_GONE", value_name = "after=N", hide_short_help = true)]
    pub delete_gone: Option<GoneAfter>,

    /// At the end of a complete run, set `gone_at` in the rows that the last N complete runs did not see [default: never]
    ///
    /// This marks rows and removes none. Only item types with the attribute `gone_mark` have this column. If a row is seen
    /// again, it loses its mark. With --delete-gone as well, and a larger number there, rows are marked first and removed
    /// later.
    #[arg(long, env = "DRAGLINE_MARK_GONE", value_name = "after=N", hide_short_help = true)]
    pub mark_gone: Option<GoneAfter>,

    /// Don't remove or mark rows of an item type if that would be more than this share of its rows
    ///
    /// The run is then `finished` with problems, and the exit code is 65. If the rows are really gone, allow a larger share
    /// for one run.
    #[arg(long, env = "DRAGLINE_MAX_GONE_SHARE", value_name = "SHARE", value_parser = share, default_value_t = Self::default().max_gone_share, hide_short_help = true)]
    pub max_gone_share: f64,
}

impl Default for GoneSettings {
    fn default() -> Self {
        Self {
            delete_gone: None,
            mark_gone: None,
            // A site that lacks a tenth of its contents is probably broken.
            max_gone_share: 0.1,
        }
    }
}

/// How many complete runs in a row did not see a row that is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GoneAfter(pub u32);

impl GoneAfter {
    /// The most runs to look back. For each of them, the store counts how its requests ended.
    pub const MAX: u32 = 100;
}

impl FromStr for GoneAfter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let runs = text.trim().strip_prefix("after=").map(number::<u32>);
        match runs {
            Some(Ok(runs)) if (1..=Self::MAX).contains(&runs) => Ok(Self(runs)),
            Some(Ok(_)) => Err(format!("the number of runs must be from 1 to {}", Self::MAX)),
            _ => Err("write after=N, such as after=3: how many complete runs in a row did not see a row"
                .to_owned()),
        }
    }
}

impl fmt::Display for GoneAfter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "after={}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_runs_is_written_with_its_meaning() {
        assert_eq!("after=3".parse(), Ok(GoneAfter(3)));
        assert_eq!("after=100".parse::<GoneAfter>().unwrap().to_string(), "after=100");
        for wrong in ["", "3", "after", "after=", "after=0", "after=101", "after=-1", "after=x", "3d"] {
            assert!(wrong.parse::<GoneAfter>().is_err(), "{wrong}");
        }
    }
}
