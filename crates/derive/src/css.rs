//! `css!("…")`: a selector that the compiler checks.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, LitStr, Result};

use crate::facade::private;

/// A compiled selector behind a reference that lives for the whole program.
pub(crate) fn expand(css: &LitStr) -> Result<TokenStream> {
    check(css)?;
    let private = private();
    Ok(quote! {{
        static SELECTOR: #private::Selector = #private::Selector::checked(#css);
        &SELECTOR
    }})
}

/// Refuses an invalid selector, with the reason that a crawl would give.
pub(crate) fn check(css: &LitStr) -> Result<dragline_css::Selector> {
    dragline_css::Selector::new(css.value()).map_err(|error| Error::new(css.span(), error))
}
