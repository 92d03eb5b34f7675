//! The workers of a shared run: each shard has one owner, and a worker that was declared dead can do nothing more.

mod claims;
mod end;
mod fence;
mod storm;

use std::sync::Arc;
use std::time::Duration;

use dragline_core::queued_request::QueuedRequest;
use dragline_core::store::workers::{NewWorker, Peer, Renewal, WorkerKey, WorkerStore};
use dragline_core::store::{BoxFuture, OpenedRun, RunKey, RunSpec, StoreResult};
use dragline_core::{PageOutcome, Request, Store, StoreError};
use dragline_testkit::TestDatabase;
use tokio::time::sleep;

use crate::support::{PAGE, QUOTE, page_item, quote, spec, store};

/// Long enough that nobody is declared dead by mistake.
const LONG: Duration = Duration::from_secs(300);
/// So short that it has expired as soon as somebody looks.
const SHORT: Duration = Duration::from_millis(1);
/// Hosts of a run in these tests, and pages of each.
const HOSTS: usize = 64;
const PAGES: usize = 4;

/// A worker with sessions of its own, as another process would have.
struct Member {
    store: Arc<dyn Store>,
    worker: WorkerKey,
    run: RunKey,
}

impl Member {
    async fn of(database: &TestDatabase, run: &OpenedRun, lease: Duration) -> Self {
        Self::try_of(database, run, lease).await.unwrap()
    }

    async fn try_of(database: &TestDatabase, run: &OpenedRun, lease: Duration) -> StoreResult<Self> {
        let store = connected(database).await;
        let worker = store.workers().unwrap().join(&run.key, "run", &a_process(lease)).await?;
        let run = RunKey { worker: Some(worker.worker_id), ..run.key.clone() };
        Ok(Self { store, worker, run })
    }

    fn workers(&self) -> &dyn WorkerStore {
        self.store.workers().unwrap()
    }

    async fn claim(&self, most: u16) -> Vec<i16> {
        self.workers().claim(&self.worker, most).await.unwrap()
    }

    async fn renew(&self) -> Renewal {
        self.workers().renew(&self.worker).await.unwrap()
    }

    /// This worker as the others see it now.
    async fn as_peer(&self) -> Peer {
        let listed = self.workers().list_workers(self.worker.run_id, 1_000).await.unwrap();
        let record = listed.into_iter().find(|it| it.key == self.worker).unwrap();
        Peer {
            worker_id: record.key.worker_id,
            pid: record.worker.pid,
            place: record.worker.place,
            lease: record.worker.lease,
            expires_at: record.expires_at,
        }
    }

    async fn flush(&self, outcomes: &[PageOutcome]) -> Result<(), StoreError> {
        self.store.flush(&self.run, outcomes).await.map(drop)
    }
}

fn a_process(lease: Duration) -> NewWorker {
    NewWorker {
        hostname: "test-host".to_owned(),
        pid: 4711,
        place: "here".to_owned(),
        version: "1".to_owned(),
        lease,
    }
}

async fn connected(database: &TestDatabase) -> Arc<dyn Store> {
    let store = store(&database.url());
    store.connect().await.unwrap();
    store.prepare_items(&[QUOTE.clone(), PAGE.clone()]).await.unwrap();
    store
}

/// A run on which nobody works, with `PAGES` start requests for each host.
async fn a_run(database: &TestDatabase) -> OpenedRun {
    let opener = connected(database).await;
    let start = (0..HOSTS).flat_map(|host| (0..PAGES).map(move |page| request(host, page))).collect();
    let opened = opener.open_run(&RunSpec { start, ..spec("run", 0) }).await.unwrap();
    opener.close().await;
    opened
}

fn request(host: usize, page: usize) -> QueuedRequest {
    QueuedRequest::start(Request::get(format!("http://h{host}.example/{page}")).unwrap(), 0)
}

fn shard(run: &OpenedRun, host: usize) -> i16 {
    run.key.shards.shard_of(&request(host, 0).host)
}

fn is_fenced<T: std::fmt::Debug>(result: Result<T, StoreError>) -> bool {
    match result {
        Err(StoreError::Fenced { .. }) => true,
        Err(error) => panic!("{error:?}"),
        Ok(_) => false,
    }
}

/// An operation of a worker whose session may just have been ended by somebody who declares it dead.
async fn until_answered<'a, T>(mut ask: impl FnMut() -> BoxFuture<'a, StoreResult<T>>) -> StoreResult<T> {
    for _ in 0..50 {
        match ask().await {
            Err(error) if error.is_retryable() => sleep(Duration::from_millis(20)).await,
            answer => return answer,
        }
    }
    panic!("the store does not answer");
}

/// A page done with items of both kinds.
fn with_items(host: usize, page: usize) -> PageOutcome {
    let queued = request(host, page);
    let name = format!("{host}/{page}");
    let items = vec![quote(&name, 1), page_item(queued.request.url().as_str(), &name)];
    PageOutcome { items, status: Some(200), ..PageOutcome::done(&queued) }
}
