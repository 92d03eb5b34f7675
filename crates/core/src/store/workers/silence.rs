//! Workers that have been silent for a whole lease, as another worker sees them.
//!
//! The store's clock is not enough to decide this. After an outage of the store, all leases have expired, and the first worker that is back would
//! declare all others dead. So a worker also waits for a whole lease by its own clock, and it only counts time in which the store
//! answered: in that time, the silent worker could have renewed its lease too.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::Peer;

/// Between two looks, this part of a lease may pass. After a longer gap, nobody knows whether the store could be reached. Leases are
/// renewed four times as often as they expire, so one renewal may fail.
const LONGEST_GAP: (u32, u32) = (2, 3);

/// Watches the leases of other workers.
#[derive(Debug, Default)]
pub struct SilenceWatch {
    /// The last look.
    last: Option<Duration>,
    peers: HashMap<i64, Watched>,
}

#[derive(Debug)]
struct Watched {
    expires_at: DateTime<Utc>,
    silent: Duration,
}

impl SilenceWatch {
    /// Looks at the workers as a renewal has just shown them. Returns those that have been silent for a whole lease. `now` is a
    /// clock that never goes back, with any beginning.
    pub fn look<'a>(&mut self, now: Duration, peers: &'a [Peer]) -> Vec<&'a Peer> {
        let gap = self.last.replace(now).map_or(Duration::ZERO, |last| now.saturating_sub(last));
        self.peers.retain(|id, _| peers.iter().any(|peer| peer.worker_id == *id));
        let (part, of) = LONGEST_GAP;
        let mut silent = Vec::new();
        for peer in peers {
            let new = || Watched { expires_at: peer.expires_at, silent: Duration::ZERO };
            let watched = self.peers.entry(peer.worker_id).or_insert_with(new);
            if watched.expires_at != peer.expires_at || gap > peer.lease * part / of {
                *watched = new();
            } else {
                watched.silent += gap;
            }
            if watched.silent >= peer.lease {
                silent.push(peer);
            }
        }
        silent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_secs(12);

    fn peer(worker_id: i64, expires: i64) -> Peer {
        let expires_at = DateTime::from_timestamp(1_800_000_000 + expires, 0).unwrap();
        Peer { worker_id, pid: 1, place: String::new(), lease: LEASE, expires_at }
    }

    fn silent(watch: &mut SilenceWatch, second: u64, peers: &[Peer]) -> Vec<i64> {
        watch.look(Duration::from_secs(second), peers).iter().map(|peer| peer.worker_id).collect()
    }

    #[test]
    fn a_worker_is_silent_after_one_lease_without_a_renewal() {
        let mut watch = SilenceWatch::default();
        for second in [0, 3, 6, 9] {
            // Worker 2 goes on, and worker 1 does not.
            let peers = [peer(1, 5), peer(2, 12 + i64::try_from(second).unwrap())];
            assert_eq!(silent(&mut watch, second, &peers), [0; 0], "after {second} s");
        }
        assert_eq!(silent(&mut watch, 12, &[peer(1, 5), peer(2, 24)]), [1]);
        assert_eq!(silent(&mut watch, 13, &[peer(1, 5), peer(2, 24)]), [1], "until somebody has reaped it");
        assert_eq!(silent(&mut watch, 14, &[peer(1, 26), peer(2, 24)]), [0; 0], "it woke up first");
    }

    #[test]
    fn time_in_which_the_store_gave_no_answer_does_not_count() {
        let mut watch = SilenceWatch::default();
        let peers = [peer(1, 5)];
        assert_eq!(silent(&mut watch, 0, &peers), [0; 0]);
        assert_eq!(silent(&mut watch, 8, &peers), [0; 0]);
        // An outage, in which this worker waited as the others did.
        assert_eq!(silent(&mut watch, 68, &peers), [0; 0]);
        assert_eq!(silent(&mut watch, 75, &peers), [0; 0]);
        assert_eq!(silent(&mut watch, 79, &peers), [0; 0]);
        assert_eq!(silent(&mut watch, 80, &peers), [1]);
    }

    #[test]
    fn a_worker_that_is_gone_is_forgotten() {
        let mut watch = SilenceWatch::default();
        for second in [0, 4, 8] {
            silent(&mut watch, second, &[peer(1, 5)]);
        }
        silent(&mut watch, 9, &[]);
        assert_eq!(silent(&mut watch, 13, &[peer(1, 5)]), [0; 0]);
        assert_eq!(watch.peers.len(), 1);
    }
}
