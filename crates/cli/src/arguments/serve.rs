//! `dragline serve`.

use clap::Args;
use dragline_board::HostName;
use dragline_runtime::listen::ListenAddr;
use dragline_serve::ServeSettings;

use super::ControlFlags;

pub(super) const EXAMPLES: &str = "\
Examples:
  dragline serve --store postgres://me@db/crawls
  dragline serve --workers 4 --log-dir /var/log/dragline

It starts the crawls of the schedules in the settings file, each as a process of its own. SIGTERM stops all of them, and the next \
`dragline serve` goes on with them. SIGHUP makes it read the settings file again.";

/// `dragline serve`.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) settings: ServeSettings,

    #[command(flatten)]
    pub(crate) listening: ServeListen,

    #[command(flatten)]
    pub(crate) control: ControlFlags,
}

/// Where the server tells how it is.
#[derive(Debug, Args)]
pub(crate) struct ServeListen {
    /// Serve a page of all runs, and `/health`, `/ready`, `/status` and `/metrics`, at this address [default: off; `0.0.0.0` in the image]
    ///
    /// If you leave out the port, it is the one in the variable `PORT`, or 8080. With `unix:PATH`, it is a
    /// socket file that only this user can open.
    #[arg(long, env = "DRAGLINE_LISTEN", value_name = "ADDR", value_parser = ListenAddr::parse)]
    pub(crate) listen: Option<ListenAddr>,

    /// A name under which people reach the page, such as `crawls.example.com`; repeatable
    ///
    /// A browser gets the page only under the address of this machine, as `localhost`, or under such a name.
    /// In the variable, write one per line.
    #[arg(
        long = "listen-host",
        id = "listen_host",
        env = "DRAGLINE_LISTEN_HOST",
        value_name = "NAME",
        value_delimiter = '\n'
    )]
    pub(crate) listen_hosts: Vec<HostName>,
}
