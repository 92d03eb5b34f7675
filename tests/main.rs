//! All tests of the whole program, in one binary; its modules are named by what they promise.

mod cli;
mod crawl;
mod faults;
mod resume;
mod stop;
mod stored;
mod tidy;
