//! `dragline pages list`.

use std::fmt::Write as _;

use dragline_core::value::timestamp_text;
use dragline_core::{KeptEntry, secrets};
use dragline_runtime::shown;
use serde_json::json;

use super::{Pages, nothing_kept};
use crate::arguments::ListPages;
use crate::commands::print;
use crate::failed::Failed;

pub(super) fn run(arguments: &ListPages, pages: &Pages) -> Result<(), Failed> {
    let run = pages.find(&arguments.run)?;
    let mut is_first = true;
    pages.each(&run, &arguments.url, |listed| {
        let mut text = String::new();
        if is_first && !arguments.json {
            text.push_str(&line(
                &["STATUS", "BYTES", "STORED", "RUN", "FETCHED AT", "URL"].map(str::to_owned),
            ));
        }
        is_first = false;
        for page in &listed {
            text.push_str(&if arguments.json { json_line(page) } else { text_line(page) });
        }
        print(&if arguments.json { text } else { shown(&text).into_owned() })?;
        Ok(true)
    })?;
    if is_first { Err(nothing_kept(&run, &arguments.url)) } else { Ok(()) }
}

/// A run may have millions of pages, so the columns have fixed widths.
fn line(cells: &[String; 6]) -> String {
    let [status, bytes, stored, run, fetched_at, url] = cells;
    format!("{status:>6}  {bytes:>9}  {stored:>9}  {run:>6}  {fetched_at:<23}  {url}\n")
}

fn text_line(page: &KeptEntry) -> String {
    let mut url = secrets::hide(&page.url).into_owned();
    if !page.is_whole {
        // Writing to a String cannot fail.
        let _ = write!(url, "  (only its first {} bytes)", page.stored_bytes);
    }
    line(&[
        page.status.to_string(),
        page.body_bytes.map_or_else(|| "-".to_owned(), |bytes| bytes.to_string()),
        page.stored_bytes.to_string(),
        page.run_id.to_string(),
        page.fetched_at.format("%F %T UTC").to_string(),
        url,
    ])
}

fn json_line(page: &KeptEntry) -> String {
    let line = json!({
        "url": secrets::hide(&page.url),
        "status": page.status,
        "fetched_at": timestamp_text(&page.fetched_at),
        "body_bytes": page.body_bytes,
        "stored_bytes": page.stored_bytes,
        "whole": page.is_whole,
        "kept_by_run": page.run_id,
    });
    format!("{line}\n")
}
