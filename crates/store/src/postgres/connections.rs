//! Sessions: how they are made, pooled, and ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use deadpool_postgres::{Connect, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime, Status};
use dragline_core::Latency;
use dragline_core::store::{PoolStatus, StoreResult};
use tokio::sync::{OnceCell, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Connection, Error, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::handshake;
use super::pooler;
use super::session::Session;
use super::target::DatabaseTarget;
use super::tasks::Tasks;

/// How much longer than the statement's own limit an answer may take. This covers the way back, and the time that
/// the server needs to notice.
pub(super) const ANSWER_MARGIN: Duration = Duration::from_secs(3);
/// How long an unused session may take to close cleanly. If the server is silent, the session would otherwise stay
/// for ever.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// A pooler in session mode may hand over a session that another process has used and that nobody has cleaned. In a fresh session,
/// there is nothing to clean.
const CLEAN: &str = "DEALLOCATE ALL; DISCARD TEMP; SELECT pg_advisory_unlock_all()";

/// The pool. The session of the run's lock is not part of it.
pub(super) struct Connections {
    dialer: Arc<Dialer>,
    pool: Pool,
    wait: Latency,
    /// Set once it is known that nobody else uses our sessions.
    is_ours: OnceCell<()>,
}

/// Creates sessions.
pub(super) struct Dialer {
    pub(super) target: DatabaseTarget,
    /// Statements at the beginning of each session, after its limits.
    setup: &'static str,
    pub(super) tasks: Arc<Tasks>,
    /// How many answers the server has given, in all sessions.
    answers: AtomicU64,
}

/// A session outside the pool.
pub(super) struct LoneSession {
    pub(super) client: Client,
    used: SessionUse,
}

/// What the driver returns for a host that accepts the connection.
type Dialed = (Client, Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>);

/// The user of a session holds this. When it is dropped, the task that serves the session must end.
type SessionUse = oneshot::Sender<()>;

impl Connections {
    /// A pool without sessions yet.
    pub(super) fn new(target: DatabaseTarget) -> StoreResult<Self> {
        Self::with_session_setup(target, "")
    }

    /// The same. These statements set each session up.
    pub(super) fn with_session_setup(target: DatabaseTarget, setup: &'static str) -> StoreResult<Self> {
        let (config, limits) = (target.config(), target.limits.clone());
        let dialer = Arc::new(Dialer { target, setup, tasks: Arc::default(), answers: AtomicU64::new(0) });
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Verified };
        let manager = Manager::from_connect(config, PoolConnect(Arc::clone(&dialer)), recycling);
        let pool = Pool::builder(manager)
            .max_size(limits.connections.max(1))
            .wait_timeout(Some(limits.wait_timeout))
            .create_timeout(Some(limits.connect_timeout))
            .recycle_timeout(Some(limits.connect_timeout))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| dialer.target.broken("making the pool", error.to_string()))?;
        Ok(Self { dialer, pool, wait: Latency::default(), is_ours: OnceCell::new() })
    }

    /// The database.
    pub(super) fn target(&self) -> &DatabaseTarget {
        &self.dialer.target
    }

    /// How many answers the server has given.
    pub(super) fn answers(&self) -> u64 {
        self.dialer.answers.load(Ordering::Relaxed)
    }

    /// See [`Dialer::answer`].
    pub(super) async fn answer<T>(
        &self,
        what: &str,
        asked: impl Future<Output = Result<T, Error>>,
    ) -> StoreResult<T> {
        self.dialer.answer(what, asked).await
    }

    /// A session that was alive a moment ago, for `what`.
    pub(super) async fn session(&self, what: &'static str) -> StoreResult<Session> {
        self.refuse_shared_sessions(what).await?;
        let asked = Instant::now();
        let taken = self.pool.get().await;
        self.wait.note(asked.elapsed());
        let taken = taken.map_err(|error| self.target().pool_error(what, error))?;
        Ok(Session::new(taken, Arc::clone(&self.dialer), what))
    }

    /// A session outside the pool, without staging tables.
    pub(super) async fn lone_session(&self, what: &str) -> StoreResult<LoneSession> {
        self.refuse_shared_sessions(what).await?;
        // A session is seldom made, so this may lie on the heap and keep every other future small.
        self.dialer.in_time(what, Box::pin(self.dialer.dial())).await
    }

    /// Checks once, before the first session gets its limits, that no pooler shares sessions between transactions.
    async fn refuse_shared_sessions(&self, what: &str) -> StoreResult<()> {
        // The check is done once, so it may lie on the heap and keep every other future small.
        self.is_ours.get_or_try_init(|| Box::pin(pooler::refuse(&self.dialer, what))).await.copied()
    }

    /// The sessions of the pool.
    pub(super) fn status(&self) -> PoolStatus {
        let Status { max_size: max, size, available: idle, .. } = self.pool.status();
        PoolStatus { busy: size.saturating_sub(idle), idle, max, wait: self.wait.snapshot() }
    }

    /// Ends all sessions and waits for the tasks that serve them. A session in use ends when its user drops it.
    pub(super) async fn close(&self) {
        self.pool.close();
        let cut = self.dialer.tasks.gather(self.target().limits.close_timeout).await;
        if cut > 0 {
            tracing::warn!(sessions = cut, "sessions did not end in time and were cut");
        }
    }
}

impl Dialer {
    /// Waits for an answer a little longer than the server lets the statement run. This notices a server that has
    /// silently gone away, even if something in between keeps the connection open.
    pub(super) async fn answer<T>(
        &self,
        what: &str,
        asked: impl Future<Output = Result<T, Error>>,
    ) -> StoreResult<T> {
        match timeout(self.target.limits.statement_timeout + ANSWER_MARGIN, asked).await {
            Ok(answer) => {
                self.heard(&answer);
                answer.map_err(|error| self.target.error(what, &error))
            }
            Err(_) => Err(self.target.silent(what)),
        }
    }

    /// Counts an answer. An error does not count, because the server may give the same one for ever.
    fn heard<T>(&self, answer: &Result<T, Error>) {
        if answer.is_ok() {
            self.answers.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits for a session within the time that one may take.
    pub(super) async fn in_time(
        &self,
        what: &str,
        dialing: impl Future<Output = Result<LoneSession, Error>>,
    ) -> StoreResult<LoneSession> {
        match timeout(self.target.limits.connect_timeout, dialing).await {
            Ok(dialed) => {
                self.heard(&dialed);
                dialed.map_err(|error| self.target.error(what, &error))
            }
            Err(_) => Err(self.target.silent(what)),
        }
    }

    /// A session with its limits.
    async fn dial(&self) -> Result<LoneSession, Error> {
        let session = self.dial_bare().await?;
        let LoneSession { client, .. } = &session;
        client.batch_execute(CLEAN).await?;
        client.batch_execute(&self.limits()).await?;
        if !self.setup.is_empty() {
            client.batch_execute(self.setup).await?;
        }
        // Not every server can check whether its client is alive. It needs version 14, and not every system
        // supports it.
        if let Err(error) = client.batch_execute("SET client_connection_check_interval = '5s'").await
            && error.is_closed()
        {
            return Err(error);
        }
        Ok(session)
    }

    /// A session as the server gives it. Nothing was said in it yet.
    pub(super) async fn dial_bare(&self) -> Result<LoneSession, Error> {
        let (client, connection) = self.reach().await?;
        let (used, unused) = oneshot::channel();
        self.tasks.spawn(async move {
            let outlived = async {
                let _ = unused.await;
                sleep(LAST_WORDS).await;
            };
            tokio::select! {
                ended = connection => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, "a session ended");
                    }
                }
                () = outlived => tracing::debug!("a session without an answer was cut"),
            }
        });
        Ok(LoneSession { client, used })
    }

    /// The first host that accepts the connection.
    async fn reach(&self) -> Result<Dialed, Error> {
        let mut refused = None;
        for host in self.target.hosts() {
            match self.knock(host).await {
                Err(error) => refused = Some(error),
                dialed => return dialed,
            }
        }
        match refused {
            Some(error) => Err(error),
            // A target always has a host. If it had none, the driver would give the error.
            None => self.target.config().connect(self.target.tls.clone()).await,
        }
    }

    /// One host. With `sslmode=prefer` it is tried again without encryption if the server only accepts that.
    async fn knock(&self, host: &Config) -> Result<Dialed, Error> {
        let encrypted = host.connect(self.target.tls.clone()).await;
        match encrypted {
            Err(error) if host.get_ssl_mode() == SslMode::Prefer && wants_it_plain(&error) => {
                let mut plain = host.clone();
                plain.ssl_mode(SslMode::Disable);
                plain.connect(self.target.tls.clone()).await
            }
            other => other,
        }
    }

    fn limits(&self) -> String {
        let statement = self.target.limits.statement_timeout.as_millis();
        let lock = self.target.limits.lock_timeout.as_millis();
        // Our transactions are idle only while the next statement is on its way.
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

/// Whether libpq would now try without encryption, because the handshake failed or no line of `pg_hba.conf` allows
/// encryption.
fn wants_it_plain(error: &Error) -> bool {
    handshake::failed(error) || error.code() == Some(&SqlState::INVALID_AUTHORIZATION_SPECIFICATION)
}

/// Creates sessions for the pool.
struct PoolConnect(Arc<Dialer>);

impl Connect for PoolConnect {
    fn connect(
        &self,
        _config: &Config,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<(Client, JoinHandle<()>), Error>> + Send + '_>> {
        Box::pin(async move {
            let dialed = self.0.dial().await;
            self.0.heard(&dialed);
            let LoneSession { client, used } = dialed?;
            // The pool wants a task that it can abort with the session. Our own task serves the session, and ends
            // when this one does.
            let hold = async move {
                let _used = used;
                std::future::pending::<()>().await;
            };
            Ok((client, tokio::spawn(hold)))
        })
    }
}
