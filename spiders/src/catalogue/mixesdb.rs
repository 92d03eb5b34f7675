//! Pages of MixesDB, a wiki of DJ mixes.
//!
//! - [`mix`] reads the page of a mix with its track list in all forms that the wiki has.
//! - [`links`] reads the lists that lead to mixes: categories, results of a search, recent changes.

mod lines;
mod links;

use dragline::normalize::name_key_v1;
use dragline::prelude::*;

use self::lines::entries;
pub use self::links::{Links, links};
use super::blocked;
use super::mix::{Completeness, Mix, ParseStatus, Source};
use super::mix_title::MixTitle;

/// Reads the page of a mix.
///
/// # Errors
/// If it is not the page of a mix: a captcha, a block, another kind of page.
pub fn mix(page: &Page) -> Result<Mix> {
    let wanted = "a mix of MixesDB";
    blocked::check(page, wanted)?;
    let heading = page
        .first(css!("h1#firstHeading span.mw-page-title-main"))
        .or_else(|| page.first(css!("h1#firstHeading")))
        .map(|heading| heading.full_text())
        .filter(|title| !title.is_empty());
    let Some(title) = heading else { return Err(blocked::not_a_page_of(page, wanted)) };
    let all: Vec<String> =
        page.select(css!("#mw-normal-catlinks ul li a")).iter().map(Node::full_text).collect();
    let acts: Vec<&str> = all.iter().map(String::as_str).collect();
    let parsed = MixTitle::of_mixesdb(&title, &acts);
    let completeness = all.iter().find_map(|category| completeness(category));
    if parsed.date_text.is_none() && completeness.is_none() {
        // Every mix has a date in its title or a category for its track list. Other pages of the wiki have neither.
        return Err(blocked::not_a_page_of(page, wanted));
    }
    let entries = entries(page)?;
    Ok(Mix {
        source: Source::MixesDb,
        source_id: title.replace(' ', "_"),
        styles: styles(&all, &parsed),
        title: parsed,
        completeness,
        parse_status: ParseStatus::of(&entries),
        entries,
        categories: all,
    })
}

/// `Tracklist: complete`
fn completeness(category: &str) -> Option<Completeness> {
    match category.strip_prefix("Tracklist:")?.trim() {
        "complete" => Some(Completeness::Complete),
        "incomplete" => Some(Completeness::Incomplete),
        "none" => Some(Completeness::None),
        _ => None,
    }
}

/// The categories that are neither a year, nor about the track list, nor in the title.
fn styles(categories: &[String], title: &MixTitle) -> Vec<String> {
    let places = [&title.event, &title.venue, &title.city, &title.country, &title.show, &title.artist];
    let in_title = title.artists.iter().chain(places.into_iter().flatten());
    let known: Vec<String> = in_title.map(|name| name_key_v1(name)).collect();
    let is_year = |category: &str| category.len() == 4 && category.bytes().all(|byte| byte.is_ascii_digit());
    let is_style = |category: &&String| {
        !is_year(category) && !category.starts_with("Tracklist:") && !known.contains(&name_key_v1(category))
    };
    categories.iter().filter(is_style).cloned().collect()
}
