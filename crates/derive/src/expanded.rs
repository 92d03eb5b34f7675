//! An item type as Rust.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use crate::described::{FieldColumn, ItemStruct, unequal_keys};
use crate::facade::private;
use crate::shape::inside_option;
use crate::{merged, related};

/// The implementation of `Item`, and what the compiler must check of the fields' types.
pub(crate) fn expand(item: &ItemStruct) -> TokenStream {
    let private = private();
    let ItemStruct { ident, name, auto_create, .. } = item;
    let table = item.table.as_ref().map(|table| quote!(.with_table(#table)));
    let auto_create = (!auto_create).then(|| quote!(.without_auto_create()));
    let history = item.history.then(|| quote!(.with_history()));
    let changes = item.changes.then(|| quote!(.with_changes()));
    let gone_mark = item.gone_mark.then(|| quote!(.with_gone_mark()));
    let columns = item.columns.iter().map(column);
    let values = item.columns.iter().map(value);
    let checks = item.key_columns().map(key_check);
    let keyed = related::keyed(item);
    let relations = related::builder_calls(item);
    let related = related::expand(item);
    let merges = item.columns.iter().filter_map(merged::builder_call);
    let merges = quote!(#(#merges)*);
    let merge_checks = item.columns.iter().filter_map(merged::expand);
    let from_record = crate::from_record::expand(item);
    quote! {
        #[automatically_derived]
        impl #private::Item for #ident {
            fn item_type() -> #private::ItemType {
                static ITEM_TYPE: ::std::sync::LazyLock<#private::ItemType> = ::std::sync::LazyLock::new(|| {
                    #private::ItemType::builder(#name)
                        #table
                        #keyed
                        #auto_create
                        #history
                        #relations
                        #gone_mark
                        #changes
                        #merges
                        .derived([#(#columns),*])
                });
                ::std::clone::Clone::clone(&*ITEM_TYPE)
            }

            fn into_record(self) -> #private::ItemRecord {
                #private::ItemRecord::derived(<Self as #private::Item>::item_type(), [#(#values),*])
            }
        }
        #from_record
        #related
        #(#checks)*
        #(#merge_checks)*
    }
}

fn column(column: &FieldColumn) -> TokenStream {
    let private = private();
    let FieldColumn { column: name, kind, .. } = column;
    let (column_type, nullable) = if column.json {
        let nullable = inside_option(kind).is_some();
        (quote!(#private::ColumnType::Json), quote!(#nullable))
    } else {
        // At the place of the type, so that the compiler reports there a type that is not a field.
        let field = quote_spanned!(kind.span()=> <#kind as #private::Field>);
        (quote!(#field::TYPE), quote!(#field::NULLABLE))
    };
    quote!((#name, #column_type, #nullable))
}

fn value(column: &FieldColumn) -> TokenStream {
    let private = private();
    let FieldColumn { field, column: name, kind, json, .. } = column;
    if !json {
        quote!(<#kind as #private::Field>::into_value(self.#field))
    } else if inside_option(kind).is_some() {
        quote! {
            self.#field.as_ref().map_or(#private::Value::Null, |value| #private::Value::serialized(#name, value))
        }
    } else {
        quote!(#private::Value::serialized(#name, &self.#field))
    }
}

/// Only the compiler knows types, so it evaluates these checks.
fn key_check(column: &FieldColumn) -> TokenStream {
    let private = private();
    let FieldColumn { column: name, kind, .. } = column;
    let unequal = unequal_keys(name);
    let nullable = format!("the key column `{name}` is an Option: a key is never nullable");
    quote_spanned! {kind.span()=>
        const _: () = {
            ::core::assert!(!<#kind as #private::Field>::NULLABLE, #nullable);
            ::core::assert!(<#kind as #private::Field>::TYPE.can_be_key(), #unequal);
        };
    }
}
