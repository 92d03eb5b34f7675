//! A program: its spiders, and its own item pipelines.

use std::process::ExitCode;
use std::sync::Arc;

use dragline_core::{ItemPipeline, Spider};
use dragline_engine::Downloader;

use crate::check::{self, Found};
use crate::commands;
use crate::program::Program;

/// A program: spiders, and its own item pipelines. Items pass these in addition to Dragline's.
#[derive(Default)]
#[must_use = "a program does nothing until `run` is called"]
pub struct App(Program);

/// A program with these spiders. Its `main` only needs to call [`App::run`].
pub fn app(spiders: Vec<Arc<dyn Spider>>) -> App {
    App(Program { spiders, ..Program::default() })
}

/// The complete `main` of a binary: the command line, with these spiders.
pub fn run(spiders: Vec<Arc<dyn Spider>>) -> ExitCode {
    app(spiders).run()
}

/// A complete test of a spider: the result for each of its samples is the expected one.
///
/// # Panics
/// When a result differs, with the difference, and when the spider has no samples.
#[track_caller]
pub fn check(spider: impl Spider) {
    app(vec![Arc::new(spider)]).check();
}

impl App {
    /// Adds a step after the existing ones. The steps see texts that are already trimmed, and the resulting
    /// items are validated after them.
    pub fn pipeline(mut self, pipeline: impl ItemPipeline + 'static) -> Self {
        self.0.pipelines.push(Arc::new(pipeline));
        self
    }

    /// Adds a downloader. A request chooses it by this name, with `Request::with_downloader`.
    pub fn downloader(mut self, name: impl Into<String>, downloader: impl Downloader) -> Self {
        self.0.downloaders = self.0.downloaders.with(name, downloader);
        self
    }

    /// The complete `main`: the command line.
    pub fn run(self) -> ExitCode {
        commands::run(&self.0)
    }

    /// A test of all spiders by their samples.
    ///
    /// # Panics
    /// When the result for a sample differs from the expected one, with the difference, and when no spider has
    /// samples.
    #[track_caller]
    pub fn check(&self) {
        let checked = check::check(&self.0.spiders, &self.0.pipelines);
        assert!(
            !checked.is_empty(),
            "there is nothing to check: {}",
            if self.0.spiders.is_empty() {
                "this program has no spiders; add yours: dragline::app(spiders![…])"
            } else {
                "no spider has samples; see `Spider::samples`"
            }
        );
        let told: String = checked.iter().filter(|checked| checked.found != Found::AsExpected).fold(
            String::new(),
            |told, checked| {
                format!("{told}\n{} {}: {}", checked.spider, checked.sample.name(), checked.found)
            },
        );
        assert!(
            told.is_empty(),
            "{told}\nto accept the current results as expected, run `check --accept` with this program"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "add yours")]
    fn a_check_without_spiders_says_that_there_are_none() {
        app(Vec::new()).check();
    }
}
