//! The engine as a whole: real threads, real HTTP, and a frontier in memory where a store would be.

mod bad_servers;
mod downloaders;
mod fetching;
mod frontier;
pub(crate) mod harness;
mod kept;
mod limits;
mod outage;
mod pace;
mod reasons;
mod redirects;
mod robots;
mod staying_in;
mod stopping;
