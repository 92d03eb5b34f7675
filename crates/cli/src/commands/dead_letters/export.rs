//! `dragline dead-letters export`: one letter per line, with everything that is known about it.

use std::io::{self, BufWriter, Write};

use dragline_core::letters::StoredLetter;
use dragline_core::value::timestamp_text;
use serde_json::{Map, Value as Json};

use super::Letters;
use crate::exit::Exit;
use crate::export::{Target, to_file, to_stdout, unwritable};
use crate::failed::Failed;
use crate::settings::Common;

pub(super) fn run(file: &str, run: Option<&str>, common: &Common) -> Result<Exit, Failed> {
    let target = Target::parse(file)?;
    let letters = Letters::open(common)?;
    let written = match &target {
        Target::Stdout => to_stdout(|stdout| json_lines(&letters, run, stdout)),
        Target::JsonLines(path) => to_file(path, |file| json_lines(&letters, run, file)),
        Target::Csv(path) => to_file(path, |file| csv_lines(&letters, run, file)),
    }?;
    tracing::info!(letters = written, "exported");
    Ok(Exit::Finished)
}

fn json_lines(letters: &Letters, run: Option<&str>, to: impl Write) -> Result<u64, Failed> {
    let (mut to, mut written) = (BufWriter::new(to), 0);
    letters.read(letters.of(run)?, |letter| {
        let line: Map<String, Json> =
            fields(letter).into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        serde_json::to_writer(&mut to, &line).map_err(io::Error::from).map_err(|error| unwritable(&error))?;
        to.write_all(b"\n").map_err(|error| unwritable(&error))?;
        written += 1;
        Ok(true)
    })?;
    to.flush().map_err(|error| unwritable(&error))?;
    Ok(written)
}

fn csv_lines(letters: &Letters, run: Option<&str>, to: impl Write) -> Result<u64, Failed> {
    let (mut to, mut written) = (csv::Writer::from_writer(BufWriter::new(to)), 0);
    let cannot = |error: csv::Error| unwritable(&io::Error::from(error));
    to.write_record(COLUMNS).map_err(cannot)?;
    letters.read(letters.of(run)?, |letter| {
        let cells = fields(letter).into_iter().map(|(_, value)| match value {
            Json::Null => String::new(),
            Json::String(text) => text,
            other => other.to_string(),
        });
        to.write_record(cells).map_err(cannot)?;
        written += 1;
        Ok(true)
    })?;
    to.flush().map_err(|error| unwritable(&error))?;
    Ok(written)
}

const COLUMNS: [&str; 10] = [
    "letter_id",
    "run_id",
    "run",
    "spider",
    "url",
    "item_type",
    "error",
    "sqlstate",
    "created_at",
    "payload",
];

fn fields(letter: StoredLetter) -> Vec<(&'static str, Json)> {
    let values = [
        Json::from(letter.letter_id),
        Json::from(letter.run_id),
        Json::from(letter.run_name),
        Json::from(letter.spider),
        Json::from(letter.url),
        Json::from(letter.letter.item_type),
        Json::from(letter.letter.error),
        Json::from(letter.letter.sqlstate),
        Json::from(timestamp_text(&letter.created_at)),
        letter.letter.payload,
    ];
    COLUMNS.into_iter().zip(values).collect()
}
