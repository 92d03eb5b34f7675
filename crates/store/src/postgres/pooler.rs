//! Notices a pooler that gives each transaction another session, before anything is written there.
//!
//! A run's lock, staging tables and prepared statements belong to a session. Such a pooler would leave them in sessions that
//! others use next. Nothing in the protocol says what a pooler does, so its effect is looked for: two connections, open at
//! the same time, that are served by the same session; or one connection that is served by two.
//!
//! A pooler that takes the session that was used last gives both connections the same one. One that takes the session
//! that has rested longest gives the first connection two in a row. One that takes any of them is found by asking several
//! times. The question changes nothing in a session.

use std::time::Duration;

use dragline_core::StoreError;
use dragline_core::store::StoreResult;
use tokio::time::timeout;
use tokio_postgres::{Client, SimpleQueryMessage};

use super::connections::Dialer;
use super::target::DatabaseTarget;

/// How often each connection is asked.
const ROUNDS: usize = 4;
/// How long the second connection may wait for its first answer. A pooler that has no session left lets it wait much longer.
/// This is shorter than the limit of a start-up operation, so that the error can say this.
const SECOND_ANSWER: Duration = Duration::from_secs(2);
/// The sessions that a crawl needs besides those of its pool: one for the run's lock.
const LOCK_SESSIONS: usize = 1;

/// # Errors
/// [`StoreError::Setup`] if sessions are shared between transactions, and [`StoreError::Unavailable`] if there is no second
/// session.
pub(super) async fn refuse(dialer: &Dialer, what: &str) -> StoreResult<()> {
    let target = &dialer.target;
    let (one, other) = tokio::try_join!(
        dialer.in_time(what, dialer.dial_bare()),
        dialer.in_time(what, dialer.dial_bare()),
    )?;
    let first = dialer.answer(what, session_of(&one.client)).await?;
    for _ in 1..ROUNDS {
        let again = dialer.answer(what, session_of(&one.client)).await?;
        let asked = timeout(SECOND_ANSWER, session_of(&other.client)).await;
        let asked = asked.map_err(|_| no_second_session(target, what))?;
        let second = asked.map_err(|error| target.error(what, &error))?;
        if again != first || second == first {
            return Err(shared(target));
        }
    }
    Ok(())
}

/// The process of the server that answers. Asked as text, because a prepared statement would stay in the session.
async fn session_of(client: &Client) -> Result<Option<String>, tokio_postgres::Error> {
    let answer = client.simple_query("SELECT pg_catalog.pg_backend_pid()").await?;
    let row = answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    Ok(row.map(str::to_owned))
}

fn shared(target: &DatabaseTarget) -> StoreError {
    StoreError::Setup {
        problem: format!(
            "{}: a pooler gives each transaction another session (transaction pooling), and Dragline keeps the run's lock \
             and its staging tables in a session",
            target.location
        ),
        hint: DIRECT.to_owned(),
    }
}

/// What to do when sessions are not ours.
pub(super) const DIRECT: &str = "connect to the database directly, or through a pooler in session mode (PgBouncer: pool_mode = session; Supabase: \
     port 5432 instead of 6543; Neon: the host without -pooler)";

fn no_second_session(target: &DatabaseTarget, what: &str) -> StoreError {
    let sessions = target.limits.connections + LOCK_SESSIONS;
    target.away(
        what,
        format!(
            "a first session was answered, and a second one was not within {} s; if a pooler stands before the database, \
             its pool needs room for {sessions} sessions of each crawl (PgBouncer: default_pool_size)",
            SECOND_ANSWER.as_secs()
        ),
    )
}
