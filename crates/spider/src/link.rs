//! Links: the URL of a request, with everything that is computed from it once and shared by all requests for it.
//!
//! A site shows the same hundred links on every page. Parsing a link, bringing it to its canonical form and digesting it costs
//! microseconds. If an earlier page of the same folder had the same link, this code finds the result in a table.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use url::{Position, Url};

use crate::fingerprint::Fingerprint;
use crate::queued_request::host_of;
use crate::same_request::SameRequest;

/// How many links a thread remembers, in about 4 MB. If there are more, the thread forgets all of them. It may do so at any
/// time.
const MAX_REMEMBERED: usize = 10_000;

thread_local! {
    static REMEMBERED: RefCell<Remembered> = RefCell::new(Remembered::default());
}

/// Where a request leads.
#[derive(Debug)]
pub(crate) struct Link {
    url: Url,
    host: OnceLock<String>,
    /// The fingerprint of a GET without a body, and its rule.
    fingerprint: OnceLock<(SameRequest, Fingerprint)>,
}

impl Link {
    pub(crate) fn new(url: Url) -> Arc<Self> {
        Arc::new(Self { url, host: OnceLock::new(), fingerprint: OnceLock::new() })
    }

    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// `host:port`.
    pub(crate) fn host(&self) -> &str {
        self.host.get_or_init(|| host_of(&self.url))
    }

    /// The fingerprint of a GET without a body by `rule`. The first call computes it with `digest`. A call with another rule
    /// computes it each time, which happens only if a thread serves several spiders.
    pub(crate) fn fingerprint(&self, rule: &SameRequest, digest: impl Fn() -> Fingerprint) -> Fingerprint {
        let (known_by, known) = self.fingerprint.get_or_init(|| (rule.clone(), digest()));
        if known_by == rule { *known } else { digest() }
    }
}

/// The link of `href`: the remembered one from an earlier page of the same folder, or otherwise the result of `resolve`.
///
/// Relative links are relative to `base`. A link that begins with a path, a name or a scheme depends only on the folder of
/// `base`. Other links (`?page=2`) are not remembered.
pub(crate) fn remembered<E>(
    base: &Url,
    href: &str,
    resolve: impl FnOnce() -> Result<Arc<Link>, E>,
) -> Result<Arc<Link>, E> {
    let Some(folder) = folder_of(base).filter(|_| sees_the_folder_alone(href)) else { return resolve() };
    if let Some(link) = REMEMBERED.with_borrow(|all| all.get(folder, href)) {
        return Ok(link);
    }
    let link = resolve()?;
    REMEMBERED.with_borrow_mut(|all| all.insert(folder, href, Arc::clone(&link)));
    Ok(link)
}

/// The URL up to the last slash of its path.
fn folder_of(base: &Url) -> Option<&str> {
    let path = &base[..Position::AfterPath];
    path.rfind('/').map(|slash| &path[..=slash])
}

/// Parsing drops leading spaces and control characters.
fn sees_the_folder_alone(href: &str) -> bool {
    href.bytes().find(|byte| *byte > b' ').is_some_and(|first| !matches!(first, b'?' | b'#'))
}

#[derive(Default)]
struct Remembered {
    /// The links by folder, then by their text.
    folders: HashMap<Box<str>, HashMap<Box<str>, Arc<Link>>>,
    links: usize,
}

impl Remembered {
    fn get(&self, folder: &str, href: &str) -> Option<Arc<Link>> {
        self.folders.get(folder)?.get(href).cloned()
    }

    fn insert(&mut self, folder: &str, href: &str, link: Arc<Link>) {
        if self.links >= MAX_REMEMBERED {
            *self = Self::default();
        }
        self.links += 1;
        if !self.folders.contains_key(folder) {
            self.folders.insert(folder.into(), HashMap::new());
        }
        if let Some(links) = self.folders.get_mut(folder) {
            links.insert(href.into(), link);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(base: &str, href: &str) -> String {
        let base = Url::parse(base).unwrap();
        let link = remembered(&base, href, || base.join(href).map(Link::new)).unwrap();
        link.url().to_string()
    }

    #[test]
    fn what_is_remembered_is_what_would_be_resolved() {
        let bases = [
            "http://a.example/x/1?q=1",
            "http://a.example/x/2",
            "http://a.example/y/1",
            "https://a.example/x/1",
            "http://b.example/x/",
            "http://a.example:81/x/1",
            "http://a.example",
            "http://a.example/x?d=/e/f",
        ];
        let hrefs = [
            "1",
            "./2",
            "../3",
            "/4",
            "//c.example/5",
            "http://d.example/6",
            "?p=7",
            " ?p=8",
            "",
            " ",
            "\n\t9",
            "x?a=b",
            "#part",
        ];
        for _ in 0..2 {
            for (base, href) in bases.iter().flat_map(|base| hrefs.map(|href| (base, href))) {
                let expected = Url::parse(base).unwrap().join(href).unwrap();
                assert_eq!(resolved(base, href), expected.as_str(), "{href:?} on {base}");
            }
        }
    }

    #[test]
    fn a_link_is_shared_and_memory_is_bounded() {
        let base = Url::parse("http://a.example/shared/").unwrap();
        let link = |href: &str| remembered(&base, href, || base.join(href).map(Link::new)).unwrap();
        assert!(Arc::ptr_eq(&link("one"), &link("one")));
        for number in 0..2 * MAX_REMEMBERED {
            link(&format!("page-{number}"));
        }
        let held = REMEMBERED.with_borrow(|all| all.folders.values().map(HashMap::len).sum::<usize>());
        assert!(held > 0 && held <= MAX_REMEMBERED, "{held}");
    }

    #[test]
    fn a_failure_is_not_remembered() {
        let base = Url::parse("http://a.example/").unwrap();
        assert!(remembered(&base, "x", || Err("not now")).is_err());
        assert!(remembered(&base, "x", || Ok::<_, ()>(Link::new(base.clone()))).is_ok());
    }
}
