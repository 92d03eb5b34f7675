//! `dragline runs show RUN --kept URL`: the first bytes of a failed page, as they were kept.

use std::io::{self, Write};

use super::Runs;
use crate::exit::Exit;
use crate::failed::Failed;

/// Prints the newest kept body of the URL, and nothing else, so that it can go into a file.
pub(super) fn show(run: &str, url: &str, runs: &Runs) -> Result<Exit, Failed> {
    let run = runs.find(run)?;
    let pages = runs.kept_pages(&run, url)?;
    for kept in pages.iter().take(1) {
        let mut stdout = io::stdout().lock();
        match stdout.write_all(&kept.page.body).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                return Err(Failed::error(format!("cannot write the body to stdout: {error}")));
            }
            _ => {}
        }
    }
    Ok(Exit::Finished)
}
