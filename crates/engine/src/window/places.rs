//! How the window's places are shared out.

use crate::settings::EngineSettings;

/// A host keeps at least this many requests, so that its slots stay busy while a refill is on its way.
const SMALLEST_SHARE: usize = 8;
/// A scan looks for hosts whose number is not known, so it cuts the window into this many shares.
const HOSTS_PER_SCAN: usize = 500;

/// The bounds of the window.
#[derive(Debug)]
pub(crate) struct Places {
    total: usize,
    largest_share: usize,
    smallest_share: usize,
}

impl Places {
    pub(crate) fn new(settings: &EngineSettings) -> Self {
        let largest_share = settings.window.per_host.min(settings.window.requests);
        let smallest_share =
            settings.pace.host_concurrency.saturating_mul(2).max(SMALLEST_SHARE).min(largest_share);
        Self { total: settings.window.requests, largest_share, smallest_share }
    }

    pub(crate) fn total(&self) -> usize {
        self.total
    }

    pub(crate) fn smallest_share(&self) -> usize {
        self.smallest_share
    }

    /// Places for one host, if there are this many hosts.
    pub(crate) fn share(&self, hosts: usize) -> usize {
        (self.total / hosts.max(1)).clamp(self.smallest_share, self.largest_share)
    }

    /// Requests for each host that a scan finds. They are few, so that many hosts fit.
    pub(crate) fn scan_share(&self) -> usize {
        self.share(HOSTS_PER_SCAN)
    }
}
