//! `dragline pages export`: the kept pages of a run as a WARC file.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use dragline_core::RunKind;
use dragline_core::counted::counted;
use dragline_core::kept_body::MAX_SHOWN_BYTES;
use dragline_core::runs::RunRecord;
use dragline_core::store::RunState;
use dragline_core::{Fingerprint, KeptAsk, KeptEntry, secrets};
use regex::Regex;

use super::{Pages, nothing_kept};
use crate::arguments::ExportPages;
use crate::export::{to_file_for, to_stdout, unwritable};
use crate::failed::Failed;
use crate::warc::{Compression, WarcWriter};

/// How many compressed bytes of bodies are read at once. A larger body is read by itself.
const READ_BYTES: usize = 8 << 20;
/// How many bodies are read at once.
const READ_PAGES: usize = 100;
/// What to do if the export was cut off.
const AGAIN: &str = "the pages are safe in the store; the same command writes them again";

pub(super) fn run(arguments: &ExportPages, pages: &Pages) -> Result<(), Failed> {
    let compression = compression(&arguments.output)?;
    let run = pages.find(&arguments.run)?;
    if run.kind == RunKind::Import && run.state != RunState::Finished {
        let problem = format!("run {} (id {}) is an import that has not finished", run.name, run.run_id);
        return Err(Failed::error(problem).hint("start the import again; it goes on where it was"));
    }
    let mut written = Written::default();
    if arguments.output == Path::new("-") {
        to_stdout(|stdout| write(&run, &arguments.url, pages, stdout, compression, &mut written))?;
    } else {
        to_file_for(&arguments.output, AGAIN, |file| {
            write(&run, &arguments.url, pages, file, compression, &mut written)
        })?;
    }
    if written.beginnings > 0 {
        tracing::warn!(
            "{} of which only the first bytes were kept are not in the file",
            counted(written.beginnings, "page")
        );
    }
    if written.gone > 0 {
        tracing::warn!("{} removed meanwhile and are not in the file", counted(written.gone, "page"));
    }
    tracing::info!(pages = written.pages, bytes = written.bytes, run = run.name, "exported");
    Ok(())
}

fn compression(output: &Path) -> Result<Compression, Failed> {
    let name = output.to_string_lossy();
    match () {
        () if name == "-" || name.ends_with(".warc.gz") => Ok(Compression::Gzip),
        () if name.ends_with(".warc") => Ok(Compression::None),
        () => Err(Failed::usage(format!("-o {name}: the format of the export is unknown"))
            .hint("end the name with .warc.gz or .warc, or use - for stdout")),
    }
}

/// What was exported, and what not.
#[derive(Default)]
struct Written {
    pages: u64,
    /// Bytes of the bodies.
    bytes: u64,
    beginnings: u64,
    gone: u64,
}

fn write(
    run: &RunRecord,
    urls: &[Regex],
    pages: &Pages,
    out: impl Write,
    compression: Compression,
    written: &mut Written,
) -> Result<u64, Failed> {
    let mut warc = WarcWriter::new(BufWriter::new(out), compression);
    let mut is_begun = false;
    pages.each(run, urls, |listed| {
        if !is_begun {
            is_begun = true;
            warc.info(run).map_err(|error| cannot(&error))?;
        }
        let (whole, beginnings): (Vec<_>, Vec<_>) = listed.iter().partition(|page| page.is_whole);
        written.beginnings += beginnings.len() as u64;
        for some in whole.chunks(READ_PAGES) {
            write_some(run, some, pages, &mut warc, written)?;
        }
        Ok(true)
    })?;
    if !is_begun {
        return Err(nothing_kept(run, urls));
    }
    warc.finish().map_err(|error| cannot(&error))?;
    Ok(written.pages)
}

/// Writes the records of some pages, each of which is kept whole.
fn write_some(
    run: &RunRecord,
    listed: &[&KeptEntry],
    pages: &Pages,
    warc: &mut WarcWriter<impl Write>,
    written: &mut Written,
) -> Result<(), Failed> {
    let mut left: Vec<Fingerprint> = listed.iter().map(|page| page.fingerprint).collect();
    let mut exported = 0;
    while !left.is_empty() {
        let ask = KeptAsk {
            spider: run.spider.clone(),
            pages: left,
            up_to_run: Some(run.run_id),
            max_bytes: READ_BYTES,
        };
        let found = pages.wait("reading kept pages", pages.store.kept_answers(&ask))?;
        for answer in &found.answers {
            let body = answer
                .body
                .read(MAX_SHOWN_BYTES)
                .map_err(|error| Failed::error(format!("{}: {error}", secrets::hide(&answer.url))))?;
            warc.response(answer, &body).map_err(|error| cannot(&error))?;
            written.bytes += body.len() as u64;
            exported += 1;
        }
        left = found.left;
    }
    written.pages += exported;
    written.gone += listed.len() as u64 - exported;
    Ok(())
}

fn cannot(error: &io::Error) -> Failed {
    let failed = unwritable(error);
    if failed.hint.is_some() { failed.hint(AGAIN) } else { failed }
}
