//! `dragline completions` and `dragline man`: the words, for shells and for readers.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

pub(super) const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  dragline completions bash > ~/.local/share/bash-completion/completions/dragline
  dragline completions zsh > ~/.zfunc/_dragline
  dragline completions fish > ~/.config/fish/completions/dragline.fish

They know commands, flags and their values; in bash and zsh also the names of this program's spiders.";

pub(super) const MAN_EXAMPLES: &str = "\
Examples:
  dragline man | man -l -
  dragline man --dir ~/.local/share/man/man1";

/// `dragline completions`.
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell that reads them
    pub(crate) shell: Shell,
}

/// `dragline man`.
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Write a page for each command into this folder, instead of the first one to stdout
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}
