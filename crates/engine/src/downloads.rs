//! Chooses the downloader of a request, and applies the same limits to every answer.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use dragline_core::budget::{ByteBudget, Stage};
use dragline_core::earlier::{EarlierPage, body_hash};
use dragline_core::worker::panic_message;
use dragline_core::{Accepts, Reason, Request, Response, Spider, StoredCookie};
use futures_util::FutureExt;
use tokio::time::{Instant, timeout};

use crate::downloader::{Answer, AnswerBody, DownloadError, DownloadLimits, Downloader, Downloaders, HTTP};
use crate::error::EngineError;
use crate::fetch::HttpDownloader;
use crate::mark_gate::until_marked;
use crate::revisit::Revisits;
use crate::settings::{EngineSettings, FetchSettings};

/// The downloaders of a crawl. Clones share them.
#[derive(Clone)]
pub(crate) struct Downloads(Arc<DownloadsShared>);

struct DownloadsShared {
    http: HttpDownloader,
    others: Downloaders,
    limits: Arc<DownloadLimits>,
    /// Those of a sitemap. Sites send it with types for which nobody reads a page, for example `application/gzip`.
    sitemap_limits: Arc<DownloadLimits>,
    /// Those of a look-up. Its step reads any type, and 404 says that nothing is known.
    look_up_limits: Arc<DownloadLimits>,
    budget: ByteBudget,
    /// The rules of an incremental crawl.
    revisits: Option<Arc<Revisits>>,
}

impl Downloads {
    pub(crate) fn new(
        settings: &EngineSettings,
        spider: &dyn Spider,
        others: Downloaders,
        budget: ByteBudget,
        stored_cookies: &[StoredCookie],
        revisits: Option<Arc<Revisits>>,
    ) -> Result<Self, EngineError> {
        if others.names().any(|name| name.is_empty() || name == HTTP) {
            let problem = format!("{HTTP:?} is the name of the built-in downloader; choose another name");
            return Err(EngineError::Unusable { name: "downloader", problem });
        }
        Ok(Self(Arc::new(DownloadsShared {
            http: HttpDownloader::new(settings, &spider.headers(), budget.clone(), stored_cookies)?,
            others,
            limits: Arc::new(download_limits(&settings.fetch, spider)?),
            sitemap_limits: Arc::new(sitemap_limits(&settings.fetch)?),
            look_up_limits: Arc::new(look_up_limits(&settings.fetch)?),
            budget,
            revisits,
        })))
    }

    /// The built-in downloader, which also fetches robots.txt.
    pub(crate) fn http(&self) -> &HttpDownloader {
        &self.0.http
    }

    /// Why a request fails without being sent: it may not go where its URL leads, or nobody can send it.
    pub(crate) fn refusal(&self, request: &Request) -> Option<(Reason, String)> {
        if let Some(refusal) = self.0.http.refusal(request) {
            return Some((Reason::PrivateNetwork, refusal));
        }
        if request.sql_question().is_some() && request.look_up().is_none() {
            let detail = "only a look-up asks a database: make the request in LookUp::request".to_owned();
            return Some((Reason::Unsendable, detail));
        }
        let name = request.downloader().filter(|name| *name != HTTP && self.0.others.get(name).is_none())?;
        let known: Vec<&str> = [HTTP].into_iter().chain(self.0.others.names()).collect();
        let detail = format!("{name:?} is not a downloader of this program, which has: {}", known.join(", "));
        Some((Reason::UnknownDownloader, detail))
    }

    /// The limits on the answer to a request.
    pub(crate) fn limits(&self, request: &Request) -> &Arc<DownloadLimits> {
        if request.is_sitemap() {
            &self.0.sitemap_limits
        } else if request.look_up().is_some() {
            &self.0.look_up_limits
        } else {
            &self.0.limits
        }
    }

    /// Downloads a page. A panic on the way is an error like any other: it costs one page, not the crawl.
    pub(crate) async fn page(
        &self,
        request: &Request,
        earlier: Option<&EarlierPage>,
    ) -> Result<Answer, DownloadError> {
        let DownloadsShared { http, others, budget, revisits, .. } = &*self.0;
        let limits = &**self.limits(request);
        let conditional = revisits.as_ref().map(|revisits| revisits.conditional(request, earlier));
        let request = conditional.as_deref().unwrap_or(request);
        let begun = Instant::now();
        let download = AssertUnwindSafe(async {
            match request.downloader().and_then(|name| others.get(name)) {
                // Its own clock stands still while it waits for memory.
                None => http.download(request, limits).await,
                Some(other) => {
                    // Nobody knows when it reads bodies.
                    until_marked().await;
                    let after = limits.timeout();
                    timeout(after, other.download(request, limits)).await.unwrap_or_else(|_| {
                        let detail =
                            format!("timed out after {} s while fetching the page", after.as_secs_f64());
                        Err(DownloadError::new(Reason::Timeout, detail).retryable())
                    })
                }
            }
        });
        let answer = download.catch_unwind().await.unwrap_or_else(|panic| {
            let detail = format!("panic while fetching: {}", panic_message(&*panic));
            Err(DownloadError::new(Reason::DownloaderPanic, detail))
        });
        let mut answer = limits.apply(answer?)?;
        answer.latency.get_or_insert_with(|| begun.elapsed());
        if let (None, AnswerBody::Whole(body)) = (&answer.charge, &answer.body) {
            let mut charge = budget.charge();
            charge.grow(body.len());
            charge.enter(Stage::Waiting);
            answer.charge = Some(charge);
        }
        if let (Some(_), AnswerBody::Whole(body)) = (revisits, &answer.body) {
            answer.body_hash = Some(body_hash(body));
        }
        Ok(answer)
    }
}

/// The limits of these settings, and the answers that this spider accepts in addition.
pub(crate) fn download_limits(
    settings: &FetchSettings,
    spider: &dyn Spider,
) -> Result<DownloadLimits, EngineError> {
    let FetchSettings { request_timeout, max_body_bytes, accept_types, .. } = settings;
    DownloadLimits::new(*request_timeout, *max_body_bytes, accept_types, spider.accepts()).map_err(|error| {
        EngineError::Unusable { name: "what the spider accepts", problem: error.to_string() }
    })
}

/// The limits on a sitemap, which may be of any type.
pub(crate) fn sitemap_limits(settings: &FetchSettings) -> Result<DownloadLimits, EngineError> {
    let accepts = Accepts::new().with_type("*/*");
    DownloadLimits::new(settings.request_timeout, settings.max_body_bytes, &[], accepts)
        .map_err(|error| EngineError::Unusable { name: "sitemaps", problem: error.to_string() })
}

/// The statuses that say that nothing is known of what was asked.
pub(crate) const MISSING: [u16; 2] = [404, 410];

/// The limits on the answer to a look-up, which may be of any type.
pub(crate) fn look_up_limits(settings: &FetchSettings) -> Result<DownloadLimits, EngineError> {
    let accepts = MISSING.into_iter().fold(Accepts::new().with_type("*/*"), Accepts::with_status);
    DownloadLimits::new(settings.request_timeout, settings.max_body_bytes, &[], accepts)
        .map_err(|error| EngineError::Unusable { name: "look-ups", problem: error.to_string() })
}

/// The type of a page for which a crawl would skip it.
///
/// # Errors
/// [`EngineError::Unusable`] if a status or a type of the spider is invalid.
pub fn unwanted_type(
    settings: &FetchSettings,
    spider: &dyn Spider,
    page: &Response,
) -> Result<Option<String>, EngineError> {
    Ok(download_limits(settings, spider)?.unwanted(&page.headers, &page.body))
}
