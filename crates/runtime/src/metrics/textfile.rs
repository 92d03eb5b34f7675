//! Writes the last values to a file for the node exporter's textfile collector, because a finished run can't be
//! scraped.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;

/// Checks that the file can be written, without changing what an earlier run left in it.
pub(super) fn check(file: &Path) -> io::Result<()> {
    if fs::metadata(file).is_ok_and(|found| !found.is_file()) {
        return Err(io::Error::other("it already exists and is not a regular file"));
    }
    let unfinished = unfinished(file);
    fs::write(&unfinished, "")?;
    fs::remove_file(unfinished)
}

/// Replaces the file. A reader sees the old one or the new one, but never half of one.
pub(super) fn write(file: &Path, text: &str) -> io::Result<()> {
    let unfinished = unfinished(file);
    fs::write(&unfinished, text)?;
    fs::rename(unfinished, file)
}

/// Without the ending `.prom`, no collector reads it.
fn unfinished(file: &Path) -> OsString {
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    name
}
