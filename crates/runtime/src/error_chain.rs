//! An error with its causes, in one line: for the log and for whoever reads it in a terminal.

use std::error::Error;

/// The error and its causes. A cause that the line names already is left out.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !line.contains(&text) {
            line = format!("{line}: {text}");
        }
        source = cause.source();
    }
    line
}
