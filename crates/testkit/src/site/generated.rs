//! A site of any size, always the same for the same numbers, with known contents.
//!
//! Page 0 is `/`. Page `n` links to its children `n·k + 1 … n·k + k`, so that every page is reached, and to
//! three others (back, across, home), so that most links lead to pages that are known already.

use std::fmt::Write as _;

use super::{Answer, SiteBuilder};

impl SiteBuilder {
    /// Adds a generated site; see [`Site::truth`](super::Site::truth).
    #[must_use]
    pub fn generated(mut self, pages: usize, links_per_page: usize) -> Self {
        for number in 0..pages {
            let title = title_of(number);
            let answer = Answer::html(body_of(number, pages, links_per_page, &title));
            self.titles.insert(path_of(number), title);
            self = self.page(&path_of(number), answer);
        }
        self
    }
}

fn path_of(number: usize) -> String {
    if number == 0 { "/".to_owned() } else { format!("/page/{number}.html") }
}

fn title_of(number: usize) -> String {
    format!("Page {number} & its “links”")
}

fn body_of(number: usize, pages: usize, links_per_page: usize, title: &str) -> String {
    let children = (1..=links_per_page).map(|child| number * links_per_page + child);
    let others = [number / 2, (number * 7 + 3) % pages, 0];
    let title = title.replace('&', "&amp;");
    let mut html =
        format!("<!doctype html>\n<html lang=en>\n<title>\n  {title}</title>\n<h1>{title}</h1>\n<ul>\n");
    for target in children.chain(others).filter(|target| *target < pages) {
        // Writing to a String cannot fail.
        let _ = writeln!(html, "<li><a href=\"{}#top\">{target}</a>", path_of(target));
    }
    html + "</ul>\n"
}
