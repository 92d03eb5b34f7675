//! Which hosts a run may ask: those of its start requests and those that these redirect to.

use std::collections::HashSet;
use std::sync::Arc;

/// A set of hosts. Clones share it; the scheduler owns the one that grows.
#[derive(Clone, Debug, Default)]
pub struct Scope(Arc<HashSet<String>>);

/// Why a link was not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LinkRefusal {
    /// Its host is not one of the run's.
    OffSite,
    /// It is deeper than `max_depth`.
    TooDeep,
    /// It is longer than `max_url_bytes`.
    TooLong,
    /// It is no http(s) URL.
    Scheme,
}

impl LinkRefusal {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 4] = [Self::OffSite, Self::TooDeep, Self::TooLong, Self::Scheme];

    /// As logged and counted.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OffSite => "off-site",
            Self::TooDeep => "too-deep",
            Self::TooLong => "too-long",
            Self::Scheme => "scheme",
        }
    }
}

impl Scope {
    /// The scope of these hosts, each `host:port`.
    pub fn new<'a>(hosts: impl IntoIterator<Item = &'a str>) -> Self {
        Self(Arc::new(hosts.into_iter().map(|host| site_of(host).to_owned()).collect()))
    }

    /// Whether `host` (`host:port`) may be asked.
    pub fn contains(&self, host: &str) -> bool {
        self.0.contains(site_of(host))
    }

    /// Adds a host; whether it is new. Clones made before do not see it.
    pub(crate) fn add(&mut self, host: &str) -> bool {
        !self.contains(host) && Arc::make_mut(&mut self.0).insert(site_of(host).to_owned())
    }
}

/// `http://a.example` and `https://a.example` are one site to whoever names it; another port is not.
fn site_of(host: &str) -> &str {
    host.strip_suffix(":80").or_else(|| host.strip_suffix(":443")).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_its_host_on_both_default_ports() {
        let mut scope = Scope::new(["a.example:80", "127.0.0.1:8080"]);
        assert!(scope.contains("a.example:80") && scope.contains("a.example:443"));
        assert!(!scope.contains("a.example:8080") && !scope.contains("www.a.example:80"));
        assert!(scope.contains("127.0.0.1:8080") && !scope.contains("127.0.0.1:80"));
        let before = scope.clone();
        assert!(scope.add("www.a.example:443") && !scope.add("www.a.example:80"));
        assert!(scope.contains("www.a.example:443") && !before.contains("www.a.example:443"));
    }
}
