//! Where to listen: `HOST:PORT`, `HOST` with the port that the platform provides, or `unix:PATH`.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use dragline_board::Bound;

/// The port if neither the address nor `PORT` has one.
const DEFAULT_PORT: u16 = 8080;

/// The beginning of the address of a Unix socket.
const UNIX: &str = "unix:";
/// The longest path of a socket file, in bytes. The operating system has no room for more.
pub const MAX_SOCKET_PATH: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// An address to listen at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddr {
    /// A port.
    Tcp(SocketAddr),
    /// A socket file, which only its owner can open.
    Unix(PathBuf),
}

impl ListenAddr {
    /// Reads `127.0.0.1:8080`, `[::]:8080`, `:8080`, `unix:PATH`, or an address without a port. The port is then the one in
    /// the variable `PORT`, which container platforms set, or 8080.
    ///
    /// # Errors
    /// The reason why the text is not an address.
    pub fn parse(text: &str) -> Result<Self, String> {
        Self::parse_with(text, std::env::var("PORT").ok().as_deref())
    }

    fn parse_with(text: &str, port: Option<&str>) -> Result<Self, String> {
        let text = text.trim();
        if let Some(path) = text.strip_prefix(UNIX) {
            return socket_path(path).map(Self::Unix);
        }
        if let Ok(address) = text.parse() {
            return Ok(Self::Tcp(address));
        }
        let bare = text.trim_start_matches('[').trim_end_matches(']');
        let ip: IpAddr = match (bare.parse(), text.strip_prefix(':')) {
            (Ok(ip), _) => ip,
            (Err(_), Some(port)) => {
                return Ok(Self::Tcp(SocketAddr::from((Ipv4Addr::UNSPECIFIED, number(port)?))));
            }
            (Err(_), None) if bare == "localhost" => Ipv4Addr::LOCALHOST.into(),
            (Err(_), None) => {
                return Err("not an address; examples: 127.0.0.1:8080, 0.0.0.0:8080, [::]:8080, unix:/run/dragline.sock".to_owned());
            }
        };
        let port = match port.filter(|port| !port.is_empty()) {
            None => DEFAULT_PORT,
            Some(port) => number(port).map_err(|error| format!("the variable PORT is {port:?}: {error}"))?,
        };
        Ok(Self::Tcp(SocketAddr::new(ip, port)))
    }

    /// Listens there. Within a runtime.
    ///
    /// # Errors
    /// When the address is taken, or the socket file cannot be made.
    pub fn bind(&self) -> io::Result<Bound> {
        match self {
            Self::Tcp(address) => Bound::tcp(*address),
            Self::Unix(path) => Bound::unix(path),
        }
    }

    /// The same for a process on this machine.
    #[must_use]
    pub fn seen_from_here(&self) -> Self {
        let Self::Tcp(mut address) = *self else { return self.clone() };
        if address.ip().is_unspecified() {
            address.set_ip(match address {
                SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            });
        }
        Self::Tcp(address)
    }
}

impl fmt::Display for ListenAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "{UNIX}{}", path.display()),
        }
    }
}

fn socket_path(path: &str) -> Result<PathBuf, String> {
    if path.is_empty() || path.contains('\0') {
        return Err("write the path of the socket after unix:, such as unix:/run/dragline.sock".to_owned());
    }
    if path.len() > MAX_SOCKET_PATH {
        return Err(format!(
            "the path of a socket has at most {MAX_SOCKET_PATH} bytes, and this one has {}",
            path.len()
        ));
    }
    Ok(Path::new(path).to_owned())
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
        assert_eq!(parsed("unix:/run/a.sock", Some("7")).unwrap(), "unix:/run/a.sock");
        assert!(parsed(&format!("unix:{}", "a".repeat(MAX_SOCKET_PATH)), None).is_ok());
        assert!(parsed(&format!("unix:{}", "a".repeat(200)), None).unwrap_err().contains("at most"));
        for wrong in ["unix:", "unix:\0", "", "nowhere.example:80", "127.0.0.1:port", "127.0.0.1:70000", ":"]
        {
            assert!(parsed(wrong, None).is_err(), "{wrong}");
        }
    }

    #[test]
    fn everywhere_is_reached_at_loopback() {
        assert_eq!(
            ListenAddr::parse_with("0.0.0.0:81", None).unwrap().seen_from_here().to_string(),
            "127.0.0.1:81"
        );
        assert_eq!(ListenAddr::parse_with("[::]:81", None).unwrap().seen_from_here().to_string(), "[::1]:81");
        assert_eq!(
            ListenAddr::parse_with("10.1.2.3:81", None).unwrap().seen_from_here().to_string(),
            "10.1.2.3:81"
        );
    }
}
