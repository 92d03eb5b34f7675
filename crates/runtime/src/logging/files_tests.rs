//! Log files: parts, what is kept, a folder that does not take them.

use std::sync::Arc;

use super::super::counts::{LogCounts, LostBy};
use super::*;
use tempfile::TempDir;

struct Nowhere;

impl Sink for Nowhere {
    fn write(&mut self, _lines: &[Vec<u8>], _panel: Option<Vec<String>>) -> u64 {
        0
    }
}

fn create(dir: &Path, max_bytes: u64, keep: usize, spider: &str) -> Result<LogFile, LogError> {
    let dropped = Box::new(|_| Vec::new());
    let stderr = Queue::start("log", Nowhere, LogCounts::default(), LostBy::Stderr, dropped).unwrap();
    let form = Form::Text { colours: false };
    let plain = Plain { about: Arc::default(), stderr: form };
    let settings = LogFileSettings { dir: dir.to_owned(), max_bytes, keep };
    LogFile::create(settings, spider, Tell { stderr, plain, form })
}

fn names(folder: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(folder.path()).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_full_part_is_followed_by_the_next_and_the_oldest_go() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = create(folder.path(), 400, 3, "quotes").unwrap();
    for number in 0..20 {
        assert_eq!(log.write(&[format!("{number:0>99}\n").into_bytes()], None), 0);
    }
    let names = names(&folder);
    assert_eq!(names.len(), 3, "{names:?}");
    let pid = std::process::id();
    for name in &names {
        assert!(name.starts_with("quotes-20") && name.contains(&format!("Z-{pid}-")), "{name}");
        let text = fs::read_to_string(folder.path().join(name)).unwrap();
        assert!(text.len() <= 400 && text.ends_with('\n'), "{}", text.len());
    }
    let last = fs::read_to_string(folder.path().join(names.last().unwrap())).unwrap();
    assert!(last.ends_with("019\n"), "{last}");
}

#[test]
fn files_of_other_spiders_and_of_living_processes_are_spared() {
    let folder = tempfile::tempdir().unwrap();
    let old = |name: &str| {
        let file = File::create_new(folder.path().join(name)).unwrap();
        (name.to_owned(), file)
    };
    let (gone, _) = old("quotes-20250101T000000.000Z-7-0001.log");
    let (alive, lock) = old("quotes-20250101T000000.000Z-8-0001.log");
    lock.try_lock().unwrap();
    let (other, _) = old("quotes-de-20250101T000000.000Z-9-0001.log");
    let (note, _) = old("quotes-notes.log");
    let first = create(folder.path(), 1_000, 1, "quotes").unwrap();
    let second = create(folder.path(), 1_000, 1, "quotes").unwrap();
    let names = names(&folder);
    assert!(!names.contains(&gone), "{names:?}");
    for kept in [alive, other, note] {
        assert!(names.contains(&kept), "{names:?}");
    }
    assert_eq!(names.len(), 5, "each process has its own: {names:?}");
    drop((first, second));
}

#[test]
fn a_folder_that_takes_no_file_is_told_with_advice() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let failed = create(&file.join("logs"), 1_000, 1, "quotes").err().unwrap();
    assert!(
        failed.to_string().contains("cannot write a log file")
            && failed.hint().unwrap().contains("--log-dir")
    );
}

#[test]
fn an_odd_name_is_no_way_out_of_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let _log = create(folder.path(), 1_000, 1, "../../a b").unwrap();
    assert!(names(&folder)[0].starts_with("_.._a_b-20"), "{:?}", names(&folder));
}
