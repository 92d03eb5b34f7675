//! What libpq looks up outside of the URL: variables, the user, the home folder, the sockets of this machine.

use std::path::PathBuf;

/// Where servers put their sockets: Debian's and Fedora's place, and `PostgreSQL`'s own.
const SOCKET_FOLDERS: [&str; 3] = ["/run/postgresql", "/var/run/postgresql", "/tmp"];

/// The surroundings of the process, or of a test.
#[derive(Debug, Default)]
pub(super) struct Surroundings {
    variables: Vec<(String, String)>,
    /// The user who runs this process.
    pub(super) user: Option<String>,
    /// The home folder of that user.
    pub(super) home: Option<PathBuf>,
    /// The folders in which a server's socket may be.
    pub(super) socket_folders: Vec<PathBuf>,
}

impl Surroundings {
    /// The surroundings of this process.
    pub(super) fn here() -> Self {
        Self {
            variables: std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
                .filter(|(name, _)| name.starts_with("PG"))
                .collect(),
            user: whoami::username().ok(),
            home: std::env::home_dir(),
            socket_folders: SOCKET_FOLDERS.map(PathBuf::from).to_vec(),
        }
    }

    /// A variable. An empty one counts as missing, because compose files often leave empty ones.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        let mut found = self.variables.iter().filter(|(known, value)| known == name && !value.is_empty());
        found.next().map(|(_, value)| value.clone())
    }

    /// The default host of libpq's clients: the server's socket on this machine, if there is one.
    pub(super) fn default_host(&self, port: u16) -> String {
        let socket = format!(".s.PGSQL.{port}");
        let mut folders = self.socket_folders.iter().filter(|folder| folder.join(&socket).exists());
        folders.next().map_or_else(|| "localhost".to_owned(), |folder| folder.display().to_string())
    }

    /// A file in libpq's own folder, if it exists.
    pub(super) fn own_file(&self, name: &str) -> Option<PathBuf> {
        self.home.as_ref().map(|home| home.join(".postgresql").join(name)).filter(|path| path.is_file())
    }

    #[cfg(test)]
    pub(super) fn of(variables: &[(&str, &str)]) -> Self {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self { variables: variables.collect(), user: Some("somebody".to_owned()), ..Self::default() }
    }
}
