//! How a request is sent. What it asks for, and how its page is recognised, is elsewhere.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::look_up_ticket::LookUpTicket;
use crate::proxy::Proxy;

/// The options of a request. A store keeps them as one JSON object without the defaults.
///
/// ```
/// use dragline_spider::RequestOptions;
///
/// let mut options = RequestOptions::default();
/// options.max_retries = Some(0);
/// assert_eq!(serde_json::to_string(&options)?, r#"{"max_retries":0}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct RequestOptions {
    /// The cookie jar. Requests without a session share the jar of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The proxy, if it is not the one of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<Proxy>,
    /// The downloader, if it is not the built-in one (`http`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub downloader: Option<String>,
    /// Whether the jar's cookies are sent, and the answer's cookies kept.
    #[serde(skip_serializing_if = "is_true")]
    pub cookies: bool,
    /// Attempts after the first one, if the setting `retries` does not decide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_retries: Option<u32>,
    /// Whether the request is a link of a page, and not one that the spider made up. Dragline does not follow a link to a
    /// file that is not a page.
    #[serde(skip_serializing_if = "is_false")]
    pub is_link: bool,
    /// Whether the request is a sitemap, or comes from one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sitemap: Option<SitemapRole>,
    /// When the page last changed, as the sitemap says that lists it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lastmod: Option<DateTime<Utc>>,
    /// What marks the request as a look-up. The engine sets it, and no spider sees the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub look_up: Option<LookUpTicket>,
}

/// The role of a request that is a sitemap, or comes from one. The crawl reads a sitemap itself, and no spider sees it.
///
/// The stores find the hosts of a run by the stored form (`robots`, `named`), so do not change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SitemapRole {
    /// It is the robots.txt that names the sitemaps of a start host.
    Robots,
    /// It is a sitemap that the user named.
    Named,
    /// It is the sitemap that a host without any in its robots.txt may have.
    Guessed,
    /// It is a sitemap that robots.txt or an index names. The number says how many indexes lead to it.
    Found(u32),
    /// It is a page that a sitemap lists.
    Page,
}

impl SitemapRole {
    /// Whether the request is for a sitemap, or for the robots.txt that names them, and not for a page.
    pub fn is_for_the_crawl(self) -> bool {
        self != Self::Page
    }

    /// Whether a user stands behind it, as behind a start URL. So its host belongs to the run, and so does the one that it
    /// redirects to.
    pub fn is_as_a_start(self) -> bool {
        matches!(self, Self::Robots | Self::Named)
    }

    /// How many indexes lead to the sitemap.
    pub fn level(self) -> u32 {
        match self {
            Self::Found(level) => level,
            _ => 0,
        }
    }
}

impl Default for RequestOptions {
    fn default() -> Self {
        Self {
            session: None,
            proxy: None,
            downloader: None,
            cookies: true,
            max_retries: None,
            is_link: false,
            sitemap: None,
            lastmod: None,
            look_up: None,
        }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature
fn is_true(value: &bool) -> bool {
    *value
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature
fn is_false(value: &bool) -> bool {
    !*value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_come_back_from_json_as_they_were() {
        let options = RequestOptions {
            session: Some("ann".to_owned()),
            proxy: Some("socks5h://p.example:1080".parse().unwrap()),
            downloader: Some("browser".to_owned()),
            cookies: false,
            max_retries: Some(7),
            is_link: true,
            sitemap: Some(SitemapRole::Page),
            lastmod: Some("2026-03-09T08:20:30Z".parse().unwrap()),
            look_up: Some(LookUpTicket { step: "isrc".to_owned(), of: "0af1".to_owned() }),
        };
        let json = serde_json::to_string(&options).unwrap();
        assert_eq!(serde_json::from_str::<RequestOptions>(&json).unwrap(), options);
    }

    #[test]
    fn defaults_take_no_room_and_unknown_options_are_ignored() {
        assert_eq!(serde_json::to_string(&RequestOptions::default()).unwrap(), "{}");
        let read: RequestOptions = serde_json::from_str(r#"{"from_the_future": 1}"#).unwrap();
        assert_eq!(read, RequestOptions::default());
    }

    #[test]
    fn the_role_of_a_sitemap_has_the_stored_form_that_the_stores_look_for() {
        for (role, stored) in [
            (SitemapRole::Robots, r#""robots""#),
            (SitemapRole::Named, r#""named""#),
            (SitemapRole::Guessed, r#""guessed""#),
            (SitemapRole::Found(2), r#"{"found":2}"#),
            (SitemapRole::Page, r#""page""#),
        ] {
            assert_eq!(serde_json::to_string(&role).unwrap(), stored);
            assert_eq!(serde_json::from_str::<SitemapRole>(stored).unwrap(), role);
        }
    }

    #[test]
    fn a_stored_proxy_is_checked_when_it_is_read() {
        let read = serde_json::from_str::<RequestOptions>(r#"{"proxy": "ftp://p.example"}"#);
        assert!(read.unwrap_err().to_string().contains("socks5h"));
    }
}
