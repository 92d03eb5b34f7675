//! From the store's URL to what a connection needs, and to a name for it that holds no secret.

use std::fmt::Write as _;
use std::time::Duration;

use dragline_core::StoreError;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use crate::StoreSettings;

/// Dead peers are found within about half a minute: 10 s of silence, then 3 probes, 5 s apart.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_RETRIES: u32 = 3;
const DEFAULT_PORT: u16 = 5432;

/// A database to connect to.
#[derive(Debug)]
pub(super) struct Target {
    /// What the driver needs, with the password.
    pub(super) config: Config,
    /// The URL without password and options.
    pub(super) location: String,
    /// The role.
    pub(super) user: String,
    /// The database.
    pub(super) database: String,
    /// The limits; those that the URL names are the URL's.
    pub(super) limits: StoreSettings,
}

impl Target {
    /// Reads a URL.
    ///
    /// # Errors
    /// [`StoreError::Setup`]; nothing of the URL is repeated in it, for any part may hold a password.
    pub(super) fn parse(url: &str, settings: &StoreSettings) -> Result<Self, StoreError> {
        let mut config: Config = url.parse().map_err(|_| unreadable(url))?;
        if config.get_ssl_mode() == SslMode::Require {
            return Err(no_tls());
        }
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            config.host("localhost");
        }
        if config.get_application_name().is_none() {
            config.application_name("dragline");
        }
        let limits = limits(&config, settings);
        config
            .connect_timeout(limits.connect_timeout)
            .tcp_user_timeout(limits.statement_timeout)
            .keepalives(true)
            .keepalives_idle(KEEPALIVE_IDLE)
            .keepalives_interval(KEEPALIVE_INTERVAL)
            .keepalives_retries(KEEPALIVE_RETRIES);
        let user = config.get_user().unwrap_or_default().to_owned();
        let database = config.get_dbname().unwrap_or(&user).to_owned();
        Ok(Self { location: location(&config, &user, &database), config, user, database, limits })
    }
}

/// What `?connect_timeout=3&options=-cstatement_timeout%3D10s` says, and the settings for the rest.
fn limits(config: &Config, settings: &StoreSettings) -> StoreSettings {
    let options = config.get_options().unwrap_or_default();
    let statement_timeout = time_in(options, "statement_timeout").unwrap_or(settings.statement_timeout);
    StoreSettings {
        connect_timeout: config.get_connect_timeout().copied().unwrap_or(settings.connect_timeout),
        statement_timeout,
        // A lock that is waited for longer than a statement may take is never missed.
        lock_timeout: time_in(options, "lock_timeout")
            .unwrap_or(settings.lock_timeout)
            .min(statement_timeout),
        ..settings.clone()
    }
}

/// A time among the server's options, as the server reads it: milliseconds unless it has a unit. Zero, for no
/// limit, is none: nothing here waits for ever.
fn time_in(options: &str, name: &str) -> Option<Duration> {
    let (_, rest) = options.rsplit_once(&format!("{name}="))?;
    let value = rest.split_whitespace().next()?;
    let digits = value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len());
    let number: u64 = value[..digits].parse().ok()?;
    let time = match &value[digits..] {
        "" | "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        "min" => Duration::from_secs(number.checked_mul(60)?),
        _ => return None,
    };
    (!time.is_zero()).then_some(time)
}

fn location(config: &Config, user: &str, database: &str) -> String {
    let mut text = String::from("postgres://");
    if !user.is_empty() {
        // Writing to a String cannot fail.
        let _ = write!(text, "{user}@");
    }
    let names = config.get_hosts().iter().map(|host| match host {
        Host::Tcp(name) => name.clone(),
        #[cfg(unix)]
        Host::Unix(path) => path.display().to_string(),
    });
    let addresses = config.get_hostaddrs().iter().map(ToString::to_string);
    let hosts: Vec<String> =
        if config.get_hosts().is_empty() { addresses.collect() } else { names.collect() };
    let ports = config.get_ports();
    for (index, host) in hosts.iter().enumerate() {
        let port = ports.get(index).or(ports.first()).copied().unwrap_or(DEFAULT_PORT);
        let _ = write!(text, "{}{host}:{port}", if index > 0 { "," } else { "" });
    }
    let _ = write!(text, "/{database}");
    text
}

fn unreadable(url: &str) -> StoreError {
    // The driver does not know these at all; people bring them from libpq.
    if url.contains("sslmode=verify-") || url.contains("sslmode=allow") {
        return no_tls();
    }
    StoreError::Setup {
        problem: "the store's URL cannot be read".to_owned(),
        hint: "use postgres://USER:PASSWORD@HOST:PORT/DATABASE and write special characters in user and \
               password as %XX (@ is %40)"
            .to_owned(),
    }
}

fn no_tls() -> StoreError {
    StoreError::Setup {
        problem: "the store's URL asks for an encrypted connection, which this version cannot make"
            .to_owned(),
        hint: "take sslmode out of the URL, and reach the server over a private network or a tunnel"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str) -> Result<Target, StoreError> {
        Target::parse(url, &StoreSettings::default())
    }

    #[test]
    fn the_location_has_no_secrets() {
        for (url, location) in [
            ("postgres://me:hunter2@db.example/crawl", "postgres://me@db.example:5432/crawl"),
            ("postgresql://me:hunter2@h:77/crawl?connect_timeout=3", "postgres://me@h:77/crawl"),
            ("postgres://me@h/crawl?password=hunter2", "postgres://me@h:5432/crawl"),
            ("postgres://me:hunter2@a:1,b:2/crawl", "postgres://me@a:1,b:2/crawl"),
            ("postgres://me:pass?hunter2=1@h/crawl", "postgres://me@h:5432/crawl"),
            ("postgres:///crawl?user=me", "postgres://me@localhost:5432/crawl"),
        ] {
            assert_eq!(target(url).unwrap().location, location);
        }
    }

    #[test]
    fn limits_in_the_url_win() {
        let limits = |url: &str| target(url).unwrap().limits;
        assert_eq!(limits("postgres://me@h/d"), StoreSettings::default());
        let some =
            limits("postgres://me@h/d?connect_timeout=3&options=-cstatement_timeout%3D2s%20-cjit%3Doff");
        assert_eq!(some.connect_timeout, Duration::from_secs(3));
        assert_eq!(
            (some.statement_timeout, some.lock_timeout),
            (Duration::from_secs(2), Duration::from_secs(2))
        );
        let lock = limits("postgres://me@h/d?options=-clock_timeout%3D700").lock_timeout;
        assert_eq!(lock, Duration::from_millis(700));
        assert_eq!(limits("postgres://me@h/d?options=-cstatement_timeout%3D0"), StoreSettings::default());
    }

    #[test]
    fn what_cannot_be_used_is_told_without_secrets() {
        for url in [
            "postgres://me:hunter2@h:port/d",
            "postgres://me:hunter2@h/d?sslmode=require",
            "postgres://me:hunter2@h/d?sslmode=verify-full",
        ] {
            let error = target(url).unwrap_err();
            assert!(matches!(error, StoreError::Setup { .. }));
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        }
    }
}
