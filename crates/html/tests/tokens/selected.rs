//! Selectors find the same elements in our trees as in those of `scraper`.

use std::collections::HashMap;
use std::hash::Hash;

use dragline_css::Selector;
use dragline_html::{NodeId, NodeRef, Tree};
use scraper::Html;

use crate::compared::{ours, theirs};
use crate::pages::all_pages;
use crate::random::{self, Random};

const SELECTORS: &[&str] = &[
    "*",
    "a",
    "a[href]",
    "A[HREF^='http']",
    "[class~=price], [href$=html], [id*=e], [lang|=en]",
    "[href='#' i], [TYPE=checkbox]",
    "[xlink|href]",
    "[*|href]",
    "div p",
    "div > p",
    "h1 + *",
    "h1 ~ p",
    ".price, .a, .next",
    ".b.a",
    "#top, #main, #content",
    "li:first-child",
    "li:last-child, p:only-child",
    "li:nth-child(2n+1)",
    "tr:nth-child(odd) td:nth-of-type(2)",
    "li:nth-last-child(-n+3)",
    "p:first-of-type, span:last-of-type, td:only-of-type",
    ":nth-child(2 of a, b)",
    ":not(a, p, div)",
    ":is(h1, h2, h3) a",
    ":where(ul, ol) > li",
    "p:has(a), div:has(> p)",
    "li:has(+ li)",
    ":root",
    ":root > body",
    ":scope > *",
    ":scope body a",
    ":empty",
    "p:empty",
    "template *",
    "svg *, math *",
    "linearGradient",
    "foreignObject",
    "title",
    "link",
    "td.x, b[z='1']",
];

fn in_order<Id: Hash + Eq>(ids: impl Iterator<Item = Id>) -> HashMap<Id, usize> {
    ids.enumerate().map(|(place, id)| (id, place)).collect()
}

/// The places, in document order, of what each selector finds below the root and below some other elements.
fn found_by_us(tree: &Tree, selector: &Selector) -> Vec<Vec<usize>> {
    let places: HashMap<NodeId, usize> = in_order(tree.document().descendants().map(NodeRef::id));
    let scopes = tree.root().descendants().filter_map(NodeRef::element).step_by(25).take(4);
    let elements = &selector.parts()[0].elements;
    scopes.map(|scope| scope.select(elements).map(|element| places[&element.id()]).collect()).collect()
}

fn found_by_them(html: &Html, selector: &scraper::Selector) -> Vec<Vec<usize>> {
    let places = in_order(html.tree.root().descendants().map(|node| node.id()));
    let scopes = html.root_element().descendent_elements().step_by(25).take(4);
    scopes.map(|scope| scope.select(selector).map(|element| places[&element.id()]).collect()).collect()
}

fn check(text: &str) -> usize {
    let (tree, html) = (ours(text).1, theirs(text).1);
    let mut found = 0;
    for css in SELECTORS {
        let Ok(theirs) = scraper::Selector::parse(css) else {
            assert!(Selector::new(*css).is_err(), "{css}");
            continue;
        };
        let expected = found_by_them(&html, &theirs);
        found += expected.iter().map(Vec::len).sum::<usize>();
        assert_eq!(found_by_us(&tree, &Selector::new(*css).unwrap()), expected, "{css} in {text}");
    }
    found
}

#[test]
fn selectors_find_what_they_find_in_scrapers_tree() {
    let mut pages = all_pages();
    pages.sort_by_key(|page| std::cmp::Reverse(page.len()));
    let part = |page: &String| page[..page.floor_char_boundary(page.len().min(20_000))].to_owned();
    let found: usize = pages.iter().take(24).map(|page| check(&part(page))).sum();
    assert!(found > 1_500, "only {found}");
    let mut random = Random::new(11);
    for _ in 0..100 {
        check(&random::text(&mut random, 40));
    }
}
