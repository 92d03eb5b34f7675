//! Explains TLS errors in plain words.

use rustls::{AlertDescription, CertificateError, Error};

/// An error of TLS in plain words.
pub(super) fn plain_words(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(problem) => certificate(problem),
        Error::InvalidMessage(_)
        | Error::InappropriateMessage { .. }
        | Error::InappropriateHandshakeMessage { .. } => {
            "the server does not speak TLS, or it ended the handshake".to_owned()
        }
        Error::AlertReceived(AlertDescription::NoApplicationProtocol) | Error::NoApplicationProtocol => {
            "the server supports none of our HTTP versions (ALPN)".to_owned()
        }
        Error::AlertReceived(alert) => format!("the server refuses TLS: {}", spaced(&format!("{alert:?}"))),
        Error::PeerIncompatible(_) => "the server supports none of our TLS versions or ciphers".to_owned(),
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
        CertificateError::UnknownIssuer => "was not issued by a trusted authority",
        CertificateError::Revoked => "has been revoked",
        // For example a self-signed certificate that is not a certificate authority.
        other => return format!("the server's certificate cannot be used: {}", spaced(&other.to_string())),
    };
    format!("the server's certificate {what}")
}

/// Turns `HandshakeFailure` into `handshake failure`.
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
