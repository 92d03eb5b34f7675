//! Exports: a run's rows from the store, as JSON lines or CSV.
//!
//! The rows come from the store, not from memory, so an export is exact after any number of kills. A file is
//! written next to its target and renamed when it is complete.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use dragline_core::store::{ItemRow, RunInfo, Store};
use dragline_core::{ItemType, Spider};
use serde_json::{Map, Value as Json};

use crate::failed::Failed;
use dragline_runtime::blocking::Blocking;
use dragline_runtime::visible::VisibleWriter;

/// Millions of rows need some time, but a store that hangs must not take forever.
const READ_LIMIT: Duration = Duration::from_secs(3600);

/// The target of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// JSON lines on stdout.
    Stdout,
    /// A file of JSON lines.
    JsonLines(PathBuf),
    /// A file of comma-separated values.
    Csv(PathBuf),
}

impl Target {
    /// Parses `-o`.
    pub(crate) fn parse(text: &str) -> Result<Self, Failed> {
        let path = Path::new(text);
        match path.extension().and_then(|extension| extension.to_str()) {
            _ if text == "-" => Ok(Self::Stdout),
            Some("jsonl" | "ndjson") => Ok(Self::JsonLines(path.to_owned())),
            Some("csv") => Ok(Self::Csv(path.to_owned())),
            _ => Err(Failed::usage(format!("-o {text}: the format of the export is unknown"))
                .hint("end the name with .jsonl or .csv, or use - for JSON lines on stdout")),
        }
    }
}

impl Target {
    /// Finds problems with the export before the crawl starts.
    pub(crate) fn check(&self, items: &[ItemType]) -> Result<(), Failed> {
        let path = match self {
            Self::Stdout => return Ok(()),
            Self::JsonLines(path) => path,
            Self::Csv(path) => return csv_paths(path, items).iter().try_for_each(|path| can_write(path)),
        };
        can_write(path)
    }
}

fn can_write(path: &Path) -> Result<(), Failed> {
    let temporary = temporary(path);
    let made = File::create(&temporary).and_then(|_| std::fs::remove_file(&temporary));
    made.map_err(|error| {
        Failed::usage(format!("-o {}: cannot write the file: {error}", path.display()))
            .hint("choose a file in an existing folder that this user may write to")
    })
}

/// The CSV file of each item type. The rows of a CSV file have the same columns, so several types have a file each:
/// `rows.TYPE.csv`.
fn csv_paths(path: &Path, items: &[ItemType]) -> Vec<PathBuf> {
    if items.len() == 1 {
        return vec![path.to_owned()];
    }
    let stem = path.file_stem().unwrap_or_default();
    let mut paths: Vec<PathBuf> = Vec::new();
    for item in items {
        // A type's name may contain what a file's name must not.
        let plain = |c: char| if c.is_alphanumeric() || matches!(c, '_' | '-') { c } else { '_' };
        let mut name: String = item.name().chars().map(plain).collect();
        let named = |name: &str| {
            let mut file = stem.to_owned();
            file.push(format!(".{name}.csv"));
            path.with_file_name(file)
        };
        while paths.contains(&named(&name)) {
            name.push('_');
        }
        paths.push(named(&name));
    }
    paths
}

/// The path of the file until it is renamed.
fn temporary(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    PathBuf::from(name)
}

/// Exports the items of `run` and returns the number of rows.
pub(crate) fn export(
    store: &dyn Store,
    blocking: &Blocking,
    run: &RunInfo,
    items: &[ItemType],
    target: &Target,
) -> Result<u64, Failed> {
    match target {
        Target::Stdout => {
            to_stdout(|stdout| write_all(store, blocking, run, items, &mut JsonLines(BufWriter::new(stdout))))
        }
        Target::JsonLines(path) => {
            to_file(path, |file| write_all(store, blocking, run, items, &mut JsonLines(BufWriter::new(file))))
        }
        Target::Csv(path) => {
            let paths = csv_paths(path, items);
            let rows = to_files(&paths, AGAIN, |at, file| {
                let mut csv = Csv::new(BufWriter::new(file), items[at].clone())?;
                write_all(store, blocking, run, &items[at..=at], &mut csv)
            })?;
            if let [_, _, ..] = *paths {
                for (path, rows) in paths.iter().zip(&rows) {
                    tracing::info!(rows, file = %path.display(), "exported an item type");
                }
            }
            Ok(rows.iter().sum())
        }
    }
}

/// The item types of the spider of `run`, or only the requested one.
pub(crate) fn item_types(spider: &dyn Spider, only: Option<&str>) -> Result<Vec<ItemType>, Failed> {
    let mut items = spider.items();
    if let Some(name) = only {
        let names: Vec<&str> = items.iter().map(dragline_core::ItemType::name).collect();
        let known = names.join(", ");
        items.retain(|item| item.name() == name);
        if items.is_empty() {
            return Err(Failed::usage(format!("the spider {} has no item type {name:?}", spider.name()))
                .hint(format!("it has {known}")));
        }
    }
    Ok(items)
}

const BROKEN_PIPE: &str = "the reader of the export has gone away";

trait RowSink: Send {
    fn write(&mut self, item: &ItemType, row: ItemRow) -> io::Result<()>;
    fn finish(&mut self) -> io::Result<()>;
}

fn write_all(
    store: &dyn Store,
    blocking: &Blocking,
    run: &RunInfo,
    items: &[ItemType],
    sink: &mut dyn RowSink,
) -> Result<u64, Failed> {
    let mut rows = 0;
    // Keep errors of the sink apart from errors of the store.
    let mut fault: Option<io::Error> = None;
    for item in items {
        let mut each = |row: ItemRow| {
            rows += 1;
            blocking.still_here();
            let room = if blocking.is_cut() { Err(io::Error::other("cut off by a signal")) } else { Ok(()) };
            room.and_then(|()| sink.write(item, row)).map_err(|error| {
                let kind = error.kind();
                fault = Some(error);
                io::Error::from(kind)
            })
        };
        let read = store.read_items(run.run_id, &run.spider, item, &mut each);
        let read = blocking.wait(store, "reading items", READ_LIMIT, read);
        if let Some(error) = fault {
            return Err(unwritable(&error));
        }
        read?;
    }
    sink.finish().map_err(|error| unwritable(&error))?;
    Ok(rows)
}

pub(crate) fn unwritable(error: &io::Error) -> Failed {
    if error.kind() == io::ErrorKind::BrokenPipe {
        Failed::error(BROKEN_PIPE)
    } else {
        Failed::error(format!("cannot write the export: {error}")).hint(AGAIN)
    }
}

/// Where a command writes data for stdout.
pub(crate) type DataOut = Box<dyn Write + Send>;

/// stdout for data: as it is, or on a terminal with everything visible that a terminal would obey.
pub(crate) fn data_out() -> DataOut {
    let stdout = io::stdout();
    if stdout.is_terminal() { Box::new(VisibleWriter::new(stdout)) } else { Box::new(stdout) }
}

/// Writes to stdout. It is fine if the reader ends early, as in `… | head`.
pub(crate) fn to_stdout(write: impl FnOnce(DataOut) -> Result<u64, Failed>) -> Result<u64, Failed> {
    match write(data_out()) {
        Err(Failed { what, .. }) if what.contains(BROKEN_PIPE) => Ok(0),
        result => result,
    }
}

/// Writes to a file next to the target, and renames it.
pub(crate) fn to_file(path: &Path, write: impl FnOnce(&File) -> Result<u64, Failed>) -> Result<u64, Failed> {
    to_file_for(path, AGAIN, write)
}

/// The same. If the file can't be written, `again` says what to do.
pub(crate) fn to_file_for(
    path: &Path,
    again: &str,
    write: impl FnOnce(&File) -> Result<u64, Failed>,
) -> Result<u64, Failed> {
    let mut write = Some(write);
    let once = |_, file: &File| write.take().map_or(Ok(0), |write| write(file));
    Ok(to_files(&[path.to_owned()], again, once)?.iter().sum())
}

/// The same for several files. None is renamed before all are complete.
fn to_files(
    paths: &[PathBuf],
    again: &str,
    mut write: impl FnMut(usize, &File) -> Result<u64, Failed>,
) -> Result<Vec<u64>, Failed> {
    let cannot = |path: &Path, error: &io::Error| {
        Failed::error(format!("cannot write {}: {error}", path.display())).hint(again)
    };
    let written = paths.iter().enumerate().map(|(at, path)| {
        let file = File::create(temporary(path)).map_err(|error| cannot(path, &error))?;
        let rows = write(at, &file)?;
        file.sync_all().map_err(|error| cannot(path, &error))?;
        Ok(rows)
    });
    let written: Result<Vec<u64>, Failed> = written.collect();
    let renamed = written.and_then(|rows| {
        for path in paths {
            std::fs::rename(temporary(path), path).map_err(|error| cannot(path, &error))?;
        }
        Ok(rows)
    });
    if renamed.is_err() {
        for path in paths {
            let _ = std::fs::remove_file(temporary(path));
        }
    }
    renamed
}

const AGAIN: &str = "the rows are safe in the store; `dragline export RUN -o FILE` writes them again";

/// One object per line: the item's fields, and metadata under names that no field can have.
struct JsonLines<W: Write>(W);

impl<W: Write + Send> RowSink for JsonLines<W> {
    fn write(&mut self, item: &ItemType, row: ItemRow) -> io::Result<()> {
        let mut line = Map::new();
        line.insert("_type".to_owned(), Json::from(item.name()));
        line.insert("_url".to_owned(), Json::from(row.url));
        line.insert("_scraped_at".to_owned(), Json::from(row.scraped_at));
        line.extend(row.fields);
        serde_json::to_writer(&mut self.0, &line)?;
        self.0.write_all(b"\n")
    }

    fn finish(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A header line, then the item's fields in the order of its columns. Lists and objects are JSON.
struct Csv<W: Write> {
    writer: csv::Writer<W>,
    item: ItemType,
}

impl<W: Write> Csv<W> {
    fn new(to: W, item: ItemType) -> Result<Self, Failed> {
        let mut writer = csv::Writer::from_writer(to);
        let names = item.columns().iter().map(|column| column.name.as_str()).chain(["_url", "_scraped_at"]);
        writer.write_record(names).map_err(|error| unwritable(&io::Error::from(error)))?;
        Ok(Self { writer, item })
    }
}

impl<W: Write + Send> RowSink for Csv<W> {
    fn write(&mut self, _item: &ItemType, row: ItemRow) -> io::Result<()> {
        let fields = self.item.columns().iter().map(|column| match row.fields.get(&column.name) {
            None | Some(Json::Null) => String::new(),
            Some(Json::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        });
        self.writer.write_record(fields.chain([row.url, row.scraped_at])).map_err(io::Error::from)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

#[cfg(test)]
mod tests {
    use dragline_core::{Column, ColumnType};

    use super::*;

    #[test]
    fn several_item_types_have_a_csv_file_each() {
        let items = |names: &[&str]| -> Vec<ItemType> {
            let column = || Column::new("url", ColumnType::Text);
            names
                .iter()
                .map(|name| ItemType::builder(*name).with_columns([column()]).build().unwrap())
                .collect()
        };
        let paths = |names: &[&str]| csv_paths(Path::new("out/rows.csv"), &items(names));
        assert_eq!(paths(&["quote"]), [Path::new("out/rows.csv")]);
        assert_eq!(
            paths(&["quote", "author", "a/b", "a b"]),
            ["quote", "author", "a_b", "a_b_"].map(|name| PathBuf::from(format!("out/rows.{name}.csv")))
        );
    }

    #[test]
    fn the_name_tells_the_form() {
        assert_eq!(Target::parse("-").unwrap(), Target::Stdout);
        assert_eq!(Target::parse("a.jsonl").unwrap(), Target::JsonLines("a.jsonl".into()));
        assert_eq!(Target::parse("a.csv").unwrap(), Target::Csv("a.csv".into()));
        assert!(Target::parse("a.xlsx").is_err());
    }
}
