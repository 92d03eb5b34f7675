//! The process itself: its threads, its memory, its health and its end.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use dragline_board::HostName;
use dragline_core::ItemLimits;
use dragline_engine::EngineSettings;
use dragline_flags::text;
use dragline_flags::{bytes, bytes_or_none, count, duration, health_max_age, shutdown_timeout};
use dragline_runtime::listen::ListenAddr;
use dragline_runtime::settings::CrawlSettings;

/// The settings of the process.
#[derive(Debug, Args)]
#[command(next_help_heading = "Process")]
pub(crate) struct Process {
    /// Requests in flight to all hosts together
    #[arg(long, env = "DRAGLINE_CONCURRENCY", value_name = "N", value_parser = count, default_value_t = EngineSettings::default().concurrency, help_heading = "Fetching", hide_short_help = true)]
    pub(crate) concurrency: usize,

    /// Threads that parse pages [default: one per core]
    #[arg(long, env = "DRAGLINE_CRAWL_THREADS", value_name = "N", value_parser = count, hide_short_help = true)]
    pub(crate) crawl_threads: Option<usize>,

    /// Time to parse one page; after that, the page fails and its thread is replaced
    #[arg(long, env = "DRAGLINE_PARSE_TIMEOUT", value_name = "TIME", value_parser = duration, default_value = text::duration(EngineSettings::default().parse_timeout), hide_short_help = true)]
    pub(crate) parse_timeout: Duration,

    /// Memory for pages, outcomes and batches in hand [default: 256MiB, in a container at most a quarter of its
    /// limit]
    #[arg(long, env = "DRAGLINE_MEMORY_BUDGET", value_name = "BYTES", value_parser = bytes, hide_short_help = true)]
    pub(crate) memory_budget: Option<usize>,

    /// Most memory that one page may take, with its tree and its items [default: 224MiB, in a container at most
    /// half of its limit]
    ///
    /// A page that needs more is `failed` with the reason `page_too_large`. A page that needs more than
    /// --memory-budget is parsed alone.
    #[arg(long, env = "DRAGLINE_MAX_PAGE_MEMORY", value_name = "BYTES", value_parser = bytes, hide_short_help = true)]
    pub(crate) max_page_memory: Option<usize>,

    /// Largest item, as JSON
    ///
    /// A page with a larger item is `dead`, with the reason `item_refused`. A dead letter keeps the beginning
    /// of each field.
    #[arg(long, env = "DRAGLINE_MAX_ITEM", value_name = "BYTES", value_parser = bytes, default_value = text::bytes(ItemLimits::default().max_item_bytes), help_heading = "Storing", hide_short_help = true)]
    pub(crate) max_item: usize,

    /// Largest field of an item, as JSON
    ///
    /// The same as --max-item for one field. JSON writes a control character as six characters, and a
    /// backslash as two.
    #[arg(long, env = "DRAGLINE_MAX_FIELD", value_name = "BYTES", value_parser = bytes, default_value = text::bytes(ItemLimits::default().max_field_bytes), help_heading = "Storing", hide_short_help = true)]
    pub(crate) max_field: usize,

    /// Memory of the process above which fetching pauses; 0 = no limit [default: 80 % of the container's limit,
    /// if there is one]
    ///
    /// If that doesn't help within 30 s, the run stops with exit 75.
    #[arg(long, env = "DRAGLINE_MEMORY_LIMIT", value_name = "BYTES", value_parser = bytes_or_none, hide_short_help = true)]
    pub(crate) memory_limit: Option<usize>,

    /// Longest time from a stop signal to the exit, at least `4s`
    #[arg(long, env = "SHUTDOWN_TIMEOUT_SECONDS", value_name = "TIME", value_parser = shutdown_timeout, default_value = text::duration(CrawlSettings::default().shutdown_timeout), hide_short_help = true)]
    pub(crate) shutdown_timeout: Duration,

    /// Serve `/health`, `/ready`, `/status` and `/metrics` at this address, and a page for people at `/`
    /// [default: off; `0.0.0.0` in the image]
    ///
    /// If you leave out the port, it is the one in the variable `PORT`, or 8080. With `unix:PATH`, it is a
    /// socket file that only this user can open.
    #[arg(long, env = "DRAGLINE_LISTEN", value_name = "ADDR", value_parser = ListenAddr::parse, hide_short_help = true)]
    pub(crate) listen: Option<ListenAddr>,

    /// A name under which people reach the page, such as `crawls.example.com`; repeatable
    ///
    /// A browser gets the page only under the address of this machine, as `localhost`, or under such a name.
    /// In the variable, write one per line. The endpoints answer under every name.
    #[arg(
        long = "listen-host",
        id = "listen_host",
        env = "DRAGLINE_LISTEN_HOST",
        value_name = "NAME",
        value_delimiter = '\n',
        hide_short_help = true
    )]
    pub(crate) listen_hosts: Vec<HostName>,

    /// How long a loop may be silent before the crawl counts as stuck. A parse has a limit of its own, --parse-timeout
    #[arg(long, env = "DRAGLINE_HEALTH_MAX_AGE", value_name = "TIME", value_parser = health_max_age, default_value = text::duration(CrawlSettings::default().health_max_age), hide_short_help = true)]
    pub(crate) health_max_age: Duration,

    /// Write the heartbeats of the working loops to this file, for `dragline healthcheck` [default: none; set
    /// in the image]
    #[arg(long, env = "DRAGLINE_HEARTBEAT_FILE", value_name = "FILE", hide_short_help = true)]
    pub(crate) heartbeat_file: Option<PathBuf>,

    /// Write the last metrics to this file when the crawl ends, for the node exporter's textfile collector
    /// [default: none]
    ///
    /// The collector reads the file only if its name ends in `.prom`. Each run needs its own file.
    #[arg(long, env = "DRAGLINE_METRICS_TEXTFILE", value_name = "FILE", hide_short_help = true)]
    pub(crate) metrics_textfile: Option<PathBuf>,
}
