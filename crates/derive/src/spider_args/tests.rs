//! Tests of `#[derive(SpiderArgs)]`: what it refuses, and how the error reads.

use syn::parse_quote;

use super::*;

fn refusal(input: &DeriveInput) -> String {
    ArgsStruct::read(input).err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn mistakes_are_told_where_they_stand() {
    for (input, message) in [
        (
            parse_quote!(
                enum A {
                    B,
                }
            ),
            "named fields",
        ),
        (
            parse_quote!(
                struct A(String);
            ),
            "named fields",
        ),
        (
            parse_quote!(
                struct A<T> {
                    a: T,
                }
            ),
            "without parameters",
        ),
        (
            parse_quote!(
                struct A {
                    limit: u32,
                }
            ),
            "`-a limit=…` has a meaning of its own",
        ),
        (
            parse_quote!(
                struct A {
                    #[arg(name = "a=b")]
                    a: u32,
                }
            ),
            "nobody could give",
        ),
        (
            parse_quote!(
                struct A {
                    a: u32,
                    #[arg(name = "a")]
                    b: u32,
                }
            ),
            "another argument `a`",
        ),
        (
            parse_quote!(
                struct A {
                    #[arg(default = 1)]
                    a: Option<u32>,
                }
            ),
            "needs no `Option`",
        ),
        (
            parse_quote!(
                struct A {
                    #[arg(default = 1, default = 2)]
                    a: u32,
                }
            ),
            "given twice",
        ),
        (
            parse_quote!(
                struct A {
                    #[arg(short)]
                    a: u32,
                }
            ),
            "unknown: an argument has `default = …`",
        ),
    ] {
        let refusal = refusal(&input);
        assert!(refusal.contains(message), "{refusal:?} does not contain {message:?}");
    }
}

#[test]
fn a_field_is_read_with_its_help_and_shape() {
    let read = ArgsStruct::read(&parse_quote!(
        struct A {
            /// Only this
            /// category
            ///
            /// More.
            r#type: Option<String>,
            tags: Vec<u8>,
            #[arg(name = "how-many", default = 3)]
            pages: u32,
        }
    ))
    .ok()
    .unwrap();
    let names: Vec<&str> = read.fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names, ["type", "tags", "how-many"]);
    assert_eq!(read.fields[0].help, "Only this category");
    assert!(matches!(shape(&read.fields[0].kind), Shape::Optional(_)));
    assert!(matches!(shape(&read.fields[1].kind), Shape::List(_)));
    assert!(matches!(shape(&read.fields[2].kind), Shape::One(_)) && read.fields[2].default.is_some());
}
