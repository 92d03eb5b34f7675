//! The attributes of a field that say how a page fills it, as they are written.

use proc_macro2::Span;
use syn::meta::ParseNestedMeta;
use syn::{Expr, LitStr, Result, Token};

use crate::attributes::set;

/// The attributes, for messages about others.
pub(crate) const KNOWN: &str = "`css = \"…\"`, `attr = \"…\"`, `regex = \"…\"`, `format = \"…\"`, `parse = function`, \
     `with = function`, `default`, `all`, `exists`, `extract`, `url`";

/// How a page fills a field.
#[derive(Default)]
pub(crate) struct ExtractAttributes {
    pub(crate) css: Option<LitStr>,
    pub(crate) attr: Option<LitStr>,
    pub(crate) regex: Option<LitStr>,
    pub(crate) format: Option<LitStr>,
    pub(crate) parse: Option<Expr>,
    pub(crate) with: Option<Expr>,
    pub(crate) default: Option<Default>,
    pub(crate) all: Option<Span>,
    pub(crate) exists: Option<Span>,
    pub(crate) extract: Option<Span>,
    pub(crate) url: Option<Span>,
}

/// `default` or `default = value`.
pub(crate) struct Default {
    pub(crate) span: Span,
    pub(crate) value: Option<Expr>,
}

impl ExtractAttributes {
    /// Reads one attribute, if it is one of these.
    pub(crate) fn take(&mut self, meta: &ParseNestedMeta<'_>) -> Result<bool> {
        let Some(name) = meta.path.get_ident() else { return Ok(false) };
        let span = name.span();
        match name.to_string().as_str() {
            "css" => set(&mut self.css, meta, meta.value()?.parse()?)?,
            "attr" => set(&mut self.attr, meta, meta.value()?.parse()?)?,
            "regex" => set(&mut self.regex, meta, meta.value()?.parse()?)?,
            "format" => set(&mut self.format, meta, meta.value()?.parse()?)?,
            "parse" => set(&mut self.parse, meta, meta.value()?.parse()?)?,
            "with" => set(&mut self.with, meta, meta.value()?.parse()?)?,
            "default" => {
                let value = if meta.input.peek(Token![=]) { Some(meta.value()?.parse()?) } else { None };
                set(&mut self.default, meta, Default { span, value })?;
            }
            "all" => set(&mut self.all, meta, span)?,
            "exists" => set(&mut self.exists, meta, span)?,
            "extract" => set(&mut self.extract, meta, span)?,
            "url" => set(&mut self.url, meta, span)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Whether nothing is said about a page.
    pub(crate) fn is_empty(&self) -> bool {
        let Self { css, attr, regex, format, parse, with, default, all, exists, extract, url } = self;
        css.is_none()
            && attr.is_none()
            && regex.is_none()
            && format.is_none()
            && parse.is_none()
            && with.is_none()
            && default.is_none()
            && [all, exists, extract, url].iter().all(|flag| flag.is_none())
    }
}
