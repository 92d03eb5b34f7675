//! `#[derive(Item)]`.

use proc_macro::TokenStream;

/// Describes the table of an item type and turns its values into records.
#[proc_macro_derive(Item, attributes(item))]
pub fn derive_item(_input: TokenStream) -> TokenStream {
    TokenStream::new()
}
