//! robots.txt (RFC 9309): fetched before the first page of an origin, kept for a day, obeyed.
//!
//! ```text
//!  ask ─► lines ─► rules ◄─ product_token      state: what is known of a host, and for how long
//!                    │
//!                 pattern ◄─ octets
//! ```
//!
//! The parser is our own. Of the two that are kept up, `texting_robots` compiles each pattern with `$` as a regular
//! expression, and `robotstxt` reads the file anew for every URL; neither says which line decided, nor passes all
//! vectors of public test suites, because both compare percent-encoded bytes as they are spelled. What a wrapper
//! would have had to mend was most of this.

mod ask;
mod lines;
mod octets;
mod pattern;
mod product_token;
mod rules;
mod settings;
mod state;
#[cfg(test)]
mod vectors;

pub(crate) use self::ask::{RobotsAnswer, RobotsFault, ask};
pub use self::product_token::product_token;
pub use self::rules::DecidingLine;
pub(crate) use self::rules::{RobotsFile, RobotsLine};
pub use self::settings::{PageRobotsSettings, RobotsSettings};
pub(crate) use self::state::{AfterFailedFetch, HostRobots, RobotsVerdict};
