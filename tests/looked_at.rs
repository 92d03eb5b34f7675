//! A crawl that is killed and resumed while another session looks at its rows.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use dragline_testkit::{Dragline, Site};

use crate::stored::Stored;

const SOON: Duration = Duration::from_secs(60);

/// Crawls a site to its end, with a kill after each of these numbers of further answers. A session of its own looks all the time,
/// while the program works and while it is dead: the query `wrong` counts rows that must not be there at any instant.
pub(crate) fn killed_while_looked_at(
    crawl: &Dragline,
    site: &Site,
    stored: &Stored,
    wrong: &str,
    kills: &[usize],
) {
    let before = stored.pages("done");
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let looks = scope.spawn(|| {
            let mut looks = 0;
            while !ended.load(Ordering::SeqCst) {
                assert_eq!(stored.count(wrong), 0, "look {looks}");
                looks += 1;
            }
            looks
        });
        let mut wanted = 0;
        for (kill, answers) in (1..).zip(kills) {
            site.hold_after(*answers);
            wanted += answers * 2 / 3;
            let mut running = crawl.spawn();
            running.wait_until("more pages are done", SOON, |_| stored.pages("done") - before >= wanted);
            running.kill9();
            assert!(stored.pages("queued") > 0, "kill {kill} came before the end");
            assert_eq!(stored.count(wrong), 0, "after kill {kill}");
        }
        site.release();
        crawl.run().assert_code(0).assert_stderr("was killed or crashed");
        ended.store(true, Ordering::SeqCst);
        let looks = looks.join().unwrap();
        assert!(looks > 10, "only {looks} looks");
    });
}
