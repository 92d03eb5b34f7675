//! Encryption of sessions: the `sslmode`, which servers to trust, and which certificate to show.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use dragline_core::StoreError;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::parameters::Parameters;
use super::passfile::open_to_others;
use super::surroundings::Surroundings;
use super::verifier::{Check, Verifier};

/// The protocol name that a server of version 17 expects if the handshake comes without a request before it.
const ALPN: &[u8] = b"postgresql";

/// libpq's `sslmode`. Each mode is stricter than the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mode {
    Disable,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

/// How sessions are encrypted.
pub(super) struct Tls {
    pub(super) connect: MakeRustlsConnect,
    /// The setting for the driver.
    pub(super) mode: SslMode,
}

/// No encryption. libpq always does this on a socket of this machine, whatever the settings say.
pub(super) fn without() -> Result<Tls, StoreError> {
    let verifier = Verifier::new(Check::Nothing, RootCertStore::empty(), Vec::new());
    let config = builder()?.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    Ok(Tls { connect: MakeRustlsConnect::new(config), mode: SslMode::Disable })
}

/// The encryption that the parameters ask for.
///
/// # Errors
/// [`StoreError::Setup`] when they contradict each other, or a file is not as it should be.
pub(super) fn read(parameters: &Parameters, around: &Surroundings) -> Result<Tls, StoreError> {
    let mode = mode(parameters)?;
    contradictions(parameters, mode)?;
    if mode == Mode::Disable {
        return without();
    }
    let verifier = verifier(parameters, around, mode)?;
    let builder = builder()?.dangerous().with_custom_certificate_verifier(verifier);
    let mut config = match client(parameters, around)? {
        Some((certificates, key)) => builder.with_client_auth_cert(certificates, key).map_err(|error| {
            parameters.wrong(
                "sslcert",
                &format!("does not fit its key: {error}"),
                "sslkey must be the key of sslcert",
            )
        })?,
        None => builder.with_no_client_auth(),
    };
    if parameters.get("sslnegotiation") == Some("direct") {
        config.alpn_protocols = vec![ALPN.to_vec()];
    }
    let driver = if mode == Mode::Prefer { SslMode::Prefer } else { SslMode::Require };
    Ok(Tls { connect: MakeRustlsConnect::new(config), mode: driver })
}

fn mode(parameters: &Parameters) -> Result<Mode, StoreError> {
    Ok(match parameters.get("sslmode") {
        None if parameters.get("sslrootcert") == Some("system") => Mode::VerifyFull,
        None | Some("prefer") => Mode::Prefer,
        Some("disable") => Mode::Disable,
        Some("require") => Mode::Require,
        Some("verify-ca") => Mode::VerifyCa,
        Some("verify-full") => Mode::VerifyFull,
        Some(_) => {
            return Err(parameters.wrong(
                "sslmode",
                "has a value that Dragline does not know",
                "sslmode can be disable, prefer (the default), require, verify-ca or verify-full",
            ));
        }
    })
}

/// Refuses settings that have no effect, because nobody should believe that they are safer than they are.
fn contradictions(parameters: &Parameters, mode: Mode) -> Result<(), StoreError> {
    let wrong = |name, problem, hint: &str| Err(parameters.wrong(name, problem, hint));
    let weak = "has no effect with this sslmode, which checks no certificate";
    if parameters.in_url("sslrootcert") && mode < Mode::Require {
        return wrong("sslrootcert", weak, "add sslmode=verify-full, or remove sslrootcert");
    }
    // The system's CAs sign certificates for anyone, so they prove nothing unless the name is checked too.
    if parameters.get("sslrootcert") == Some("system") && (Mode::Require..Mode::VerifyFull).contains(&mode) {
        return wrong("sslrootcert", "=system is only for sslmode=verify-full", "set sslmode=verify-full");
    }
    if parameters.get("channel_binding") == Some("require") && mode == Mode::Disable {
        return wrong("channel_binding", "=require needs encryption", "say sslmode=require or more");
    }
    if parameters.get("sslnegotiation") == Some("direct") && mode < Mode::Require {
        return wrong("sslnegotiation", "=direct needs encryption", "say sslmode=require or more");
    }
    Ok(())
}

fn builder() -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, StoreError> {
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| StoreError::Setup {
            problem: format!("no encryption can be set up: {error}"),
            hint: "this is a fault of Dragline; please report it".to_owned(),
        })
}

fn verifier(parameters: &Parameters, around: &Surroundings, mode: Mode) -> Result<Arc<Verifier>, StoreError> {
    if mode == Mode::Prefer {
        return Ok(Verifier::new(Check::Nothing, RootCertStore::empty(), Vec::new()));
    }
    let check = if mode == Mode::VerifyFull { Check::CaAndName } else { Check::Ca };
    let named = parameters.get("sslrootcert");
    if named == Some("system") {
        return Ok(Verifier::new(check, system_roots(parameters)?, Vec::new()));
    }
    match named.map(PathBuf::from).or_else(|| around.own_file("root.crt")) {
        Some(path) => {
            let trusted = certificates(parameters, "sslrootcert", &path)?;
            let mut roots = RootCertStore::empty();
            for certificate in &trusted {
                roots.add(certificate.clone()).map_err(|error| {
                    let problem = format!("{}: {error}", path.display());
                    parameters.wrong("sslrootcert", &problem, "it must name a file of CA certificates in PEM form")
                })?;
            }
            Ok(Verifier::new(check, roots, trusted))
        }
        None if mode == Mode::Require => {
            Ok(Verifier::new(Check::Nothing, RootCertStore::empty(), Vec::new()))
        }
        None => Err(parameters.wrong(
            "sslmode",
            "asks for a check of the server's certificate, and there is no CA to check it with",
            "name the CA's certificate with sslrootcert=FILE, or sslrootcert=system for those that this machine \
             trusts; without one ~/.postgresql/root.crt is looked for",
        )),
    }
}

fn system_roots(parameters: &Parameters) -> Result<RootCertStore, StoreError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (usable, _) = roots.add_parsable_certificates(found.certs);
    if usable == 0 {
        let hint = "install the package ca-certificates, or name the CA's certificate with sslrootcert=FILE";
        return Err(parameters.wrong("sslrootcert", "=system: this machine trusts no CA", hint));
    }
    Ok(roots)
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// The certificate that we show, if there is one, and its key.
fn client(parameters: &Parameters, around: &Surroundings) -> Result<Option<Identity>, StoreError> {
    let named = parameters.get("sslcert").map(PathBuf::from);
    let Some(certificate) = named.or_else(|| around.own_file("postgresql.crt")) else { return Ok(None) };
    let chain = certificates(parameters, "sslcert", &certificate)?;
    let named = parameters.get("sslkey").map(PathBuf::from);
    let Some(key) = named.or_else(|| around.own_file("postgresql.key")) else {
        let hint = "name the key's file with sslkey=FILE";
        return Err(parameters.wrong("sslcert", "is a certificate without its key", hint));
    };
    let wrong = |problem: &str, hint: &str| {
        Err(parameters.wrong("sslkey", &format!("{}: {problem}", key.display()), hint))
    };
    match std::fs::metadata(&key) {
        Ok(about) if open_to_others(&about, forbidden_to_others(&about)) => {
            return wrong("others may read it", "chmod 600 it, or chmod 640 when root owns it");
        }
        Ok(_) => {}
        Err(error) => return wrong(&error.kind().to_string(), "it must name the file of the key"),
    }
    match PrivateKeyDer::from_pem_file(&key) {
        Ok(key) => Ok(Some((chain, key))),
        Err(_) => wrong("it holds no key that can be used", "a key in PEM form, without a pass phrase"),
    }
}

/// The permissions that a key's file must not have. If the file belongs to root, its group may read it.
#[cfg(unix)]
fn forbidden_to_others(about: &std::fs::Metadata) -> u32 {
    use std::os::unix::fs::MetadataExt;
    if about.uid() == 0 { 0o037 } else { 0o077 }
}

#[cfg(not(unix))]
fn forbidden_to_others(_about: &std::fs::Metadata) -> u32 {
    0
}

fn certificates(
    parameters: &Parameters,
    name: &str,
    path: &Path,
) -> Result<Vec<CertificateDer<'static>>, StoreError> {
    let wrong = |problem: &str| {
        let problem = format!("{}: {problem}", path.display());
        parameters.wrong(name, &problem, "it must name a file of certificates in PEM form")
    };
    let text = std::fs::read(path).map_err(|error| wrong(&error.kind().to_string()))?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let read = read.map_err(|_| wrong("it cannot be read"))?;
    if read.is_empty() { Err(wrong("there is no certificate in it")) } else { Ok(read) }
}
