//! The tasks that serve sessions. This code ends them itself, because the pool would abort them in the middle of a
//! message and leave sessions behind on the server.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_postgres::CancelToken;
use tokio_postgres_rustls::MakeRustlsConnect;

/// How long a `CancelRequest` may take. It is one packet on its own connection.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(1);

/// Tasks that were started and have not ended.
#[derive(Debug, Default)]
pub(super) struct Tasks(Mutex<JoinSet<()>>);

impl Tasks {
    /// Starts a task. Outside a runtime, the task is dropped, because there is nothing to serve.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // This removes the tasks that have ended. Otherwise the set would grow with every session.
            while tasks.try_join_next().is_some() {}
            tasks.spawn_on(task, &runtime);
        }
    }

    /// Waits for all of them. After `limit`, aborts those that are left and waits for them. Returns how many these
    /// were.
    pub(super) async fn gather(&self, limit: Duration) -> usize {
        let mut tasks = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let all = async { while tasks.join_next().await.is_some() {} };
        if timeout(limit, all).await.is_ok() {
            return 0;
        }
        let cut = tasks.len();
        tasks.shutdown().await;
        cut
    }
}

/// A handle that asks the server to give up what a session does. The request is encrypted if the session is.
#[derive(Clone)]
pub(super) struct Canceller {
    pub(super) token: CancelToken,
    pub(super) tls: MakeRustlsConnect,
}

/// Sends the request.
pub(super) async fn cancel(Canceller { token, tls }: Canceller) {
    match timeout(CANCEL_TIMEOUT, token.cancel_query(tls)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a CancelRequest did not reach the server"),
        Err(_) => tracing::debug!("a CancelRequest took too long"),
    }
}
