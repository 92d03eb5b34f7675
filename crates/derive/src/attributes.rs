//! `#[item(…)]` and `#[extract(…)]` as written, on a struct and on a field.

use proc_macro2::Span;
use syn::meta::ParseNestedMeta;
use syn::{Attribute, Error, Expr, LitBool, LitStr, Path, Result};

use crate::extract::attributes::{ExtractAttributes, KNOWN};

/// Which of the two a derive reads.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Helper {
    /// `#[item(…)]`
    Item,
    /// `#[extract(…)]`
    Extract,
}

/// The attributes of a struct.
#[derive(Default)]
pub(crate) struct StructAttributes {
    pub(crate) table: Option<LitStr>,
    pub(crate) key: Option<LitStr>,
    pub(crate) id: Option<LitStr>,
    pub(crate) children_of: Option<Path>,
    pub(crate) indexes: Vec<LitStr>,
    pub(crate) views: Vec<Expr>,
    pub(crate) name: Option<LitStr>,
    pub(crate) auto_create: Option<LitBool>,
    pub(crate) history: Option<Span>,
    pub(crate) gone_mark: Option<Span>,
    pub(crate) changes: Option<Span>,
    pub(crate) css: Option<LitStr>,
}

/// The attributes of a field.
#[derive(Default)]
pub(crate) struct FieldAttributes {
    pub(crate) column: Option<LitStr>,
    pub(crate) json: Option<Span>,
    pub(crate) skip: Option<Span>,
    pub(crate) references: Option<Path>,
    pub(crate) deferrable: Option<Span>,
    pub(crate) merge: Option<LitStr>,
    pub(crate) extract: ExtractAttributes,
}

impl StructAttributes {
    pub(crate) fn read(attributes: &[Attribute], helper: Helper) -> Result<Self> {
        let mut read = Self::default();
        each(attributes, helper, |meta| {
            let span = meta.path.segments.first().map_or_else(Span::call_site, |part| part.ident.span());
            if meta.path.is_ident("css") {
                set(&mut read.css, &meta, meta.value()?.parse()?)
            } else if helper == Helper::Extract {
                Err(meta
                    .error("unknown: `#[extract(css = \"…\")]` names the elements that hold one struct each"))
            } else if meta.path.is_ident("table") {
                set(&mut read.table, &meta, meta.value()?.parse()?)
            } else if meta.path.is_ident("key") {
                set(&mut read.key, &meta, meta.value()?.parse()?)
            } else if meta.path.is_ident("id") {
                set(&mut read.id, &meta, meta.value()?.parse()?)
            } else if meta.path.is_ident("children_of") {
                set(&mut read.children_of, &meta, meta.value()?.parse()?)
            } else if meta.path.is_ident("index") {
                read.indexes.push(meta.value()?.parse()?);
                Ok(())
            } else if meta.path.is_ident("view") {
                read.views.push(meta.value()?.parse()?);
                Ok(())
            } else if meta.path.is_ident("name") {
                set(&mut read.name, &meta, meta.value()?.parse()?)
            } else if meta.path.is_ident("auto_create") {
                set(&mut read.auto_create, &meta, meta.value()?.parse()?)
            } else if meta.path.is_ident("history") {
                set(&mut read.history, &meta, span)
            } else if meta.path.is_ident("gone_mark") {
                set(&mut read.gone_mark, &meta, span)
            } else if meta.path.is_ident("changes") {
                set(&mut read.changes, &meta, span)
            } else {
                Err(meta.error(
                    "unknown: an item has `table = \"…\"`, `key = \"…\"`, `id = \"…\"`, `name = \"…\"`, `auto_create = false`, `history`, `gone_mark`, `changes`, \
                     `children_of = …`, `index = \"…\"`, `view = …`, `css = \"…\"`",
                ))
            }
        })?;
        Ok(read)
    }
}

impl FieldAttributes {
    pub(crate) fn read(attributes: &[Attribute], helper: Helper) -> Result<Self> {
        let mut read = Self::default();
        each(attributes, helper, |meta| {
            let span = meta.path.segments.first().map_or_else(Span::call_site, |part| part.ident.span());
            if read.extract.take(&meta)? {
                Ok(())
            } else if helper == Helper::Extract {
                Err(meta.error(format!("unknown: a page fills a field by {KNOWN}")))
            } else if meta.path.is_ident("column") {
                set(&mut read.column, &meta, meta.value()?.parse()?)
            } else if meta.path.is_ident("json") {
                set(&mut read.json, &meta, span)
            } else if meta.path.is_ident("skip") {
                set(&mut read.skip, &meta, span)
            } else if meta.path.is_ident("references") {
                set(&mut read.references, &meta, meta.value()?.parse()?)
            } else if meta.path.is_ident("deferrable") {
                set(&mut read.deferrable, &meta, span)
            } else if meta.path.is_ident("merge") {
                set(&mut read.merge, &meta, meta.value()?.parse()?)
            } else {
                Err(meta.error(format!(
                    "unknown: a field of an item has `column = \"…\"`, `json`, `skip`, `references = …`, `deferrable`, `merge = \"…\"`; and a page fills it by {KNOWN}"
                )))
            }
        })?;
        if let Some(skip) = read.skip
            && (read.column.is_some()
                || read.json.is_some()
                || read.references.is_some()
                || read.deferrable.is_some()
                || read.merge.is_some())
        {
            return Err(Error::new(skip, "a field that is skipped has no column: use only one of the two"));
        }
        Ok(read)
    }
}

/// Sets an attribute that may be given once.
pub(crate) fn set<T>(place: &mut Option<T>, meta: &ParseNestedMeta<'_>, value: T) -> Result<()> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(meta.error("this attribute is given twice")),
    }
}

/// All mistakes as one error, so that one build shows everything that needs a fix.
pub(crate) fn combined(mistakes: Vec<Error>) -> Result<()> {
    let all = mistakes.into_iter().reduce(|mut all, mistake| {
        all.combine(mistake);
        all
    });
    all.map_or(Ok(()), Err)
}

fn each(
    attributes: &[Attribute],
    helper: Helper,
    mut one: impl FnMut(ParseNestedMeta<'_>) -> Result<()>,
) -> Result<()> {
    let name = match helper {
        Helper::Item => "item",
        Helper::Extract => "extract",
    };
    let mut own = attributes.iter().filter(|attribute| attribute.path().is_ident(name));
    own.try_for_each(|attribute| attribute.parse_nested_meta(&mut one))
}
