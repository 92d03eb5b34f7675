//! Sessions of people who have signed in with a token. They are in memory, and end with the process.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rand::Rng as _;

/// How long a session lasts.
pub(crate) const LASTS: Duration = Duration::from_secs(12 * 3_600);
/// Sessions at once. The oldest one ends if there are more.
const MAX_SESSIONS: usize = 64;

/// The sessions.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<Vec<Session>>);

/// A session.
#[derive(Clone)]
pub(crate) struct Session {
    /// It is in the cookie.
    id: String,
    /// It is in every form of the session.
    pub(crate) form_token: String,
    /// The name of the token with which it began.
    pub(crate) name: String,
    began: Instant,
}

impl Sessions {
    /// The id of a new session.
    pub(crate) fn begin(&self, name: &str) -> String {
        let session =
            Session { id: random(), form_token: random(), name: name.to_owned(), began: Instant::now() };
        let id = session.id.clone();
        let mut all = self.lock();
        all.retain(|session| session.began.elapsed() < LASTS);
        if all.len() >= MAX_SESSIONS {
            all.remove(0);
        }
        all.push(session);
        id
    }

    pub(crate) fn find(&self, id: &str) -> Option<Session> {
        self.lock()
            .iter()
            .find(|session| session.began.elapsed() < LASTS && is_same(&session.id, id))
            .cloned()
    }

    pub(crate) fn end(&self, id: &str) {
        self.lock().retain(|session| !is_same(&session.id, id));
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Compares in a time that does not depend on where they differ.
pub(crate) fn is_same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

/// 32 random bytes as hexadecimal digits, from the generator of the operating system's seed.
fn random() -> String {
    let mut bytes = [0; 32];
    rand::rng().fill_bytes(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_bounded_and_end() {
        let sessions = Sessions::default();
        let first = sessions.begin("ann");
        assert_eq!(sessions.find(&first).unwrap().name, "ann");
        assert_eq!(first.len(), 64);
        let second = sessions.begin("bob");
        sessions.end(&second);
        assert!(sessions.find(&second).is_none() && sessions.find("").is_none());
        for _ in 0..MAX_SESSIONS {
            sessions.begin("eve");
        }
        assert!(sessions.find(&first).is_none());
        assert_eq!(sessions.lock().len(), MAX_SESSIONS);
    }
}
