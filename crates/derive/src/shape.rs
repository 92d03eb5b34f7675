//! How many values a field has, as far as the tokens of its type show.

use syn::{GenericArgument, PathArguments, Type};

/// A type, judged by how it is written. It does not see through an alias of an `Option` or a `Vec`.
pub(crate) enum Shape<'t> {
    /// One value.
    One(&'t Type),
    /// `Option<T>`.
    Optional(&'t Type),
    /// `Vec<T>`.
    List(&'t Type),
}

pub(crate) fn shape(kind: &Type) -> Shape<'_> {
    if let Some(inside) = inside(kind, "Option") {
        Shape::Optional(inside)
    } else if let Some(inside) = inside(kind, "Vec") {
        Shape::List(inside)
    } else {
        Shape::One(kind)
    }
}

/// `T` of a type written `Option<T>`.
pub(crate) fn inside_option(kind: &Type) -> Option<&Type> {
    inside(kind, "Option")
}

fn inside<'t>(kind: &'t Type, around: &str) -> Option<&'t Type> {
    let Type::Path(path) = kind else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == around)?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first() {
        Some(GenericArgument::Type(inside)) => Some(inside),
        _ => None,
    }
}
