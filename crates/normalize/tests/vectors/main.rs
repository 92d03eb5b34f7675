//! Vectors of public test suites. `prices.json` is a part of this repository, because it is small: its licence is next to it.
//! The others are tested if they are available: see `dragline_testkit::vectors`.

mod entities;
mod prices;
