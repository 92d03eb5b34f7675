//! The hosts' notes are written in parallel with the flushes, and are not lost in an outage or when the thread closes.

use std::time::Duration;

use dragline_core::HostNote;
use dragline_testkit::wait_until;

use super::harness::{Bridge, LIMIT, folder, quick, slow};

fn note(host: &str, seconds: u64) -> HostNote {
    HostNote::kept(host.to_owned(), None, None, Some(Duration::from_secs(seconds)), None)
}

#[test]
fn a_note_is_written_at_once_also_beside_a_hanging_flush() {
    let (_folder, url) = folder();
    let bridge = Bridge::open(&url, quick(), 1);
    bridge.store.set(|faults| (faults.flush_hangs, faults.hears_cancel) = (true, true));
    bridge.submit(0..1);
    wait_until("a flush hangs", LIMIT, || bridge.store.under_way() == 1);
    bridge.sink.note_host(note("a.example:80", 1));
    wait_until("the note is written", LIMIT, || bridge.store.noted() == [note("a.example:80", 1)]);
    bridge.close(4 * Duration::from_secs(1));
}

#[test]
fn in_an_outage_the_latest_note_of_a_host_waits_and_a_close_writes_it() {
    let (_folder, url) = folder();
    let bridge = Bridge::open(&url, slow(), 1);
    bridge.store.set(|faults| faults.away = true);
    for seconds in 1..=100 {
        bridge.sink.note_host(note("a.example:80", seconds));
    }
    bridge.store.set(|faults| faults.away = false);
    bridge.sink.note_host(note("b.example:80", 1));
    assert!(bridge.close(LIMIT).end_written);
    let mut noted = bridge.store.noted();
    noted.retain(|note| note.host == "a.example:80");
    assert_eq!(noted.last(), Some(&note("a.example:80", 100)));
    bridge.sink.note_host(note("late.example:80", 1));
    assert!(bridge.store.noted().iter().all(|note| note.host != "late.example:80"));
}
