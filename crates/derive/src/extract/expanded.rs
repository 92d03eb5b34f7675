//! A struct that a page fills, as Rust.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Expr, ExprLit, Lit};

use super::ExtractStruct;
use super::filling::{Absent, FilledField, Filling, Place, Reading};
use crate::facade::private;
use crate::shape::{Shape, shape};

/// The implementation of `Extract`.
pub(crate) fn expand(extracted: &ExtractStruct) -> TokenStream {
    let ExtractStruct { ident, css, fields } = extracted;
    let private = private();
    let elements = css.as_ref().map(|css| {
        quote! {
            fn elements() -> ::core::option::Option<&'static #private::Selector> {
                static ELEMENTS: #private::Selector = #private::Selector::checked(#css);
                ::core::option::Option::Some(&ELEMENTS)
            }
        }
    });
    let values = fields.iter().map(|field| {
        let (name, value) = (&field.field, value(field, &private));
        quote!(#name: #value)
    });
    quote! {
        #[automatically_derived]
        impl #private::Extract for #ident {
            #elements

            fn extract(node: &#private::Node<'_>) -> #private::Result<Self> {
                ::core::result::Result::Ok(Self { #(#values),* })
            }
        }
    }
}

fn value(field: &FilledField, private: &TokenStream) -> TokenStream {
    let FilledField { field: ident, kind, filling } = field;
    let name = ident.unraw().to_string();
    match filling {
        Filling::Url => quote_spanned! {kind.span()=>
            <#kind as #private::FromText>::from_text(node.page().url().as_str(), node.page())?
        },
        Filling::With(make) => quote_spanned!(make.span()=> #private::made_with(#name, node, #make)?),
        Filling::Value(given) => default(given.as_ref()),
        Filling::Exists(place) => {
            let place = expanded_place(&name, place, private);
            quote!(#place.exists(node))
        }
        Filling::Selected { place, reading, absent } => {
            let place = expanded_place(&name, place, private);
            let (method, nested, inside) = match shape(kind) {
                Shape::One(inside) if matches!(absent, Absent::Default(_)) => {
                    (quote!(optional), quote!(nested_optional), inside)
                }
                Shape::One(inside) => (quote!(one), quote!(nested), inside),
                Shape::Optional(inside) => (quote!(optional), quote!(nested_optional), inside),
                Shape::List(inside) => (quote!(all), quote!(nested_all), inside),
            };
            let read = match reading {
                Reading::Nested => None,
                Reading::Text => {
                    Some(quote_spanned!(inside.span()=> <#inside as #private::FromText>::from_text))
                }
                Reading::Format(format) => Some(quote_spanned! {inside.span()=>
                    |text, _page| <#inside as #private::FromFormat>::from_format(text, #format)
                }),
                Reading::Parse(parse) => Some(
                    quote_spanned!(parse.span()=> |text, _page| #private::parsed::<#inside, _>((#parse)(text))),
                ),
            };
            let value = match read {
                None => quote_spanned!(inside.span()=> #place.#nested::<#inside>(node)?),
                Some(read) => quote!(#place.#method(node, #read)?),
            };
            match absent {
                Absent::Error => value,
                Absent::Default(given) => {
                    let default = default(given.as_ref());
                    quote!(match #value {
                        ::core::option::Option::Some(value) => value,
                        ::core::option::Option::None => #default,
                    })
                }
            }
        }
    }
}

fn expanded_place(field: &str, place: &Place, private: &TokenStream) -> TokenStream {
    let option = |value: Option<TokenStream>| {
        value.map_or_else(
            || quote!(::core::option::Option::None),
            |value| quote!(::core::option::Option::Some(#value)),
        )
    };
    let selector = option(place.css.as_ref().map(|css| {
        quote!({
            static SELECTOR: #private::Selector = #private::Selector::checked(#css);
            &SELECTOR
        })
    }));
    let attribute = option(place.attr.as_ref().map(ToTokens::to_token_stream));
    let pattern = option(place.regex.as_ref().map(|regex| {
        quote!({
            static PATTERN: ::std::sync::LazyLock<#private::Regex> =
                ::std::sync::LazyLock::new(|| #private::checked_pattern(#regex));
            &*PATTERN
        })
    }));
    quote!(#private::Place::new(#field, #selector, #attribute, #pattern))
}

/// A default text is converted, so `default = "none"` fills a `String`.
fn default(given: Option<&Expr>) -> TokenStream {
    match given {
        None => quote!(::core::default::Default::default()),
        Some(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) => quote!(::core::convert::Into::into(#text)),
        Some(other) => other.to_token_stream(),
    }
}
