//! `#[item(…)]` as written, on a struct and on a field.

use proc_macro2::Span;
use syn::meta::ParseNestedMeta;
use syn::{Attribute, LitBool, LitStr, Result};

/// What is said of the struct.
#[derive(Default)]
pub(crate) struct StructAttributes {
    pub(crate) table: Option<LitStr>,
    pub(crate) key: Option<LitStr>,
    pub(crate) name: Option<LitStr>,
    pub(crate) auto_create: Option<LitBool>,
}

/// What is said of a field.
#[derive(Default)]
pub(crate) struct FieldAttributes {
    pub(crate) column: Option<LitStr>,
    pub(crate) json: Option<Span>,
    pub(crate) skip: Option<Span>,
}

impl StructAttributes {
    pub(crate) fn read(attributes: &[Attribute]) -> Result<Self> {
        let mut read = Self::default();
        each(attributes, |meta| {
            if meta.path.is_ident("table") {
                set(&mut read.table, &meta, meta.value()?.parse()?)
            } else if meta.path.is_ident("key") {
                set(&mut read.key, &meta, meta.value()?.parse()?)
            } else if meta.path.is_ident("name") {
                set(&mut read.name, &meta, meta.value()?.parse()?)
            } else if meta.path.is_ident("auto_create") {
                set(&mut read.auto_create, &meta, meta.value()?.parse()?)
            } else {
                Err(meta.error(
                    "unknown: an item has `table = \"…\"`, `key = \"…\"`, `name = \"…\"`, `auto_create = false`",
                ))
            }
        })?;
        Ok(read)
    }
}

impl FieldAttributes {
    pub(crate) fn read(attributes: &[Attribute]) -> Result<Self> {
        let mut read = Self::default();
        each(attributes, |meta| {
            let span = meta.path.segments.first().map_or_else(Span::call_site, |part| part.ident.span());
            if meta.path.is_ident("column") {
                set(&mut read.column, &meta, meta.value()?.parse()?)
            } else if meta.path.is_ident("json") {
                set(&mut read.json, &meta, span)
            } else if meta.path.is_ident("skip") {
                set(&mut read.skip, &meta, span)
            } else {
                Err(meta.error("unknown: a field of an item has `column = \"…\"`, `json`, `skip`"))
            }
        })?;
        if let Some(skip) = read.skip
            && (read.column.is_some() || read.json.is_some())
        {
            return Err(syn::Error::new(skip, "a field that is skipped has no column: say either"));
        }
        Ok(read)
    }
}

fn each(attributes: &[Attribute], mut one: impl FnMut(ParseNestedMeta<'_>) -> Result<()>) -> Result<()> {
    let mut own = attributes.iter().filter(|attribute| attribute.path().is_ident("item"));
    own.try_for_each(|attribute| attribute.parse_nested_meta(&mut one))
}

fn set<T>(place: &mut Option<T>, meta: &ParseNestedMeta<'_>, value: T) -> Result<()> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(meta.error("said twice")),
    }
}
