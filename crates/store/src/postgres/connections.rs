//! Sessions: how they are made, pooled, and ended.

use std::sync::Arc;

use deadpool_postgres::{Connect, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use dragline_core::store::StoreResult;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::{Client, Config, Error, NoTls};

use super::session::Session;
use super::target::Target;
use super::tasks::Tasks;
use super::{items, requests};
use crate::StoreSettings;

/// The pool, and the session of the run's lock beside it.
pub(super) struct Connections {
    dialer: Arc<Dialer>,
    pool: Pool,
}

/// Makes sessions.
pub(super) struct Dialer {
    pub(super) target: Target,
    pub(super) tasks: Arc<Tasks>,
    settings: StoreSettings,
}

impl Connections {
    /// A pool without sessions yet.
    pub(super) fn new(target: Target, settings: &StoreSettings) -> StoreResult<Self> {
        let config = target.config.clone();
        let dialer = Arc::new(Dialer { target, tasks: Arc::default(), settings: settings.clone() });
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Verified };
        let manager = Manager::from_connect(config, PoolConnect(Arc::clone(&dialer)), recycling);
        let pool = Pool::builder(manager)
            .max_size(settings.connections.max(1))
            .wait_timeout(Some(settings.wait_timeout))
            .create_timeout(Some(settings.connect_timeout))
            .recycle_timeout(Some(settings.connect_timeout))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| dialer.target.broken("making the pool", error.to_string()))?;
        Ok(Self { dialer, pool })
    }

    /// The database.
    pub(super) fn target(&self) -> &Target {
        &self.dialer.target
    }

    /// A session that was alive a moment ago, for `what`.
    pub(super) async fn session(&self, what: &'static str) -> StoreResult<Session> {
        let taken = self.pool.get().await.map_err(|error| self.target().pool_error(what, error))?;
        Ok(Session::new(taken, Arc::clone(&self.dialer), what))
    }

    /// A session outside the pool, without staging tables.
    pub(super) async fn lone_session(&self, what: &str) -> StoreResult<Client> {
        match timeout(self.dialer.settings.connect_timeout, self.dialer.dial()).await {
            Ok(dialed) => dialed.map_err(|error| self.target().error(what, &error)),
            Err(_) => Err(self.target().away(what, "no answer in time".to_owned())),
        }
    }

    /// Ends all sessions and gathers the tasks that serve them. Those in use end with their user.
    pub(super) async fn close(&self) {
        self.pool.close();
        let cut = self.dialer.tasks.gather(self.dialer.settings.close_timeout).await;
        if cut > 0 {
            tracing::warn!(sessions = cut, "sessions did not end in time and were cut");
        }
    }
}

impl Dialer {
    /// A session with its limits.
    async fn dial(&self) -> Result<Client, Error> {
        let (client, connection) = self.target.config.connect(NoTls).await?;
        self.tasks.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a session ended");
            }
        });
        client.batch_execute(&self.limits()).await?;
        // Not every server can watch its clients (version 14, and not on every system).
        if let Err(error) = client.batch_execute("SET client_connection_check_interval = '5s'").await
            && error.is_closed()
        {
            return Err(error);
        }
        Ok(client)
    }

    fn limits(&self) -> String {
        let statement = self.settings.statement_timeout.as_millis();
        let lock = self.settings.lock_timeout.as_millis();
        // A transaction of ours is idle only while the next statement is on its way.
        format!(
            "SET statement_timeout = {statement};
             SET lock_timeout = {lock};
             SET idle_in_transaction_session_timeout = {statement};
             SET tcp_keepalives_idle = 10;
             SET tcp_keepalives_interval = 5;
             SET tcp_keepalives_count = 3;
             SET tcp_user_timeout = {statement};
             SET TimeZone = 'UTC';
             SET DateStyle = 'ISO, YMD';
             SET extra_float_digits = 1;
             SET default_transaction_isolation = 'read committed';
             SET client_min_messages = warning;
             -- A plan made while the frontier was empty must not outlive that.
             SET plan_cache_mode = force_custom_plan;
             SET jit = off"
        )
    }
}

/// Makes sessions for the pool, with the staging tables that every batch needs.
struct PoolConnect(Arc<Dialer>);

impl Connect for PoolConnect {
    fn connect(
        &self,
        _config: &Config,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<(Client, JoinHandle<()>), Error>> + Send + '_>> {
        Box::pin(async move {
            let client = self.0.dial().await?;
            client.batch_execute(&[requests::STAGE, items::STAGE].join(";")).await?;
            // The pool wants a task to abort with the session; the one that serves it is ours.
            Ok((client, tokio::spawn(async {})))
        })
    }
}
