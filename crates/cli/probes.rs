//! The probe of `DRAGLINE_PROBE`, for tests alone: at the place that it names the process is killed.

/// Arms it. In builds without debug assertions there are no probes.
pub(crate) fn arm() {
    #[cfg(debug_assertions)]
    if let Ok(probe) = std::env::var("DRAGLINE_PROBE") {
        dragline_core::probe::arm(&probe, die);
    }
}

/// Nothing is flushed, unwound or told: that is what the kernel's memory killer does, too.
#[cfg(debug_assertions)]
fn die(place: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "probe: killed at {place:?}");
    let _ = signal_hook::low_level::raise(signal_hook::consts::SIGKILL);
}
