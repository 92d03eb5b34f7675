//! Pages of 1001tracklists.
//!
//! A row says in `meta` elements what it shows: the name of the track (`Artist - Title (Version)`), the label, the length. A row
//! of an unknown track has no `meta`, only its text (`ID - ID`). The tracks of a mashup (`w/`) follow the one that they are mixed
//! into, and have no number of their own.

use dragline::prelude::*;

use super::blocked;
use super::cue::Cue;
use super::mix::{EntryList, Mix, ParseStatus, SiteRow, Source};
use super::mix_title::{MixDate, MixTitle};
use super::track_line::{Track, TrackLine};

const WANTED: &str = "a track list of 1001tracklists";

/// Reads the page of a track list.
///
/// # Errors
/// If it is not one: a captcha, a block, another kind of page, or a page whose rows are missing although it counts them.
pub fn mix(page: &Page) -> Result<Mix> {
    blocked::check(page, WANTED)?;
    let Some(tab) = page.first(css!("#tlTab")) else { return Err(blocked::not_a_page_of(page, WANTED)) };
    let title = meta(&tab, "name").or_else(|| page.title()).unwrap_or_default();
    let source_id = tab.own_attr("data-id").map(str::to_owned).or_else(|| id_in_path(page.url().path()));
    let Some(source_id) = source_id.filter(|id| !id.is_empty() && !title.is_empty()) else {
        return Err(blocked::not_a_page_of(page, WANTED));
    };
    let author = meta(&tab, "author");
    let acts: Vec<&str> = author.iter().map(String::as_str).collect();
    let mut title = MixTitle::of_1001tracklists(&title, &acts);
    title.date = title.date.or_else(|| MixDate::parse(&meta(&tab, "datePublished")?));

    let rows = page.select(css!("div.tlpItem[data-trno]"));
    let count = meta(&tab, "numTracks").and_then(|count| count.parse::<u32>().ok()).unwrap_or_default();
    if rows.is_empty() && count > 0 {
        bail!("the page says that it has {count} tracks, and none is on it");
    }
    let rows: Vec<Row> = rows.iter().map(Row::read).collect();
    // Rows without a cue have 0 seconds. Only if others have cues does 0 say that the first track begins at 0.
    let has_cues = rows.iter().any(|row| row.facts.cue_seconds.is_some_and(|seconds| seconds > 0));
    let mut entries = EntryList::default();
    for (at, row) in rows.into_iter().enumerate() {
        let seconds = row.facts.cue_seconds.filter(|seconds| *seconds > 0 || (at == 0 && has_cues));
        let line = TrackLine { cue: seconds.map(Cue::from_seconds), ..row.line };
        entries.push(line, Some(row.facts));
    }
    let entries = entries.finish()?;
    let styles = metas(&tab, "genre");
    Ok(Mix {
        source: Source::Tracklists1001,
        source_id,
        title,
        categories: styles.clone(),
        styles,
        completeness: None,
        parse_status: ParseStatus::of(&entries),
        entries,
    })
}

/// The links to track lists on any page of the site, as they are written.
///
/// # Errors
/// If the page is a captcha or a block.
pub fn links(page: &Page) -> Result<Vec<String>> {
    blocked::check(page, "a page of 1001tracklists")?;
    let mut links: Vec<String> = Vec::new();
    for link in page.select(css!("a[href*='/tracklist/']")) {
        // A link to a row of a list is a link to the list.
        let href = link.own_attr("href").unwrap_or_default().split('#').next().unwrap_or_default();
        if !href.is_empty() && !links.iter().any(|known| known == href) {
            links.push(href.to_owned());
        }
    }
    Ok(links)
}

/// Whether the page is that of a track list, and not a list of track lists.
pub fn is_mix(page: &Page) -> bool {
    page.first(css!("#tlTab")).is_some()
}

/// A row of the page.
struct Row {
    line: TrackLine,
    facts: SiteRow,
}

impl Row {
    fn read(node: &Node<'_>) -> Self {
        let text = |selector| node.text(selector).ok().filter(|text: &String| !text.is_empty());
        let attr = |name| node.own_attr(name).filter(|value| !value.is_empty()).map(str::to_owned);
        let number = text("span[id$='_tracknumber_value']");
        let shown = node.first(css!(".trackValue")).map(|value| value.visible_text());
        let name = meta(node, "name").or(shown).unwrap_or_default();
        let cue = node.first(css!("input[id$='cue_seconds'][value]"));
        let facts = SiteRow {
            row_id: attr("data-id").unwrap_or_default(),
            track_id: attr("data-trackid"),
            track_url: meta(node, "url"),
            cue_seconds: cue.and_then(|cue| cue.own_attr("value")?.trim().parse().ok()),
            duration: meta(node, "duration"),
            genre: meta(node, "genre"),
            number: number.clone(),
        };
        let has_number =
            number.as_deref().is_some_and(|number| number.bytes().any(|byte| byte.is_ascii_digit()));
        let line = TrackLine {
            joins_previous: !has_number,
            number: number.filter(|_| has_number),
            tracks: vec![Track::parse_name(&name, meta(node, "publisher").as_deref())],
            raw: name,
            ..TrackLine::default()
        };
        Self { line, facts }
    }
}

/// `/tracklist/1gz59x6t/…`
fn id_in_path(path: &str) -> Option<String> {
    path.strip_prefix("/tracklist/")?.split('/').next().map(str::to_owned)
}

/// The content of a `meta` element in a node, white space folded.
fn meta(node: &Node<'_>, name: &str) -> Option<String> {
    metas(node, name).into_iter().next()
}

fn metas(node: &Node<'_>, name: &str) -> Vec<String> {
    let all = node.select(css!("meta[itemprop][content]")).into_iter();
    // The rows are below the tab, and have names and genres of their own.
    let own = all.filter(|meta| node.own_attr("id") != Some("tlTab") || meta.parent().as_ref() == Some(node));
    own.filter(|meta| meta.own_attr("itemprop") == Some(name))
        .filter_map(|meta| meta.own_attr("content"))
        .map(|content| content.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|content| !content.is_empty())
        .collect()
}
