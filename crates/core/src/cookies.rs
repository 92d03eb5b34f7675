//! A cookie as the store keeps it with its run, so that a resumed run is still logged in.
//!
//! The download thread owns the cookie jars. An answer's changes to a jar travel with the page's outcome and are stored in
//! the same transaction. So links found behind a login are never stored without the login's cookie. A page that is fetched
//! again after a kill sets its cookies again.

/// A cookie that an answer has set or deleted.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredCookie {
    /// Its jar. `""` is the jar of requests without a session.
    pub session: String,
    /// The host or the domain that it belongs to.
    pub domain: String,
    /// The path that it belongs to.
    pub path: String,
    /// Its name.
    pub name: String,
    /// The cookie with all its attributes, as JSON. This is a secret. `None` if the cookie has ended.
    pub cookie: Option<String>,
    /// The order of a cookie's states: the higher number is the later state.
    pub version: i64,
}

impl StoredCookie {
    /// The key that identifies it among all cookies (RFC 6265 §5.3).
    pub fn key(&self) -> (&str, &str, &str, &str) {
        (&self.session, &self.domain, &self.path, &self.name)
    }

    /// Whether an index of every store holds its key.
    pub fn fits(&self) -> bool {
        // A NUL is stored as U+FFFD, which has two bytes more.
        let bytes = |text: &str| text.len() + 2 * text.matches('\0').count();
        let (session, domain, path, name) = self.key();
        bytes(session) + bytes(domain) + bytes(path) + bytes(name) <= MAX_KEY_BYTES
    }

    /// About how much memory it holds.
    pub fn size(&self) -> usize {
        size_of::<Self>()
            + self.session.len()
            + self.domain.len()
            + self.path.len()
            + self.name.len()
            + self.cookie.as_ref().map_or(0, String::len)
    }
}

impl std::fmt::Debug for StoredCookie {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredCookie")
            .field("session", &self.session)
            .field("domain", &self.domain)
            .field("name", &self.name)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// The most bytes that the key of a stored cookie may have. An index of Postgres holds little more.
const MAX_KEY_BYTES: usize = 2_600;

/// The latest state of each cookie, in the order of [`StoredCookie::key`]. Every store writes them in this order. A cookie whose
/// key is too long for an index is left out. The jars don't take such a cookie in the first place.
pub fn latest<'a>(cookies: impl IntoIterator<Item = &'a StoredCookie>) -> Vec<&'a StoredCookie> {
    let mut latest = std::collections::BTreeMap::new();
    for cookie in cookies.into_iter().filter(|cookie| cookie.fits()) {
        let kept = latest.entry(cookie.key()).or_insert(cookie);
        if kept.version < cookie.version {
            *kept = cookie;
        }
    }
    latest.into_values().collect()
}
