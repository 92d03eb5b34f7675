//! The outputs of the log: stderr, and a file if there is one.

use std::sync::Arc;
use std::time::Instant;

use super::line::{About, Form, Line};
use super::queue::Queue;
use crate::shown::shown;
use crate::visible::visible_with_colours;

/// All outputs.
pub(super) struct Outputs {
    pub(super) plain: Plain,
    pub(super) stderr: Queue,
    pub(super) file: Option<(Queue, Form)>,
}

/// What is needed to render a line.
#[derive(Clone)]
pub(super) struct Plain {
    pub(super) about: Arc<About>,
    /// The form of stderr.
    pub(super) stderr: Form,
}

impl Plain {
    pub(super) fn render(&self, line: &Line, form: Form) -> Vec<u8> {
        line.render(form, &self.about)
    }

    /// A separate text. People get it as it is, and machines get it as the message of a line.
    pub(super) fn render_text(&self, line: &Line, text: &str, form: Form) -> Vec<u8> {
        match form {
            Form::Text { .. } => format!("{}\n", visible_with_colours(&shown(text.trim_end()))).into_bytes(),
            Form::Json => self.render(line, form),
        }
    }
}

impl Outputs {
    /// Sends a line to all outputs. Never waits.
    pub(super) fn send(&self, line: &Line) {
        self.stderr.line(self.plain.render(line, self.plain.stderr));
        if let Some((file, form)) = &self.file {
            file.line(self.plain.render(line, *form));
        }
    }

    /// The same for a separate text.
    pub(super) fn send_text(&self, line: &Line, text: &str, painted: &str) {
        self.stderr.line(self.plain.render_text(line, painted, self.plain.stderr));
        if let Some((file, form)) = &self.file {
            file.line(self.plain.render_text(line, text, *form));
        }
    }

    /// Waits until everything that was sent is written, and removes the panel. Returns whether stderr has all
    /// of it.
    pub(super) fn settle(&self, deadline: Instant) -> bool {
        let is_written = self.stderr.settle(deadline);
        if let Some((file, _)) = &self.file {
            file.settle(deadline);
        }
        is_written
    }
}
