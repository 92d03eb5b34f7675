//! The HTTP client: no redirects of its own, rustls with ring, the system's certificates.

use std::sync::Once;
use std::time::Duration;

use http::header::{ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, HeaderMap, HeaderValue};
use reqwest::{Client, ClientBuilder};
use rustls::{ClientConfig, RootCertStore};

use super::clock::ConnectClock;
use crate::error::EngineError;
use crate::settings::EngineSettings;

/// Servers commonly close idle connections after 60 s or more; we do so before they do.
const IDLE_CONNECTION: Duration = Duration::from_secs(50);

/// Builds the client.
pub(super) fn client(settings: &EngineSettings, clock: Option<&ConnectClock>) -> Result<Client, EngineError> {
    static PROVIDER: Once = Once::new();
    // An error means that the program around us has installed one already: then it is used.
    PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));

    builder(settings, clock).build().or_else(|problem| match without_certificates(settings, clock) {
        Ok(client) => {
            let error = super::errors::explain(&problem);
            tracing::warn!(
                error,
                "no CA certificates on this machine: only http can be fetched; install ca-certificates for https"
            );
            Ok(client)
        }
        // The fault was not with the certificates.
        Err(_) => Err(EngineError::Client(problem)),
    })
}

/// With nobody to trust, every https fetch fails with a clear error, and http works.
fn without_certificates(
    settings: &EngineSettings,
    clock: Option<&ConnectClock>,
) -> Result<Client, reqwest::Error> {
    let config = ClientConfig::builder().with_root_certificates(RootCertStore::empty()).with_no_client_auth();
    builder(settings, clock).tls_backend_preconfigured(config).build()
}

fn builder(settings: &EngineSettings, clock: Option<&ConnectClock>) -> ClientBuilder {
    let mut headers = HeaderMap::new();
    headers.insert(
        ACCEPT,
        HeaderValue::from_static("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    );
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(super::coding::ACCEPTED));
    headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static("en,*;q=0.5"));
    let timed = match clock {
        Some(clock) => Client::builder().connector_layer(clock.clone()),
        None => Client::builder(),
    };
    timed
        .user_agent(&settings.user_agent)
        .default_headers(headers)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connect_timeout(settings.connect_timeout)
        .pool_max_idle_per_host(settings.host_concurrency)
        .pool_idle_timeout(IDLE_CONNECTION)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::errors::FetchError;
    use dragline_testkit::{Answer, Site};

    #[test]
    fn a_machine_without_certificates_fetches_http_and_says_why_not_https() {
        let settings = EngineSettings::default();
        client(&settings, None).unwrap();
        let client = without_certificates(&settings, None).unwrap();
        let site = Site::builder().page("/", Answer::text("plain")).start();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let text = client.get(site.url("/")).send().await.unwrap().text().await.unwrap();
            assert_eq!(text, "plain");
            // A server that speaks no TLS.
            let secure = site.url("/").replace("http://", "https://");
            let error = client.get(secure).send().await.unwrap_err();
            let error = FetchError::of_send(&error, Duration::from_secs(1)).to_string();
            assert!(!error.contains('\n') && !error.contains("error sending request"), "{error}");
        });
    }
}
