//! How people write settings: values with units, their allowed ranges, and their text in the help.
//!
//! Each part of the program declares its settings in one struct, which is also its group of flags
//! (`#[derive(clap::Args)]`). The parsers here turn a flag, an environment variable or a key of the file into the value that
//! the part uses. [`text`] does the opposite for the default values that the help shows. So a default exists only once,
//! in the `Default` of its struct.
//!
//! ```
//! use std::time::Duration;
//! use dragline_flags::{Limit, duration, limit, text};
//!
//! assert_eq!(duration("1h 30m"), Ok(Duration::from_secs(5400)));
//! let none: Limit<Duration> = limit(duration)("0").unwrap();
//! assert_eq!(none, None);
//! assert_eq!(text::duration(Duration::from_secs(90)), "90s");
//! ```

// Each parser refuses a text that is not such a value. Its error says what to write instead.
#![allow(clippy::missing_errors_doc)]

mod parse;
pub mod text;

pub use parse::*;

/// A limit that people may turn off by writing 0. It is `None` then.
///
/// The name is there for the derive of clap, which would take a plain `Option` for a flag that may be left out.
pub type Limit<T> = Option<T>;

/// Reads a limit with the parser of its value; 0 means no limit.
pub fn limit<T: Default + PartialEq>(
    parse: impl Fn(&str) -> Result<T, String> + Clone,
) -> impl Fn(&str) -> Result<Limit<T>, String> + Clone {
    move |text| parse(text).map(|value| Some(value).filter(|value| *value != T::default()))
}
