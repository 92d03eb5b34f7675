//! A site over TLS that speaks HTTP/2 and HTTP/1.1, with a certificate of an authority of its own.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

use crate::certificates::{Authority, Certified};

/// The site. Any path is a page with links to `/1`, `/2` and `/3`.
#[derive(Debug)]
pub struct SecureSite {
    address: SocketAddr,
    folder: TempDir,
    received: Arc<Mutex<Vec<String>>>,
    runtime: Option<Runtime>,
}

impl SecureSite {
    /// Starts one for `localhost` and `127.0.0.1`.
    pub fn start() -> Self {
        let authority = Authority::new();
        let config = config(&authority.sign("a site", &["localhost", "127.0.0.1"]), &["h2", "http/1.1"]);
        let folder = TempDir::new().expect("a folder for the authority's certificate");
        std::fs::write(folder.path().join("ca.pem"), authority.pem()).expect("the authority's certificate");
        let received = Arc::new(Mutex::new(Vec::new()));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("the site's address");
        runtime.spawn(serve(listener, TlsAcceptor::from(Arc::new(config)), Arc::clone(&received)));
        Self { address, folder, received, runtime: Some(runtime) }
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.address)
    }

    /// `host:port`.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// The certificate of its authority (PEM).
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A certificate of another authority of the same kind (PEM).
    pub fn other_authority(&self) -> PathBuf {
        let path = self.folder.path().join("other.pem");
        std::fs::write(&path, Authority::new().pem()).expect("another authority's certificate");
        path
    }

    /// The requests, as `HTTP/2.0 /path`, without robots.txt.
    pub fn received(&self) -> Vec<String> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Where its files are.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for SecureSite {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The configuration of a server with this certificate and these protocols.
pub(crate) fn config(own: &Certified, protocols: &[&str]) -> ServerConfig {
    let chain = vec![CertificateDer::from_pem_slice(own.certificate.as_bytes()).expect("a certificate")];
    let key = PrivateKeyDer::from_pem_slice(own.key.as_bytes()).expect("its key");
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("TLS versions")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("a usable certificate");
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    config
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, received: Arc<Mutex<Vec<String>>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (acceptor, received) = (acceptor.clone(), Arc::clone(&received));
        tokio::spawn(async move {
            // A client that does not trust us ends the handshake.
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let service = service_fn(|asked: Request<Incoming>| {
                let answer = answer(&asked, &received);
                async { Ok::<_, Infallible>(answer) }
            });
            let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

fn answer(asked: &Request<Incoming>, received: &Mutex<Vec<String>>) -> Response<Full<Bytes>> {
    let path = asked.uri().path();
    let mut answer = Response::new(Full::from(""));
    if path == "/robots.txt" {
        *answer.status_mut() = hyper::StatusCode::NOT_FOUND;
        return answer;
    }
    received.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{:?} {path}", asked.version()));
    let links: String = (1..=3).map(|number| format!("<a href=/{number}>{number}</a>")).collect();
    *answer.body_mut() = Full::from(format!("<title>{path}</title>{links}"));
    answer.headers_mut().insert("content-type", http::HeaderValue::from_static("text/html"));
    answer
}
