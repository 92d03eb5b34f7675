//! The `dragline` binary: the spiders that come with it, and nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    dragline::run(dragline_spiders::all())
}
