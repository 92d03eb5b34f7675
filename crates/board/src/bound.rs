//! A place to listen at: a TCP port, or a Unix socket, which only its owner can open.

use std::fmt;
use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener, UnixSocket};

/// Connections that wait to be accepted at a Unix socket.
const BACKLOG: u32 = 128;
/// Only the owner may connect.
const ONLY_THE_OWNER: u32 = 0o600;

/// A socket that is bound and listens.
#[derive(Debug)]
pub enum Bound {
    /// A port.
    Tcp(TcpListener),
    /// A file, which goes with this value.
    Unix(UnixListener, SocketFile),
}

/// The one who has connected. Every request has it as an extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Somebody on the network.
    Tcp(SocketAddr),
    /// A process of this machine that may open the socket file, by the number of its user.
    Unix(Option<u32>),
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{}", address.ip()),
            Self::Unix(Some(user)) => write!(f, "user {user} of this machine"),
            Self::Unix(None) => f.write_str("a user of this machine"),
        }
    }
}

/// A connection.
pub trait Connection: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Connection for T {}

impl Bound {
    /// Listens at a port. Within a runtime.
    ///
    /// # Errors
    /// When the address is taken or not of this machine.
    pub fn tcp(address: SocketAddr) -> io::Result<Self> {
        let socket = std::net::TcpListener::bind(address)?;
        socket.set_nonblocking(true)?;
        Ok(Self::Tcp(TcpListener::from_std(socket)?))
    }

    /// Listens at a socket file. A file that a process has left behind is replaced. Within a runtime.
    ///
    /// # Errors
    /// When a process listens there, when the file is something else, and when it cannot be made.
    pub fn unix(path: &Path) -> io::Result<Self> {
        remove_stale(path)?;
        let socket = UnixSocket::new_stream()?;
        socket.bind(path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => io::Error::new(error.kind(), "its folder does not exist"),
            _ => error,
        })?;
        let file = SocketFile::of(path)?;
        // Nobody can connect before it listens, and then it has this mode already.
        fs::set_permissions(path, Permissions::from_mode(ONLY_THE_OWNER))?;
        Ok(Self::Unix(socket.listen(BACKLOG)?, file))
    }

    /// The address that it got, for people: `127.0.0.1:8080` or `unix:PATH`.
    ///
    /// # Errors
    /// When the operating system doesn't tell.
    pub fn address(&self) -> io::Result<String> {
        match self {
            Self::Tcp(listener) => Ok(listener.local_addr()?.to_string()),
            Self::Unix(_, file) => Ok(format!("unix:{}", file.path.display())),
        }
    }

    /// The next connection.
    ///
    /// # Errors
    /// For example when file descriptors have run out.
    ///
    /// # Cancel safety
    /// A call whose future is dropped has accepted nothing.
    pub async fn accept(&self) -> io::Result<(Box<dyn Connection>, Caller)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                Ok((Box::new(stream), Caller::Tcp(address)))
            }
            Self::Unix(listener, _) => {
                let (stream, _) = listener.accept().await?;
                let user = stream.peer_cred().ok().map(|peer| peer.uid());
                Ok((Box::new(stream), Caller::Unix(user)))
            }
        }
    }
}

/// Removes a socket file at which nobody listens.
fn remove_stale(path: &Path) -> io::Result<()> {
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    if !found.file_type().is_socket() {
        let problem = "the file exists and is not a socket, so it is not replaced";
        return Err(io::Error::new(ErrorKind::AlreadyExists, problem));
    }
    match StdUnixStream::connect(path) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        // A full queue is a sign of life, too.
        Ok(_) | Err(_) => Err(io::Error::new(ErrorKind::AddrInUse, "another process listens at this socket")),
    }
}

/// A socket file. It is removed at the end, unless another process has replaced it.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl SocketFile {
    fn of(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), identity: identity(path)? })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|now| now == self.identity) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let found = fs::symlink_metadata(path)?;
    Ok((found.dev(), found.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stale_socket_is_replaced_and_a_living_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("page");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "a killed process leaves its file behind");
        let bound = Bound::unix(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, ONLY_THE_OWNER);
        assert_eq!(Bound::unix(&path).unwrap_err().kind(), ErrorKind::AddrInUse);
        let _client = StdUnixStream::connect(&path).unwrap();
        let (_, caller) = bound.accept().await.unwrap();
        assert!(matches!(caller, Caller::Unix(Some(_))), "{caller:?}");
        drop(bound);
        assert!(!path.exists(), "it goes with its process");
    }

    #[tokio::test]
    async fn another_file_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("page");
        fs::write(&path, "mine").unwrap();
        assert!(Bound::unix(&path).unwrap_err().to_string().contains("not a socket"));
        assert_eq!(fs::read(&path).unwrap(), b"mine");
        let nowhere = folder.path().join("none/page");
        assert!(Bound::unix(&nowhere).unwrap_err().to_string().contains("its folder does not exist"));
        // Somebody has put another socket there since: it isn't this one's to remove.
        fs::remove_file(&path).unwrap();
        let bound = Bound::unix(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let _other = std::os::unix::net::UnixListener::bind(&path).unwrap();
        drop(bound);
        assert!(path.exists());
    }
}
