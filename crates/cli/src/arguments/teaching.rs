//! `dragline completions` and `dragline man`: the command line for shells and for readers.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

pub(super) const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  dragline completions bash > ~/.local/share/bash-completion/completions/dragline
  dragline completions zsh > ~/.zfunc/_dragline
  dragline completions fish > ~/.config/fish/completions/dragline.fish

Your shell then completes commands, flags and their values. In bash and zsh, it also completes the names of this program's spiders.";

pub(super) const MAN_EXAMPLES: &str = "\
Examples:
  dragline man | man -l -
  dragline man --dir ~/.local/share/man/man1";

/// `dragline completions`.
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell to complete in
    pub(crate) shell: Shell,
}

/// `dragline man`.
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Write a page for each command to this folder, instead of printing the first one
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}
