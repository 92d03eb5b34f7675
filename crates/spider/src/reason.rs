//! Why a request failed, was skipped or is dead: one value for the stores, the counters and the spider.
//!
//! The code of a reason is a contract. People write it in queries (`WHERE reason = 'timeout'`), so a code is never
//! renamed. What happened in this one case (which status, which host, which limit) is in the column `error`.

use std::fmt;

/// Why a request did not end as `done`, or why a page that is `done` was not parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Reason {
    /// The server answered with a status that the spider does not accept.
    HttpStatus,
    /// The answer, or a part of it, did not come in time.
    Timeout,
    /// The body came, but slower than `min_bytes_per_second`.
    TooSlow,
    /// The name of the host has no address.
    Dns,
    /// No connection to the host could be made.
    Connect,
    /// The connection broke before there was an answer.
    Connection,
    /// TLS could not be agreed on, or the certificate is not trusted.
    Tls,
    /// The proxy did not let the request through.
    Proxy,
    /// The answer is not valid HTTP.
    InvalidAnswer,
    /// The headers are larger than the limit.
    HeadersTooLarge,
    /// The body is larger than the limit.
    BodyTooLarge,
    /// The body ended early.
    BodyTruncated,
    /// The body is not what its `Content-Encoding` says.
    BodyUndecodable,
    /// The request cannot be sent as the spider made it.
    Unsendable,
    /// The host is in a private network, which a setting forbids.
    PrivateNetwork,
    /// The host did not answer for too long.
    HostDown,
    /// The downloader panicked.
    DownloaderPanic,
    /// The request names a downloader that this program does not have.
    UnknownDownloader,
    /// robots.txt forbids the page.
    RobotsDenied,
    /// robots.txt could not be fetched, so nobody knows what it allows.
    RobotsUnreachable,
    /// The page redirects, and the target is a request of its own.
    Redirected,
    /// The page redirects to a URL that the run may not crawl.
    RedirectOutOfScope,
    /// The page redirects to something that cannot be fetched.
    InvalidRedirect,
    /// There were more redirects in a row than the limit.
    TooManyRedirects,
    /// Neither the settings nor the spider accept the type of the page.
    UnwantedType,
    /// As many pages of this host are done as the limit allows.
    HostLimit,
    /// As many pages of this URL pattern are done as the limit allows.
    PatternLimit,
    /// The page could not be read as a document.
    PageUnreadable,
    /// The page, with its tree and what the spider made of it, would take more memory than the limit.
    PageTooLarge,
    /// The spider's `parse` returned an error.
    ParseError,
    /// The spider's `parse` panicked.
    ParsePanic,
    /// The spider's `parse` did not return within the limit.
    ParseTimeout,
    /// The page emitted an item of a type that the spider does not declare.
    ItemUndeclared,
    /// The page, or a request that it emitted, has a tag that no route of the spider has.
    UnknownTag,
    /// The page emitted a request that no store can hold.
    InvalidRequest,
    /// An item pipeline panicked.
    PipelinePanic,
    /// The page emitted an item that no store can hold.
    ItemRefused,
    /// The store refused the page's rows.
    StoreRefused,
    /// The page leads to more new requests than a page may.
    TooManyLinks,
    /// The page has more items than a page may.
    TooManyItems,
    /// The store gave the page's rows up again and again, while it did other work.
    StoreGaveUp,
    /// The page is done without a parse: the site says, or its body shows, that it is as an earlier run found it.
    Unchanged,
    /// The page is done without a fetch, because an earlier run saw it a short time ago.
    Fresh,
    /// The crawl itself has read it: it is a sitemap, or the robots.txt that names some. The spider does not see it.
    Sitemap,
    /// The host has no sitemap. None was named; it was looked for in the usual place.
    SitemapMissing,
    /// The answer is not a sitemap that can be read.
    SitemapUnreadable,
    /// What is kept of the page cannot be read any more.
    KeptPageDamaged,
    /// The run only reads kept pages, and no answer is kept of this one.
    NotKept,
    /// The run only reads kept pages, and a later run has fetched this one since. Older values must not replace newer ones.
    FetchedLater,
    /// It is a new link, and the run only reads kept pages.
    NotFollowed,
    /// The answer to a look-up is of no use, or the program has no such look-up any more. The item stays as it was stored.
    LookUpUnusable,
    /// The database refuses the question of a look-up. The item stays as it was stored.
    LookUpRefused,
    /// The process ended again and again while it had only this page in hand.
    KillsTheProcess,
}

impl Reason {
    /// All reasons.
    pub const ALL: [Self; 53] = [
        Self::HttpStatus,
        Self::Timeout,
        Self::TooSlow,
        Self::Dns,
        Self::Connect,
        Self::Connection,
        Self::Tls,
        Self::Proxy,
        Self::InvalidAnswer,
        Self::HeadersTooLarge,
        Self::BodyTooLarge,
        Self::BodyTruncated,
        Self::BodyUndecodable,
        Self::Unsendable,
        Self::PrivateNetwork,
        Self::HostDown,
        Self::DownloaderPanic,
        Self::UnknownDownloader,
        Self::RobotsDenied,
        Self::RobotsUnreachable,
        Self::Redirected,
        Self::RedirectOutOfScope,
        Self::InvalidRedirect,
        Self::TooManyRedirects,
        Self::UnwantedType,
        Self::HostLimit,
        Self::PatternLimit,
        Self::PageUnreadable,
        Self::PageTooLarge,
        Self::ParseError,
        Self::ParsePanic,
        Self::ParseTimeout,
        Self::ItemUndeclared,
        Self::UnknownTag,
        Self::InvalidRequest,
        Self::PipelinePanic,
        Self::ItemRefused,
        Self::StoreRefused,
        Self::TooManyLinks,
        Self::TooManyItems,
        Self::StoreGaveUp,
        Self::Unchanged,
        Self::Fresh,
        Self::Sitemap,
        Self::SitemapMissing,
        Self::SitemapUnreadable,
        Self::KeptPageDamaged,
        Self::NotKept,
        Self::FetchedLater,
        Self::NotFollowed,
        Self::LookUpUnusable,
        Self::LookUpRefused,
        Self::KillsTheProcess,
    ];

    /// The code, as stored and counted.
    pub fn code(self) -> &'static str {
        self.words().0
    }

    /// The reason with this code.
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }

    /// Whether a request with this reason is `failed`. With the other reasons, it is `skipped`, `dead` or `done`.
    pub fn fails(self) -> bool {
        !matches!(
            self,
            Self::RobotsDenied
                | Self::Redirected
                | Self::RedirectOutOfScope
                | Self::UnwantedType
                | Self::HostLimit
                | Self::PatternLimit
                | Self::ItemRefused
                | Self::StoreRefused
                | Self::StoreGaveUp
                | Self::Unchanged
                | Self::Fresh
                | Self::Sitemap
                | Self::SitemapMissing
                | Self::NotKept
                | Self::FetchedLater
                | Self::NotFollowed
        )
    }

    /// Code and text.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::HttpStatus => ("http_status", "HTTP status"),
            Self::Timeout => ("timeout", "timed out"),
            Self::TooSlow => ("too_slow", "too slow"),
            Self::Dns => ("dns", "host name not found"),
            Self::Connect => ("connect", "no connection"),
            Self::Connection => ("connection", "connection broken"),
            Self::Tls => ("tls", "TLS failed"),
            Self::Proxy => ("proxy", "proxy failed"),
            Self::InvalidAnswer => ("invalid_answer", "answer is not valid HTTP"),
            Self::HeadersTooLarge => ("headers_too_large", "headers too large"),
            Self::BodyTooLarge => ("body_too_large", "body too large"),
            Self::BodyTruncated => ("body_truncated", "body ended early"),
            Self::BodyUndecodable => ("body_undecodable", "body cannot be decoded"),
            Self::Unsendable => ("unsendable", "request cannot be sent"),
            Self::PrivateNetwork => ("private_network", "private network"),
            Self::HostDown => ("host_down", "host is down"),
            Self::DownloaderPanic => ("downloader_panic", "downloader panicked"),
            Self::UnknownDownloader => ("unknown_downloader", "unknown downloader"),
            Self::RobotsDenied => ("robots_denied", "robots.txt forbids it"),
            Self::RobotsUnreachable => ("robots_unreachable", "robots.txt unreachable"),
            Self::Redirected => ("redirected", "redirected"),
            Self::RedirectOutOfScope => ("redirect_out_of_scope", "redirected out of scope"),
            Self::InvalidRedirect => ("invalid_redirect", "redirected to an invalid URL"),
            Self::TooManyRedirects => ("too_many_redirects", "too many redirects"),
            Self::UnwantedType => ("unwanted_type", "unwanted type"),
            Self::HostLimit => ("host_limit", "limit of pages per host"),
            Self::PatternLimit => ("pattern_limit", "limit of pages per URL pattern"),
            Self::PageUnreadable => ("page_unreadable", "page cannot be read"),
            Self::PageTooLarge => ("page_too_large", "page takes too much memory"),
            Self::ParseError => ("parse_error", "error in parse"),
            Self::ParsePanic => ("parse_panic", "panic in parse"),
            Self::ParseTimeout => ("parse_timeout", "parse took too long"),
            Self::ItemUndeclared => ("item_undeclared", "undeclared item type"),
            Self::UnknownTag => ("unknown_tag", "tag without a route"),
            Self::InvalidRequest => ("invalid_request", "invalid request"),
            Self::PipelinePanic => ("pipeline_panic", "panic in an item pipeline"),
            Self::ItemRefused => ("item_refused", "item that no store can hold"),
            Self::StoreRefused => ("store_refused", "refused by the store"),
            Self::TooManyLinks => ("too_many_links", "too many links"),
            Self::TooManyItems => ("too_many_items", "too many items"),
            Self::StoreGaveUp => ("store_gave_up", "given up by the store"),
            Self::Unchanged => ("unchanged", "unchanged"),
            Self::Fresh => ("fresh", "seen a short time ago"),
            Self::Sitemap => ("sitemap", "sitemap that was read"),
            Self::SitemapMissing => ("sitemap_missing", "no sitemap"),
            Self::SitemapUnreadable => ("sitemap_unreadable", "sitemap cannot be read"),
            Self::KeptPageDamaged => ("kept_page_damaged", "kept page is damaged"),
            Self::NotKept => ("not_kept", "nothing is kept of it"),
            Self::FetchedLater => ("fetched_later", "fetched by a later run"),
            Self::NotFollowed => ("not_followed", "new link, not followed"),
            Self::LookUpUnusable => ("look_up_unusable", "look-up without a usable answer"),
            Self::LookUpRefused => ("look_up_refused", "look-up refused by the database"),
            Self::KillsTheProcess => ("kills_the_process", "page ends the process"),
        }
    }
}

/// A short text for people.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words().1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_reason_has_a_code_of_its_own_that_leads_back_to_it() {
        for reason in Reason::ALL {
            let code = reason.code();
            assert!(code.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{code}");
            assert_eq!(Reason::parse(code), Some(reason));
            assert!(!reason.to_string().is_empty());
        }
        let codes: BTreeSet<&str> = Reason::ALL.into_iter().map(Reason::code).collect();
        assert_eq!(codes.len(), Reason::ALL.len());
        assert_eq!(Reason::parse("HTTP 500"), None);
    }

    #[test]
    fn a_request_fails_for_most_reasons() {
        assert!(
            Reason::Timeout.fails() && Reason::RobotsUnreachable.fails() && Reason::TooManyRedirects.fails()
        );
        assert!(!Reason::Redirected.fails() && !Reason::StoreRefused.fails());
    }

    #[test]
    fn no_reason_is_missing_among_all() {
        // They are listed in the order of their declaration, so the last one's number is the length.
        for (number, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, number, "{reason:?}");
        }
        assert_eq!(Reason::KillsTheProcess as usize + 1, Reason::ALL.len());
    }
}
