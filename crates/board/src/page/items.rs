//! The newest rows of an item type.

use maud::{Markup, html};

use super::layout::{Page, Place};
use super::words::{counted, encoded, item_address, moment, spider_address, url};
use crate::query::Query;
use crate::read::{ItemKind, ItemsView};

pub(super) fn kinds(kinds: &[ItemKind]) -> Markup {
    let page = Page { title: "Items", events: None, place: Place::Items };
    page.with(&html! {
        h1 { "Items" }
        @if kinds.is_empty() { p class="dim" { "The spiders of this program have no items." } }
        div class="wide" tabindex="0" role="region" aria-label="Item types" {
            table {
                thead { tr { th scope="col" { "Item type" } th scope="col" { "Spider" } th scope="col" { "Table" } th scope="col" { "Key" } } }
                tbody {
                    @for kind in kinds {
                        tr {
                            th scope="row" { a href=(item_address(&kind.item, &kind.spider)) { (kind.item) } }
                            td { a href=(spider_address(&kind.spider)) { (kind.spider) } }
                            td { code { (kind.table.as_deref().unwrap_or("crawl_items")) } }
                            td { @if kind.key.is_empty() { span class="dim" { "none" } } @else { (kind.key.join(", ")) } }
                        }
                    }
                }
            }
        }
    })
}

pub(super) fn items(view: &ItemsView, query: &Query) -> Markup {
    let page = Page { title: &view.item, events: None, place: Place::Items };
    let contains = query.text("contains").unwrap_or_default();
    page.with(&html! {
        h1 { (view.item) }
        p { "Spider " a href=(spider_address(&view.spider)) { (view.spider) } ", table "
            code { (view.table.as_deref().unwrap_or("crawl_items")) } }
        form class="filter" method="get" action={ "/items/" (encoded(&view.item)) } {
            input type="hidden" name="spider" value=(view.spider);
            label { "Contains" input name="contains" value=(contains) maxlength="200" autocomplete="off"; }
            button type="submit" { "Show" }
        }
        @if view.is_table_missing {
            p { "The table does not exist yet. The first crawl creates it." }
        } @else {
            p { @match view.count {
                Some(count) => (counted(count, "row")),
                None => "More rows than can be counted in a moment",
            } ", the newest first." }
            (rows(view))
        }
        @if let Some(after) = &view.next_after {
            p { a rel="next" href={ (item_address(&view.item, &view.spider)) "&contains=" (encoded(contains)) "&after=" (encoded(after)) } { "Earlier rows" } }
        }
    })
}

fn rows(view: &ItemsView) -> Markup {
    html! {
        @if view.rows.is_empty() { p class="dim" { "There are no such rows." } } @else {
            div class="wide" tabindex="0" role="region" aria-label="Rows" {
                table class="rows" {
                    thead {
                        tr {
                            th scope="col" { "Scraped" }
                            @for column in &view.columns { th scope="col" { (column) } }
                            th scope="col" { "Page" }
                            th scope="col" class="number" { "Run" }
                        }
                    }
                    tbody {
                        @for row in &view.rows {
                            tr {
                                td { (moment(&row.scraped_at)) }
                                @for value in &row.values {
                                    td { @match value { Some(text) => div class="value" title=(text) { (text) }, None => span class="dim" { "none" } } }
                                }
                                td { (url(&row.url)) }
                                td class="number" { @if let Some(run) = row.run_id { a href={ "/runs/" (run) } { (run) } } }
                            }
                        }
                    }
                }
            }
        }
    }
}
