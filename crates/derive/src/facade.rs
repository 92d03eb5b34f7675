//! The name of the facade in the crate that uses a macro.
//!
//! A dependency may be renamed: `dl = { package = "dragline" }`. So the manifest of that crate decides what the
//! generated code names.

use proc_macro_crate::{FoundCrate, crate_name};
use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::Ident;

/// The packages that re-export what the macros name, and what each is called in a crate that does not rename it.
const PACKAGES: [(&str, &str); 3] =
    [("dragline", "dragline"), ("dragline-core", "dragline_core"), ("dragline-spider", "dragline_spider")];

/// The path of the module that the generated code uses.
pub(crate) fn private() -> TokenStream {
    let named = PACKAGES.iter().find_map(|(package, own)| Some((crate_name(package).ok()?, own)));
    let facade = match &named {
        Some((FoundCrate::Name(name), _)) => name.as_str(),
        // Tests and examples of a package see it under its own name; its library names itself with `extern crate`.
        Some((FoundCrate::Itself, own)) => own,
        None => "dragline",
    };
    let facade = Ident::new(facade, Span::call_site());
    quote!(::#facade::__private)
}
