//! An item type as Rust.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{GenericArgument, PathArguments, Type};

use crate::described::{FieldColumn, ItemStruct, unequal_keys};

/// The implementation of `Item`, and what the compiler must check of the fields' types.
pub(crate) fn expand(item: &ItemStruct) -> TokenStream {
    let ItemStruct { ident, name, key, auto_create, .. } = item;
    let table = item.table.as_ref().map(|table| quote!(.with_table(#table)));
    let auto_create = (!auto_create).then(|| quote!(.without_auto_create()));
    let columns = item.columns.iter().map(column);
    let values = item.columns.iter().map(value);
    let checks = item.key_columns().map(key_check);
    let from_record = crate::from_record::expand(item);
    quote! {
        #[automatically_derived]
        impl ::dragline::Item for #ident {
            fn item_type() -> ::dragline::ItemType {
                static ITEM_TYPE: ::std::sync::LazyLock<::dragline::ItemType> = ::std::sync::LazyLock::new(|| {
                    ::dragline::ItemType::builder(#name)
                        #table
                        .with_key::<&str>([#(#key),*])
                        #auto_create
                        .derived([#(#columns),*])
                });
                ::std::clone::Clone::clone(&*ITEM_TYPE)
            }

            fn into_record(self) -> ::dragline::ItemRecord {
                ::dragline::ItemRecord {
                    item_type: <Self as ::dragline::Item>::item_type(),
                    values: ::std::vec![#(#values),*],
                }
            }
        }
        #from_record
        #(#checks)*
    }
}

fn column(column: &FieldColumn) -> TokenStream {
    let FieldColumn { column: name, kind, .. } = column;
    let (column_type, nullable) = if column.json {
        let nullable = inside_option(kind).is_some();
        (quote!(::dragline::ColumnType::Json), quote!(#nullable))
    } else {
        // The type's own place, so that a type which is no field is told there.
        let field = quote_spanned!(kind.span()=> <#kind as ::dragline::Field>);
        (quote!(#field::TYPE), quote!(#field::NULLABLE))
    };
    quote!((#name, #column_type, #nullable))
}

fn value(column: &FieldColumn) -> TokenStream {
    let FieldColumn { field, column: name, kind, json, .. } = column;
    if !json {
        quote!(<#kind as ::dragline::Field>::into_value(self.#field))
    } else if inside_option(kind).is_some() {
        quote! {
            self.#field.as_ref().map_or(::dragline::Value::Null, |value| ::dragline::Value::serialized(#name, value))
        }
    } else {
        quote!(::dragline::Value::serialized(#name, &self.#field))
    }
}

/// Types are known to the compiler alone: it evaluates this.
fn key_check(column: &FieldColumn) -> TokenStream {
    let FieldColumn { column: name, kind, .. } = column;
    let unequal = unequal_keys(name);
    let nullable = format!("the key column `{name}` is an Option: a key is never nullable");
    quote_spanned! {kind.span()=>
        const _: () = {
            ::core::assert!(!<#kind as ::dragline::Field>::NULLABLE, #nullable);
            ::core::assert!(<#kind as ::dragline::Field>::TYPE.can_be_key(), #unequal);
        };
    }
}

/// `T` of a type written `Option<T>`. An alias of one is not seen; then null is kept as JSON's null.
fn inside_option(kind: &Type) -> Option<&Type> {
    let Type::Path(path) = kind else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == "Option")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first() {
        Some(GenericArgument::Type(inside)) => Some(inside),
        _ => None,
    }
}
