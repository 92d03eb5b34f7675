//! A text as people may see it: without secrets, and with the commands of this program.

use std::borrow::Cow;

use dragline_core::{program, secrets};

/// The text for the log, for an error, for a report.
pub fn shown(text: &str) -> Cow<'_, str> {
    match secrets::hide(text) {
        Cow::Borrowed(text) => program::with_own_commands(text),
        Cow::Owned(hidden) => Cow::Owned(program::with_own_commands(&hidden).into_owned()),
    }
}
