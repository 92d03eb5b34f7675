//! A program of one's own: which spiders it has, and which item pipelines of its own.

use std::process::ExitCode;
use std::sync::Arc;

use dragline_core::{ItemPipeline, Spider};

use crate::check::{self, Found};
use crate::commands;

/// A program: spiders, and item pipelines of its own that their items pass in addition to those of Dragline.
#[derive(Default)]
#[must_use = "a program does nothing until `run` is called"]
pub struct App {
    pub(crate) spiders: Vec<Arc<dyn Spider>>,
    pub(crate) pipelines: Vec<Arc<dyn ItemPipeline>>,
}

/// A program with these spiders; [`App::run`] is all of its `main`.
pub fn app(spiders: Vec<Arc<dyn Spider>>) -> App {
    App { spiders, pipelines: Vec::new() }
}

/// All of a binary's `main`: the command line, with these spiders.
pub fn run(spiders: Vec<Arc<dyn Spider>>) -> ExitCode {
    app(spiders).run()
}

/// All of a spider's test: what it makes of each of its samples is what is expected.
///
/// # Panics
/// When it is not, with what differs; and when the spider has no samples.
#[track_caller]
pub fn check(spider: impl Spider) {
    app(vec![Arc::new(spider)]).check();
}

impl App {
    /// One more step, after those that are there. Own steps see texts trimmed already, and what they make of an
    /// item is validated after them.
    pub fn pipeline(mut self, pipeline: impl ItemPipeline + 'static) -> Self {
        self.pipelines.push(Arc::new(pipeline));
        self
    }

    /// All of a `main`: the command line.
    pub fn run(self) -> ExitCode {
        commands::run(&self)
    }

    /// A test of all spiders, by their samples.
    ///
    /// # Panics
    /// When a spider does not make of a sample what is expected, with what differs; and when no spider has any.
    #[track_caller]
    pub fn check(&self) {
        let checked = check::check(&self.spiders, &self.pipelines);
        assert!(
            !checked.is_empty(),
            "there is nothing to check: {}",
            if self.spiders.is_empty() {
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
