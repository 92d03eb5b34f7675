//! Vectors of public test suites, where they are at hand: see `dragline_testkit::vectors`. The rules that they show are
//! also tested beside the code, by hand.

mod encodings;
mod selectors;
mod texts;
mod urls;
