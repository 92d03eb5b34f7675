//! Texts that would take hours if the time grew with more than their length.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use dragline_html::{Input, Step, Tokenizer, TooManyAttributes};
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{TagKind, Token, TokenSink, TokenSinkResult};

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
