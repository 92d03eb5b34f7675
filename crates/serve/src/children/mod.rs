//! What the crawls of this server say about themselves.
//!
//! Each crawl answers at a socket in a private folder (`dragline crawl --supervised FOLDER`). A task for each crawl asks every few
//! seconds. The endpoints of the server have the last answers and their age, and never wait for a crawl: one that stands still
//! (SIGSTOP) or hangs keeps its last known values.
//!
//! A crawl that ends leaves its last metrics as a file in its folder, so no count is lost. Of a process that was killed, its last
//! answer counts.

mod ask;
mod folder;
mod samples;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tracing::warn;

use self::ask::{MAX_ANSWER, ask};
use self::folder::PrivateFolder;
pub(crate) use self::samples::Samples;

/// How often a crawl is asked.
const ASK_EVERY: Duration = Duration::from_secs(2);
/// How long an answer is waited for. Nobody waits with it, and a crawl that goes on answers what it was asked meanwhile.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// A person who opens a page waits for this long at most.
const LIVE_LIMIT: Duration = Duration::from_millis(800);
/// A crawl that has not answered for longer is silent: it stands still, hangs, or has not begun to listen.
pub const SILENT_AFTER: Duration = Duration::from_secs(10);

/// The socket in the folder of a crawl.
pub const ENDPOINT: &str = "endpoint";
/// The file with the last metrics in the folder of a crawl.
pub const LAST_METRICS: &str = "metrics";

/// The crawls of this server.
pub struct Children {
    folder: Option<PrivateFolder>,
    /// `None` only after the end.
    runtime: Option<Runtime>,
    next: AtomicU64,
    crawls: Arc<Mutex<Crawls>>,
}

#[derive(Default)]
struct Crawls {
    running: Vec<Arc<Crawl>>,
    /// The sums of the processes that have ended, by schedule.
    ended: BTreeMap<String, Samples>,
}

/// A process.
struct Crawl {
    schedule: String,
    spider: String,
    folder: PathBuf,
    pid: AtomicU32,
    began: Instant,
    has_ended: AtomicBool,
    end: Notify,
    last: Mutex<Last>,
}

/// What it has said.
#[derive(Default)]
struct Last {
    metrics: Option<Samples>,
    health: Option<Json>,
    answered: Option<Instant>,
    live: Option<(Json, Instant)>,
}

/// The place of a crawl that is about to start. With its end, the process has ended.
pub struct Child {
    crawl: Arc<Crawl>,
    crawls: Arc<Mutex<Crawls>>,
}

impl Children {
    /// Nothing is asked yet. Without a private folder, the server works all the same, and knows less.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub fn new() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("children")
            .enable_all()
            .build()?;
        let folder = PrivateFolder::new().inspect_err(|error| {
            warn!(%error, "a private folder for the sockets of crawls cannot be made, so the page and the metrics don't have their live figures");
        });
        Ok(Self {
            folder: folder.ok(),
            runtime: Some(runtime),
            next: AtomicU64::new(1),
            crawls: Arc::default(),
        })
    }

    /// A place for a crawl that is about to start.
    pub(crate) fn add(&self, schedule: &str, spider: &str) -> Option<Child> {
        let name = self.next.fetch_add(1, Ordering::Relaxed).to_string();
        let folder = self.folder.as_ref()?.path().join(name);
        if let Err(error) = fs::create_dir(&folder) {
            warn!(schedule, %error, folder = %folder.display(), "the crawl starts without live figures");
            return None;
        }
        let crawl = Arc::new(Crawl {
            schedule: schedule.to_owned(),
            spider: spider.to_owned(),
            folder,
            pid: AtomicU32::new(0),
            began: Instant::now(),
            has_ended: AtomicBool::new(false),
            end: Notify::new(),
            last: Mutex::default(),
        });
        self.crawls().running.push(Arc::clone(&crawl));
        if let Some(runtime) = &self.runtime {
            runtime.spawn(watch(Arc::clone(&crawl)));
        }
        Some(Child { crawl, crawls: Arc::clone(&self.crawls) })
    }

    /// Forgets schedules that are no longer in the settings file.
    pub(crate) fn keep(&self, is_there: impl Fn(&str) -> bool) {
        self.crawls().ended.retain(|schedule, _| is_there(schedule));
    }

    /// What the process says about its health, and how old that is.
    pub fn health(&self, pid: u32) -> Option<Json> {
        let crawl = self.crawls().running.iter().find(|it| it.pid.load(Ordering::Relaxed) == pid).cloned()?;
        let (age, last) = (crawl.age(), lock(&crawl.last));
        let told = |name: &str| last.health.as_ref().map_or(Json::Null, |health| health[name].clone());
        let (status, why) = if age > SILENT_AFTER {
            ("silent".into(), format!("it has not answered for {} s", age.as_secs()).into())
        } else if last.answered.is_none() {
            ("starting".into(), "it has not answered yet".into())
        } else {
            (told("status"), told("why"))
        };
        Some(json!({ "status": status, "why": why, "answer_age_seconds": age.as_secs_f64() }))
    }

    /// The live figures of a run, and how old they are. `None` if no crawl of this server works on it. The answer takes a second at most.
    pub async fn live(&self, run_id: i64) -> Option<(Json, Duration)> {
        let is_its = |crawl: &&Arc<Crawl>| {
            lock(&crawl.last).health.as_ref().is_some_and(|health| health["run_id"].as_i64() == Some(run_id))
        };
        let crawl = self.crawls().running.iter().rev().find(is_its).cloned()?;
        // One that stands still is not asked again and again.
        if crawl.age() <= SILENT_AFTER / 2
            && let Ok(Ok(body)) = timeout(LIVE_LIMIT, ask(&crawl.folder.join(ENDPOINT), "/live")).await
            && let Ok(live) = serde_json::from_slice::<Json>(&body)
        {
            lock(&crawl.last).live = Some((live.clone(), Instant::now()));
            return Some((live, Duration::ZERO));
        }
        let last = lock(&crawl.last);
        if let Some((live, at)) = &last.live {
            return Some((live.clone(), at.elapsed()));
        }
        let health = last.health.clone()?;
        Some((json!({ "status": health, "hosts": [], "other_hosts": 0 }), last.answered?.elapsed()))
    }

    /// The metrics of all crawls, in the text format. Counters are the sum of all processes of a schedule.
    pub fn metrics(&self) -> String {
        let (mut total, mut ages) = (Samples::default(), Samples::default());
        let crawls = self.crawls();
        for ended in crawls.ended.values() {
            total.add(ended);
        }
        ages.begin(AGE, "gauge", "How old the last answer of a running crawl is. A crawl that stands still or hangs has an old one.");
        for crawl in &crawls.running {
            if let Some(metrics) = &lock(&crawl.last).metrics {
                total.add(metrics);
            }
            let series = format!("{AGE}{{run=\"{}\",spider=\"{}\"}}", crawl.schedule, crawl.spider);
            ages.set(AGE, &series, crawl.age().as_secs_f64());
        }
        drop(crawls);
        format!("{ages}{total}")
    }

    fn crawls(&self) -> MutexGuard<'_, Crawls> {
        lock(&self.crawls)
    }
}

const AGE: &str = "dragline_serve_crawl_answer_age_seconds";

impl Drop for Children {
    fn drop(&mut self) {
        // The last owner may be within another runtime.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Child {
    /// The folder for `--supervised`.
    pub(crate) fn folder(&self) -> &Path {
        &self.crawl.folder
    }

    /// The process has begun.
    pub(crate) fn has_begun(&self, pid: u32) {
        self.crawl.pid.store(pid, Ordering::Relaxed);
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let crawl = &self.crawl;
        crawl.has_ended.store(true, Ordering::Release);
        crawl.end.notify_waiters();
        let left = last_metrics(&crawl.folder);
        let mut crawls = lock(&self.crawls);
        crawls.running.retain(|it| !Arc::ptr_eq(it, crawl));
        let ended = crawls.ended.entry(crawl.schedule.clone()).or_default();
        match (left, &lock(&crawl.last).metrics) {
            (Some(left), _) => ended.add(&left),
            // It was killed. Its other figures were of a moment that is over.
            (None, Some(last)) => ended.add_counts(last),
            (None, None) => {}
        }
        drop(crawls);
        let _ = fs::remove_dir_all(&crawl.folder);
    }
}

/// The metrics that a process has left behind when it ended.
fn last_metrics(folder: &Path) -> Option<Samples> {
    let mut text = String::new();
    File::open(folder.join(LAST_METRICS)).ok()?.take(MAX_ANSWER as u64).read_to_string(&mut text).ok()?;
    Some(Samples::read(&text))
}

impl Crawl {
    /// How long ago it has answered, or begun.
    fn age(&self) -> Duration {
        lock(&self.last).answered.unwrap_or(self.began).elapsed()
    }
}

/// Asks a crawl until it has ended.
async fn watch(crawl: Arc<Crawl>) {
    let socket = crawl.folder.join(ENDPOINT);
    while !crawl.has_ended.load(Ordering::Acquire) {
        let asked = async {
            let (metrics, health) =
                tokio::join!(limited(ask(&socket, "/metrics")), limited(ask(&socket, "/health")));
            let (Some(metrics), Some(health)) = (metrics, health) else { return };
            let metrics = Samples::read(&String::from_utf8_lossy(&metrics));
            let Ok(health) = serde_json::from_slice(&health) else { return };
            let mut last = lock(&crawl.last);
            (last.metrics, last.health, last.answered) = (Some(metrics), Some(health), Some(Instant::now()));
        };
        tokio::select! {
            () = crawl.end.notified() => return,
            () = async { asked.await; sleep(ASK_EVERY).await; } => {}
        }
    }
}

async fn limited<T>(asked: impl Future<Output = io::Result<T>>) -> Option<T> {
    timeout(ANSWER_LIMIT, asked).await.ok()?.ok()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(done: u64, window: u64) -> String {
        format!(
            "# TYPE dragline_pages_total counter\ndragline_pages_total{{run=\"n\"}} {done}\n\
             # TYPE dragline_window_requests gauge\ndragline_window_requests{{run=\"n\"}} {window}\n"
        )
    }

    fn says(child: &Child, done: u64, window: u64) {
        lock(&child.crawl.last).metrics = Some(Samples::read(&text(done, window)));
    }

    #[test]
    fn counts_never_go_back() {
        let children = Children::new().unwrap();
        let killed = children.add("n", "s").unwrap();
        says(&killed, 5, 7);
        assert!(children.metrics().contains("dragline_pages_total{run=\"n\"} 5\n"));
        drop(killed);
        let metrics = children.metrics();
        assert!(metrics.contains("dragline_pages_total{run=\"n\"} 5\n"), "{metrics}");
        assert!(!metrics.contains("dragline_window_requests{"), "it is over: {metrics}");
        let second = children.add("n", "s").unwrap();
        says(&second, 2, 3);
        let metrics = children.metrics();
        assert!(metrics.contains("dragline_pages_total{run=\"n\"} 7\n"), "{metrics}");
        assert!(metrics.contains("dragline_window_requests{run=\"n\"} 3\n"), "{metrics}");
        // It leaves more than it said last.
        fs::write(second.folder().join(LAST_METRICS), text(4, 0)).unwrap();
        let folder = second.folder().to_owned();
        drop(second);
        let metrics = children.metrics();
        assert!(metrics.contains("dragline_pages_total{run=\"n\"} 9\n"), "{metrics}");
        assert!(metrics.contains("dragline_window_requests{run=\"n\"} 0\n"), "{metrics}");
        assert!(!folder.exists());
        children.keep(|_| false);
        assert!(!children.metrics().contains("dragline_pages_total"));
    }
}
