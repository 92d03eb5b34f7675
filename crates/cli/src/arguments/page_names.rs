//! The names under which a browser gets the page of runs: the same flag for every command that serves it.

use clap::Args;
use dragline_board::HostName;

#[derive(Args, Clone, Debug)]
pub(crate) struct PageNames {
    /// A name under which people reach the page, such as `crawls.example.com`; repeatable
    ///
    /// A browser gets the page only under the address of this machine, as `localhost`, or under such a name.
    /// In the variable, write one per line. `/health` and the other endpoints for programs answer under every name.
    #[arg(
        long = "listen-host",
        id = "listen_host",
        env = "DRAGLINE_LISTEN_HOST",
        value_name = "NAME",
        value_delimiter = '\n',
        hide_short_help = true
    )]
    pub(crate) listen_hosts: Vec<HostName>,
}
