//! `#[item(merge = "…")]`: what becomes of the value of a column when another page gives the same key.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{Error, LitStr, Result};

use crate::described::{FieldColumn, IdPart};
use crate::facade::private;
use crate::shape::inside_option;

/// The names of the rules.
const RULES: [&str; 6] = ["keep", "fill", "max", "min", "add", "union"];

/// A rule, and where it stands.
pub(crate) struct Merge {
    rule: &'static str,
    span: Span,
}

impl Merge {
    /// The rule of a field. `json` says that serde writes the field, as it is attributed.
    pub(crate) fn read(given: &LitStr, json: Option<Span>) -> Result<Self> {
        let name = given.value();
        let Some(rule) = RULES.into_iter().find(|rule| *rule == name) else {
            let known = RULES.map(|rule| format!("`{rule}`")).join(", ");
            return Err(Error::new(given.span(), format!("`{name}` is not a rule; the rules are {known}")));
        };
        if json.is_some() && !matches!(rule, "keep" | "fill") {
            return Err(Error::new(given.span(), format!("JSON has no `{rule}`: only `keep` and `fill`")));
        }
        Ok(Self { rule, span: given.span() })
    }
}

/// Refuses rules where there is nothing to merge.
pub(crate) fn check(
    table: Option<&str>,
    key: &[String],
    id: &[IdPart],
    columns: &[FieldColumn],
) -> Result<()> {
    for column in columns {
        let (Some(merge), name) = (&column.merge, &column.column) else { continue };
        let problem = if table.is_none() {
            "`merge` needs a table of the item's own: name it with `table = \"…\"`".to_owned()
        } else if key.is_empty() {
            "`merge` needs a key, which says which items are one row: add `id = \"…\"` or `key = \"…\"`"
                .to_owned()
        } else if key.contains(name) || id.iter().any(|part| part.column == *name) {
            format!(
                "`{name}` is a part of the key, which is the same in all items of a row: leave out `merge`"
            )
        } else if merge.rule == "fill" && column.json && inside_option(&column.kind).is_none() {
            never_null(name)
        } else {
            continue;
        };
        return Err(Error::new(merge.span, problem));
    }
    Ok(())
}

/// The call of the builder.
pub(crate) fn builder_call(column: &FieldColumn) -> Option<TokenStream> {
    let (variant, name) = (variant(column.merge.as_ref()?), &column.column);
    Some(quote!(.with_merge(#name, #variant)))
}

/// Only the compiler knows types, so it evaluates these checks. All types of JSON are one type.
pub(crate) fn expand(column: &FieldColumn) -> Option<TokenStream> {
    let private = private();
    let FieldColumn { column: name, kind, json, .. } = column;
    let merge = column.merge.as_ref().filter(|_| !json)?;
    let (rule, variant) = (merge.rule, variant(merge));
    let unfit = match rule {
        "add" => format!("the column `{name}` has no exact sum: `add` is for integers and Decimal"),
        "union" => format!("the column `{name}` is not a list of texts: `union` is for Vec<String>"),
        _ => format!(
            "`{rule}` is for numbers, dates, times and bool, and the column `{name}` has another type"
        ),
    };
    let never_null = never_null(name);
    let is_nullable =
        (rule == "fill").then(|| quote!(::core::assert!(<#kind as #private::Field>::NULLABLE, #never_null);));
    Some(quote_spanned! {merge.span=>
        const _: () = {
            ::core::assert!(#variant.fits(<#kind as #private::Field>::TYPE), #unfit);
            #is_nullable
        };
    })
}

/// The message for a column that has nothing to fill.
fn never_null(column: &str) -> String {
    format!(
        "the column `{column}` is never null, so there is nothing to fill: make the field an Option, or leave out `merge`"
    )
}

fn variant(merge: &Merge) -> TokenStream {
    let private = private();
    let mut name = merge.rule.to_owned();
    name[..1].make_ascii_uppercase();
    let name = format_ident!("{name}");
    quote!(#private::Merge::#name)
}
