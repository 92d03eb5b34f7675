//! Checks the server's certificate: not at all, its CA, or its CA and the server's name.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme};

/// How much is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Check {
    /// Only encryption. This stops someone who listens in, but not someone who sits in between.
    Nothing,
    /// A CA of ours signed it.
    Ca,
    /// A CA of ours signed it, and it is for the host that we want.
    CaAndName,
}

/// The check of one server's certificate.
#[derive(Debug)]
pub(super) struct Verifier {
    check: Check,
    roots: RootCertStore,
    /// The certificates of `roots` as they were given.
    trusted: Vec<CertificateDer<'static>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    pub(super) fn new(
        check: Check,
        roots: RootCertStore,
        trusted: Vec<CertificateDer<'static>>,
    ) -> Arc<Self> {
        let algorithms = ring::default_provider().signature_verification_algorithms;
        Arc::new(Self { check, roots, trusted, algorithms })
    }

    fn signed_by_ours(
        &self,
        server: &CertificateDer<'_>,
        parsed: &ParsedCertificate<'_>,
        between: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        let algorithms = self.algorithms.all;
        match verify_server_cert_signed_by_trust_anchor(parsed, &self.roots, between, now, algorithms) {
            // A self-signed certificate, such as the one in the manual of PostgreSQL, is its own CA. We can trust it if the
            // user gave it to us. Its validity period was checked before this.
            Err(error) if is_ca_itself(&error) => {
                let known = self.trusted.iter().any(|ours| ours == server);
                if known { Ok(()) } else { Err(CertificateError::UnknownIssuer.into()) }
            }
            checked => checked,
        }
    }
}

/// The library has a variant for this error, but rustls passes it on only as text.
fn is_ca_itself(error: &Error) -> bool {
    matches!(error, Error::InvalidCertificate(CertificateError::Other(OtherError(cause)))
        if cause.to_string() == "CaUsedAsEndEntity")
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        server: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.check != Check::Nothing {
            let parsed = ParsedCertificate::try_from(server)?;
            self.signed_by_ours(server, &parsed, between, now)?;
            if self.check == Check::CaAndName {
                verify_server_name(&parsed, name)?;
            }
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        server: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match self.check {
            // Someone in between could sign with their own key anyway. And a certificate that is too old to be read
            // is not a reason to skip encryption.
            Check::Nothing => Ok(HandshakeSignatureValid::assertion()),
            _ => verify_tls12_signature(message, server, signature, &self.algorithms),
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        server: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match self.check {
            Check::Nothing => Ok(HandshakeSignatureValid::assertion()),
            _ => verify_tls13_signature(message, server, signature, &self.algorithms),
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
