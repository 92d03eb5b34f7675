//! The page for a question that has no answer.

use maud::Markup;
use maud::html;

use super::layout::{Page, Place};
use crate::answer::Refused;

pub(super) fn problem(refused: &Refused) -> Markup {
    let title = refused.status.canonical_reason().unwrap_or("Problem");
    let page = Page { title, events: None, place: Place::Nowhere };
    page.with(&html! {
        h1 { (title) }
        p { (dragline_core::secrets::hide(&refused.what)) "." }
        @if let Some(hint) = &refused.hint {
            p class="hint" { (dragline_core::secrets::hide(hint)) "." }
        }
        p { a href="/" { "What runs now" } }
    })
}
