//! Where to listen: `HOST:PORT`, or `HOST` with the port that the platform provides.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The port if neither the address nor `PORT` has one.
const DEFAULT_PORT: u16 = 8080;

/// An address to listen at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenAddr(SocketAddr);

impl ListenAddr {
    /// Reads `127.0.0.1:8080`, `[::]:8080`, `:8080`, or an address without a port. The port is then the one in
    /// the variable `PORT`, which container platforms set, or 8080.
    ///
    /// # Errors
    /// The reason why the text is not an address.
    pub fn parse(text: &str) -> Result<Self, String> {
        Self::parse_with(text, std::env::var("PORT").ok().as_deref())
    }

    fn parse_with(text: &str, port: Option<&str>) -> Result<Self, String> {
        let text = text.trim();
        if let Ok(address) = text.parse() {
            return Ok(Self(address));
        }
        let bare = text.trim_start_matches('[').trim_end_matches(']');
        let ip: IpAddr = match (bare.parse(), text.strip_prefix(':')) {
            (Ok(ip), _) => ip,
            (Err(_), Some(port)) => {
                return Ok(Self(SocketAddr::from((Ipv4Addr::UNSPECIFIED, number(port)?))));
            }
            (Err(_), None) if bare == "localhost" => Ipv4Addr::LOCALHOST.into(),
            (Err(_), None) => {
                return Err("not an address; examples: 127.0.0.1:8080, 0.0.0.0:8080, [::]:8080".to_owned());
            }
        };
        let port = match port.filter(|port| !port.is_empty()) {
            None => DEFAULT_PORT,
            Some(port) => number(port).map_err(|error| format!("the variable PORT is {port:?}: {error}"))?,
        };
        Ok(Self(SocketAddr::new(ip, port)))
    }

    /// The form for `bind`.
    pub fn socket(self) -> SocketAddr {
        self.0
    }

    /// The form for a process on the same machine.
    pub fn seen_from_here(self) -> String {
        let mut address = self.0;
        if address.ip().is_unspecified() {
            address.set_ip(match address {
                SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            });
        }
        address.to_string()
    }
}

impl fmt::Display for ListenAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn number(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| "not a port number".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str, port: Option<&str>) -> Result<String, String> {
        ListenAddr::parse_with(text, port).map(|address| address.to_string())
    }

    #[test]
    fn an_address_may_leave_the_port_to_the_platform() {
        assert_eq!(parsed("127.0.0.1:9000", Some("7")).unwrap(), "127.0.0.1:9000");
        assert_eq!(parsed("0.0.0.0", None).unwrap(), "0.0.0.0:8080");
        assert_eq!(parsed("0.0.0.0", Some("")).unwrap(), "0.0.0.0:8080");
        assert_eq!(parsed("0.0.0.0", Some("10000")).unwrap(), "0.0.0.0:10000");
        assert_eq!(parsed("::", None).unwrap(), "[::]:8080");
        assert_eq!(parsed(":81", None).unwrap(), "0.0.0.0:81");
        assert_eq!(parsed("localhost", None).unwrap(), "127.0.0.1:8080");
        assert!(parsed("0.0.0.0", Some("http")).unwrap_err().contains("PORT"));
        for wrong in ["", "nowhere.example:80", "127.0.0.1:port", "127.0.0.1:70000", ":"] {
            assert!(parsed(wrong, None).is_err(), "{wrong}");
        }
    }

    #[test]
    fn everywhere_is_reached_at_loopback() {
        assert_eq!(ListenAddr::parse_with("0.0.0.0:81", None).unwrap().seen_from_here(), "127.0.0.1:81");
        assert_eq!(ListenAddr::parse_with("[::]:81", None).unwrap().seen_from_here(), "[::1]:81");
        assert_eq!(ListenAddr::parse_with("10.1.2.3:81", None).unwrap().seen_from_here(), "10.1.2.3:81");
    }
}
