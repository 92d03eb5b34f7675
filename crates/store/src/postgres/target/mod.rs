//! From the store's URL and libpq's other sources to what a connection needs, and to a name for it that holds
//! no secret.
//!
//! This is our own and not the parser of `tokio_postgres::Config`, because that one reads no certificate files, no password file
//! and no `PG…` variables, which users of `psql` expect.

mod parameters;
mod passfile;
mod surroundings;
mod tls;
mod verifier;

use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use dragline_core::StoreError;
use rand::seq::SliceRandom;
use tokio_postgres::Config;
use tokio_postgres::config::{LoadBalanceHosts, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use self::parameters::Parameters;
pub(crate) use self::parameters::is_keyword_form;
use self::passfile::{PassFile, Wanted};
use self::surroundings::Surroundings;
use self::tls::Tls;
use crate::StoreSettings;

/// Dead peers are found within about half a minute: 10 s of silence, then 3 probes, 5 s apart.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_RETRIES: u32 = 3;
const DEFAULT_PORT: u16 = 5432;

/// Read by this module itself, host by host, or not meant for the driver.
const NOT_FOR_THE_DRIVER: [&str; 9] =
    ["host", "hostaddr", "port", "password", "passfile", "sslmode", "sslrootcert", "sslcert", "sslkey"];

/// A database to connect to.
pub(super) struct DatabaseTarget {
    /// What the driver needs, with the password: for each host one.
    hosts: Vec<Config>,
    /// How sessions are encrypted that are.
    pub(super) tls: MakeRustlsConnect,
    /// The URL without password and options.
    pub(super) location: String,
    /// The role.
    pub(super) user: String,
    /// The database.
    pub(super) database: String,
    /// Where the password was found, in words.
    pub(super) password_from: String,
    /// The limits; those that the URL names are the URL's.
    pub(super) limits: StoreSettings,
}

impl std::fmt::Debug for DatabaseTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.location)
    }
}

/// A host, as the parameters name it.
struct HostAddress {
    /// A name, or the folder of a socket. For an address without a name that address.
    host: String,
    address: Option<IpAddr>,
    port: u16,
}

impl HostAddress {
    fn is_socket(&self) -> bool {
        self.address.is_none() && self.host.starts_with('/')
    }
}

impl DatabaseTarget {
    /// Reads a URL; what it leaves open is taken from the environment, as libpq does.
    ///
    /// # Errors
    /// [`StoreError::Setup`]; no value of the URL is repeated in it, for any part may hold a password.
    pub(super) fn parse(url: &str, settings: &StoreSettings) -> Result<Self, StoreError> {
        Self::read(url, settings, &Surroundings::here())
    }

    fn read(url: &str, settings: &StoreSettings, around: &Surroundings) -> Result<Self, StoreError> {
        let parameters = Parameters::read(url, around)?;
        let mut config = for_the_driver(&parameters)?;
        let user = match config.get_user() {
            Some(user) => user.to_owned(),
            None => around.user.clone().unwrap_or_default(),
        };
        let database = config.get_dbname().unwrap_or(&user).to_owned();
        if config.get_application_name().is_none() {
            config.application_name("dragline");
        }
        let limits = limits(&config, settings);
        config
            .user(&user)
            .dbname(&database)
            .connect_timeout(limits.connect_timeout)
            .tcp_user_timeout(limits.statement_timeout)
            .keepalives(true)
            .keepalives_idle(KEEPALIVE_IDLE)
            .keepalives_interval(KEEPALIVE_INTERVAL)
            .keepalives_retries(KEEPALIVE_RETRIES);
        let places = places(&parameters, around)?;
        // On a socket nothing is encrypted, whatever is asked for.
        let Tls { connect, mode } = if places.iter().all(HostAddress::is_socket) {
            tls::without()?
        } else {
            tls::read(&parameters, around)?
        };
        let passwords = Passwords::of(&parameters, around);
        let hosts = places.iter().map(|place| {
            let mut config = config.clone();
            config.host(&place.host).port(place.port);
            config.ssl_mode(if place.is_socket() { SslMode::Disable } else { mode });
            if let Some(address) = place.address {
                config.hostaddr(address);
            }
            if let Some(password) = passwords.of_place(place, &user, &database) {
                config.password(password);
            }
            config
        });
        Ok(Self {
            hosts: hosts.collect(),
            tls: connect,
            location: location(&places, &user, &database),
            user,
            database,
            password_from: passwords.from(),
            limits,
        })
    }

    /// What the pool takes for its description of the database. It connects by our hand.
    pub(super) fn config(&self) -> Config {
        self.hosts.first().cloned().unwrap_or_default()
    }

    /// The hosts in the order in which they are tried.
    pub(super) fn hosts(&self) -> Vec<&Config> {
        let mut hosts: Vec<&Config> = self.hosts.iter().collect();
        if hosts.iter().any(|host| host.get_load_balance_hosts() == LoadBalanceHosts::Random) {
            hosts.shuffle(&mut rand::rng());
        }
        hosts
    }
}

/// The parameters that the driver reads as libpq does.
fn for_the_driver(parameters: &Parameters) -> Result<Config, StoreError> {
    let mut text = String::new();
    for (name, _) in parameters.iter() {
        let Some(value) = parameters.get(name).filter(|_| !NOT_FOR_THE_DRIVER.contains(&name)) else {
            continue;
        };
        let pair = format!("{name}='{}' ", value.replace('\\', "\\\\").replace('\'', "\\'"));
        if pair.parse::<Config>().is_err() {
            return Err(parameters.wrong(
                name,
                "has a value that cannot be used",
                "see the PostgreSQL manual, section \"Parameter Key Words\", for the values that it can have",
            ));
        }
        text.push_str(&pair);
    }
    text.parse().map_err(|_| StoreError::Setup {
        problem: "the store's URL cannot be read".to_owned(),
        hint: "use postgres://USER:PASSWORD@HOST:PORT/DATABASE".to_owned(),
    })
}

/// The hosts, each with its address and port. One port is everybody's.
fn places(parameters: &Parameters, around: &Surroundings) -> Result<Vec<HostAddress>, StoreError> {
    let list =
        |name| parameters.get(name).map(|list| list.split(',').collect::<Vec<_>>()).unwrap_or_default();
    let (hosts, addresses, ports) = (list("host"), list("hostaddr"), list("port"));
    let count = hosts.len().max(addresses.len()).max(1);
    let fits = |given: usize| given == 0 || given == count;
    if !fits(hosts.len()) || !fits(addresses.len()) {
        return Err(parameters.wrong(
            "hostaddr",
            "has not as many addresses as there are hosts",
            "name one for each",
        ));
    }
    if ports.len() > 1 && ports.len() != count {
        return Err(parameters.wrong(
            "port",
            "has not as many ports as there are hosts",
            "name one for each, or one",
        ));
    }
    (0..count)
        .map(|index| {
            let given = |list: &[&str]| list.get(index).map(|text| text.trim().to_owned());
            let port = match given(&ports).or_else(|| ports.first().map(|&port| port.to_owned())) {
                Some(port) if !port.is_empty() => {
                    port.parse().ok().filter(|port| *port > 0).ok_or_else(|| {
                        parameters.wrong("port", "is not a number from 1 to 65535", "mend it")
                    })?
                }
                _ => DEFAULT_PORT,
            };
            let address = match given(&addresses).filter(|address| !address.is_empty()) {
                Some(address) => Some(address.parse::<IpAddr>().map_err(|_| {
                    parameters.wrong("hostaddr", "is not an IP address", "names belong into host")
                })?),
                None => None,
            };
            let host = match given(&hosts).filter(|host| !host.is_empty()) {
                Some(host) => host,
                None => match address {
                    Some(address) => address.to_string(),
                    None => around.default_host(port),
                },
            };
            Ok(HostAddress { host, address, port })
        })
        .collect()
}

/// Where passwords are looked up: the URL, `PGPASSWORD`, the password file.
struct Passwords<'a> {
    given: Option<(&'a str, &'static str)>,
    file: Option<PassFile>,
}

impl<'a> Passwords<'a> {
    fn of(parameters: &'a Parameters, around: &Surroundings) -> Self {
        let given = parameters.get("password").map(|password| (password, parameters.source("password")));
        let named = parameters.get("passfile").map(PathBuf::from);
        let path = named.or_else(|| passfile::default_path(around.home.as_deref()));
        let file = if given.is_some() { None } else { path.and_then(PassFile::open) };
        Self { given, file }
    }

    fn of_place(&self, place: &HostAddress, user: &str, database: &str) -> Option<String> {
        if let Some((password, _)) = self.given {
            return Some(password.to_owned());
        }
        let wanted = |host| Wanted { host, port: place.port, database, user };
        let file = self.file.as_ref()?;
        // In the file the server of this machine is called localhost, also when a socket leads to it.
        let by_name = file.password(&wanted(&place.host));
        by_name.or_else(|| place.is_socket().then(|| file.password(&wanted("localhost"))).flatten())
    }

    fn from(&self) -> String {
        match (&self.given, &self.file) {
            (Some((_, source)), _) => (*source).to_owned(),
            (None, Some(file)) => file.path.display().to_string(),
            (None, None) => "the URL (there is none in it, nor in PGPASSWORD or ~/.pgpass)".to_owned(),
        }
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

fn location(places: &[HostAddress], user: &str, database: &str) -> String {
    let mut text = String::from("postgres://");
    if !user.is_empty() {
        // Writing to a String cannot fail.
        let _ = write!(text, "{user}@");
    }
    // A folder has slashes: it goes behind the database.
    if let [socket] = places
        && socket.is_socket()
    {
        let _ = write!(text, "/{database}?host={}", socket.host);
        if socket.port != DEFAULT_PORT {
            let _ = write!(text, "&port={}", socket.port);
        }
        return text;
    }
    for (index, HostAddress { host, port, .. }) in places.iter().enumerate() {
        let _ = write!(text, "{}{host}:{port}", if index > 0 { "," } else { "" });
    }
    let _ = write!(text, "/{database}");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str) -> Result<DatabaseTarget, StoreError> {
        target_with(url, &[])
    }

    fn target_with(url: &str, variables: &[(&str, &str)]) -> Result<DatabaseTarget, StoreError> {
        DatabaseTarget::read(url, &StoreSettings::default(), &Surroundings::of(variables))
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
            ("postgres://", "postgres://somebody@localhost:5432/somebody"),
            ("postgres:///crawl?host=/run/pg", "postgres://somebody@/crawl?host=/run/pg"),
            ("postgres://%2Frun%2Fpg:77/crawl", "postgres://somebody@/crawl?host=/run/pg&port=77"),
            ("host=h user=me password='hunter2' dbname=crawl", "postgres://me@h:5432/crawl"),
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
    fn what_the_url_leaves_open_comes_from_the_variables() {
        let variables = [
            ("PGHOST", "db"),
            ("PGPORT", "77"),
            ("PGUSER", "me"),
            ("PGDATABASE", "crawl"),
            ("PGPASSWORD", "hunter2"),
            ("PGCONNECT_TIMEOUT", "3"),
        ];
        let all = target_with("postgres://", &variables).unwrap();
        assert_eq!(all.location, "postgres://me@db:77/crawl");
        assert_eq!(all.config().get_password(), Some(b"hunter2".as_slice()));
        assert_eq!(
            (all.password_from.as_str(), all.limits.connect_timeout),
            ("PGPASSWORD", Duration::from_secs(3))
        );
        let some = target_with("postgres://you:its-own@h/d", &variables).unwrap();
        assert_eq!(some.location, "postgres://you@h:77/d");
        assert_eq!(some.config().get_password(), Some(b"its-own".as_slice()));
        let error = target_with("postgres://", &[("PGPORT", "many")]).unwrap_err().to_string();
        assert!(error.contains("PGPORT is not a number"), "{error}");
        let error = target_with("postgres://", &[("PGSSLMODE", "much")]).unwrap_err().to_string();
        assert!(error.contains("PGSSLMODE has a value that"), "{error}");
    }

    #[test]
    fn the_socket_of_this_machine_comes_first() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(".s.PGSQL.77"), "").unwrap();
        let mut around = Surroundings::of(&[]);
        around.socket_folders = vec![folder.path().join("none"), folder.path().to_owned()];
        let located = |url| DatabaseTarget::read(url, &StoreSettings::default(), &around).unwrap().location;
        let expected = format!("postgres://somebody@/d?host={}&port=77", folder.path().display());
        assert_eq!(located("postgres://:77/d"), expected);
        assert_eq!(located("postgres:///d"), "postgres://somebody@localhost:5432/d");
    }

    #[test]
    fn what_cannot_be_used_is_told_without_secrets() {
        for url in [
            "postgres://me:hunter2@h:port/d",
            "postgres://me:hunter2@h:0/d",
            "postgres://me:hunter2@h/d?sslmode=always",
            "postgres://me:hunter2@h/d?sslmode=verify-full",
            "postgres://me:hunter2@h/d?hostaddr=h",
            "postgres://me:hunter2@h/d?hostaddr=127.0.0.1,127.0.0.2",
            "postgres://me:hunter2@h:1,h:2/d?host=h",
            "postgres://me:hunter2@h/d?target_session_attrs=both",
        ] {
            let error = target(url).unwrap_err();
            assert!(matches!(error, StoreError::Setup { .. }));
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        }
    }
}
