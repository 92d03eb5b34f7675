//! Certificates, good and bad, of each kind that a client meets.

use rustls::ServerConfig;

use crate::certificates::{Authority, self_signed};
use crate::secure_site;

/// What a server shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certificate {
    /// A good one, if its authority is trusted.
    Good,
    /// One that has expired.
    Expired,
    /// One for another host.
    OtherHost,
    /// One of another authority.
    OtherAuthority,
    /// One that signed itself.
    SelfSigned,
}

pub(super) fn config(certificate: Certificate, authority: &Authority, protocols: &[&str]) -> ServerConfig {
    let hosts = ["127.0.0.1", "localhost"];
    let own = match certificate {
        Certificate::Good => authority.sign("a site", &hosts),
        Certificate::Expired => authority.sign_expired("a site", &hosts),
        Certificate::OtherHost => authority.sign("another site", &["other.example"]),
        Certificate::OtherAuthority => Authority::new().sign("a site", &hosts),
        Certificate::SelfSigned => self_signed(&hosts),
    };
    secure_site::config(&own, protocols)
}
