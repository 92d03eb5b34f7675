//! The lists of MixesDB that lead to mixes.

use dragline::prelude::*;

use crate::catalogue::blocked;
use crate::catalogue::mix_title::is_date;

/// The links of a list, as they are written on the page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    /// To the pages of mixes.
    pub mixes: Vec<String>,
    /// To the next page of the list.
    pub next: Option<String>,
    /// To the categories in a category.
    pub sub_categories: Vec<String>,
}

/// Reads a category, the results of a search, or the recent changes. `None` if the page is another one.
///
/// # Errors
/// If the page is a captcha or a block.
pub fn links(page: &Page) -> Result<Option<Links>> {
    blocked::check(page, "a list of MixesDB")?;
    let category = page.first(css!("#catMixesList, #catSubcatsList, .listPagination, body.ns-14"));
    let other = page.first(css!(
        ".mw-search-results-container, .mw-search-results, .searchresults, .mw-search-nonefound, .mw-changeslist, \
         body.mw-special-Search, body.mw-special-Recentchanges"
    ));
    if category.is_none() && other.is_none() {
        return Ok(None);
    }
    let elsewhere = css!("div.mw-search-result-heading a[href], a.mw-changeslist-title[href]");
    let hrefs = |nodes: Vec<Node<'_>>| {
        let mut hrefs: Vec<String> = Vec::new();
        for href in nodes.iter().filter_map(|node| node.own_attr("href")) {
            if !hrefs.iter().any(|known| known == href) {
                hrefs.push(href.to_owned());
            }
        }
        hrefs
    };
    // A second link of an item leads to something else, such as the help.
    let items = page.select(css!("ul#catMixesList > li")).into_iter();
    let mut mixes: Vec<Node<'_>> =
        items.filter_map(|item| item.first(css!(":scope > a[href][title]"))).collect();
    // These lists have all pages of the wiki.
    mixes.extend(page.select(elsewhere).into_iter().filter(is_mix));
    Ok(Some(Links {
        mixes: hrefs(mixes),
        next: next(page),
        sub_categories: hrefs(page.select(css!("#catSubcatsList a[href]"))),
    }))
}

/// A link whose text or title begins with a date, as that of every mix does.
fn is_mix(link: &Node<'_>) -> bool {
    let title = link.own_attr("title").map_or_else(|| link.full_text(), str::to_owned);
    title.split(" - ").next().is_some_and(is_date)
}

fn next(page: &Page) -> Option<String> {
    let pagination = page.select(css!(".listPagination a[href]")).into_iter();
    let named_next = pagination.filter(|link| link.full_text().to_lowercase().contains("next"));
    let next = named_next.chain(page.select(css!("a.mw-nextlink[href]"))).next()?;
    next.own_attr("href").map(str::to_owned)
}
