//! The last values in a file, for the textfile collector of the node exporter: a run that is over cannot be scraped.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;

/// Whether the file can be written, without touching what an earlier run left in it.
pub(super) fn check(file: &Path) -> io::Result<()> {
    if fs::metadata(file).is_ok_and(|found| !found.is_file()) {
        return Err(io::Error::other("it already exists and is not a regular file"));
    }
    let unfinished = unfinished(file);
    fs::write(&unfinished, "")?;
    fs::remove_file(unfinished)
}

/// Replaces the file; a reader sees the old or the new one, never half of one.
pub(super) fn write(file: &Path, text: &str) -> io::Result<()> {
    let unfinished = unfinished(file);
    fs::write(&unfinished, text)?;
    fs::rename(unfinished, file)
}

/// Its name does not end in `.prom`, so no collector reads it.
fn unfinished(file: &Path) -> OsString {
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    name
}
