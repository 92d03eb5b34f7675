//! What a handshake that failed means, and what to do about it.

use std::error::Error as _;
use std::io;

use rustls::CertificateError;
use tokio_postgres::Error;

/// The driver has no other way to tell a handshake's failure than its text.
const HANDSHAKE: &str = "error performing TLS handshake";

/// A failure that another attempt cannot fix.
pub(super) struct Failure {
    pub(super) problem: String,
    pub(super) hint: &'static str,
}

/// Whether the two sides could not agree on encryption, for whatever reason.
pub(super) fn failed(error: &Error) -> bool {
    error.to_string() == HANDSHAKE || cause(error).is_some()
}

/// What an error of the driver says about the handshake. `None` if the error is about something else, or may go away by itself,
/// such as a broken connection.
pub(super) fn failure(error: &Error) -> Option<Failure> {
    let failure = |problem: String, hint| Some(Failure { problem, hint });
    match cause(error) {
        Some(rustls::Error::InvalidCertificate(certificate)) => {
            let (problem, hint) = refused(certificate);
            failure(problem, hint)
        }
        Some(rustls::Error::AlertReceived(alert)) => failure(
            format!("the server broke the handshake off ({alert:?})"),
            "see the server's log; if it wants a certificate from us, sslcert and sslkey must name one that it trusts",
        ),
        Some(error @ (rustls::Error::PeerIncompatible(_) | rustls::Error::InvalidMessage(_))) => failure(
            format!("client and server could not agree on encryption: {error}"),
            "the server must speak TLS 1.2 or newer (ssl_min_protocol_version, ssl_ciphers in postgresql.conf)",
        ),
        Some(_) => None,
        None if error.to_string() != HANDSHAKE => None,
        None => match error.source() {
            Some(source) if source.is::<io::Error>() => None,
            Some(source) if source.to_string().contains("does not support TLS") => failure(
                "the server offers no encryption, and sslmode asks for it".to_owned(),
                "set ssl = on in the server's postgresql.conf; or use sslmode=prefer over a network that is \
                 private, where others cannot listen in",
            ),
            source => failure(
                source.map_or_else(|| HANDSHAKE.to_owned(), ToString::to_string),
                "check the parameters that begin with ssl in the store's URL",
            ),
        },
    }
}

fn refused(error: &CertificateError) -> (String, &'static str) {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => (
            "the server's certificate has expired".to_owned(),
            "renew it on the server, or set this machine's clock if it is wrong",
        ),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => (
            "the server's certificate is not valid yet".to_owned(),
            "set this machine's clock if it is wrong, or wait",
        ),
        CertificateError::UnknownIssuer | CertificateError::BadSignature => (
            "the server's certificate is not signed by a CA that is trusted here".to_owned(),
            "sslrootcert must name the certificate of the CA that signed the server's; ask whoever runs the server. \
             If you did not expect this, somebody may stand between",
        ),
        CertificateError::NotValidForNameContext { expected, presented } => (
            format!(
                "the server's certificate is not for the host {}, but for {}",
                expected.to_str(),
                if presented.is_empty() { "none by name".to_owned() } else { presented.join(", ") }
            ),
            "connect by a name that stands in the certificate as subjectAltName (a common name does not count); or \
             use sslmode=verify-ca, which does not compare names",
        ),
        CertificateError::NotValidForName => (
            "the server's certificate is not for this host".to_owned(),
            "connect by a name that stands in the certificate as subjectAltName, or use sslmode=verify-ca",
        ),
        other => (
            format!("the server's certificate cannot be used: {other}"),
            "it must be an X.509 certificate of version 3 that is meant for a server",
        ),
    }
}

/// rustls hides in an `io::Error`, whose `source()` skips it.
fn cause(error: &Error) -> Option<&rustls::Error> {
    let io = error.source()?.downcast_ref::<io::Error>()?;
    io.get_ref()?.downcast_ref()
}
