//! The heartbeat files of the crawls, each in the private folder of its crawl. They say whether a crawl hangs, by the same rule as `dragline healthcheck`.
//!
//! A file is local, so a store that is away doesn't look like a hang. If files can't be written here, nobody is judged by them.

use std::fmt::Display;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dragline_runtime::health::{Beats, unix_ms};
use dragline_serve::Heartbeat;

/// The name of the file.
const FILE: &str = "heartbeat";

/// The file of a crawl with this folder, if it could be written now.
pub(super) fn file(folder: &Path) -> Option<PathBuf> {
    can_be_written(folder).ok()?;
    Some(folder.join(FILE))
}

/// What a crawl says.
pub(super) fn look(folder: &Path, max_silence: Duration) -> Heartbeat {
    let unknown =
        |error: &dyn Display| Heartbeat::Unknown(format!("its heartbeat file cannot be read: {error}"));
    let silent = match fs::read(folder.join(FILE)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Heartbeat::Missing,
        Err(error) => return unknown(&error),
        Ok(content) => match serde_json::from_slice::<Beats>(&content) {
            Err(error) => return unknown(&error),
            Ok(beats) => {
                let verdict = beats.verdict(unix_ms(), max_silence);
                if verdict.state.is_alive() {
                    return Heartbeat::Well;
                }
                Heartbeat::Hangs(verdict.why)
            }
        },
    };
    // On a full disk, the file stays as it was.
    match can_be_written(folder) {
        Ok(()) => silent,
        Err(error) => Heartbeat::Unknown(format!("{} cannot be written: {error}", folder.display())),
    }
}

fn can_be_written(folder: &Path) -> io::Result<()> {
    let file = folder.join("check");
    fs::write(&file, "can be written\n")?;
    fs::remove_file(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    #[test]
    fn a_silent_crawl_hangs_unless_nobody_can_write_here() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(folder.path()).unwrap();
        assert_eq!(look(folder.path(), LIMIT), Heartbeat::Missing);
        let beat = |at: u64| {
            let text = format!(
                r#"{{"pid":7,"phase":"crawling","scheduler_ms":{at},"persistence_ms":{at},"aftermath_ms":0}}"#
            );
            fs::write(&file, text).unwrap();
        };
        beat(unix_ms());
        assert_eq!(look(folder.path(), LIMIT), Heartbeat::Well);
        beat(unix_ms() - 70_000);
        let Heartbeat::Hangs(why) = look(folder.path(), LIMIT) else { panic!() };
        assert!(why.contains("scheduler's last heartbeat is 70 s old"), "{why}");
        let gone = folder.path().join("gone");
        assert!(super::file(&gone).is_none() && matches!(look(&gone, LIMIT), Heartbeat::Unknown(_)));
    }
}
