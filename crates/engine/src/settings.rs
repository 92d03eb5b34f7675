//! What a crawl may do and how fast. Plain values, checked once; the layers they come from are the CLI's.

use std::num::NonZero;
use std::path::PathBuf;
use std::time::Duration;

use http::HeaderValue;

use crate::error::EngineError;
use crate::fetch::{Credentials, ProxySetting};

/// The settings of scheduler, downloader and crawl threads.
#[derive(Clone, Debug, PartialEq)]
pub struct EngineSettings {
    /// Requests in flight at once, all hosts together; the number of credits.
    pub concurrency: usize,
    /// Requests in flight at once to one host.
    pub host_concurrency: usize,
    /// Requests per second to one host, fractions allowed; `None` is no limit.
    pub rate_per_second: Option<f64>,
    /// Threads that parse.
    pub crawl_threads: usize,
    /// Longest time for the parse of one page. After it the page fails and its thread is left behind.
    pub parse_timeout: Duration,
    /// Whether robots.txt is fetched and obeyed.
    pub obey_robots: bool,
    /// The `User-Agent` that is sent.
    pub user_agent: String,
    /// The name that is looked for in robots.txt.
    pub robots_agent: String,
    /// Headers that every request is sent with, unless it has its own of that name.
    pub headers: Vec<(String, String)>,
    /// User names and passwords, each for one origin.
    pub auth: Vec<Credentials>,
    /// What is done with cookies.
    pub cookies: CookieMode,
    /// What requests go through that name no proxy of their own.
    pub proxy: ProxySetting,
    /// Certificates (PEM) that are trusted beside those of the system.
    pub ca_file: Option<PathBuf>,
    /// Whether HTTP/2 is spoken with servers that offer it.
    pub http2: bool,
    /// Links deeper than this are not followed; start requests have depth 0.
    pub max_depth: Option<u32>,
    /// Links longer than this are not followed. 2,083 is the longest that browsers have agreed on.
    pub max_url_bytes: usize,
    /// Pages in state `done` after which the run is finished, those of earlier processes included.
    pub limit: Option<u64>,
    /// Item rows after which nothing more is claimed.
    pub max_items: Option<u64>,
    /// Time after which nothing more is claimed.
    pub max_duration: Option<Duration>,
    /// Share of pages (0 to 1) that may fail or die; above it nothing more is claimed.
    pub max_failed_share: Option<f64>,
    /// Longest time for one fetch in all.
    pub request_timeout: Duration,
    /// Longest time until a connection stands: name, TCP and TLS.
    pub connect_timeout: Duration,
    /// Longest silence of a server that is connected.
    pub read_timeout: Duration,
    /// Largest body, decompressed.
    pub max_body_bytes: usize,
    /// Further attempts after the first.
    pub retries: u32,
    /// Wait before the first of them; each further one waits twice as long.
    pub retry_base_delay: Duration,
    /// Longest wait that this doubling comes to.
    pub retry_max_delay: Duration,
    /// Longest wait that a server's `Retry-After` can ask for.
    pub retry_after_max: Duration,
    /// Hops after which a chain of redirects is given up.
    pub max_redirects: usize,
    /// Requests held in memory; all others are in the store alone.
    pub window_requests: usize,
    /// Of these, at most so many for one host.
    pub window_per_host: usize,
    /// Memory for bodies, outcomes and batches; above it nothing new is claimed.
    pub memory_budget_bytes: usize,
    /// How long fetches in flight may go on after a stop.
    pub stop_grace: Duration,
}

/// What is done with cookies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CookieMode {
    /// They are sent back, and kept in the store until the run ends: a resumed run is still logged in.
    #[default]
    Stored,
    /// They are sent back as long as the process lives, and never written anywhere.
    Memory,
    /// They are ignored.
    Off,
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            concurrency: 32,
            host_concurrency: 2,
            rate_per_second: Some(2.0),
            crawl_threads: std::thread::available_parallelism().map_or(1, NonZero::get),
            parse_timeout: Duration::from_secs(300),
            obey_robots: true,
            user_agent: concat!("dragline/", env!("CARGO_PKG_VERSION"), " (crawler)").to_owned(),
            robots_agent: "dragline".to_owned(),
            headers: Vec::new(),
            auth: Vec::new(),
            cookies: CookieMode::Stored,
            proxy: ProxySetting::Environment,
            ca_file: None,
            http2: true,
            max_depth: None,
            max_url_bytes: 2083,
            limit: None,
            max_items: None,
            max_duration: None,
            max_failed_share: None,
            request_timeout: Duration::from_secs(180),
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            max_body_bytes: 64 << 20,
            retries: 3,
            retry_base_delay: Duration::from_secs(1),
            retry_max_delay: Duration::from_secs(60),
            retry_after_max: Duration::from_secs(300),
            max_redirects: 20,
            window_requests: 10_000,
            window_per_host: 1_000,
            memory_budget_bytes: 256 << 20,
            stop_grace: Duration::from_secs(2),
        }
    }
}

impl EngineSettings {
    /// Checks what the types cannot say.
    ///
    /// # Errors
    /// [`EngineError::Setting`] for the first value that cannot be.
    pub fn validate(&self) -> Result<(), EngineError> {
        let at_least_one = [
            ("concurrency", self.concurrency),
            ("host_concurrency", self.host_concurrency),
            ("crawl_threads", self.crawl_threads),
            ("max_url_bytes", self.max_url_bytes),
            ("max_body_bytes", self.max_body_bytes),
            ("window_requests", self.window_requests),
            ("window_per_host", self.window_per_host),
            ("memory_budget_bytes", self.memory_budget_bytes),
        ];
        for (name, value) in at_least_one {
            refuse_if(value == 0, name, &value, "it must be at least 1")?;
        }
        // There is a place in a channel for each of the one, and a stack for each of the other.
        refuse_if(self.concurrency > 100_000, "concurrency", &self.concurrency, "it must be at most 100000")?;
        refuse_if(
            self.crawl_threads > 1024,
            "crawl_threads",
            &self.crawl_threads,
            "it must be at most 1024; more threads than cores parse no faster",
        )?;
        let longer_than_zero = [
            ("request_timeout", self.request_timeout),
            ("connect_timeout", self.connect_timeout),
            ("read_timeout", self.read_timeout),
            ("parse_timeout", self.parse_timeout),
        ];
        for (name, value) in longer_than_zero {
            refuse_if(value.is_zero(), name, &format!("{value:?}"), "it must be longer than zero")?;
        }
        if let Some(rate) = self.rate_per_second {
            // The lower bound is one request in a day: below it a period overflows before anybody notices.
            let possible = rate.is_finite() && (1.0 / 86_400.0..=1e9).contains(&rate);
            // `Debug` writes 1e-320, where `Display` writes 320 digits.
            let value = format!("{rate:?}");
            refuse_if(!possible, "rate_per_second", &value, "it must be a number between 1/86400 and 1e9")?;
        }
        if let Some(share) = self.max_failed_share {
            let possible = (0.0..=1.0).contains(&share);
            refuse_if(!possible, "max_failed_share", &share, "it must be a number from 0 to 1")?;
        }
        refuse_if(self.user_agent.is_empty(), "user_agent", &"\"\"", "a crawler says who it is")?;
        refuse_if(
            HeaderValue::from_str(&self.user_agent).is_err(),
            "user_agent",
            &format!("{:?}", self.user_agent),
            "it holds characters that no header may hold, such as a line break",
        )?;
        refuse_if(
            self.robots_agent.is_empty(),
            "robots_agent",
            &"\"\"",
            "robots.txt needs a name to look for",
        )
    }
}

fn refuse_if(
    wrong: bool,
    name: &'static str,
    value: &dyn std::fmt::Display,
    problem: &'static str,
) -> Result<(), EngineError> {
    if wrong { Err(EngineError::Setting { name, value: value.to_string(), problem }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_nonsense_is_named() {
        EngineSettings::default().validate().unwrap();
        let none = EngineSettings { concurrency: 0, ..EngineSettings::default() };
        assert_eq!(
            none.validate().unwrap_err().to_string(),
            "concurrency = 0 cannot be: it must be at least 1"
        );
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-9] {
            let odd = EngineSettings { rate_per_second: Some(rate), ..EngineSettings::default() };
            assert!(odd.validate().is_err(), "{rate}");
        }
        let slow = EngineSettings { rate_per_second: Some(1e-320), ..EngineSettings::default() };
        let told = slow.validate().unwrap_err().to_string();
        assert_eq!(told, "rate_per_second = 1e-320 cannot be: it must be a number between 1/86400 and 1e9");
        for agent in ["a\nb", "a\u{7f}b", "\0"] {
            let odd = EngineSettings { user_agent: agent.to_owned(), ..EngineSettings::default() };
            let told = odd.validate().unwrap_err().to_string();
            assert!(told.starts_with("user_agent = \"") && !told.contains('\n'), "{told}");
        }
        EngineSettings {
            user_agent: "Füchse/1 (+http://a.example)".to_owned(), ..EngineSettings::default()
        }
        .validate()
        .unwrap();
        for odd in [
            EngineSettings { concurrency: usize::MAX, ..EngineSettings::default() },
            EngineSettings { crawl_threads: 1_000_000, ..EngineSettings::default() },
        ] {
            assert!(odd.validate().unwrap_err().to_string().contains("at most"));
        }
    }
}
