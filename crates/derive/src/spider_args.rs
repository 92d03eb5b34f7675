//! `#[derive(SpiderArgs)]`: a struct becomes the arguments of a spider.

mod attributes;
mod expanded;

use syn::ext::IdentExt;
use syn::{Data, DeriveInput, Error, Field, Fields, Ident, Result, Type};

use self::attributes::{FieldAttributes, help};

use crate::shape::{Shape, shape};

pub(crate) use self::expanded::expand;

/// Names that `-a` gives another meaning.
const RESERVED: [&str; 4] = ["start_urls", "start_url", "limit", "force_run"];

/// A struct whose fields are arguments.
pub(crate) struct ArgsStruct {
    ident: Ident,
    fields: Vec<ArgField>,
}

/// A field and the argument that fills it.
struct ArgField {
    field: Ident,
    name: String,
    help: String,
    kind: Type,
    /// The default, as a Rust expression that gives its text.
    default: Option<proc_macro2::TokenStream>,
}

impl ArgsStruct {
    pub(crate) fn read(input: &DeriveInput) -> Result<Self> {
        let Data::Struct(data) = &input.data else { return Err(not_named(&input.ident)) };
        let Fields::Named(named) = &data.fields else { return Err(not_named(&input.ident)) };
        if !input.generics.params.is_empty() {
            return Err(Error::new_spanned(
                &input.generics,
                "the arguments of a spider are one struct without parameters",
            ));
        }
        let mut fields: Vec<ArgField> = Vec::new();
        for field in &named.named {
            let Some(ident) = &field.ident else { continue };
            let read = ArgField::read(field, ident)?;
            if fields.iter().any(|earlier| earlier.name == read.name) {
                return Err(Error::new(ident.span(), format!("there is another argument `{}`", read.name)));
            }
            fields.push(read);
        }
        Ok(Self { ident: input.ident.clone(), fields })
    }
}

impl ArgField {
    fn read(field: &Field, ident: &Ident) -> Result<Self> {
        let attributes = FieldAttributes::read(&field.attrs, &field.ty)?;
        let (name, span) = match &attributes.name {
            Some(given) => (given.value(), given.span()),
            None => (ident.unraw().to_string(), ident.span()),
        };
        if RESERVED.contains(&name.as_str()) {
            return Err(Error::new(span, format!("`-a {name}=…` has a meaning of its own for every spider")));
        }
        if name.is_empty() || name.contains('=') {
            return Err(Error::new(span, "nobody could give an argument of this name with -a NAME=VALUE"));
        }
        if attributes.default.is_some() && matches!(shape(&field.ty), Shape::Optional(_)) {
            return Err(Error::new_spanned(
                &field.ty,
                "an argument with a default always has a value: its field needs no `Option`",
            ));
        }
        let (field, kind, help) = (ident.clone(), field.ty.clone(), help(&field.attrs));
        Ok(Self { field, name, help, kind, default: attributes.default })
    }
}

fn not_named(ident: &Ident) -> Error {
    Error::new_spanned(ident, "arguments are a struct with named fields: each field is one argument")
}

#[cfg(test)]
mod tests;
