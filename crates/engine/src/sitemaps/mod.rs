//! Which sitemaps a crawl reads, and which requests it makes for them.
//!
//! ```text
//!  start URL ─► its robots.txt ─┬─► sitemap ─────► pages
//!                               └─► index ─► sitemap ─► pages          --sitemaps=URL ─► sitemap or index
//! ```
//!
//! Each robots.txt and each sitemap is a request of the frontier. So it obeys robots rules, pace and limits, it is retried, and a
//! kill does not lose it. Its [`SitemapRole`] says that no spider sees its answer. A crawl thread reads it
//! (`pack/sitemap.rs`), and what it names is stored together with its end. It ends as `skipped`, with the reason `sitemap`, because
//! it is not a page of the spider.

mod settings;
mod source;

use dragline_core::{Request, RequestError, SitemapRole};
use url::Url;

pub use self::settings::SitemapSettings;
pub(crate) use self::source::SitemapSource;
use crate::error::EngineError;

impl SitemapSettings {
    /// The requests with which the reading of sitemaps begins, for a run with these start requests.
    ///
    /// # Errors
    /// [`EngineError::Unusable`] for an invalid source.
    pub fn requests(&self, start: &[Request]) -> Result<Vec<Request>, EngineError> {
        let mut requests: Vec<Request> = Vec::new();
        for source in self.sources()? {
            match source {
                SitemapSource::Robots => {
                    for first in start {
                        let request = robots_of(first)?;
                        if !requests.iter().any(|known| known.url() == request.url()) {
                            requests.push(request);
                        }
                    }
                }
                SitemapSource::At(url) => {
                    let request = Request::from_url(url).map_err(|error| unusable(&error))?;
                    requests.push(request.with_sitemap_role(SitemapRole::Named));
                }
            }
        }
        Ok(requests)
    }
}

/// The request for the robots.txt of a start request's host. It goes the same way.
fn robots_of(start: &Request) -> Result<Request, EngineError> {
    let request = Request::from_url(at_root(start.url(), "/robots.txt")).map_err(|error| unusable(&error))?;
    let request = request.with_sitemap_role(SitemapRole::Robots);
    Ok(match start.proxy() {
        Some(proxy) => request.with_proxy(proxy.clone()),
        None => request,
    })
}

fn unusable(error: &RequestError) -> EngineError {
    EngineError::Unusable { name: "sitemaps", problem: error.to_string() }
}

/// The URL of a file in the root of a site.
pub(crate) fn at_root(url: &Url, path: &str) -> Url {
    let mut file = url.clone();
    file.set_path(path);
    file.set_query(None);
    file.set_fragment(None);
    file
}

/// Whether it is normal that this request has no page. Then its failure is an answer: the host has no robots.txt, or no sitemap
/// in the usual place.
pub(crate) fn may_be_missing(request: &Request, status: Option<u16>) -> bool {
    let is_looked_for = matches!(request.sitemap_role(), Some(SitemapRole::Robots | SitemapRole::Guessed));
    is_looked_for && status.is_some_and(|status| (400..500).contains(&status))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests(sources: &[&str], start: &[&str]) -> Vec<(String, SitemapRole)> {
        let sitemaps = sources.iter().map(|source| (*source).to_owned()).collect();
        let settings = SitemapSettings { sitemaps, ..SitemapSettings::default() };
        let start: Vec<Request> = start.iter().map(|url| Request::get(url).unwrap()).collect();
        let requests = settings.requests(&start).unwrap();
        requests.iter().map(|it| (it.url().to_string(), it.sitemap_role().unwrap())).collect()
    }

    #[test]
    fn each_start_host_is_asked_once_and_each_named_sitemap_too() {
        let start =
            ["http://a.example/x?y#z", "http://a.example/", "https://a.example/", "http://b.example:81/"];
        assert_eq!(requests(&[], &start), []);
        assert_eq!(requests(&["none"], &start), []);
        let robots = |url: &str| (url.to_owned(), SitemapRole::Robots);
        assert_eq!(
            requests(&["robots"], &start),
            [
                robots("http://a.example/robots.txt"),
                robots("https://a.example/robots.txt"),
                robots("http://b.example:81/robots.txt"),
            ]
        );
        let named = ("https://c.example/map.xml".to_owned(), SitemapRole::Named);
        assert_eq!(requests(&["https://c.example/map.xml", "robots"], &start[..1])[0], named);
        assert_eq!(requests(&["https://c.example/map.xml"], &[]), [named]);
    }

    #[test]
    fn only_what_was_looked_for_may_be_missing() {
        let request = |role| Request::get("http://a.example/sitemap.xml").unwrap().with_sitemap_role(role);
        assert!(may_be_missing(&request(SitemapRole::Guessed), Some(404)));
        assert!(may_be_missing(&request(SitemapRole::Robots), Some(403)));
        assert!(!may_be_missing(&request(SitemapRole::Guessed), Some(500)));
        assert!(!may_be_missing(&request(SitemapRole::Guessed), None));
        for role in [SitemapRole::Named, SitemapRole::Found(0), SitemapRole::Page] {
            assert!(!may_be_missing(&request(role), Some(404)), "{role:?}");
        }
    }
}
