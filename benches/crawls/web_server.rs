//! An nginx that serves folders on a free loopback port.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use dragline_testkit::wait_until;
use tempfile::TempDir;

/// A running nginx. It ends when dropped.
pub(crate) struct WebServer {
    port: u16,
    nginx: Child,
    _folder: TempDir,
}

impl WebServer {
    /// Serves each folder under its name.
    pub(crate) fn start(folders: &[(&str, &Path)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
        let locations: String = folders
            .iter()
            .map(|(name, path)| format!("location /{name}/ {{ alias {}/; }}\n", path.display()))
            .collect();
        let work = folder.path().display();
        let configuration = format!(
            "worker_processes 1; daemon off; pid {work}/pid; error_log {work}/error;
            events {{ worker_connections 1024; }}
            http {{
                types {{ text/html html; text/css css; text/plain txt; image/png png; image/svg+xml svg; }}
                default_type application/octet-stream;
                access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;
                client_body_temp_path {work}/a; proxy_temp_path {work}/b; fastcgi_temp_path {work}/c;
                uwsgi_temp_path {work}/d; scgi_temp_path {work}/e;
                server {{ listen 127.0.0.1:{port}; {locations} }}
            }}"
        );
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, configuration).expect("nginx's configuration is written");
        let nginx = Command::new("nginx").arg("-c").arg(&file).stderr(Stdio::null()).spawn();
        let nginx = nginx.unwrap_or_else(|error| panic!("nginx (apt-get install nginx-light): {error}"));
        let server = Self { port, nginx, _folder: folder };
        let answers = || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
        wait_until("nginx", Duration::from_secs(20), answers);
        server
    }

    /// The URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        // Its worker process ends too.
        let _ = Command::new("kill").arg(self.nginx.id().to_string()).status();
        let _ = self.nginx.wait();
    }
}
