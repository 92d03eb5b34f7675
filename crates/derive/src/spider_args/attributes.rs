//! `#[arg(…)]` and doc comments, as written on a field.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Expr, ExprLit, ExprUnary, Lit, LitStr, Meta, Result, Token, Type, UnOp};

/// The attributes of a field.
#[derive(Default)]
pub(super) struct FieldAttributes {
    pub(super) name: Option<LitStr>,
    /// A Rust expression that gives the text of the default.
    pub(super) default: Option<TokenStream>,
}

impl FieldAttributes {
    pub(super) fn read(attributes: &[Attribute], kind: &Type) -> Result<Self> {
        let mut read = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("arg")) {
            attribute.parse_nested_meta(|meta| {
                let twice = if meta.path.is_ident("name") {
                    read.name.replace(meta.value()?.parse()?).is_some()
                } else if meta.path.is_ident("default") {
                    let text = if meta.input.peek(Token![=]) {
                        text_of(&meta.value()?.parse()?)
                    } else {
                        quote!(::std::string::ToString::to_string(&<#kind as ::std::default::Default>::default()))
                    };
                    read.default.replace(text).is_some()
                } else {
                    return Err(meta.error("unknown: an argument has `default = …`, `default`, `name = \"…\"`"));
                };
                if twice { Err(meta.error("this attribute is given twice")) } else { Ok(()) }
            })?;
        }
        Ok(read)
    }
}

/// The first paragraph of a doc comment, in one line.
pub(super) fn help(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(doc) if doc.path.is_ident("doc") => match &doc.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value().trim().to_owned()),
            _ => None,
        },
        _ => None,
    });
    let paragraph = lines.skip_while(String::is_empty).take_while(|line| !line.is_empty());
    paragraph.collect::<Vec<_>>().join(" ")
}

/// A Rust expression that gives the text that a user would write. A number is used as it is written, so its type does not
/// matter.
fn text_of(default: &Expr) -> TokenStream {
    match literal(default) {
        Some(text) => quote!(::std::string::String::from(#text)),
        None => quote!(::std::string::ToString::to_string(&(#default))),
    }
}

fn literal(default: &Expr) -> Option<String> {
    match default {
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) => Some(format!("-{}", literal(expr)?)),
        Expr::Lit(ExprLit { lit, .. }) => match lit {
            Lit::Int(number) => Some(number.base10_digits().to_owned()),
            Lit::Float(number) => Some(number.base10_digits().to_owned()),
            _ => None,
        },
        _ => None,
    }
}
