//! `#[derive(Item)]`: a struct becomes an item type, with its table described and its mistakes found by the
//! compiler.
//!
//! What the attributes say is read in `attributes`, held against the rules in `described`, and written as
//! Rust in `expanded`; `names` holds the rules for names.

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

mod attributes;
mod described;
mod expanded;
mod from_record;
mod names;

/// Describes the table of an item type and turns its values into records.
///
/// ```
/// use dragline::prelude::*;
///
/// #[derive(Item)]
/// #[item(table = "offers", key = "shop, number")]
/// struct Offer {
///     shop: String,
///     #[item(column = "number")]
///     article_number: i64,
///     price: Option<Decimal>,
///     tags: Vec<String>,
///     #[item(json)]
///     sizes: std::collections::BTreeMap<String, u32>,
///     #[item(skip)]
///     seen_twice: bool,
/// }
///
/// let offers = Offer::item_type();
/// assert_eq!((offers.name, offers.table, offers.key), ("offer", Some("offers"), &["shop", "number"][..]));
/// let columns: Vec<&str> = offers.columns.iter().map(|column| column.name).collect();
/// assert_eq!(columns, ["shop", "number", "price", "tags", "sizes"]);
/// ```
///
/// # On the struct
///
/// | attribute | meaning | without it |
/// |---|---|---|
/// | `table = "offers"` | the items have a table of their own, with typed columns | they go to `crawl_items` |
/// | `key = "shop, number"` | the columns that identify an item: it is an upsert | items are appended, once per page |
/// | `name = "offer"` | its name in `crawl_items`, dead letters, exports and reports | the struct's name in snake case |
/// | `auto_create = false` | a missing table is not created at start: its DDL is printed instead | it is created |
///
/// # On a field
///
/// | attribute | meaning |
/// |---|---|
/// | `column = "number"` | the column's name, where it is not the field's |
/// | `json` | any type that serde can serialize, kept as JSON; `Option` makes it nullable |
/// | `skip` | not stored |
///
/// Without `json`, a field has one of the types that implement `dragline::Field`.
///
/// A `json` field that serde cannot write as JSON (a map whose keys are no strings) panics when the item is
/// emitted, which fails its page with the field named: a mistake in the type, never a row that is silently
/// poorer. In such a field serde writes floats that are not finite as null.
///
/// # What is refused
///
/// A key is never nullable, for a null equals nothing, not even the same null:
///
/// ```compile_fail
/// # use dragline::prelude::*;
/// #[derive(Item)]
/// #[item(key = "isbn")]
/// struct Book { isbn: Option<String> }
/// ```
///
/// Nor is it a float, a list or JSON, for two spellings of one value would be two keys:
///
/// ```compile_fail
/// # use dragline::prelude::*;
/// #[derive(Item)]
/// #[item(key = "price")]
/// struct Book { price: f64 }
/// ```
///
/// A field is of a type that a column can hold, or marked `json`:
///
/// ```compile_fail
/// # use dragline::prelude::*;
/// #[derive(Item)]
/// struct Book { age: std::time::Duration }
/// ```
///
/// The key names columns that are there; names are plain (`[a-z_][a-z0-9_]{0,62}`), each column has one of
/// its own, and `run_id`, `source_url` and `scraped_at` are Dragline's:
///
/// ```compile_fail
/// # use dragline::prelude::*;
/// #[derive(Item)]
/// #[item(key = "ibsn")]
/// struct Book { isbn: String }
/// ```
#[proc_macro_derive(Item, attributes(item))]
pub fn derive_item(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    described::ItemStruct::read(&input)
        .map_or_else(syn::Error::into_compile_error, |item| expanded::expand(&item))
        .into()
}
