//! The way back from a record to the struct, as Rust.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use crate::described::{FieldColumn, ItemStruct};
use crate::facade::private;

/// The implementation of `FromRecord`.
///
/// Its bounds name concrete types. If such a bound is not met, the compiler rejects it at once, and with it every item that has
/// a borrowed field. `for<'field>` delays the check until someone needs the implementation.
pub(crate) fn expand(item: &ItemStruct) -> TokenStream {
    let private = private();
    let ItemStruct { ident, columns, skipped, .. } = item;
    let bounds = columns.iter().map(bound);
    let skipped_bounds = skipped
        .iter()
        .map(|(_, kind)| quote_spanned!(kind.span()=> for<'field> #kind: ::core::default::Default));
    let values = columns.iter().map(|FieldColumn { field, kind, json, .. }| {
        let read = if *json { quote!(json) } else { quote!(value) };
        quote!(#field: fields.#read::<#kind>()?)
    });
    let defaults = skipped.iter().map(|(field, _)| quote!(#field: ::core::default::Default::default()));
    quote! {
        #[automatically_derived]
        impl #private::FromRecord for #ident
        where
            #(#bounds,)*
            #(#skipped_bounds,)*
        {
            fn from_record(
                record: &#private::ItemRecord,
            ) -> ::core::result::Result<Self, #private::RecordError> {
                let mut fields = #private::RecordFields::of::<Self>(record)?;
                ::core::result::Result::Ok(Self { #(#values,)* #(#defaults,)* })
            }
        }
    }
}

fn bound(FieldColumn { kind, json, .. }: &FieldColumn) -> TokenStream {
    let private = private();
    let read = if *json { quote!(FromJson) } else { quote!(FromValue) };
    quote_spanned!(kind.span()=> for<'field> #kind: #private::#read)
}
