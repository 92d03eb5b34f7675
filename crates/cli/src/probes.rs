//! The probe of `DRAGLINE_PROBE`, for tests alone: at the place that it names the process is killed or, with
//! `DRAGLINE_PROBE_DEED=hang`, the thread that comes there never goes on.

/// Arms it. In builds without debug assertions there are no probes.
pub(crate) fn arm() {
    #[cfg(debug_assertions)]
    if let Ok(probe) = std::env::var("DRAGLINE_PROBE") {
        let hangs = std::env::var("DRAGLINE_PROBE_DEED").is_ok_and(|deed| deed == "hang");
        dragline_core::probe::arm(&probe, if hangs { hang } else { die });
    }
}

/// Nothing is flushed, unwound or told: that is what the kernel's memory killer does, too.
#[cfg(debug_assertions)]
fn die(place: &str) {
    say(&format!("probe: killed at {place:?}"));
    let _ = signal_hook::low_level::raise(signal_hook::consts::SIGKILL);
}

/// As a call that never comes back.
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
