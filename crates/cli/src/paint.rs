//! Colours for people who read the output on a terminal.

use std::io::{self, IsTerminal};

const RED: &str = "\u{1b}[31m";
const PLAIN: &str = "\u{1b}[0m";

/// Whether a text is painted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Paint {
    has_colours: bool,
}

impl Paint {
    /// No colours.
    pub(crate) const NONE: Self = Self { has_colours: false };

    /// For text that goes to stdout.
    pub(crate) fn stdout() -> Self {
        Self::if_terminal(io::stdout().is_terminal())
    }

    /// For text that goes to stderr.
    pub(crate) fn stderr() -> Self {
        Self::if_terminal(io::stderr().is_terminal())
    }

    /// <https://no-color.org>: any non-empty value means no colours.
    fn if_terminal(is_terminal: bool) -> Self {
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_none_or(|name| name.is_empty() || name == "dumb");
        Self { has_colours: is_terminal && !is_dumb && !is_set("NO_COLOR") }
    }

    /// The text in red.
    pub(crate) fn red(self, text: &str) -> String {
        if self.has_colours { format!("{RED}{text}{PLAIN}") } else { text.to_owned() }
    }
}
