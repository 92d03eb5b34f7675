//! `dragline man`.

use std::fs;

use clap::Command;

use super::print;
use crate::arguments::Man;
use crate::exit::Exit;
use crate::failed::Failed;

pub(super) fn run(asked: &Man, words: Command) -> Result<Exit, Failed> {
    let Some(dir) = &asked.dir else {
        let mut page = Vec::new();
        // As with the pages in a folder: `help` has no page of its own.
        clap_mangen::Man::new(words.disable_help_subcommand(true))
            .render(&mut page)
            .map_err(|error| Failed::error(format!("cannot create the man page: {error}")))?;
        print(&String::from_utf8_lossy(&page))?;
        return Ok(Exit::Finished);
    };
    fs::create_dir_all(dir).and_then(|()| clap_mangen::generate_to(words, dir)).map_err(|error| {
        Failed::error(format!("cannot write the man pages to {}: {error}", dir.display()))
            .hint("choose a folder that this user may write to")
    })?;
    Ok(Exit::Finished)
}
