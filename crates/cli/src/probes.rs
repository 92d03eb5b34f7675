//! `DRAGLINE_PROBE`, for tests only. At the named place, the process is killed. With
//! `DRAGLINE_PROBE_DEED=hang`, the thread that comes there hangs instead.

/// Arms the probe. Builds without debug assertions don't have probes.
pub(crate) fn arm() {
    #[cfg(debug_assertions)]
    if let Ok(probe) = std::env::var("DRAGLINE_PROBE") {
        let hangs = std::env::var("DRAGLINE_PROBE_DEED").is_ok_and(|deed| deed == "hang");
        dragline_core::probe::arm(&probe, if hangs { hang } else { die });
    }
}

/// Nothing is flushed, unwound or logged, just as when the kernel's out-of-memory killer strikes.
#[cfg(debug_assertions)]
fn die(place: &str) {
    say(&format!("probe: killed at {place:?}"));
    let _ = signal_hook::low_level::raise(signal_hook::consts::SIGKILL);
}

/// Behaves like a call that never returns.
#[cfg(debug_assertions)]
fn hang(place: &str) {
    say(&format!("probe: hangs at {place:?}"));
    loop {
        std::thread::park();
    }
}

#[cfg(debug_assertions)]
fn say(line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{line}");
}
