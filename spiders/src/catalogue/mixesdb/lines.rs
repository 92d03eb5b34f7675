//! The lines of a track list on a page of MixesDB.
//!
//! Below the heading come, in any order and number: `ol > li`, `div.list > div.list-track`, `dl > dt` with the name of a part,
//! and `...` as text between two lists, where somebody left a gap.

use dragline::prelude::*;

use crate::catalogue::cue::Cue;
use crate::catalogue::mix::{Entry, EntryList};
use crate::catalogue::track_line::TrackLine;

/// How deep lists and boxes in each other are read. Real pages have two or three.
const MAX_DEPTH: usize = 20;

/// The entries of the page's track list. Empty if it has none.
///
/// # Errors
/// If the list is too long or too deep.
pub(super) fn entries(page: &Page) -> Result<Vec<Entry>> {
    let mut list = EntryList::default();
    let mut block = heading(page).and_then(|heading| heading.next());
    while let Some(node) = block.filter(|node| !ends_list(node)) {
        read(&node, MAX_DEPTH, &mut list)?;
        block = node.next();
    }
    list.finish()
}

/// The block that holds the heading: `div.mw-heading > h2`, or `h2` with or without a `span`.
fn heading(page: &Page) -> Option<Node<'_>> {
    let exact = page.first(css!("h2#Tracklist, h2 > span#Tracklist"));
    let heading = exact.or_else(|| page.first(css!("h2[id*='racklist'], h2 > span[id*='racklist']")))?;
    let heading = if heading.name() == "h2" { heading } else { heading.parent()? };
    let parent = heading.parent().filter(|parent| has_class(parent, "mw-heading"));
    Some(parent.unwrap_or(heading))
}

/// The next heading of the same rank, or the end of the text.
fn ends_list(node: &Node<'_>) -> bool {
    node.own_attr("id") == Some("bodyBottom")
        || node.name() == "h2"
        || (has_class(node, "mw-heading") && node.first(css!(":scope > h2")).is_some())
}

fn read(node: &Node<'_>, depth: usize, list: &mut EntryList) -> Result<()> {
    let Some(depth) = depth.checked_sub(1) else {
        bail!("the track list is more than {MAX_DEPTH} elements deep")
    };
    match node.name() {
        "ol" => read_items(node, depth, list)?,
        "dl" => {
            for term in node.select(css!(":scope > dt")) {
                list.begin_part(term.visible_text().trim_end_matches(':').trim().to_owned());
            }
        }
        "h3" | "h4" => list.begin_part(node.visible_text()),
        "div" if has_class(node, "mw-heading") => {
            let heading = node.children().into_iter().find(|child| matches!(child.name(), "h3" | "h4"));
            list.begin_part(heading.map(|heading| heading.visible_text()).unwrap_or_default());
        }
        "div" if has_class(node, "list") => read_list(node, depth, list)?,
        "div" | "section" => {
            for child in node.children() {
                read(&child, depth, list)?;
            }
        }
        "p" => push_gaps(&node.raw_text(), list),
        _ => {}
    }
    Ok(())
}

/// The items of a list, and those of lists in them.
fn read_items(ol: &Node<'_>, depth: usize, list: &mut EntryList) -> Result<()> {
    let Some(depth) = depth.checked_sub(1) else { bail!("the lists are more than {MAX_DEPTH} deep") };
    for item in ol.select(css!(":scope > li")) {
        list.push(TrackLine::parse(&line(&item)), None);
        for nested in item.select(css!(":scope > ol, :scope > ul")) {
            read_items(&nested, depth, list)?;
        }
    }
    Ok(())
}

/// A `div.list`: its tracks, or its lines if it has no elements for them.
fn read_list(div: &Node<'_>, depth: usize, list: &mut EntryList) -> Result<()> {
    let children = div.children();
    if !children.iter().any(|child| has_class(child, "list-track")) {
        for text in div.raw_text().lines().filter(|text| !text.trim().is_empty()) {
            list.push(TrackLine::parse(text.trim()), None);
        }
        return Ok(());
    }
    for child in children {
        if has_class(&child, "list-track") {
            list.push(TrackLine::parse(&line(&child)), None);
        } else if child.name() == "dl" {
            read(&child, depth, list)?;
        } else {
            push_gaps(&child.raw_text(), list);
        }
    }
    Ok(())
}

/// Of text between tracks, only gaps count. Other text is a remark.
fn push_gaps(text: &str, list: &mut EntryList) {
    for line in text.lines().map(TrackLine::parse).filter(|line| line.is_gap) {
        list.push(line, None);
    }
}

/// The text of a line as its author wrote it: with the quotes that make its first words bold, and without lists in it.
fn line(node: &Node<'_>) -> String {
    let mut text = node.visible_text();
    for nested in node.select(css!(":scope > ol, :scope > ul")).iter().rev() {
        if let Some(before) = text.strip_suffix(&nested.visible_text()) {
            text = before.trim_end().to_owned();
        }
    }
    let bold = node.first(css!(":scope > b, :scope > strong")).map(|bold| bold.visible_text());
    if let Some(bold) = bold.filter(|bold| !bold.is_empty())
        && let Some((before, after)) = text.split_once(&bold)
        && (before.is_empty() || is_cue(before))
    {
        text = format!("{before}'''{bold}'''{after}");
    }
    text
}

fn is_cue(text: &str) -> bool {
    let inner = text.trim().strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    inner.is_some_and(|inner| Cue::parse(inner).is_some())
}

fn has_class(node: &Node<'_>, class: &str) -> bool {
    node.own_attr("class").is_some_and(|classes| classes.split_ascii_whitespace().any(|name| name == class))
}

#[cfg(test)]
mod tests {
    use dragline::StoredPage;

    use super::*;

    fn read_page(list: &str) -> Result<Vec<Entry>> {
        let html =
            format!("<h2 id=Tracklist>Tracklist</h2>{list}<div id=bodyBottom></div><ol><li>not this</ol>");
        entries(&StoredPage::new("https://a.example/", html).page().unwrap())
    }

    #[test]
    fn boxes_and_lists_in_each_other_are_read_up_to_a_depth() {
        let lines =
            |list: &str| read_page(list).unwrap().into_iter().map(|entry| entry.line.raw).collect::<Vec<_>>();
        assert_eq!(
            lines("<div><div><ol><li>A - B<ol><li>w/ C - D</ol><li>E - F</ol></div></div>"),
            ["A - B", "w/ C - D", "E - F"]
        );
        assert_eq!(lines("<div class=list>A - B\n\n...\nC - D</div>"), ["A - B", "...", "C - D"]);
        assert_eq!(lines("<p>Not a track - at all</p>"), Vec::<String>::new());
        for element in ["<div>", "<ol><li>A - B"] {
            let error = read_page(&element.repeat(300)).unwrap_err().to_string();
            assert!(error.contains("more than 20"), "{error}");
        }
    }
}
