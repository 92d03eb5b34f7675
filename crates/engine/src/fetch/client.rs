//! Builds the HTTP client: rustls with ring and the system's certificates. It doesn't follow redirects.

use std::path::Path;
use std::sync::{Arc, Once};
use std::time::Duration;

use http::header::{
    ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, HeaderMap, HeaderName, HeaderValue, USER_AGENT,
};
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::ClientBuilder;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

use super::connecting::{Opened, WatchConnecting};
use super::networks::NetworkGuard;
use super::settings::HttpSettings;
use super::wire::{Client, HandOver, Wiring};
use crate::error::EngineError;

/// Servers commonly close idle connections after 60 s or more, so we close them earlier.
pub(super) const IDLE_CONNECTION: Duration = Duration::from_secs(50);

/// How to build a client. A run has one for each host, so that the connections of a host can be closed.
pub(super) struct Recipe {
    user_agent: String,
    headers: Arc<HeaderMap>,
    connect_timeout: Duration,
    idle_per_host: usize,
    has_http2: bool,
    max_headers: usize,
    max_header_bytes: usize,
    /// Reading the certificates of the system takes milliseconds, so all clients share them.
    tls: ClientConfig,
    pub(super) guard: NetworkGuard,
}

/// Why a header can't be sent with every request; `None` if it can.
pub fn refused_header(name: &str, value: &str) -> Option<&'static str> {
    match name.to_ascii_lowercase().as_str() {
        "authorization" | "proxy-authorization" => {
            Some("it would be sent to every host; use --auth, which sends it to only one")
        }
        "cookie" => Some("it would be sent to every host; set it on the start request (Request::header)"),
        "user-agent" => Some("use --user-agent instead"),
        "accept-encoding" => Some("Dragline sets it to the codings that it can decode"),
        "host" | "content-length" | "transfer-encoding" | "connection" | "upgrade" | "te" => {
            Some("it belongs to the connection and is set for each request")
        }
        _ if HeaderName::try_from(name).is_err() => Some("its name is invalid"),
        _ if HeaderValue::try_from(value).is_err() => Some("its value is invalid"),
        _ => None,
    }
}

/// Checks headers that are sent with every request.
pub(crate) fn check_headers(headers: &[(String, String)]) -> Result<(), EngineError> {
    headers.iter().try_for_each(|(name, value)| header(name, value).map(drop))
}

fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), EngineError> {
    let unusable = |problem: &str| EngineError::Unusable {
        name: "header",
        problem: format!("{name:?} cannot be sent with every request: {problem}"),
    };
    if let Some(problem) = refused_header(name, value) {
        return Err(unusable(problem));
    }
    let pair = HeaderName::try_from(name).ok().zip(HeaderValue::try_from(value).ok());
    pair.ok_or_else(|| unusable("it is invalid"))
}

impl Recipe {
    /// A recipe from the settings and the headers of the spider.
    pub(super) fn new(
        settings: HttpSettings<'_>,
        of_spider: &[(String, String)],
    ) -> Result<Self, EngineError> {
        let mut headers = HeaderMap::new();
        headers.insert(
            ACCEPT,
            HeaderValue::from_static("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
        );
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(super::coding::ACCEPTED));
        headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static("en,*;q=0.5"));
        // Headers of the settings replace those of the spider.
        for (name, value) in of_spider.iter().chain(&settings.client.headers) {
            let (name, value) = header(name, value)?;
            headers.insert(name, value);
        }
        let user_agent = HeaderValue::try_from(&settings.client.user_agent);
        headers.insert(
            USER_AGENT,
            user_agent.map_err(|_| EngineError::Unusable {
                name: "user_agent",
                problem: "a header cannot contain it".to_owned(),
            })?,
        );
        let own_authorities = settings.client.ca_file.as_deref().map_or(Ok(Vec::new()), authorities)?;
        Ok(Self {
            user_agent: settings.client.user_agent.clone(),
            headers: Arc::new(headers),
            connect_timeout: settings.fetch.connect_timeout,
            idle_per_host: settings.idle_connections_per_host,
            has_http2: settings.client.http2,
            max_headers: settings.fetch.max_headers,
            max_header_bytes: settings.fetch.max_header_bytes,
            tls: trusting(&own_authorities)?,
            guard: NetworkGuard::new(settings.client),
        })
    }

    /// Builds a client; `with` adds its proxy, which `proxy` describes. It speaks only HTTP/1.1 if the server of its host asked
    /// for that.
    pub(super) fn client(
        &self,
        only_http1: bool,
        opened: &Opened,
        proxy: Option<Arc<Matcher>>,
        with: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> Result<Client, EngineError> {
        let has_http2 = self.has_http2 && !only_http1;
        let mut tls = self.tls.clone();
        tls.alpn_protocols = if has_http2 { vec![b"h2".to_vec()] } else { Vec::new() };
        tls.alpn_protocols.push(b"http/1.1".to_vec());
        let builder = self
            .builder()
            .connector_layer(WatchConnecting::new(opened))
            .connector_layer(HandOver)
            .tls_backend_preconfigured(tls);
        let builder = if has_http2 { builder } else { builder.http1_only() };
        let dialing = with(builder).build().map_err(EngineError::Client)?;
        let wiring = Wiring {
            headers: Arc::clone(&self.headers),
            idle_per_host: self.idle_per_host,
            idle_time: IDLE_CONNECTION,
            max_headers: self.max_headers,
            max_header_bytes: u32::try_from(self.max_header_bytes).unwrap_or(u32::MAX),
            proxy,
        };
        Ok(Client::new(dialing, wiring))
    }

    /// The part of the time to connect that name resolution may take.
    pub(super) fn time_to_resolve(&self) -> Duration {
        self.connect_timeout * 4 / 5
    }

    fn builder(&self) -> ClientBuilder {
        // This client only connects.
        reqwest::Client::builder()
            // A proxy's tunnel gets it, too.
            .user_agent(&self.user_agent)
            .retry(reqwest::retry::never())
            .connect_timeout(self.connect_timeout)
            .pool_max_idle_per_host(0)
            .dns_resolver(self.guard.resolver(self.time_to_resolve()))
    }
}

/// Installs the crypto provider of rustls, once.
pub(super) fn provide_crypto() {
    static PROVIDER: Once = Once::new();
    // An error means that the program has already installed a provider. In that case, rustls uses that one.
    PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
}

/// What is trusted: the certificates of the system, and our own. Without any, http works, and every https fetch fails with a
/// clear error.
pub(super) fn trusting(own: &[CertificateDer<'static>]) -> Result<ClientConfig, EngineError> {
    provide_crypto();
    let unusable = |error: &rustls::Error| unusable_authorities(&super::errors::explain(error));
    let builder = ClientConfig::builder();
    let provider = Arc::clone(builder.crypto_provider());
    let mut trusted = RootCertStore::empty();
    for authority in own {
        trusted.add(authority.clone()).map_err(|error| unusable(&error))?;
    }
    Ok(match Verifier::new_with_extra_roots(own.to_vec(), provider) {
        Ok(verifier) => builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)),
        Err(error) => {
            let error = super::errors::explain(&error);
            tracing::warn!(
                error,
                "this machine has no CA certificates, so https works only with `--ca-file`; install ca-certificates"
            );
            builder.with_root_certificates(trusted)
        }
    }
    .with_no_client_auth())
}

/// The certificates of a PEM file.
pub(super) fn authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>, EngineError> {
    let problem = |problem: String| unusable_authorities(&format!("{}: {problem}", path.display()));
    let pem = std::fs::read(path).map_err(|error| problem(error.to_string()))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let found = found.map_err(|error| problem(error.to_string()))?;
    if found.is_empty() { Err(problem("it has no certificate (PEM)".to_owned())) } else { Ok(found) }
}

fn unusable_authorities(problem: &str) -> EngineError {
    EngineError::Unusable { name: "ca_file", problem: problem.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::errors::FetchError;
    use crate::fetch::proxy::Route;
    use crate::fetch::{ClientSettings, FetchSettings};
    use dragline_testkit::{Answer, Site};
    use http::Method;

    fn recipe(client: &ClientSettings, of_spider: &[(String, String)]) -> Result<Recipe, EngineError> {
        let fetch = FetchSettings::default();
        Recipe::new(
            HttpSettings {
                client,
                fetch: &fetch,
                idle_connections_per_host: 2,
                max_connections: 9,
                keep_failed_bytes: None,
            },
            of_spider,
        )
    }

    #[test]
    fn a_machine_without_certificates_fetches_http_and_says_why_not_https() {
        let mut recipe = recipe(&ClientSettings::default(), &[]).unwrap();
        recipe.tls =
            ClientConfig::builder().with_root_certificates(RootCertStore::empty()).with_no_client_auth();
        let client = recipe.client(false, &Opened::default(), None, |builder| builder).unwrap();
        let site = Site::builder().page("/", Answer::text("plain")).start();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut answer =
                client.request(Method::GET, site.url("/").parse().unwrap()).send().await.unwrap();
            assert_eq!(answer.chunk().await.unwrap().unwrap(), "plain");
            // This server does not speak TLS.
            let secure = site.url("/").replace("http://", "https://");
            let error = client.request(Method::GET, secure.parse().unwrap()).send().await.unwrap_err();
            let error = FetchError::of_send(&error, &FetchSettings::default(), &Route::Direct).to_string();
            assert!(!error.contains('\n') && !error.contains("error sending request"), "{error}");
        });
    }

    #[test]
    fn headers_of_the_settings_replace_those_of_the_spider() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let settings = ClientSettings { headers: vec![pair("accept", "a/b")], ..ClientSettings::default() };
        let of_spider = [pair("Accept", "text/html"), pair("X-Requested-With", "XMLHttpRequest")];
        let headers = recipe(&settings, &of_spider).unwrap().headers;
        assert_eq!(
            (&headers["accept"], &headers["x-requested-with"]),
            (&"a/b".parse().unwrap(), &"XMLHttpRequest".parse().unwrap())
        );
    }

    #[test]
    fn invalid_headers_are_refused_and_their_values_are_not_shown() {
        for name in ["Authorization", "COOKIE", "Host", "User-Agent", "a b", "", "X-Ok"] {
            let headers = vec![(name.to_owned(), "hunter2\n".to_owned())];
            let settings = ClientSettings { headers, ..ClientSettings::default() };
            let error = recipe(&settings, &[]).err().unwrap().to_string();
            assert!(
                error.contains("cannot be sent with every request") && !error.contains("hunter2"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_file_without_certificates_is_an_error() {
        let error = |path: &Path| {
            let settings = ClientSettings { ca_file: Some(path.to_owned()), ..ClientSettings::default() };
            recipe(&settings, &[]).err().unwrap().to_string()
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        assert!(error(&path).contains("No such file"));
        std::fs::write(&path, "no certificate").unwrap();
        assert!(error(&path).ends_with("ca.pem: it has no certificate (PEM)"));
    }
}
