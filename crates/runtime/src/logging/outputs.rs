//! Where the log goes: stderr, and beside it a file if there is one.

use std::sync::Arc;
use std::time::Instant;

use super::line::{About, Form, Line};
use super::queue::Queue;

/// All of them.
pub(super) struct Outputs {
    pub(super) plain: Plain,
    pub(super) stderr: Queue,
    pub(super) file: Option<(Queue, Form)>,
}

/// What is needed to put something into words.
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

    /// A text that stands for itself: as it is for people, as a line's message for machines.
    pub(super) fn render_text(&self, line: &Line, text: &str, form: Form) -> Vec<u8> {
        match form {
            Form::Text { .. } => format!("{}\n", text.trim_end()).into_bytes(),
            Form::Json => self.render(line, form),
        }
    }
}

impl Outputs {
    /// A line to all of them. Never waits.
    pub(super) fn send(&self, line: &Line) {
        self.stderr.line(self.plain.render(line, self.plain.stderr));
        if let Some((file, form)) = &self.file {
            file.line(self.plain.render(line, *form));
        }
    }

    /// The same for a text that stands for itself.
    pub(super) fn send_text(&self, line: &Line, text: &str) {
        self.stderr.line(self.plain.render_text(line, text, self.plain.stderr));
        if let Some((file, form)) = &self.file {
            file.line(self.plain.render_text(line, text, *form));
        }
    }

    /// Waits until what was sent is written, and takes the panel away; whether stderr has all of it.
    pub(super) fn settle(&self, deadline: Instant) -> bool {
        let is_written = self.stderr.settle(deadline);
        if let Some((file, _)) = &self.file {
            file.settle(deadline);
        }
        is_written
    }
}
