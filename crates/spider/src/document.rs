//! Parses text into a tree of elements, within limits.
//!
//! At many tags, the parsing algorithm of the HTML standard searches all open elements, and it reopens the formatting that a
//! paragraph left open. So 100,000 nested elements (500 KB) take a minute, and a few hundred kilobytes of formatting can
//! grow to gigabytes. Browsers flatten everything deeper than a few hundred elements. This code counts the work instead. A
//! page that is ten thousand elements deep is parsed, and a page that would take hours fails.

use std::cell::Cell;
use std::fmt;

use ego_tree::Tree;
use html5ever::TokenizerResult;
use html5ever::driver::ParseOpts;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{BufferQueue, Token, TokenSink, TokenSinkResult, Tokenizer};
use html5ever::tree_builder::{Tracer, TreeBuilder, TreeSink};
use scraper::{Html, HtmlTreeSink, Node};

mod attributes;
mod self_closed;

/// How many open elements the parser may look at, summed over all tokens. 15,000 nested elements reach this limit in about
/// a second, and so do 50 MB of a page with normal nesting.
const MAX_WORK: usize = 120_000_000;

/// How many elements, texts and comments a page may have. They take about 400 MB. 10 MB of HTML usually have half a million.
const MAX_NODES: usize = 2_000_000;

/// Documentation has about 25 bytes of text per node. News and shops have more.
const BYTES_PER_NODE: usize = 24;

/// Counting takes time too, so it happens only once per this number of tokens.
const TOKENS_PER_COUNT: usize = 16;

/// Why a page cannot be parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TooMuch {
    /// The product of its length and its depth.
    Depth,
    /// Its elements.
    Nodes,
    /// The attributes of one element.
    Attributes,
}

impl fmt::Display for TooMuch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Depth => "the page's elements nest too deep to be parsed",
            Self::Nodes => "the page has more elements than are kept in memory",
            Self::Attributes => "an element of the page has too many attributes to be parsed",
        })
    }
}

/// Parses a document as a browser without scripting does: the content of `noscript` is elements.
pub(crate) fn parse(text: &str) -> Result<Html, TooMuch> {
    if attributes::are_too_many(text) {
        return Err(TooMuch::Attributes);
    }
    let mut options = ParseOpts::default();
    options.tree_builder.scripting_enabled = false;
    let mut html = Html::new_document();
    // Reserve room for the nodes of a typical page, so that the list is not moved again and again.
    html.tree = Tree::with_capacity(Node::Document, text.len() / BYTES_PER_NODE);
    let builder = TreeBuilder::new(HtmlTreeSink::new(html), options.tree_builder);
    let bounded = Bounded { builder, tokens: Cell::new(0), work: Cell::new(0), excess: Cell::new(None) };
    let tokenizer = Tokenizer::new(bounded, options.tokenizer);

    let input = BufferQueue::default();
    input.push_back(StrTendril::from(text));
    // The parser stops after each script, so that somebody can run it, and where the page names its encoding.
    while !matches!(tokenizer.feed(&input), TokenizerResult::Done) {}
    tokenizer.end();
    match tokenizer.sink.excess.get() {
        None => Ok(tokenizer.sink.builder.sink.finish()),
        Some(excess) => Err(excess),
    }
}

/// Parses a page that claims to be XML, as tolerantly as HTML.
pub(crate) fn parse_xml(text: &str) -> Result<Html, TooMuch> {
    parse(&self_closed::in_two_tags(text))
}

type Handle = <HtmlTreeSink as TreeSink>::Handle;

/// The tree builder. After too much work, it ignores all further tokens.
struct Bounded {
    builder: TreeBuilder<Handle, HtmlTreeSink>,
    tokens: Cell<usize>,
    work: Cell<usize>,
    excess: Cell<Option<TooMuch>>,
}

impl Bounded {
    fn count(&self) {
        let open = OpenElements(Cell::new(0));
        self.builder.trace_handles(&open);
        self.work.set(self.work.get() + open.0.get() * TOKENS_PER_COUNT);
        if self.work.get() > MAX_WORK {
            self.excess.set(Some(TooMuch::Depth));
        } else if self.builder.sink.0.borrow().tree.values().len() > MAX_NODES {
            self.excess.set(Some(TooMuch::Nodes));
        }
    }
}

impl TokenSink for Bounded {
    type Handle = Handle;

    fn process_token(&self, token: Token, line: u64) -> TokenSinkResult<Handle> {
        self.tokens.set(self.tokens.get() + 1);
        if self.tokens.get().is_multiple_of(TOKENS_PER_COUNT) && self.excess.get().is_none() {
            self.count();
        }
        match self.excess.get() {
            None => self.builder.process_token(token, line),
            Some(_) => TokenSinkResult::Continue,
        }
    }

    fn end(&self) {
        self.builder.end();
    }

    fn adjusted_current_node_present_but_not_in_html_namespace(&self) -> bool {
        self.builder.adjusted_current_node_present_but_not_in_html_namespace()
    }
}

/// Counts the open elements of the tree builder, and the formatting that it will reopen.
struct OpenElements(Cell<usize>);

impl Tracer for OpenElements {
    type Handle = Handle;

    fn trace_handle(&self, _: &Handle) {
        self.0.set(self.0.get() + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elements(html: &str, name: &str) -> usize {
        let selector = scraper::Selector::parse(name).unwrap();
        parse(html).unwrap().select(&selector).count()
    }

    #[test]
    fn ten_thousand_deep_is_a_page() {
        assert_eq!(elements(&"<div>".repeat(10_000), "div"), 10_000);
        assert_eq!(elements(&"<p><b>".repeat(100), "p > b"), 100);
    }

    #[test]
    fn what_would_take_hours_or_gigabytes_is_refused_in_time() {
        assert_eq!(parse(&"<div>".repeat(100_000)).err(), Some(TooMuch::Depth));
        // Each paragraph reopens what the first one left open.
        let formatting: String = (0..4_000).map(|size| format!("<font size={size}>")).collect();
        let grows = format!("<p>{formatting}</p>{}", "<p>x</p>".repeat(4_000));
        assert_eq!(parse(&grows).err(), Some(TooMuch::Nodes));
        let attributes: String = (0..100_000).map(|name| format!(" a{name}")).collect();
        assert_eq!(parse(&format!("<p{attributes}>")).err(), Some(TooMuch::Attributes));
    }

    #[test]
    fn noscript_holds_elements_and_scripts_hold_text() {
        assert_eq!(elements("<body><noscript><a href=x></a></noscript>", "noscript a"), 1);
        assert_eq!(elements("<head><noscript><img></noscript><title>t</title>", "title"), 1);
        assert_eq!(elements("<script>'<a>'</script><script>2</script><a>", "a"), 1);
        assert_eq!(elements("", "html > body"), 1);
    }
}
