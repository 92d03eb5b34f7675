//! A struct as an item type. This code checks its attributes against the rules, and reports each mistake at its place.

use std::collections::HashSet;

use proc_macro2::Span;
use syn::ext::IdentExt;
use syn::{Data, DeriveInput, Error, Field, Fields, Ident, LitStr, Result, Type};

use crate::attributes::{FieldAttributes, Helper, StructAttributes, combined};
use crate::names::{column_refusal, history_refusal, is_plain, not_plain, snake_case, table_refusal};

/// An item type without mistakes, as far as its tokens show.
pub(crate) struct ItemStruct {
    pub(crate) ident: Ident,
    pub(crate) name: String,
    pub(crate) table: Option<String>,
    /// Names of columns.
    pub(crate) key: Vec<String>,
    pub(crate) columns: Vec<FieldColumn>,
    /// The fields that are not stored.
    pub(crate) skipped: Vec<(Ident, Type)>,
    pub(crate) auto_create: bool,
    pub(crate) history: bool,
}

/// A field and the column that it is kept in.
pub(crate) struct FieldColumn {
    pub(crate) field: Ident,
    pub(crate) column: String,
    pub(crate) kind: Type,
    pub(crate) json: bool,
    /// Where its name stands.
    span: Span,
}

impl ItemStruct {
    pub(crate) fn read(input: &DeriveInput) -> Result<Self> {
        let fields = named_fields(input)?;
        if !input.generics.params.is_empty() {
            return Err(Error::new_spanned(
                &input.generics,
                "remove the parameters of this struct, because an item owns its values and has one table",
            ));
        }
        let attributes = StructAttributes::read(&input.attrs, Helper::Item)?;
        let fields: Vec<&Field> = fields.collect();
        let columns = columns(input, fields.iter().copied())?;
        let is_stored = |ident: &Ident| columns.iter().any(|column| column.field == *ident);
        let skipped = fields.iter().filter_map(|field| Some((field.ident.clone()?, field.ty.clone())));
        let skipped = skipped.filter(|(ident, _)| !is_stored(ident)).collect();
        let key = key(attributes.key.as_ref(), &columns)?;
        if let (Some(auto_create), None) = (&attributes.auto_create, &attributes.table) {
            return Err(Error::new(
                auto_create.span,
                "`auto_create` is about a table: name it with `table = \"…\"`",
            ));
        }
        let table = attributes.table.as_ref().map(|table| checked(table, table_refusal)).transpose()?;
        if let Some(span) = attributes.history {
            let columns = columns.iter().map(|column| column.column.as_str());
            let refusal = history_refusal(table.as_deref(), !key.is_empty(), columns);
            refusal.map_or(Ok(()), |refusal| Err(Error::new(span, refusal)))?;
        }
        Ok(Self {
            name: item_name(&input.ident, attributes.name.as_ref())?,
            ident: input.ident.clone(),
            table,
            key,
            columns,
            skipped,
            auto_create: attributes.auto_create.is_none_or(|create| create.value),
            history: attributes.history.is_some(),
        })
    }

    /// The columns of the key, as fields.
    pub(crate) fn key_columns(&self) -> impl Iterator<Item = &FieldColumn> {
        self.columns.iter().filter(|column| self.key.contains(&column.column))
    }
}

/// The message for a key column whose type cannot be a key.
pub(crate) fn unequal_keys(column: &str) -> String {
    format!(
        "the key column `{column}` is a float, a list or JSON: two spellings of one value would be two keys"
    )
}

pub(crate) fn named_fields(input: &DeriveInput) -> Result<impl Iterator<Item = &Field>> {
    match &input.data {
        Data::Struct(data) if matches!(data.fields, Fields::Named(_)) => Ok(data.fields.iter()),
        _ => Err(Error::new_spanned(
            &input.ident,
            "this derive needs a struct with named fields: each field is a column, or a value that a page fills",
        )),
    }
}

fn columns<'a>(input: &DeriveInput, fields: impl Iterator<Item = &'a Field>) -> Result<Vec<FieldColumn>> {
    let mut columns = Vec::new();
    let mut mistakes = Vec::new();
    let mut names = HashSet::new();
    for field in fields {
        match column(field) {
            Ok(Some(column)) if names.insert(column.column.clone()) => columns.push(column),
            Ok(Some(column)) => {
                mistakes
                    .push(Error::new(column.span, format!("there is already a column `{}`", column.column)));
            }
            Ok(None) => {}
            Err(mistake) => mistakes.push(mistake),
        }
    }
    if mistakes.is_empty() && columns.is_empty() {
        mistakes.push(Error::new_spanned(&input.ident, "an item needs at least one field that is stored"));
    }
    combined(mistakes)?;
    Ok(columns)
}

/// The column of a field; `None` if it is skipped.
fn column(field: &Field) -> Result<Option<FieldColumn>> {
    let attributes = FieldAttributes::read(&field.attrs, Helper::Item)?;
    let Some(ident) = field.ident.clone().filter(|_| attributes.skip.is_none()) else { return Ok(None) };
    let (column, span) = match &attributes.column {
        Some(given) => (checked(given, column_refusal)?, given.span()),
        None => {
            let name = ident.unraw().to_string();
            match column_refusal(&name) {
                None => (name, ident.span()),
                Some(refusal) => {
                    let help = "; or keep the field's name and add #[item(column = \"…\")]";
                    return Err(Error::new(ident.span(), refusal + help));
                }
            }
        }
    };
    Ok(Some(FieldColumn {
        field: ident,
        column,
        kind: field.ty.clone(),
        json: attributes.json.is_some(),
        span,
    }))
}

fn key(given: Option<&LitStr>, columns: &[FieldColumn]) -> Result<Vec<String>> {
    let Some(given) = given else { return Ok(Vec::new()) };
    let mut key: Vec<String> = Vec::new();
    for name in given.value().split(',').map(str::trim) {
        if name.is_empty() {
            return Err(Error::new(
                given.span(),
                "a key names columns, with commas between them: `key = \"shop, number\"`",
            ));
        }
        if key.iter().any(|known| known == name) {
            return Err(Error::new(given.span(), format!("the key names `{name}` twice")));
        }
        match columns.iter().find(|column| column.column == name) {
            None => return Err(Error::new(given.span(), no_such_column(name, columns))),
            Some(column) if column.json => return Err(Error::new(given.span(), unequal_keys(name))),
            Some(_) => {}
        }
        key.push(name.to_owned());
    }
    Ok(key)
}

fn no_such_column(name: &str, columns: &[FieldColumn]) -> String {
    if let Some(renamed) = columns.iter().find(|column| column.field.unraw() == name) {
        return format!("the column of the field `{name}` is `{}`: the key names columns", renamed.column);
    }
    let known: Vec<String> = columns.iter().map(|column| format!("`{}`", column.column)).collect();
    format!("the key names `{name}`, which is not a column of this item; there are {}", known.join(", "))
}

fn item_name(ident: &Ident, given: Option<&LitStr>) -> Result<String> {
    if let Some(given) = given {
        return checked(given, |name| (!is_plain(name)).then(|| not_plain(name)));
    }
    let name = snake_case(&ident.unraw().to_string());
    if is_plain(&name) {
        Ok(name)
    } else {
        Err(Error::new(ident.span(), not_plain(&name) + "; add #[item(name = \"…\")]"))
    }
}

fn checked(given: &LitStr, refusal: impl Fn(&str) -> Option<String>) -> Result<String> {
    let name = given.value();
    refusal(&name).map_or(Ok(name), |refusal| Err(Error::new(given.span(), refusal)))
}

#[cfg(test)]
mod tests;
