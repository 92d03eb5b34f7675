//! The sessions of a store, for health, metrics and diagnoses.

use crate::latency::LatencySnapshot;

/// The sessions of a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PoolStatus {
    /// Sessions in use.
    pub busy: usize,
    /// Sessions that wait to be used.
    pub idle: usize,
    /// The highest number of sessions.
    pub max: usize,
    /// How long operations waited for a session, including its creation.
    pub wait: LatencySnapshot,
}
