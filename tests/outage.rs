//! A database that goes away, hangs, or answers late: the crawl waits, says so, and goes on by itself; the rows
//! are exactly right.

mod classes;
mod conflicts;
mod faults;
mod full_disk;
mod scene;
mod sessions;
mod tampering;
