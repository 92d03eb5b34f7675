//! What goes wrong with TLS, in words for whoever reads the error of a request.

use rustls::{AlertDescription, CertificateError, Error};

/// An error of TLS in plain words.
pub(super) fn plain_words(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(problem) => certificate(problem),
        Error::InvalidMessage(_)
        | Error::InappropriateMessage { .. }
        | Error::InappropriateHandshakeMessage { .. } => {
            "the server speaks no TLS, or breaks it off".to_owned()
        }
        Error::AlertReceived(AlertDescription::NoApplicationProtocol) | Error::NoApplicationProtocol => {
            "the server speaks no version of HTTP that we do (ALPN)".to_owned()
        }
        Error::AlertReceived(alert) => format!("the server refuses TLS: {}", spaced(&format!("{alert:?}"))),
        Error::PeerIncompatible(_) => {
            "the server speaks no version of TLS, or no cipher, that we do".to_owned()
        }
        other => format!("TLS: {other}"),
    }
}

fn certificate(problem: &CertificateError) -> String {
    let what = match problem {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "is not valid yet",
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "is for another host"
        }
        CertificateError::UnknownIssuer => "is vouched for by nobody who is trusted",
        CertificateError::Revoked => "has been revoked",
        // Such as one that signed itself and is no authority that could.
        other => return format!("the server's certificate cannot be used: {}", spaced(&other.to_string())),
    };
    format!("the server's certificate {what}")
}

/// `HandshakeFailure` as people write it.
fn spaced(name: &str) -> String {
    let mut words = String::new();
    let mut before = ' ';
    for character in name.chars() {
        if character.is_ascii_uppercase() && before.is_ascii_lowercase() {
            words.push(' ');
        }
        words.extend(character.to_lowercase());
        before = character;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_types_become_words() {
        let refused = Error::AlertReceived(AlertDescription::HandshakeFailure);
        assert_eq!(plain_words(&refused), "the server refuses TLS: handshake failure");
        let expired = Error::InvalidCertificate(CertificateError::Expired);
        assert_eq!(plain_words(&expired), "the server's certificate has expired");
        let odd = Error::InvalidCertificate(CertificateError::BadEncoding);
        assert!(!plain_words(&odd).contains("BadEncoding"), "{}", plain_words(&odd));
    }
}
