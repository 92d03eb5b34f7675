//! Fetches robots.txt (RFC 9309) before the first page of an origin, keeps it for a day and obeys it.
//!
//! ```text
//!  ask ─► lines ─► rules ◄─ product_token      state: what is known about a host, and for how long
//!                    │
//!                 pattern ◄─ octets
//! ```
//!
//! We have our own parser. There are two maintained crates: `texting_robots` compiles each pattern with `$` as a regular
//! expression, and `robotstxt` reads the whole file again for every URL. Neither reports which line decided. Neither passes all
//! vectors of public test suites, because they compare percent-encoded bytes without decoding them. A wrapper would have had to
//! redo most of the work.

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

pub(crate) use self::ask::{RobotsAnswer, RobotsFault, RobotsFetch, ask, read_text};
pub use self::product_token::product_token;
pub use self::rules::DecidingLine;
pub(crate) use self::rules::{RobotsFile, RobotsLine};
pub use self::settings::{PageRule, RobotsSettings};
pub(crate) use self::state::{AfterFailedFetch, HostRobots, RobotsVerdict};
