//! `::text` and `::attr(name)`: what Scrapy's selectors find, compared with ours.
//!
//! `parsel.json` next to this file was recorded with parsel, the library of Scrapy's selectors. It leaves white space
//! as it stands and keeps text nodes that are only white space. Ours folds texts and leaves these out.

use dragline_spider::StoredPage;
use serde_json::Value as Json;

#[test]
fn texts_and_attributes_are_those_of_scrapy() {
    let recorded: Json = serde_json::from_str(include_str!("parsel.json")).unwrap();
    let mut differing = Vec::new();
    for row in recorded["vectors"].as_array().unwrap() {
        let html = recorded["pages"][row["page"].as_str().unwrap()].as_str().unwrap();
        let page = StoredPage::new("http://a.example/", html.to_owned()).page().unwrap();
        let css = row["css"].as_str().unwrap();
        let found = match &row["from"] {
            Json::Null => page.texts(css),
            from => {
                let at = usize::try_from(from[1].as_u64().unwrap()).unwrap();
                page.select(from[0].as_str().unwrap())[at].texts(css)
            }
        };
        let expected: Vec<&str> =
            row["found"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
        let words = |texts: Vec<&str>| {
            let folded = texts.iter().map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
            folded.filter(|text| !text.is_empty()).collect::<Vec<_>>()
        };
        if words(found.iter().map(String::as_str).collect()) != words(expected) {
            differing.push(format!("{row}: {found:?}"));
        }
    }
    assert!(differing.is_empty(), "{differing:#?}");
}

#[test]
fn texts_are_folded_and_blank_ones_are_left_out() {
    let html = "<p> \n <b>Price</b>\n 5 \u{a0}€ <i> </i></p><a href='' title=' as  it is '>x</a>";
    let page = StoredPage::new("http://a.example/", html).page().unwrap();
    assert_eq!(page.text("p::text").unwrap(), "5 €");
    assert_eq!(page.texts("p ::text"), ["Price", "5 €"]);
    assert_eq!(page.text("i").unwrap(), "");
    assert!(page.text("i::text").is_err());
    assert_eq!(page.texts("a::attr(href), a::attr(title)"), ["", " as  it is "]);
}
