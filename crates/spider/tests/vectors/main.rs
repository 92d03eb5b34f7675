//! Vectors of public test suites, if they are available: see `dragline_testkit::vectors`. Unit tests in the code also test the
//! same rules by hand.

mod encodings;
mod selectors;
mod texts;
mod urls;
