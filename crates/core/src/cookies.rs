//! A cookie as it is kept with its run, so that a resumed run is still logged in.
//!
//! The jars themselves live with the downloads. What an answer changes in one travels with the page's outcome and is
//! stored in its transaction: whatever is found on a page behind a login is known only together with the login's
//! cookie. A page that is fetched again after a kill sets its cookies again.

/// A cookie that an answer has set, or ended.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredCookie {
    /// The jar that it is in; `""` is that of requests without a session.
    pub session: String,
    /// The host or the domain that it belongs to.
    pub domain: String,
    /// The path that it belongs to.
    pub path: String,
    /// Its name.
    pub name: String,
    /// The cookie with all its attributes, as JSON; a secret. `None`: it has ended.
    pub cookie: Option<String>,
    /// Of two states of a cookie, the one with the higher number is the later.
    pub version: i64,
}

impl StoredCookie {
    /// What tells it from other cookies (RFC 6265 §5.3).
    pub fn key(&self) -> (&str, &str, &str, &str) {
        (&self.session, &self.domain, &self.path, &self.name)
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

/// The latest state of each cookie, in the order of [`StoredCookie::key`]: that in which every store writes them.
pub fn latest<'a>(cookies: impl IntoIterator<Item = &'a StoredCookie>) -> Vec<&'a StoredCookie> {
    let mut latest = std::collections::BTreeMap::new();
    for cookie in cookies {
        let kept = latest.entry(cookie.key()).or_insert(cookie);
        if kept.version < cookie.version {
            *kept = cookie;
        }
    }
    latest.into_values().collect()
}
