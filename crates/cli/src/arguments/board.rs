//! `dragline board`.

use clap::Args;
use dragline_board::HostName;
use dragline_runtime::listen::ListenAddr;

use super::ControlFlags;

pub(super) const EXAMPLES: &str = "\
Examples:
  dragline board                                                the runs in dragline.db, at http://127.0.0.1:8080/
  dragline board --store postgres://me@db/crawls --log-dir logs  with the last lines of their logs
  dragline board --listen 0.0.0.0:80 --listen-host crawls.example.com";

/// `dragline board`.
#[derive(Debug, Args)]
pub(crate) struct Board {
    /// Serve the page at this address
    ///
    /// If you leave out the port, it is the one in the variable `PORT`, or 8080. Everybody who can reach the
    /// address can read the page. Nothing can be changed there without --allow-control.
    ///
    /// With `unix:PATH`, it is a socket file that only this user can open.
    #[arg(long, env = "DRAGLINE_LISTEN", value_name = "ADDR", value_parser = ListenAddr::parse, default_value = "127.0.0.1:8080")]
    pub(crate) listen: ListenAddr,

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

    #[command(flatten)]
    pub(crate) control: ControlFlags,
}
