//! The arguments of a spider as Rust.

use proc_macro2::TokenStream;
use quote::quote;

use super::{ArgField, ArgsStruct};
use crate::facade::private;
use crate::shape::{Shape, shape};

/// The implementation of `SpiderArgs`.
pub(crate) fn expand(args: &ArgsStruct) -> TokenStream {
    let private = private();
    let ArgsStruct { ident, fields } = args;
    let declared = fields.iter().map(|field| declared(field, &private));
    let values = fields.iter().map(value);
    quote! {
        #[automatically_derived]
        impl #private::SpiderArgs for #ident {
            fn arguments() -> #private::Arguments {
                #private::Arguments::new() #(#declared)*
            }

            fn from_args(args: &#private::Args) -> ::std::result::Result<Self, #private::ArgumentError> {
                let arguments = <Self as #private::SpiderArgs>::arguments();
                ::std::result::Result::Ok(Self { #(#values),* })
            }
        }
    }
}

fn declared(field: &ArgField, private: &TokenStream) -> TokenStream {
    let ArgField { name, help, kind, default, .. } = field;
    let shape = shape(kind);
    let presence = match (default, &shape) {
        (Some(text), _) => quote!(#private::Presence::Default(#text)),
        (None, Shape::One(_)) => quote!(#private::Presence::Required),
        (None, _) => quote!(#private::Presence::Optional),
    };
    match shape {
        Shape::One(kind) | Shape::Optional(kind) => quote!(.declared::<#kind>(#name, #help, #presence)),
        Shape::List(kind) => quote!(.declared_list::<#kind>(#name, #help, #presence)),
    }
}

fn value(field: &ArgField) -> TokenStream {
    let ArgField { field, name, kind, .. } = field;
    match shape(kind) {
        Shape::One(kind) => quote!(#field: arguments.required::<#kind>(args, #name)?),
        Shape::Optional(kind) => quote!(#field: arguments.optional::<#kind>(args, #name)?),
        Shape::List(kind) => quote!(#field: arguments.list::<#kind>(args, #name)?),
    }
}
