//! The messages about the end of a run. The addresses are checked here and not by the command line's parser, because its errors show
//! the value.

use dragline_runtime::notify::{NotifyAddress, NotifySettings};

use crate::arguments::Notify;
use crate::failed::Failed;

/// The settings as they were given.
pub(super) fn settings(given: &Notify) -> Result<NotifySettings, Failed> {
    let format = given.notify_format.map(Into::into);
    let addresses = given.notify.iter().filter(|address| !address.0.trim().is_empty());
    let addresses =
        addresses.map(|address| NotifyAddress::parse(&address.0, format).map_err(|it| refused(&it)));
    Ok(NotifySettings { addresses: addresses.collect::<Result<_, _>>()?, timeout: given.notify_timeout })
}

fn refused(problem: &str) -> Failed {
    Failed::usage(format!("--notify: {problem}"))
        .hint("you can set it with --notify, DRAGLINE_NOTIFY, or `notify` in dragline.toml")
}
