//! What the macro says to each mistake about a field that a page fills.

use syn::{DeriveInput, parse_quote};

use super::ExtractStruct;
use crate::attributes::Helper;

fn refusal(input: &DeriveInput) -> String {
    match ExtractStruct::read(input, Helper::Item) {
        Ok(_) => panic!("nothing is refused"),
        Err(error) => error.into_iter().map(|mistake| mistake.to_string()).collect::<Vec<_>>().join("\n"),
    }
}

/// The refusal of a struct with one such field.
macro_rules! refused {
    (#[$($attributes:tt)*] $kind:ty) => {
        refusal(&parse_quote! { struct Quote { #[item($($attributes)*)] field: $kind } })
    };
}

#[test]
fn selectors_and_expressions_are_checked() {
    assert!(
        refused!(
            #[css = "li["]
            String
        )
        .starts_with("\"li[\" is not a CSS selector")
    );
    assert!(refused!(#[css = "li", regex = "("] String).contains("unclosed group"));
    let of_struct = refusal(
        &parse_quote! { #[item(css = "div::text")] struct Quote { #[item(css = "b")] text: String } },
    );
    assert!(of_struct.contains("leave out `::text`"), "{of_struct}");
}

#[test]
fn attributes_must_fit_together() {
    for (refusal, expected) in [
        (refused!(#[css = "a::text", attr = "href"] String), "leave out `attr`"),
        (refused!(#[css = "a", all] String), "the field must be a Vec"),
        (refused!(#[css = "a", default] Option<String>), "an Option is None"),
        (
            refused!(#[css = "a", parse = f, format = "%Y"] String),
            "use only one of `parse`, `format` and `extract`",
        ),
        (refused!(#[css = "a", extract, attr = "x"] Review), "from an element"),
        (refused!(#[css = "a::text", extract] Review), "from an element"),
        (
            refused!(
                #[exists]
                bool
            ),
            "`exists` says whether",
        ),
        (refused!(#[url, css = "a"] String), "needs no other attribute"),
        (refused!(#[with = f, css = "a"] String), "needs no other attribute"),
        (refused!(#[all] Vec<String>), "say where its values are"),
        (
            refused!(
                #[colour = "red"]
                String
            ),
            "`css = \"…\"`",
        ),
        (refused!(#[css = "a", css = "b"] String), "given twice"),
    ] {
        assert!(refusal.contains(expected), "{refusal}");
    }
}

#[test]
fn every_field_is_filled_or_none_is() {
    let half: DeriveInput = parse_quote! { struct Quote { #[item(css = "b")] text: String, author: String } };
    assert!(refusal(&half).contains("say how a page fills `author`"));
    let by_hand: DeriveInput = parse_quote! { struct Quote { text: String, #[item(skip)] seen: bool } };
    assert!(ExtractStruct::read(&by_hand, Helper::Item).unwrap().is_none());
    let skipped: DeriveInput =
        parse_quote! { struct Quote { #[item(css = "b")] text: String, #[item(skip)] n: u8 } };
    assert_eq!(ExtractStruct::read(&skipped, Helper::Item).unwrap().unwrap().fields.len(), 2);
}
