//! Tests of the router: which function a tag leads to, and unknown tags.

use super::*;
use crate::{Args, Item, ItemType, Spider, StoredPage, spider::start_requests};

#[derive(Item)]
struct Word {
    #[item(css = "title")]
    word: String,
}

/// Greets with a word of its own.
struct Greeter {
    word: &'static str,
    link_tag: &'static str,
    start_tag: &'static str,
}

impl Greeter {
    fn greeting(&self, page: &Page, out: &mut Output) -> Result<()> {
        out.item(Word { word: format!("{} {}", self.word, page.text("title")?) });
        Ok(())
    }

    fn list(&self, page: &Page, out: &mut Output) {
        out.follow_all(page, "a").with_tag(self.link_tag);
    }
}

impl Spider for Greeter {
    fn name(&self) -> &str {
        "greeter"
    }

    fn items(&self) -> Vec<ItemType> {
        vec![Word::item_type()]
    }

    fn start(&self, _args: &Args) -> Result<Vec<Request>> {
        Ok(vec![Request::get("http://a.example/")?.with_tag(self.start_tag)])
    }

    fn routes(&self) -> Router {
        Router::new()
            .with_start(Self::list)
            .with("greeting", Self::greeting)
            .with("title", title)
            .with_item::<Word>("word")
    }
}

fn title(page: &Page, out: &mut Output) {
    out.item(Word { word: page.title().unwrap_or_default() });
}

const GREETER: Greeter = Greeter { word: "hello", link_tag: "greeting", start_tag: "" };

fn page(tag: &str) -> StoredPage {
    StoredPage::new("http://a.example/", "<title>T</title><a href=/x>x</a>").with_tag(tag)
}

#[test]
fn the_tag_selects_a_method_or_a_function() {
    for (tag, word) in [("greeting", "hello T"), ("title", "T"), ("word", "T")] {
        assert_eq!(page(tag).parse(&GREETER).unwrap().items()[0].get("word"), Some(&word.into()));
    }
    assert_eq!(page("").parse(&GREETER).unwrap().requests()[0].tag(), "greeting");
    assert_eq!(start_requests(&GREETER, &Args::default()).unwrap().len(), 1);
}

#[test]
fn an_unknown_tag_is_an_error_that_lists_the_known_ones() {
    let routes = "its routes are the start (no tag), \"greeting\", \"title\", \"word\"";
    let emitting = Greeter { link_tag: "greting", ..GREETER };
    let starting = Greeter { start_tag: "other", ..GREETER };
    for (error, expected) in [
        (
            page("").parse(&emitting).unwrap_err(),
            format!("no route of the spider has the tag \"greting\" (did you mean \"greeting\"?); {routes}"),
        ),
        (
            start_requests(&starting, &Args::default()).unwrap_err(),
            format!("no route of the spider has the tag \"other\"; {routes}"),
        ),
        // A request that an older version of the spider stored.
        (
            page("old").parse(&GREETER).unwrap_err(),
            format!("no route of the spider has the tag \"old\"; {routes}"),
        ),
    ] {
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn two_routes_for_a_tag_are_a_mistake() {
    let router = Router::new().with("a", title).with("b", title);
    assert_eq!(router.repeated_tag(), None);
    assert_eq!(router.with("a", title).repeated_tag(), Some("a"));
}

#[test]
fn a_method_of_another_spider_is_told() {
    let router = Router::new().with_start(Greeter::list);
    let page = page("").page().unwrap();
    let error = router.parse(&"no greeter", &page, &mut Output::new()).unwrap_err().to_string();
    assert!(error.contains("is a method of") && error.contains("Greeter"), "{error}");
}
