//! What is made of robots.txt.

use clap::{ArgAction, Args};

/// Whether and how robots.txt is obeyed.
#[derive(Debug, Args)]
#[command(next_help_heading = "Robots")]
pub(crate) struct Robots {
    /// Whether robots.txt is obeyed
    #[arg(long, env = "DRAGLINE_ROBOTS", value_name = "BOOL", action = ArgAction::Set, default_value = "true")]
    pub(crate) robots: bool,
}
