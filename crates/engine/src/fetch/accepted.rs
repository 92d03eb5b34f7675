//! Which answers are pages: what the settings and the spider accept. Both are read once, at the start; no code of a spider
//! runs while a page is fetched.

use dragline_core::{Accepts, Response, Spider, TypePattern, mime};

use crate::error::EngineError;
use crate::settings::FetchSettings;

/// The answers that are pages.
#[derive(Debug)]
pub(crate) struct Accepted {
    of_spider: Accepts,
    types: Vec<TypePattern>,
}

impl Accepted {
    /// What these settings accept, and this spider in addition.
    ///
    /// # Errors
    /// [`EngineError::Unusable`] when what the spider says is invalid.
    pub(crate) fn new(settings: &FetchSettings, of_spider: Accepts) -> Result<Self, EngineError> {
        let unusable = |error: &dyn std::error::Error| EngineError::Unusable {
            name: "what the spider accepts",
            problem: error.to_string(),
        };
        of_spider.check().map_err(|error| unusable(&error))?;
        let mut types = settings.accept_types.clone();
        types.extend(of_spider.types().map_err(|error| unusable(&error))?);
        Ok(Self { of_spider, types })
    }

    /// Whether an answer with this status is a page.
    pub(crate) fn has_status(&self, status: u16) -> bool {
        self.of_spider.has_status(status)
    }

    /// Whether a page of this type is read past its headers.
    pub(crate) fn has_type(&self, essence: &str) -> bool {
        self.types.iter().any(|pattern| pattern.covers(essence))
    }
}

/// The type of a page for which a crawl would skip it.
///
/// # Errors
/// [`EngineError::Unusable`] when what the spider accepts is invalid.
pub fn unwanted_type(
    settings: &FetchSettings,
    spider: &dyn Spider,
    page: &Response,
) -> Result<Option<String>, EngineError> {
    let accepted = Accepted::new(settings, spider.accepts())?;
    let essence = mime::declared(&page.headers).unwrap_or_else(|| mime::sniffed(&page.body).to_owned());
    Ok((!page.body.is_empty() && !accepted.has_type(&essence)).then_some(essence))
}
