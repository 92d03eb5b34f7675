//! A struct as an item type. This code checks its attributes against the rules, and reports each mistake at its place.

use std::collections::HashSet;

use proc_macro2::Span;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Expr, Field, Fields, Ident, LitStr, Path, Result, Type, Visibility};

use crate::attributes::{FieldAttributes, Helper, StructAttributes, combined};
use crate::merged::{self, Merge};
use crate::names::{
    changes_refusal, column_refusal, gone_mark_refusal, history_refusal, is_plain, not_plain, snake_case,
    table_refusal,
};

/// An item type without mistakes, as far as its tokens show.
#[allow(clippy::struct_excessive_bools)] // they have nothing to do with each other
pub(crate) struct ItemStruct {
    pub(crate) ident: Ident,
    pub(crate) visibility: Visibility,
    pub(crate) name: String,
    pub(crate) table: Option<String>,
    /// Names of columns. For an item with an id, it is `id`.
    pub(crate) key: Vec<String>,
    pub(crate) id: Vec<IdPart>,
    pub(crate) children_of: Option<Path>,
    /// The names of the columns of each index.
    pub(crate) indexes: Vec<Vec<String>>,
    /// Its views, each an expression.
    pub(crate) views: Vec<Expr>,
    pub(crate) columns: Vec<FieldColumn>,
    /// The fields that are not stored.
    pub(crate) skipped: Vec<(Ident, Type)>,
    pub(crate) auto_create: bool,
    pub(crate) history: bool,
    pub(crate) gone_mark: bool,
    pub(crate) changes: bool,
}

/// A field and the column that it is kept in.
pub(crate) struct FieldColumn {
    pub(crate) field: Ident,
    pub(crate) column: String,
    pub(crate) kind: Type,
    pub(crate) json: bool,
    /// The item type to whose key it refers. A field may also be a `Key`, which only the compiler knows.
    pub(crate) references: Option<Path>,
    pub(crate) deferrable: Option<Span>,
    pub(crate) merge: Option<Merge>,
    /// Where its name stands.
    span: Span,
}

/// A column that is a part of the id.
pub(crate) struct IdPart {
    pub(crate) column: String,
    /// Its spelling counts.
    pub(crate) is_exact: bool,
}

/// The column of an id.
pub(crate) const ID: &str = "id";

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
        let id = id(attributes.id.as_ref(), &columns)?;
        let key = match (&attributes.key, id.is_empty()) {
            (Some(given), false) => {
                return Err(Error::new(
                    given.span(),
                    "an item with an id has the id as its key: leave out one of the two",
                ));
            }
            (None, false) => vec![ID.to_owned()],
            (given, true) => key(given.as_ref(), &columns)?,
        };
        if let (Some(auto_create), None) = (&attributes.auto_create, &attributes.table) {
            return Err(Error::new(
                auto_create.span,
                "`auto_create` is about a table: name it with `table = \"…\"`",
            ));
        }
        let table = attributes.table.as_ref().map(|table| checked(table, table_refusal)).transpose()?;
        let indexes = indexes(&attributes.indexes, &columns, !id.is_empty())?;
        if table.is_none() {
            needs_table(&attributes, &columns)?;
        }
        merged::check(table.as_deref(), &key, &id, &columns)?;
        if let (Some(parent), true) = (&attributes.children_of, key.is_empty()) {
            let help =
                "children need a key, which says which rows are the same: add `id = \"…\"` or `key = \"…\"`";
            return Err(Error::new_spanned(parent, help));
        }
        if let Some(span) = attributes.history {
            let columns = columns.iter().map(|column| column.column.as_str());
            let refusal = history_refusal(table.as_deref(), !key.is_empty(), columns);
            refusal.map_or(Ok(()), |refusal| Err(Error::new(span, refusal)))?;
        }
        if let Some(span) = attributes.gone_mark {
            let columns = columns.iter().map(|column| column.column.as_str());
            let refusal = gone_mark_refusal(table.as_deref(), !key.is_empty(), columns);
            refusal.map_or(Ok(()), |refusal| Err(Error::new(span, refusal)))?;
        }
        if let Some(span) = attributes.changes {
            let refusal = changes_refusal(table.as_deref(), !key.is_empty());
            refusal.map_or(Ok(()), |refusal| Err(Error::new(span, refusal)))?;
        }
        Ok(Self {
            name: item_name(&input.ident, attributes.name.as_ref())?,
            ident: input.ident.clone(),
            visibility: input.vis.clone(),
            table,
            key,
            id,
            children_of: attributes.children_of,
            indexes,
            views: attributes.views,
            columns,
            skipped,
            auto_create: attributes.auto_create.is_none_or(|create| create.value),
            history: attributes.history.is_some(),
            gone_mark: attributes.gone_mark.is_some(),
            changes: attributes.changes.is_some(),
        })
    }

    /// The columns of the key, as fields.
    pub(crate) fn key_columns(&self) -> impl Iterator<Item = &FieldColumn> {
        self.columns.iter().filter(|column| self.key.contains(&column.column))
    }

    /// The parts of the id, as fields, in their order.
    pub(crate) fn id_columns(&self) -> impl Iterator<Item = &FieldColumn> {
        let named = |part: &IdPart| self.columns.iter().find(|column| column.column == part.column);
        self.id.iter().filter_map(named)
    }
}

/// The message for a part of an id whose type cannot be one.
pub(crate) fn unequal_parts(column: &str) -> String {
    format!(
        "the part `{column}` of the id is a float, a list or JSON: two spellings of one value would be two ids"
    )
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
    if let (Some(parent), Some(_)) = (&attributes.references, attributes.json) {
        return Err(Error::new_spanned(
            parent,
            "JSON is not a key: a reference is a field of the type of the parent's key",
        ));
    }
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
        references: attributes.references,
        deferrable: attributes.deferrable,
        merge: attributes.merge.as_ref().map(|given| Merge::read(given, attributes.json)).transpose()?,
        span,
    }))
}

fn key(given: Option<&LitStr>, columns: &[FieldColumn]) -> Result<Vec<String>> {
    let Some(given) = given else { return Ok(Vec::new()) };
    let key = listed(given, "key", "shop, number", columns, false)?;
    match columns.iter().find(|column| column.json && key.contains(&column.column)) {
        Some(column) => Err(Error::new(given.span(), unequal_keys(&column.column))),
        None => Ok(key),
    }
}

fn id(given: Option<&LitStr>, columns: &[FieldColumn]) -> Result<Vec<IdPart>> {
    let Some(given) = given else { return Ok(Vec::new()) };
    if let Some(column) = columns.iter().find(|column| column.column == ID) {
        return Err(Error::new(
            column.span,
            "the column `id` is computed: call this one something else, or leave out `id = \"…\"` and name it as the key",
        ));
    }
    let is_exact = |part: &str| part.trim_start().starts_with('=');
    let exact: Vec<bool> = given.value().split(',').map(is_exact).collect();
    let names: Vec<String> =
        given.value().split(',').map(|part| part.trim().trim_start_matches('=').to_owned()).collect();
    let names = listed(&LitStr::new(&names.join(","), given.span()), "id", "artist, title", columns, false)?;
    if let Some(column) = columns.iter().find(|column| column.json && names.contains(&column.column)) {
        return Err(Error::new(given.span(), unequal_parts(&column.column)));
    }
    Ok(names.into_iter().zip(exact).map(|(column, is_exact)| IdPart { column, is_exact }).collect())
}

fn indexes(given: &[LitStr], columns: &[FieldColumn], has_id: bool) -> Result<Vec<Vec<String>>> {
    given.iter().map(|index| listed(index, "index", "shop, number", columns, has_id)).collect()
}

/// The columns that `what` names, with commas between them.
fn listed(
    given: &LitStr,
    what: &str,
    example: &str,
    columns: &[FieldColumn],
    has_id: bool,
) -> Result<Vec<String>> {
    let mut listed: Vec<String> = Vec::new();
    let article = if what.starts_with('i') { "an" } else { "a" };
    for name in given.value().split(',').map(str::trim) {
        if name.is_empty() {
            return Err(Error::new(
                given.span(),
                format!("{article} {what} names columns, with commas between them: `{what} = \"{example}\"`"),
            ));
        }
        if listed.iter().any(|known| known == name) {
            return Err(Error::new(given.span(), format!("the {what} names `{name}` twice")));
        }
        let is_column = columns.iter().any(|column| column.column == name) || (has_id && name == ID);
        if !is_column {
            return Err(Error::new(given.span(), no_such_column(what, name, columns)));
        }
        listed.push(name.to_owned());
    }
    Ok(listed)
}

fn no_such_column(what: &str, name: &str, columns: &[FieldColumn]) -> String {
    if let Some(renamed) = columns.iter().find(|column| column.field.unraw() == name) {
        return format!("the column of the field `{name}` is `{}`: the {what} names columns", renamed.column);
    }
    let known: Vec<String> = columns.iter().map(|column| format!("`{}`", column.column)).collect();
    format!("the {what} names `{name}`, which is not a column of this item; there are {}", known.join(", "))
}

/// Refuses what is a part of a table, for an item without one.
fn needs_table(attributes: &StructAttributes, columns: &[FieldColumn]) -> Result<()> {
    let told = |span: Span, what: &str| {
        Err(Error::new(span, format!("{what} belongs to a table: name it with `table = \"…\"`")))
    };
    if let Some(id) = &attributes.id {
        return told(id.span(), "an id");
    }
    if let Some(index) = attributes.indexes.first() {
        return told(index.span(), "an index");
    }
    if let Some(view) = attributes.views.first() {
        return told(view.span(), "a view");
    }
    if let Some(parent) = &attributes.children_of {
        return told(parent.span(), "`children_of`");
    }
    match columns.iter().find_map(|column| column.references.as_ref()) {
        Some(parent) => told(parent.span(), "a reference"),
        None => Ok(()),
    }
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
