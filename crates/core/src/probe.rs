//! Probes: named places where a test can kill the process, to show that nothing is lost there.
//!
//! ```
//! use dragline_core::probe::reach;
//!
//! reach("flush: after requests"); // an empty function, unless the place is armed
//! ```
//!
//! Probes exist only in builds with debug assertions. This crate does no I/O, so the caller that arms a probe passes the
//! action. The command line arms the probe that `DRAGLINE_PROBE` names, with SIGKILL.

/// Says that this place was reached.
#[inline]
pub fn reach(place: &str) {
    #[cfg(debug_assertions)]
    armed::reach(place);
    #[cfg(not(debug_assertions))]
    let _ = place;
}

#[cfg(debug_assertions)]
pub use armed::arm;

#[cfg(debug_assertions)]
mod armed {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    static PROBE: OnceLock<Probe> = OnceLock::new();

    struct Probe {
        place: String,
        /// How often the place is passed before the action runs.
        passes_left: AtomicU32,
        deed: fn(&str),
    }

    /// Arms `PLACE`, or `PLACE:N` for the Nth time that it is reached. Only the first call has an effect.
    pub fn arm(probe: &str, deed: fn(&str)) {
        let (place, time) = match probe.rsplit_once(':').map(|(place, time)| (place, time.parse())) {
            Some((place, Ok(time))) => (place, time),
            _ => (probe, 1_u32),
        };
        let passes_left = AtomicU32::new(time.saturating_sub(1));
        let _ = PROBE.set(Probe { place: place.to_owned(), passes_left, deed });
    }

    pub(super) fn reach(place: &str) {
        let Some(probe) = PROBE.get().filter(|probe| probe.place == place) else { return };
        let pass =
            probe.passes_left.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(1));
        if pass.is_err() {
            (probe.deed)(place);
        }
    }
}

#[cfg(all(test, debug_assertions))]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    static DEEDS: AtomicU32 = AtomicU32::new(0);

    #[test]
    fn the_deed_is_done_at_its_place_and_time() {
        super::arm("test: here:3", |place| {
            assert_eq!(place, "test: here");
            DEEDS.fetch_add(1, Ordering::Relaxed);
        });
        for (place, deeds) in [("test: here", 0), ("test: there", 0), ("test: here", 0), ("test: here", 1)] {
            super::reach(place);
            assert_eq!(DEEDS.load(Ordering::Relaxed), deeds);
        }
    }
}
