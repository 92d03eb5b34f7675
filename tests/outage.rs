//! A database that goes away, hangs, or answers late. The crawl waits, logs this, and goes on by itself. The rows are exactly
//! right.

mod classes;
mod conflicts;
mod faults;
mod full_disk;
mod hopeless;
mod scene;
mod sessions;
mod tampering;
