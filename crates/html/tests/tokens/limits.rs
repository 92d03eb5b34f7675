//! Texts that would take hours if the time grew with more than their length.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use dragline_html::{GrowingTree, Input, NODE_BYTES, NodeRef, Step, Tokenizer, TooManyAttributes};
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{TagKind, Token, TokenSink, TokenSinkResult};
use html5ever::tree_builder::{TreeBuilder, TreeSink};

use crate::compared::options;

/// Without optimisation, a twentieth of the text is enough: `cargo test --release` takes all of it.
const PART: usize = if cfg!(debug_assertions) { 20 } else { 1 };

/// Counts tokens, and keeps the last tag's attributes.
#[derive(Default)]
struct Counted {
    tokens: Cell<usize>,
    attributes: Cell<usize>,
    value_bytes: Cell<usize>,
    ends: RefCell<Vec<&'static str>>,
}

impl TokenSink for Counted {
    type Handle = ();

    fn process_token(&self, token: Token, _: u64) -> TokenSinkResult<()> {
        self.tokens.set(self.tokens.get() + 1);
        match token {
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => {
                self.attributes.set(tag.attrs.len());
                self.value_bytes.set(tag.attrs.iter().map(|it| it.value.len()).sum());
                if &*tag.name == "script" {
                    return TokenSinkResult::RawData(RawKind::ScriptData);
                }
            }
            Token::EOFToken => self.ends.borrow_mut().push("token"),
            _ => {}
        }
        TokenSinkResult::Continue
    }

    fn end(&self) {
        self.ends.borrow_mut().push("end");
    }
}

fn counted(text: &str) -> Counted {
    let input = Input::from(text);
    let mut tokenizer = Tokenizer::new(&input, Counted::default());
    tokenizer.run().unwrap();
    tokenizer.sink
}

/// A step for each byte of the rest, at each byte, would take hours.
#[test]
fn the_time_grows_with_the_length_of_the_text() {
    let start = Instant::now();
    for unit in [
        "<",
        "&",
        "</",
        "<!",
        "<!-",
        "<!--",
        "-",
        "--",
        "<a ",
        "<a b='",
        "</a ",
        "&#",
        "&#1",
        "&#x1",
        "&amp",
        "&a",
        "\0",
        "]]",
        "<![CDATA[",
        "<script>",
        "<script><!--",
        "<script><!--<script>",
        "<!doctype ",
        "<!doctype a public '",
        "a=b ",
        "<a b=&amp ",
        ">",
        "<!-->",
        "\r",
        "<x",
        "/",
        "=",
        "<!--<!",
        "-->",
        "<script></scrip",
        "<title>",
        "é",
    ] {
        let text = unit.repeat(4_000_000 / PART / unit.len());
        counted(&text);
        counted(&format!("<a {text}"));
        counted(&format!("<a b='{text}"));
        counted(&format!("<!--{text}"));
        counted(&format!("<script>{text}"));
    }
    assert!(start.elapsed() < Duration::from_secs(600), "{:?}", start.elapsed());
}

#[test]
fn large_texts_of_one_kind_become_what_they_are() {
    let nested = counted(&"<div>".repeat(12_000_000 / PART));
    assert_eq!(nested.tokens.get(), 12_000_000 / PART + 1);
    let value = counted(&format!("<a b='{}'>", "x".repeat(20_000_000 / PART)));
    assert_eq!((value.attributes.get(), value.value_bytes.get()), (1, 20_000_000 / PART));
    let references = counted(&format!("<a b='{}'>", "&amp;".repeat(4_000_000 / PART)));
    assert_eq!(references.value_bytes.get(), 4_000_000 / PART);
    let names: String = (0..1_000_000 / PART).map(|number| format!(" a{number}=1 a{number}=2")).collect();
    assert_eq!(counted(&format!("<a{names}>")).attributes.get(), 1_000_000 / PART);
}

#[test]
fn a_tag_with_too_many_attributes_ends_the_work() {
    for count in [1, 23, 24, 25, 100] {
        let attributes: String = (0..count).map(|number| format!(" a{number}=1 A{number}=2")).collect();
        let text = format!("<p{attributes}><b>");
        let input = Input::from(&*text);
        let mut exact = Tokenizer::new(&input, Counted::default()).with_max_attributes(count);
        assert_eq!(exact.run(), Ok(()));
        assert_eq!(exact.sink.tokens.get(), 3);
        let mut fewer = Tokenizer::new(&input, Counted::default()).with_max_attributes(count - 1);
        assert_eq!(fewer.run(), Err(TooManyAttributes));
        assert_eq!(fewer.sink.tokens.get(), 0);
        assert!(fewer.sink.ends.borrow().is_empty());
    }
}

#[test]
fn the_end_comes_once() {
    let input = Input::from("<p>x");
    let mut tokenizer = Tokenizer::new(&input, Counted::default());
    assert_eq!(
        [(); 5].map(|()| tokenizer.step()),
        [Ok(Step::More), Ok(Step::More), Ok(Step::Finished), Ok(Step::Finished), Ok(Step::Finished),]
    );
    assert_eq!(*tokenizer.sink.ends.borrow(), ["token", "end"]);
}

fn grown(text: &str) -> GrowingTree {
    let input = Input::from(text);
    let tree = GrowingTree::new(&input, 0).with_max_attribute_pairs(100_000_000);
    let mut tokenizer = Tokenizer::new(&input, TreeBuilder::new(tree, options()));
    tokenizer.run().unwrap();
    tokenizer.sink.sink
}

/// A text in front of a table grows between the texts of its cells. To copy it each time would take hours, and gigabytes.
#[test]
fn a_text_that_grows_in_many_steps_takes_little_more_than_its_length() {
    const CELLS: usize = 1_000_000 / PART;
    let start = Instant::now();
    for unit in ["x<td>y</td>", "a long text outside<td>a long text inside</td>", "&amp;<td>&amp;</td>"] {
        let text = format!("<table><tr>{}", unit.repeat(CELLS));
        let growing = grown(&text);
        // A cell, its text, and what is written differently.
        let expected = CELLS * (2 * NODE_BYTES + 60);
        assert!(growing.bytes() < expected, "{} bytes for {unit}", growing.bytes());
        let tree = growing.finish();
        let before = tree.document().descendants().find_map(NodeRef::text).unwrap();
        assert_eq!(before.len() / CELLS, unit.split('<').next().unwrap().replace("&amp;", "&").len());
    }
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
}

#[test]
fn further_body_tags_add_their_attributes_until_they_are_too_many() {
    let tags = |count: usize| (0..count).map(|name| format!("<body b{name}=1>")).collect::<String>();
    let few = grown(&tags(100));
    assert!((1..100_000_000).contains(&few.attribute_pairs()));
    let tree = few.finish();
    let body = tree.root().child_elements().last().unwrap();
    assert_eq!((body.attrs().count(), body.attr("b99"), body.attr("b100")), (100, Some("1"), None));
    let many = grown(&tags(200_000 / PART));
    assert!(many.attribute_pairs() > 100_000_000);
    let tree = many.finish();
    assert!(tree.root().child_elements().last().unwrap().attrs().count() < 6_000);
}

#[test]
fn deep_and_wide_trees_are_made_and_dropped() {
    let deep = grown(&"<div>".repeat(3_000)).finish();
    let innermost = deep.root().descendants().last().unwrap();
    assert_eq!(innermost.ancestors().count(), 3_002);
    assert_eq!(deep.document().html().matches("</div>").count(), 3_000);
    let wide = grown(&"<p>x".repeat(2_000_000 / PART)).finish();
    assert_eq!(wide.root().descendants().filter_map(NodeRef::text).count(), 2_000_000 / PART);
    let value = "x".repeat(20_000_000 / PART);
    let long = grown(&format!("<p title='{value}'>"));
    assert!(long.bytes() < 1_000, "{}", long.bytes());
    assert_eq!(
        long.finish().root().descendants().last().unwrap().element().unwrap().attr("title"),
        Some(&*value)
    );
}
