//! A crawl leaves the process alone in which it runs: the subscriber, the panic hook, the signal handlers, the output.
//!
//! What is looked at belongs to the process, so this is a program of its own with one test.

// clippy.toml allows these in test functions; here every function serves one.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::panic::catch_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dragline::prelude::*;
use dragline::{Crawl, PageState};
use dragline_testkit::{Site, wait_until};

static PANICS: AtomicUsize = AtomicUsize::new(0);

/// Panics on every page but the first.
struct Clumsy;

impl Spider for Clumsy {
    fn name(&self) -> &str {
        "clumsy"
    }

    fn items(&self) -> Vec<ItemType> {
        Vec::new()
    }

    fn start(&self, _args: &Args) -> Result<Vec<Request>> {
        Ok(Vec::new())
    }

    fn parse(&self, page: &Page, out: &mut Output) -> Result<()> {
        assert!(page.depth() == 0, "a page too deep");
        out.follow_all(page, "a");
        Ok(())
    }
}

/// The masks of signals: those that the process catches and ignores, and those that this thread blocks. The first thread of the process
/// is another one. It blocks all signals for a moment when it starts the thread of a test.
#[cfg(target_os = "linux")]
fn signals() -> Vec<String> {
    let status = fs::read_to_string("/proc/thread-self/status").unwrap();
    let masks = ["SigBlk:", "SigIgn:", "SigCgt:"];
    status.lines().filter(|line| masks.iter().any(|mask| line.starts_with(mask))).map(str::to_owned).collect()
}

/// Where there is no such file, nothing is compared.
#[cfg(not(target_os = "linux"))]
fn signals() -> Vec<String> {
    Vec::new()
}

#[test]
fn a_crawl_leaves_the_process_alone() {
    let (folder, site) = (tempfile::tempdir().unwrap(), Site::generated(4, 2));
    let before = signals();
    std::panic::set_hook(Box::new(|panic| {
        eprintln!("{panic}");
        PANICS.fetch_add(1, Ordering::SeqCst);
    }));
    let store = format!("sqlite:{}", folder.path().join("clumsy.db").display());
    let report = Crawl::new(Clumsy).start_url(site.url("/")).store(store).rate(0.0).run().unwrap();
    let failed = report.pages(PageState::Failed).unwrap();
    assert!(failed > 0, "{report:?}");

    assert!(!tracing::dispatcher::has_been_set(), "somebody installed a subscriber");
    assert_eq!(signals(), before, "somebody installed a signal handler");
    // The program's own hook is still there: it saw each panic of the spider, and it sees the next one.
    assert_eq!(PANICS.load(Ordering::SeqCst) as u64, failed);
    assert!(catch_unwind(|| panic!("one more")).is_err());
    assert_eq!(PANICS.load(Ordering::SeqCst) as u64, failed + 1);
    drop(std::panic::take_hook());
    // Nor is a thread of the crawl left.
    let ours = ["crawl", "download", "persistence", "watchdog"];
    wait_until("the end of the crawl's threads", Duration::from_secs(10), || {
        !thread_names().iter().any(|name| ours.iter().any(|of| name.starts_with(of)))
    });
}

fn thread_names() -> Vec<String> {
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    threads.filter_map(|thread| fs::read_to_string(thread.path().join("comm")).ok()).collect()
}
