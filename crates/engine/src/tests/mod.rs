//! The engine as a whole: real threads, real HTTP, and a frontier in memory where a store would be.

mod fetching;
mod frontier;
mod harness;
mod limits;
mod redirects;
mod robots;
mod staying_in;
mod stopping;
