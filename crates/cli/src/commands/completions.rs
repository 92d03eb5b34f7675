//! `dragline completions`.

use clap::Command;

use super::print;
use crate::arguments::Completions;
use crate::exit::Exit;
use crate::failed::Failed;

pub(super) fn run(asked: &Completions, mut words: Command) -> Result<Exit, Failed> {
    // A program with its own spiders may have a different name.
    let name = std::env::args_os().next().map(std::path::PathBuf::from);
    let name = name.as_deref().and_then(|path| path.file_name()?.to_str()).unwrap_or("dragline");
    let mut script = Vec::new();
    clap_complete::generate(asked.shell, &mut words, name, &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Finished)
}
