//! A fast tokenizer and a compact tree for html5ever's tree builder.
//!
//! It reads HTML as the standard says ([section 13.2.5]) and gives the same tokens as html5ever's own tokenizer, in fewer steps. It
//! needs the whole text at once, so it can search for the few bytes that matter in each place, and it doesn't copy what it
//! finds: texts and values of attributes share the memory of the [`Input`].
//!
//! ```text
//!  bytes ── decoded ──► Input ──► Tokenizer ── tokens ──► TokenSink, such as html5ever's TreeBuilder ──► GrowingTree ──► Tree
//!                       no CR      │    ▲                    │
//!                                  │    └── "raw text now" ──┘
//!                                  └ TooManyAttributes
//! ```
//!
//! The [`Tree`] is a few large lists. Its texts are parts of the page's text. CSS selectors find elements in it.
//!
//! ```
//! use dragline_html::{GrowingTree, Input, Tokenizer};
//! use html5ever::tree_builder::{TreeBuilder, TreeBuilderOpts, TreeSink};
//!
//! let input = Input::from("<p title='a &amp; b'>x<p>y");
//! let tree = GrowingTree::new(&input, 100);
//! let mut tokenizer = Tokenizer::new(&input, TreeBuilder::new(tree, TreeBuilderOpts::default()));
//! tokenizer.run()?;
//! let tree = tokenizer.sink.sink.finish();
//! let html = tree.document().html();
//! assert_eq!(html, r#"<html><head></head><body><p title="a &amp; b">x</p><p>y</p></body></html>"#);
//!
//! let paragraphs = dragline_css::Selector::new("p + p")?;
//! let second = tree.root().select(&paragraphs.parts()[0].elements).next().unwrap();
//! assert_eq!(second.texts().collect::<String>(), "y");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What it doesn't do:
//!
//! - It doesn't report errors in the page, and it doesn't count lines. Every token comes with line 1. One tree is different
//!   because of that: html5ever's tree builder keeps the line end of `<pre></>\n`, because the error is in between. The standard drops it.
//! - It doesn't stop for scripts or for a declared encoding. It ignores these answers of the sink and goes on.
//! - It doesn't read a text in pieces. An [`Input`] can be put together from pieces, before.
//! - End tags have no attributes. The tree builder would ignore them.
//!
//! Its time grows with the length of the text, whatever the text is. One tag can have as many attributes as the text has room
//! for, or fewer, if you set [`Tokenizer::with_max_attributes`].
//!
//! A tree is the same as `scraper`'s, apart from the order of attributes, which is that of the page.
//!
//! The crate has no unsafe code.
//!
//! [section 13.2.5]: https://html.spec.whatwg.org/multipage/parsing.html#tokenization

mod attributes;
mod bytes;
mod comments;
mod doctype;
mod input;
mod names;
mod raw_text;
mod references;
mod tags;
mod text;
mod tokenizer;
mod tree;

pub use input::Input;
pub use tokenizer::{Content, Step, Tokenizer, TooManyAttributes};
pub use tree::{
    Ancestors, Children, Descendants, Element, GrowingTree, Handle, NODE_BYTES, NodeId, NodeRef, Select,
    Tree, Value,
};
