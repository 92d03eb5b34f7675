//! `dragline pages show`: the body of a kept page, or its headers.

use std::fmt::Write as _;

use dragline_core::secrets;
use dragline_core::value::timestamp_text;

use crate::arguments::ShowPage;
use crate::commands::print;
use crate::commands::runs::{Runs, print_kept_body};
use crate::failed::Failed;
use crate::settings::Common;

pub(super) fn run(arguments: &ShowPage, common: &Common) -> Result<(), Failed> {
    let runs = Runs::open(common)?;
    let run = runs.find(&arguments.run)?;
    let kept = runs.kept_pages(&run, &arguments.url);
    runs.close();
    let Some(kept) = kept?.into_iter().next() else { return Ok(()) };
    if !arguments.headers {
        if !kept.page.body.is_whole() {
            tracing::warn!("only the first bytes of this body were kept");
        }
        return print_kept_body(&kept.page);
    }
    let page = &kept.page;
    let mut text = format!("url: {}\nstatus: {}\n", secrets::hide(&page.url), page.status);
    // Writing to a String cannot fail.
    let _ = writeln!(text, "fetched at: {}", timestamp_text(&page.fetched_at));
    let length = page.body.body_bytes().map_or_else(|| "unknown".to_owned(), |bytes| bytes.to_string());
    let _ = writeln!(text, "body bytes: {length}\n");
    for (name, value) in &page.headers {
        let _ = writeln!(text, "{name}: {value}");
    }
    print(&text)
}
