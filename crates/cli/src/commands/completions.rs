//! `dragline completions`.

use clap::Command;
use dragline_core::program;

use super::print;
use crate::arguments::Completions;
use crate::exit::Exit;
use crate::failed::Failed;

pub(super) fn run(asked: &Completions, mut words: Command) -> Result<Exit, Failed> {
    let mut script = Vec::new();
    clap_complete::generate(asked.shell, &mut words, program::name(), &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Finished)
}
