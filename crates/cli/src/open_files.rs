//! The limit on open files. Many systems give a process 1,024 unless it asks for more.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Raises the soft limit to the hard one. If the system refuses, the lower limit stays, and the crawl opens fewer connections.
///
/// Only a program that is Dragline does this. A crawl inside another program must not change the process.
pub(crate) fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let _ = setrlimit(Resource::Nofile, rustix::process::Rlimit { current: limit.maximum, ..limit });
    }
}
