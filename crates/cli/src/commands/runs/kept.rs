//! `dragline runs show RUN --kept URL`: the body of a page as it was kept, or its first bytes.

use dragline_core::kept_body::MAX_SHOWN_BYTES;
use dragline_core::kept_page::KeptPage;

use super::Runs;
use crate::commands::print_body;
use crate::exit::Exit;
use crate::failed::Failed;

/// Prints the newest kept body of the URL.
pub(super) fn show(run: &str, url: &str, runs: &Runs) -> Result<Exit, Failed> {
    let run = runs.find(run)?;
    let pages = runs.kept_pages(&run, url)?;
    pages.iter().take(1).try_for_each(|kept| print_kept_body(&kept.page))?;
    Ok(Exit::Finished)
}

/// Prints a kept body to stdout and nothing else, so that it can go into a file.
pub(in crate::commands) fn print_kept_body(page: &KeptPage) -> Result<(), Failed> {
    let body = page.body.read(MAX_SHOWN_BYTES).map_err(|error| Failed::error(error.to_string()))?;
    print_body(&body)
}
