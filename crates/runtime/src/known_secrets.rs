//! Remembers the secrets that a crawl is given. From then on, they are hidden everywhere, for example in the message of a panic.

use dragline_core::{Args, secrets};
use url::Url;

use crate::settings::{CrawlSettings, StoreUrl};

impl CrawlSettings {
    /// Remembers the secrets in these settings.
    pub(crate) fn remember_secrets(&self) {
        remember_arguments(&self.args);
        self.store.remember_secret();
        for (name, value) in &self.engine.client.headers {
            if secrets::is_secret_name(name) {
                // `Bearer TOKEN`: the token may also turn up by itself.
                value.split([' ', ';']).for_each(secrets::remember);
                secrets::remember(value);
            }
        }
    }
}

/// Remembers the secrets in a run's arguments and start URLs.
pub fn remember_arguments(args: &Args) {
    for (_, value) in args.iter().filter(|(name, _)| secrets::is_secret_name(name)) {
        secrets::remember(value);
    }
    let urls = args.iter().filter_map(|(_, value)| Url::parse(value).ok());
    args.start_urls().iter().cloned().chain(urls).for_each(|url| remember_url(&url));
}

impl StoreUrl {
    /// Remembers its password.
    pub fn remember_secret(&self) {
        if let Ok(url) = Url::parse(&self.0) {
            remember_url(&url);
        }
        let words = self.0.split_whitespace().filter_map(|word| word.split_once('='));
        for (_, value) in words.filter(|(name, _)| secrets::is_secret_name(name)) {
            secrets::remember(value.trim_matches('\''));
        }
    }
}

fn remember_url(url: &Url) {
    url.password().into_iter().for_each(secrets::remember);
    for (_, value) in url.query_pairs().filter(|(name, _)| secrets::is_secret_name(name)) {
        secrets::remember(&value);
    }
    // As it is spelled there.
    let fields = url.query().unwrap_or_default().split(['&', ';']).chain(url.path().split(['/', ';']));
    for (name, value) in fields.filter_map(|field| field.split_once('=')) {
        if secrets::is_secret_name(name) {
            secrets::remember(value);
        }
    }
}
