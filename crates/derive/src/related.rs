//! The relations of an item type, as Rust: its id, its references, and what others need to refer to it.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Ident;
use syn::ext::IdentExt;
use syn::spanned::Spanned;

use crate::described::{FieldColumn, ItemStruct, unequal_parts};
use crate::facade::private;

/// The call of the builder that says what the key is.
pub(crate) fn keyed(item: &ItemStruct) -> TokenStream {
    if item.id.is_empty() {
        let key = &item.key;
        return quote!(.with_key::<&str>([#(#key),*]));
    }
    let parts = item
        .id
        .iter()
        .map(|part| if part.is_exact { format!("={}", part.column) } else { part.column.clone() });
    quote!(.with_id::<&str>([#(#parts),*]))
}

/// The calls of the builder for everything else.
pub(crate) fn builder_calls(item: &ItemStruct) -> TokenStream {
    let private = private();
    let indexes = item.indexes.iter().map(|columns| quote!(.with_index::<&str>([#(#columns),*])));
    let views = item.views.iter().map(|view| quote!(.with_view(#view)));
    if item.table.is_none() {
        return TokenStream::new();
    }
    let parents = item.columns.iter().filter(|column| !column.json).map(|column| {
        let (name, parent, deferrable) = (&column.column, parent(column), column.deferrable.is_some());
        quote!((#name, #parent, #deferrable))
    });
    let children_of = match &item.children_of {
        Some(parent) => quote!(::core::option::Option::Some(<#parent as #private::Parent>::KEY.table)),
        None => quote!(::core::option::Option::None),
    };
    quote!(.with_parents([#(#parents),*], #children_of) #(#indexes)* #(#views)*)
}

/// The implementations that let others refer to the item, and the checks of its own references.
pub(crate) fn expand(item: &ItemStruct) -> TokenStream {
    let (parent, id) = (as_parent(item), with_id(item));
    let checks = item.columns.iter().map(|column| reference_check(item, column));
    let children = children_check(item);
    quote!(#parent #id #(#checks)* #children)
}

/// An item with a table, and a key of one column.
fn as_parent(item: &ItemStruct) -> Option<TokenStream> {
    let private = private();
    let ItemStruct { ident, name, table, key, .. } = item;
    let (table, [column]) = (table.as_ref()?, key.as_slice()) else { return None };
    let kind = match item.columns.iter().find(|field| field.column == *column) {
        Some(FieldColumn { kind, .. }) => quote!(<#kind as #private::Field>::TYPE),
        None => quote!(#private::ColumnType::Uuid),
    };
    Some(quote! {
        #[automatically_derived]
        impl #private::Parent for #ident {
            const KEY: #private::ParentKey =
                #private::ParentKey { item: #name, table: #table, column: #column, kind: #kind };
        }
    })
}

/// An item with an id.
fn with_id(item: &ItemStruct) -> Option<TokenStream> {
    let private = private();
    let ItemStruct { ident, visibility, id, .. } = item;
    if id.is_empty() {
        return None;
    }
    let fields: Vec<&Ident> = item.id_columns().map(|column| &column.field).collect();
    let kinds: Vec<_> = item.id_columns().map(|column| &column.kind).collect();
    let names = fields.iter().map(|field| format!("`{}`", field.unraw())).collect::<Vec<_>>().join(", ");
    let (of_item, of_parts) = (
        format!("The key of this item, computed from {names}."),
        format!("The key of the item with this {names}."),
    );
    let checks = item.id_columns().map(part_check);
    Some(quote! {
        #[automatically_derived]
        impl #private::HasId for #ident {}

        #[automatically_derived]
        #[allow(dead_code, clippy::needless_pass_by_value, clippy::too_many_arguments)]
        impl #ident {
            #[doc = #of_item]
            #visibility fn key(&self) -> #private::Key<Self> {
                Self::key_of(#(&self.#fields),*)
            }

            #[doc = #of_parts]
            #visibility fn key_of(#(#fields: impl #private::IdPart<#kinds>),*) -> #private::Key<Self> {
                #private::Key::of_parts(&[
                    #(<#kinds as #private::Field>::into_value(#private::IdPart::<#kinds>::into_part(#fields))),*
                ])
            }
        }
        #(#checks)*
    })
}

/// What a column refers to, if it does.
fn parent(column: &FieldColumn) -> TokenStream {
    let private = private();
    let FieldColumn { kind, references, .. } = column;
    match references {
        Some(parent) => quote!(::core::option::Option::Some(<#parent as #private::Parent>::KEY)),
        None => quote!(<#kind as #private::Field>::PARENT),
    }
}

fn part_check(column: &FieldColumn) -> TokenStream {
    let private = private();
    let FieldColumn { column: name, kind, .. } = column;
    let nullable = format!("the part `{name}` of the id is an Option: a part of an id is never nullable");
    let unequal = unequal_parts(name);
    quote_spanned! {kind.span()=>
        const _: () = {
            ::core::assert!(!<#kind as #private::Field>::NULLABLE, #nullable);
            ::core::assert!(<#kind as #private::Field>::TYPE.can_be_key(), #unequal);
        };
    }
}

/// Only the compiler knows types, so it evaluates these checks.
fn reference_check(item: &ItemStruct, column: &FieldColumn) -> Option<TokenStream> {
    let private = private();
    let FieldColumn { column: name, kind, references, deferrable, json, .. } = column;
    if *json {
        return None;
    }
    let own = quote!(<#kind as #private::Field>);
    let check = if let Some(parent) = references {
        let key = quote!(<#parent as #private::Parent>::KEY);
        let another = format!("the column `{name}` has another type than the key that it refers to");
        let twice =
            format!("the column `{name}` is a Key, so it refers to its item already: leave out `references`");
        quote_spanned! {parent.span()=>
            ::core::assert!(#own::PARENT.is_none(), #twice);
            ::core::assert!(#own::TYPE.is(#key.kind), #another);
        }
    } else if item.table.is_none() {
        let needs_table = format!(
            "the column `{name}` is a Key, and a reference belongs to a table: name it with `table = \"…\"`"
        );
        quote_spanned!(kind.span()=> ::core::assert!(#own::PARENT.is_none(), #needs_table);)
    } else if let Some(span) = deferrable {
        let nothing = format!(
            "the column `{name}` refers to nothing: `deferrable` is for a `Key` or for `references = …`"
        );
        quote_spanned!(*span=> ::core::assert!(#own::PARENT.is_some(), #nothing);)
    } else {
        return None;
    };
    Some(quote!(const _: () = { #check };))
}

fn children_check(item: &ItemStruct) -> Option<TokenStream> {
    let private = private();
    let of = item.children_of.as_ref()?;
    let parents = item.columns.iter().filter(|column| !column.json).map(parent);
    let nullable = item.columns.iter().filter(|column| !column.json).map(|column| {
        let (kind, parent) = (&column.kind, parent(column));
        quote!(#private::ParentKey::count(&[#parent], KEY.table) == 1 && <#kind as #private::Field>::NULLABLE)
    });
    let table = item.table.as_deref().unwrap_or_default();
    let shown = quote!(#of).to_string();
    let how_many = format!("`children_of = {shown}` needs exactly one field that refers to `{shown}`");
    let absent =
        format!("the field that refers to `{shown}` is an Option, and a child always has its parent");
    let own = "the items of a type cannot be children of items of the same type".to_owned();
    Some(quote_spanned! {of.span()=>
        const _: () = {
            const KEY: #private::ParentKey = <#of as #private::Parent>::KEY;
            ::core::assert!(#private::ParentKey::count(&[#(#parents),*], KEY.table) == 1, #how_many);
            ::core::assert!(!(#(#nullable)||*), #absent);
            ::core::assert!(
                #private::ParentKey::count(&[::core::option::Option::Some(KEY)], #table) == 0,
                #own
            );
        };
    })
}
