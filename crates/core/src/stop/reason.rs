//! Why a run stops early.

use std::fmt;

/// Why a run ends before its frontier is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// A signal, by its name.
    Signal(&'static str),
    /// The program that embeds the crawl asked for it.
    Requested,
    /// `--max-duration` has passed.
    MaxDuration,
    /// This process has done `--max-pages-per-process`, and another one goes on.
    Recycled,
    /// More parses got stuck than there are crawl threads.
    ParsesHang,
    /// Memory stayed above its soft limit. Holds the figures.
    Memory(String),
    /// `--max-items` are stored.
    MaxItems,
    /// Too many pages failed. Holds the figures and the most frequent error.
    MaxFailedShare(String),
    /// Too many items broke a rule. Holds the figures and the rule that was broken most.
    MaxInvalidShare(String),
    /// No host could be reached for too long. Holds the reason.
    NetworkOutage(String),
    /// Something broke. The run can be resumed.
    Failed(String),
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal(name) => write!(f, "signal {name}"),
            Self::Memory(figures) => write!(f, "memory: {figures}"),
            Self::NetworkOutage(what) => write!(f, "network: {what}"),
            Self::Requested => f.write_str("requested"),
            Self::MaxDuration => f.write_str("max-duration"),
            Self::Recycled => f.write_str("max-pages-per-process"),
            Self::MaxItems => f.write_str("max-items"),
            Self::MaxFailedShare(figures) => write!(f, "max-failed-share: {figures}"),
            Self::MaxInvalidShare(figures) => write!(f, "max-invalid-share: {figures}"),
            Self::ParsesHang => f.write_str("the spider's parse does not come back, again and again"),
            Self::Failed(what) => write!(f, "error: {what}"),
        }
    }
}
