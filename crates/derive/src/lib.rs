//! The macros of spiders: `#[derive(Item)]` describes the table of a struct, selectors on its fields fill it from a page,
//! and `css!` is a selector. Their mistakes are errors of the compiler.
//!
//! `attributes` reads what is written. `described` checks it for an item and `expanded` writes the Rust. `extract` does
//! both for a struct that a page fills. `names` has the rules for names, `facade` finds the crate that the Rust names.

use proc_macro::TokenStream;
use proc_macro2::TokenStream as TokenStream2;
use syn::{DeriveInput, LitStr, parse_macro_input};

use self::attributes::Helper;

mod attributes;
mod css;
mod described;
mod expanded;
mod extract;
mod facade;
mod from_record;
mod merged;
mod names;
mod related;
mod shape;
mod spider_args;

/// Describes the table of an item type, turns its values into records, and fills it from a page.
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
/// assert_eq!((offers.name(), offers.table()), ("offer", Some("offers")));
/// assert_eq!(offers.key(), ["shop", "number"]);
/// let columns: Vec<&str> = offers.columns().iter().map(|column| column.name.as_str()).collect();
/// assert_eq!(columns, ["shop", "number", "price", "tags", "sizes"]);
/// ```
///
/// # On the struct
///
/// | attribute | meaning | without it |
/// |---|---|---|
/// | `table = "offers"` | the items have a table of their own, with typed columns | they go to `crawl_items` |
/// | `key = "shop, number"` | the columns that identify an item: it is an upsert | items are appended, once per page |
/// | `id = "shop, =number"` | a first column `id`, a UUID that is computed from these columns: it is the key. `=` before a column: its spelling counts | the key has the columns that `key` names |
/// | `children_of = Offer` | the items that a page gave and no longer gives are deleted, when it gives their parent or its children again | they stay |
/// | `index = "shop, price"` | the table has an index on these columns; may be given several times | only key and references have one |
/// | `view = CHEAPEST` | a view, an expression of the type `View`, that is created after the tables; may be given several times | there is none |
/// | `name = "offer"` | its name in `crawl_items`, dead letters, exports and reports | the struct's name in snake case |
/// | `auto_create = false` | a missing table is not created at start: its DDL is printed instead | it is created |
/// | `history` | the earlier versions of rows are kept in `offers_history` | they are lost |
/// | `changes` | each change of a row is noted in `crawl_changes`, for programs that follow the rows | changes are not noted |
/// | `gone_mark` | the table has a column `gone_at`, in which `crawl --mark-gone` notes rows that are gone | rows that are gone look like the others |
///
/// # On a field
///
/// | attribute | meaning |
/// |---|---|
/// | `column = "number"` | the column's name, where it is not the field's |
/// | `json` | any type that serde can serialize, kept as JSON; `Option` makes it nullable |
/// | `skip` | not stored |
/// | `references = Shop` | the key of an item of another type, if that is one column without an id: the table gets a foreign key. A field of the type `Key<Shop>` is a reference without this |
/// | `deferrable` | the database checks the reference at the end of each page's transaction, so that types may refer to each other |
///
/// Without `json`, a field has one of the types that implement `dragline::Field`.
///
/// A `json` field that serde cannot write as JSON (a map whose keys are not strings) panics when the item is emitted.
/// That fails its page and names the field. In such a field serde writes floats that are not finite as null.
///
/// # Filled from a page
///
/// With selectors on its fields, `page.extract::<Offer>()?` and `out.extract_all::<Offer>(page)?` fill the struct:
///
/// ```
/// use dragline::prelude::*;
///
/// #[derive(Item)]
/// #[item(table = "offers", key = "number", css = "li.offer")]
/// struct Offer {
///     #[item(attr = "data-number")]
///     number: u32,
///     #[item(css = "b")]
///     name: String,
///     #[item(css = ".price", regex = r"[\d.]+")]
///     price: Option<Decimal>,
///     #[item(css = "a", attr = "href", json)]
///     links: Vec<Url>,
///     #[item(css = ".currency", default = "EUR")]
///     currency: String,
/// }
///
/// let html = "<ul><li class=offer data-number=7><b>Yarn</b> <i class=price>5.20 €</i> <a href=yarn>more</a></ul>";
/// let page = dragline::StoredPage::new("https://shop.example/", html).page()?;
/// let mut out = Output::new();
/// out.extract_all::<Offer>(&page)?;
/// assert_eq!(out.items()[0].json_text(), "{\"currency\":\"EUR\",\"links\":[\"https://shop.example/yarn\"],\
///     \"name\":\"Yarn\",\"number\":7,\"price\":\"5.20\"}");
/// # Ok::<(), dragline::Error>(())
/// ```
///
/// On the struct, `css = "li.offer"` names the elements that hold one item each. Without it, the whole page does. A
/// field has one or more of these:
///
/// | attribute | meaning |
/// |---|---|
/// | `css = "b"` | the text of the first match, white space folded; `::text` and `::attr(name)` mean the same as everywhere |
/// | `attr = "href"` | an attribute of the match; without `css`, of the element itself |
/// | `regex = "…"` | the part of the text that matches: the first group, or everything. A text that does not match does not count |
/// | `all` | every match; a `Vec` means this without saying so |
/// | `default`, `default = 1` | the value when nothing matches |
/// | `parse = path::to::function` | a function `fn(&str) -> Result<T, E>` reads the text |
/// | `format = "%B %d, %Y"` | reads a date or a moment by this format |
/// | `exists` | whether something matches, for a `bool` |
/// | `extract` | fills a struct of its own from the match: see [`Extract`] |
/// | `with = function` | a function `fn(&Node) -> Result<T, E>` makes the value from the element |
/// | `url` | the URL of the page |
///
/// Without `parse` and `format`, a field has one of the types that implement `dragline::FromText`. An `Option` is `None`
/// when nothing matches. Any other field that matches nothing is an error, which names the field and the selector. A text
/// that is not a value of the type is always an error.
///
/// Selectors and regular expressions are checked by the compiler:
///
/// ```compile_fail
/// # use dragline::prelude::*;
/// #[derive(Item)]
/// struct Book {
///     #[item(css = "h1[")]
///     title: String,
/// }
/// ```
///
/// Either all fields have such an attribute, or none of them:
///
/// ```compile_fail
/// # use dragline::prelude::*;
/// #[derive(Item)]
/// struct Book {
///     #[item(css = "h1")]
///     title: String,
///     author: String,
/// }
/// ```
///
/// A type that cannot be read from text needs `parse`, `with` or `extract`:
///
/// ```compile_fail
/// # use dragline::prelude::*;
/// #[derive(Item)]
/// struct Book {
///     #[item(css = "time", json)]
///     length: std::time::Duration,
/// }
/// ```
///
/// # What is refused
///
/// A key is never nullable, because a null equals nothing, not even another null:
///
/// ```compile_fail
/// # use dragline::prelude::*;
/// #[derive(Item)]
/// #[item(key = "isbn")]
/// struct Book { isbn: Option<String> }
/// ```
///
/// It is also never a float, a list or JSON, because two spellings of one value would be two keys:
///
/// ```compile_fail
/// # use dragline::prelude::*;
/// #[derive(Item)]
/// #[item(key = "price")]
/// struct Book { price: f64 }
/// ```
///
/// The same is true of a part of an id:
///
/// ```compile_fail
/// # use dragline::prelude::*;
/// #[derive(Item)]
/// #[item(table = "books", id = "isbn")]
/// struct Book { isbn: Option<String> }
/// ```
///
/// Only an item with an id has a `Key`, and only a table has references:
///
/// ```compile_fail
/// # use dragline::prelude::*;
/// #[derive(Item)]
/// #[item(table = "shops", key = "name")]
/// struct Shop { name: String }
/// #[derive(Item)]
/// #[item(table = "offers")]
/// struct Offer { shop: Key<Shop> }
/// ```
///
/// ```compile_fail
/// # use dragline::prelude::*;
/// #[derive(Item)]
/// #[item(table = "shops", id = "name")]
/// struct Shop { name: String }
/// #[derive(Item)]
/// struct Offer { shop: Key<Shop> }
/// ```
///
/// A reference has the type of the key that it refers to, and `deferrable` is for references:
///
/// ```compile_fail
/// # use dragline::prelude::*;
/// #[derive(Item)]
/// #[item(table = "shops", key = "name")]
/// struct Shop { name: String }
/// #[derive(Item)]
/// #[item(table = "offers")]
/// struct Offer { #[item(references = Shop)] shop: i64 }
/// ```
///
/// ```compile_fail
/// # use dragline::prelude::*;
/// #[derive(Item)]
/// #[item(table = "offers")]
/// struct Offer { #[item(deferrable)] shop: i64 }
/// ```
///
/// A child has exactly one reference to its parent, which is never null:
///
/// ```compile_fail
/// # use dragline::prelude::*;
/// #[derive(Item)]
/// #[item(table = "shops", id = "name")]
/// struct Shop { name: String }
/// #[derive(Item)]
/// #[item(table = "offers", id = "name", children_of = Shop)]
/// struct Offer { name: String, shop: Option<Key<Shop>> }
/// ```
///
/// A rule for merging fits the type of the column, and a column that is never null has nothing to fill:
///
/// ```compile_fail
/// # use dragline::prelude::*;
/// #[derive(Item)]
/// #[item(table = "artists", key = "name")]
/// struct Artist { name: String, #[item(merge = "add")] score: f64 }
/// ```
///
/// ```compile_fail
/// # use dragline::prelude::*;
/// #[derive(Item)]
/// #[item(table = "artists", key = "name")]
/// struct Artist { name: String, #[item(merge = "max")] title: String }
/// ```
///
/// ```compile_fail
/// # use dragline::prelude::*;
/// #[derive(Item)]
/// #[item(table = "artists", key = "name")]
/// struct Artist { name: String, #[item(merge = "union")] sets: i64 }
/// ```
///
/// ```compile_fail
/// # use dragline::prelude::*;
/// #[derive(Item)]
/// #[item(table = "artists", key = "name")]
/// struct Artist { name: String, #[item(merge = "fill")] title: String }
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
    item(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Fills a struct that is not an item from a page: a part of an item, or something that a spider needs on its way.
///
/// It takes the attributes of `#[derive(Item)]` that say how a page fills a field, as `#[extract(…)]`.
///
/// ```
/// use dragline::prelude::*;
///
/// #[derive(Item)]
/// #[item(key = "name")]
/// struct Shop {
///     #[item(css = "h1")]
///     name: String,
///     #[item(css = "li.review", extract, json)]
///     reviews: Vec<Review>,
/// }
///
/// #[derive(Extract, Serialize)]
/// struct Review {
///     #[extract(css = "b")]
///     author: String,
///     #[extract(attr = "data-stars")]
///     stars: u8,
/// }
///
/// let html = "<h1>Yarn</h1><ul><li class=review data-stars=5><b>Ann</b> likes it</ul>";
/// let shop: Shop = dragline::StoredPage::new("https://yarn.example/", html).page()?.extract()?;
/// assert_eq!((shop.reviews[0].author.as_str(), shop.reviews[0].stars), ("Ann", 5));
/// # Ok::<(), dragline::Error>(())
/// ```
#[proc_macro_derive(Extract, attributes(extract))]
pub fn derive_extract(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    extracted(&input, Helper::Extract).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// A selector that the compiler checks, and that is compiled once for the whole program.
///
/// ```
/// use dragline::prelude::*;
///
/// let page = dragline::StoredPage::new("https://a.example/", "<li class=next><a href=2>next</a>").page()?;
/// assert_eq!(page.text(css!("li.next a::attr(href)"))?, "2");
/// # Ok::<(), dragline::Error>(())
/// ```
///
/// An invalid selector does not compile:
///
/// ```compile_fail
/// # use dragline::prelude::*;
/// css!("li.next a[");
/// ```
#[proc_macro]
pub fn css(input: TokenStream) -> TokenStream {
    let css = parse_macro_input!(input as LitStr);
    css::expand(&css).unwrap_or_else(syn::Error::into_compile_error).into()
}

fn item(input: &DeriveInput) -> syn::Result<TokenStream2> {
    let mut written = expanded::expand(&described::ItemStruct::read(input)?);
    written.extend(extracted(input, Helper::Item)?);
    Ok(written)
}

fn extracted(input: &DeriveInput, helper: Helper) -> syn::Result<TokenStream2> {
    let read = extract::ExtractStruct::read(input, helper)?;
    Ok(read.map(|read| extract::expanded::expand(&read)).unwrap_or_default())
}

/// Declares the arguments of a spider: each field is an argument that `-a NAME=VALUE` gives.
///
/// ```
/// use dragline::prelude::*;
///
/// #[derive(SpiderArgs)]
/// struct BookArgs {
///     /// Only this category
///     category: Option<String>,
///     /// How many pages of each category
///     #[arg(default = 3)]
///     pages: u32,
///     /// Shops to leave out
///     without: Vec<String>,
///     /// The key of your account
///     api_key: String,
/// }
///
/// let args = Args::default().with_value("api_key", "k").with_value("without", "a.example,b.example");
/// let typed = args.typed::<BookArgs>()?;
/// assert_eq!((typed.pages, typed.without.len()), (3, 2));
/// # Ok::<(), Error>(())
/// ```
///
/// A spider returns `BookArgs::arguments()` from its `arguments`, and reads them with `page.args().typed::<BookArgs>()?`.
///
/// | field | meaning |
/// |---|---|
/// | `T` | required |
/// | `T` with `#[arg(default = …)]` | has this value when it is not given; `#[arg(default)]` is the default of the type |
/// | `Option<T>` | may be left out |
/// | `Vec<T>` | several values with commas between them; may be left out |
///
/// `T` is any type that implements `FromStr`, for example `String`, a number, `bool`, `Url`, `Decimal`, `NaiveDate` or an
/// enum of your own. `#[arg(name = "…")]` gives the argument a different name than the field. The first paragraph of the
/// doc comment is the help that `dragline list SPIDER` shows.
///
/// `start_urls`, `start_url`, `limit` and `force_run` have a meaning of their own for every spider:
///
/// ```compile_fail
/// # use dragline::prelude::*;
/// #[derive(SpiderArgs)]
/// struct BookArgs { limit: u32 }
/// ```
#[proc_macro_derive(SpiderArgs, attributes(arg))]
pub fn derive_spider_args(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    spider_args::ArgsStruct::read(&input)
        .map_or_else(syn::Error::into_compile_error, |args| spider_args::expand(&args))
        .into()
}
