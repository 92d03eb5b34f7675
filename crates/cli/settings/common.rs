//! What every command needs to know: the store, and how to log.

use dragline_store::StoreSettings;

use super::file::File;
use super::parts::store_settings;
use crate::arguments::{Global, LogFormat, Tuning};
use crate::exit::Failed;

/// The embedded default, so that the first command works on a machine with nothing installed.
const DEFAULT_STORE: &str = "sqlite:dragline.db";

/// Settings of every command.
#[derive(Debug)]
pub(crate) struct Common {
    pub(crate) store: StoreUrl,
    pub(crate) log_format: LogFormat,
    pub(crate) log: Option<String>,
    pub(crate) tuning: Tuning,
}

/// A store's URL. It may hold a password: `Debug` does not show it.
#[derive(Clone)]
pub(crate) struct StoreUrl(pub(crate) String);

impl std::fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StoreUrl(…)")
    }
}

impl Common {
    /// Reads the file and combines what every command needs.
    pub(crate) fn read(global: Global) -> Result<Self, Failed> {
        let file = File::read(global.config.as_deref())?;
        // An empty variable, as compose files like to leave, is no setting.
        let database_url = std::env::var("DATABASE_URL").ok().filter(|url| !url.is_empty());
        let store = global.store.filter(|url| !url.is_empty()).or(database_url).or(file.store);
        Ok(Self {
            store: StoreUrl(store.unwrap_or_else(|| DEFAULT_STORE.to_owned())),
            log_format: global.log_format.or(file.log_format).unwrap_or_default(),
            log: global.log.or(file.log),
            tuning: file.crawl,
        })
    }

    /// The store's own settings.
    pub(crate) fn store_settings(&self) -> StoreSettings {
        store_settings(&self.tuning)
    }
}
