//! The cookie jars of a run (RFC 6265). Each session that requests name has its own jar, and all other requests share one.
//!
//! The `cookie_store` crate decides which cookie is sent where. This module limits the size of the jars, refuses cookies for
//! public suffixes, and finds the changes that each answer makes. A change is stored with its page
//! (`dragline_core::cookies`).

mod date;
mod lengths;
mod lifetime;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use cookie_store::{Cookie, CookieDomain, CookieExpiration, CookieStore, RawCookie};
use dragline_core::{Request, StoredCookie};
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};
use url::Url;

use super::CookieMode;

/// Cookies of one site in one session. Browsers keep 50 (RFC 6265 §6.1) to 180.
const MAX_PER_SITE: usize = 180;
/// Size of one cookie with its attributes.
const MAX_COOKIE_BYTES: usize = 8 << 10;
/// Size of all cookies of a run.
const MAX_BYTES: usize = 8 << 20;
/// Many answers set the same cookie again with a slightly later expiry. A smaller change than this is not stored.
const REFRESH_SECONDS: i64 = 60;

/// The cookie jars of a run.
pub(super) struct Jars {
    mode: CookieMode,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    sites: HashMap<SiteKey, Site>,
    /// All cookies in the order in which they were set. Beyond the limits, the oldest are removed.
    ages: BTreeMap<i64, CookiePlace>,
    bytes: usize,
    last_version: i64,
}

/// A session and a registrable domain. No cookie is sent outside of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct SiteKey {
    session: String,
    site: String,
}

#[derive(Default)]
struct Site {
    store: CookieStore,
    versions: HashMap<CookieKey, i64>,
}

/// Domain, path and name.
type CookieKey = (String, String, String);

/// Where a cookie is, and its size.
struct CookiePlace {
    site: SiteKey,
    key: CookieKey,
    bytes: usize,
}

impl Jars {
    /// Jars with the stored cookies of a resumed run.
    pub(super) fn new(mode: CookieMode, stored: &[StoredCookie]) -> Self {
        let mut inner = Inner::default();
        if mode == CookieMode::Stored {
            let mut by_age: Vec<&StoredCookie> = stored.iter().collect();
            by_age.sort_by_key(|cookie| cookie.version);
            for cookie in by_age {
                inner.last_version = inner.last_version.max(cookie.version);
                inner.restore(cookie);
            }
        }
        Self { mode, inner: Mutex::new(inner) }
    }

    /// The header `Cookie` for a request, with the cookies of its jar and of its own header. Its own cookies take precedence.
    pub(super) fn header(&self, request: &Request) -> Option<HeaderValue> {
        let own: Vec<&str> = request
            .headers()
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case(COOKIE.as_str()))
            .map(|(_, value)| value.as_str())
            .collect();
        let mut pairs: Vec<String> = own.iter().map(|pairs| (*pairs).to_owned()).collect();
        if self.mode != CookieMode::Off && request.has_cookies() {
            let named = |name: &str| {
                let mut names = own.iter().flat_map(|pairs| pairs.split(';'));
                names.any(|pair| pair.split('=').next().is_some_and(|own| own.trim() == name))
            };
            let mut jar = self.lock().pairs(request);
            jar.retain(|(name, _)| !named(name));
            pairs.splice(0..0, jar.into_iter().map(|(name, value)| format!("{name}={value}")));
        }
        // Leave out the spider's cookies that a header cannot contain.
        pairs.retain(|pair| HeaderValue::from_str(pair).is_ok());
        HeaderValue::from_str(&pairs.join("; ")).ok().filter(|header| !header.is_empty()).map(|mut header| {
            header.set_sensitive(true);
            header
        })
    }

    /// Takes the cookies of an answer, and returns the changes for the store.
    pub(super) fn receive(&self, request: &Request, headers: &HeaderMap) -> Vec<StoredCookie> {
        if self.mode == CookieMode::Off || !request.has_cookies() || !headers.contains_key(SET_COOKIE) {
            return Vec::new();
        }
        let mut inner = self.lock();
        let mut changes = Vec::new();
        for header in headers.get_all(SET_COOKIE).iter().filter(|header| header.len() <= MAX_COOKIE_BYTES) {
            let Some(text) = lengths::read(header.as_bytes()) else { continue };
            if let Ok(mut raw) = RawCookie::parse(text.clone()) {
                lifetime::correct(&mut raw, &text);
                inner.set(request, &raw, &mut changes);
            }
        }
        if self.mode == CookieMode::Stored { changes } else { Vec::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Names and values for a request, as RFC 6265 §5.4 orders them: longer paths first, then older ones.
    fn pairs(&self, request: &Request) -> Vec<(String, String)> {
        let Some(site) = self.sites.get(&SiteKey::of(request)) else { return Vec::new() };
        let mut cookies = site.store.matches(request.url());
        cookies.sort_by_cached_key(|cookie| {
            let version = site.versions.get(&key_of(cookie)).copied().unwrap_or_default();
            (std::cmp::Reverse(cookie.path.len()), version)
        });
        cookies.iter().map(|cookie| (cookie.name().to_owned(), cookie.value().to_owned())).collect()
    }

    fn set(&mut self, request: &Request, raw: &RawCookie<'static>, changes: &mut Vec<StoredCookie>) {
        let url = request.url();
        let Ok(mut cookie) = Cookie::try_from_raw_cookie(raw, url) else { return };
        if let CookieDomain::Suffix(domain) = &cookie.domain
            && is_public_suffix(domain)
        {
            // RFC 6265 §5.3, step 5: otherwise it would be sent to every site with this suffix.
            let Ok(own) = CookieDomain::host_only(url) else { return };
            if url.host_str() != Some(domain) {
                return;
            }
            cookie.domain = own;
        }
        let site_key = SiteKey::of(request);
        let key = key_of(&cookie);
        let known = self.sites.get(&site_key).and_then(|site| site.store.get_any(&key.0, &key.1, &key.2));
        let is_news = known.is_none_or(|known| !is_about_the_same(known, &cookie));
        // A cookie that no store can keep would be gone after a kill. So it is not taken in the first place.
        if !change(&site_key, key.clone(), None, 0).fits() {
            return;
        }
        let stored = serde_json::to_string(&cookie).ok().filter(|_| !cookie.is_expired());
        match stored {
            Some(stored) => {
                let site = self.sites.entry(site_key.clone()).or_default();
                if site.store.insert(cookie.into_owned(), url).is_err() {
                    return;
                }
                if !is_news {
                    return;
                }
                self.forget(&site_key, &key);
                let version = self.note(site_key.clone(), key.clone(), stored.len());
                changes.push(change(&site_key, key, Some(stored), version));
                self.keep_bounds(&site_key, changes);
            }
            None if known.is_some() => self.remove(&site_key, key, changes),
            None => {}
        }
    }

    /// Restores a stored cookie. An unreadable or expired one is left out.
    fn restore(&mut self, stored: &StoredCookie) {
        let Some(text) = &stored.cookie else { return };
        let Ok(cookie) = serde_json::from_str::<Cookie<'static>>(text) else { return };
        // Any URL of its domain works, because the cookie itself says where it may be sent.
        let Ok(url) = Url::parse(&format!("https://{}{}", stored.domain, stored.path)) else { return };
        let site_key = SiteKey { session: stored.session.clone(), site: site_of(&stored.domain) };
        let key = key_of(&cookie);
        let site = self.sites.entry(site_key.clone()).or_default();
        if site.store.insert(cookie, &url).is_ok() {
            self.place(stored.version, site_key, key, text.len());
        }
    }

    fn note(&mut self, site: SiteKey, key: CookieKey, bytes: usize) -> i64 {
        self.last_version += 1;
        self.place(self.last_version, site, key, bytes);
        self.last_version
    }

    fn place(&mut self, version: i64, site: SiteKey, key: CookieKey, bytes: usize) {
        if let Some(of_site) = self.sites.get_mut(&site) {
            of_site.versions.insert(key.clone(), version);
        }
        self.bytes += bytes;
        self.ages.insert(version, CookiePlace { site, key, bytes });
    }

    /// Removes a cookie from the order of ages.
    fn forget(&mut self, site: &SiteKey, key: &CookieKey) {
        let version = self.sites.get_mut(site).and_then(|site| site.versions.remove(key));
        if let Some(place) = version.and_then(|version| self.ages.remove(&version)) {
            self.bytes -= place.bytes;
        }
    }

    fn remove(&mut self, site_key: &SiteKey, key: CookieKey, changes: &mut Vec<StoredCookie>) {
        self.forget(site_key, &key);
        if let Some(site) = self.sites.get_mut(site_key) {
            site.store.remove(&key.0, &key.1, &key.2);
            if site.versions.is_empty() {
                self.sites.remove(site_key);
            }
        }
        self.last_version += 1;
        changes.push(change(site_key, key, None, self.last_version));
    }

    fn keep_bounds(&mut self, site_key: &SiteKey, changes: &mut Vec<StoredCookie>) {
        while let Some(site) = self.sites.get(site_key).filter(|site| site.versions.len() > MAX_PER_SITE) {
            let Some((key, _)) = site.versions.iter().min_by_key(|(_, version)| **version) else { break };
            let key = key.clone();
            self.remove(site_key, key, changes);
        }
        while self.bytes > MAX_BYTES {
            let Some((_, oldest)) = self.ages.first_key_value() else { break };
            let (site, key) = (oldest.site.clone(), oldest.key.clone());
            self.remove(&site, key, changes);
        }
    }
}

impl SiteKey {
    fn of(request: &Request) -> Self {
        let host = request.url().host_str().unwrap_or_default();
        Self { session: request.session().unwrap_or_default().to_owned(), site: site_of(host) }
    }
}

/// What belongs to one owner: `shop.example` of `www.shop.example`, an address as it is.
fn site_of(host: &str) -> String {
    let is_address = host.starts_with('[') || host.parse::<std::net::IpAddr>().is_ok();
    let site = if is_address { None } else { psl::domain_str(host) };
    site.unwrap_or(host).to_owned()
}

fn is_public_suffix(domain: &str) -> bool {
    psl::suffix_str(domain).is_some_and(|suffix| suffix == domain)
}

fn key_of(cookie: &Cookie<'_>) -> CookieKey {
    (String::from(&cookie.domain), String::from(&cookie.path), cookie.name().to_owned())
}

fn is_about_the_same(known: &Cookie<'_>, new: &Cookie<'_>) -> bool {
    let until = |cookie: &Cookie<'_>| match cookie.expires {
        CookieExpiration::SessionEnd => None,
        CookieExpiration::AtUtc(moment) => Some(moment.unix_timestamp()),
    };
    let as_long = match (until(known), until(new)) {
        (Some(known), Some(new)) => known.abs_diff(new) < REFRESH_SECONDS.unsigned_abs(),
        (known, new) => known == new,
    };
    let rest = |cookie: &Cookie<'_>| (cookie.domain.clone(), cookie.secure(), cookie.http_only());
    as_long && known.value() == new.value() && rest(known) == rest(new)
}

fn change(site: &SiteKey, key: CookieKey, cookie: Option<String>, version: i64) -> StoredCookie {
    let (domain, path, name) = key;
    StoredCookie { session: site.session.clone(), domain, path, name, cookie, version }
}

#[cfg(test)]
mod tests;
