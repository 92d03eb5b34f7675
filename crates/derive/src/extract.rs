//! A struct that selectors fill.

use syn::ext::IdentExt;
use syn::{DeriveInput, Error, Ident, LitStr, Result};

use crate::attributes::{FieldAttributes, Helper, StructAttributes, combined};
use crate::css;
use crate::described::named_fields;

pub(crate) mod attributes;
pub(crate) mod expanded;
mod filling;

use self::filling::{FilledField, Filling};

/// A struct that a page fills.
pub(crate) struct ExtractStruct {
    pub(crate) ident: Ident,
    /// The elements that hold one struct each.
    pub(crate) css: Option<LitStr>,
    pub(crate) fields: Vec<FilledField>,
}

impl ExtractStruct {
    /// `None` for an item without selectors, which its spider fills by hand.
    pub(crate) fn read(input: &DeriveInput, helper: Helper) -> Result<Option<Self>> {
        if helper == Helper::Extract && !input.generics.params.is_empty() {
            return Err(Error::new_spanned(
                &input.generics,
                "remove the parameters of this struct, because a page fills it",
            ));
        }
        let css = StructAttributes::read(&input.attrs, helper)?.css;
        if let Some(css) = &css
            && !css::check(css)?.selects_elements()
        {
            return Err(Error::new(
                css.span(),
                "a struct is filled from elements: leave out `::text` and `::attr(…)`",
            ));
        }
        let mut fields = Vec::new();
        let mut unfilled = Vec::new();
        let mut mistakes = Vec::new();
        for field in named_fields(input)? {
            let attributes = FieldAttributes::read(&field.attrs, helper)?;
            let Some(ident) = field.ident.clone() else { continue };
            let filling = match Filling::read(attributes.extract, &field.ty) {
                Ok(Some(filling)) => filling,
                Ok(None) if attributes.skip.is_some() => Filling::Value(None),
                Ok(None) => {
                    unfilled.push(ident);
                    continue;
                }
                Err(mistake) => {
                    mistakes.push(mistake);
                    continue;
                }
            };
            fields.push(FilledField { field: ident, kind: field.ty.clone(), filling });
        }
        let is_made_by_hand = css.is_none() && mistakes.is_empty() && fields.iter().all(is_skipped);
        if helper == Helper::Item && is_made_by_hand {
            return Ok(None);
        }
        mistakes.extend(unfilled.iter().map(|field| {
            let name = field.unraw();
            Error::new(field.span(), format!("say how a page fills `{name}`: `css = \"…\"`, `attr = \"…\"`, `with = function`, `url` or `default`"))
        }));
        combined(mistakes)?;
        Ok(Some(Self { ident: input.ident.clone(), css, fields }))
    }
}

fn is_skipped(field: &FilledField) -> bool {
    matches!(field.filling, Filling::Value(None))
}

#[cfg(test)]
mod tests;
