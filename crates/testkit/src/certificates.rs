//! Certificates for tests: an authority, and the certificates that it signs.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};

/// A certificate and its key, both as PEM.
#[derive(Clone, Debug)]
pub struct Certified {
    /// The certificate.
    pub certificate: String,
    /// Its key.
    pub key: String,
}

/// A certificate authority.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    /// Creates an authority that nobody else knows.
    ///
    /// # Panics
    /// If no key can be made.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        let params = as_authority(CertificateParams::default(), "a test's authority");
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Its own certificate, as PEM.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// Signs a certificate for a common name, and hosts.
    ///
    /// # Panics
    /// When a host has no name that could be one.
    pub fn sign(&self, common_name: &str, hosts: &[&str]) -> Certified {
        self.signed(&params(common_name, hosts))
    }

    /// The same, but it has expired.
    ///
    /// # Panics
    /// When a host has no name that could be one.
    pub fn sign_expired(&self, common_name: &str, hosts: &[&str]) -> Certified {
        let mut params = params(common_name, hosts);
        params.not_after = date_time_ymd(2020, 1, 1);
        self.signed(&params)
    }

    fn signed(&self, params: &CertificateParams) -> Certified {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap().pem();
        Certified { certificate, key: key.serialize_pem() }
    }
}

/// A certificate that signed itself and calls itself an authority, as `openssl req -x509` makes one.
///
/// # Panics
/// When a host has no name that could be one.
pub fn self_signed(hosts: &[&str]) -> Certified {
    let key = KeyPair::generate().unwrap();
    let certificate = as_authority(params(hosts[0], hosts), hosts[0]).self_signed(&key).unwrap().pem();
    Certified { certificate, key: key.serialize_pem() }
}

fn params(common_name: &str, hosts: &[&str]) -> CertificateParams {
    let names: Vec<String> = hosts.iter().map(|&host| host.to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params
}

fn as_authority(mut params: CertificateParams, name: &str) -> CertificateParams {
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    params
}
