//! `fetch --select`: what CSS selectors find on the page, as a spider would read it.

use std::fmt::Write as _;

use dragline_core::{Page, Selector};
use serde_json::{Value as Json, json};

use crate::arguments::Fetch;
use crate::failed::Failed;

/// The selectors, compiled. An invalid one is found before the page is fetched.
pub(super) fn selectors(arguments: &Fetch) -> Result<Vec<Selector>, Failed> {
    let compiled = arguments.select.iter().map(|css| Selector::new(css.clone()));
    compiled.collect::<Result<_, _>>().map_err(|error| {
        Failed::usage(format!("--select: {error}"))
            .hint("examples: --select h1, --select 'p.price::text', --select 'a.next::attr(href)'")
    })
}

/// A selector and the texts that it finds.
pub(super) struct Selected {
    css: String,
    texts: Vec<String>,
}

/// What each selector finds.
pub(super) fn find(selectors: &[Selector], page: &Page) -> Vec<Selected> {
    let find = |selector: &Selector| Selected { css: selector.css().to_owned(), texts: page.texts(selector) };
    selectors.iter().map(find).collect()
}

/// For people and for pipes: one text a line. Several selectors have a heading each.
pub(super) fn text(found: &[Selected]) -> String {
    let mut text = String::new();
    for Selected { css, texts } in found {
        let indent = if found.len() > 1 { "  " } else { "" };
        if found.len() > 1 {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{css}");
        }
        for one in texts {
            let _ = writeln!(text, "{indent}{}", one.replace(['\n', '\r'], " "));
        }
    }
    text
}

/// Names the selectors that find nothing. An empty answer without a word would look like a failure.
pub(super) fn nothing(found: &[Selected]) -> String {
    let nothing = found.iter().filter(|selected| selected.texts.is_empty());
    nothing.map(|selected| format!("{} finds nothing on this page\n", selected.css)).collect()
}

/// For programs.
pub(super) fn json(found: &[Selected]) -> Json {
    found.iter().map(|Selected { css, texts }| json!({ "css": css, "found": texts })).collect()
}
