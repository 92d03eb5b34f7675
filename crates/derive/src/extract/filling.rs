//! How a page fills a field: the attributes, checked against each other and against the type of the field.

use dragline_css::Selector;
use syn::{Error, Expr, Ident, LitStr, Result, Type};

use super::attributes::ExtractAttributes;
use crate::css;
use crate::shape::{Shape, shape};

/// A field and how a page fills it.
pub(crate) struct FilledField {
    pub(crate) field: Ident,
    pub(crate) kind: Type,
    pub(crate) filling: Filling,
}

/// How a page fills a field.
pub(crate) enum Filling {
    /// With the URL of the page.
    Url,
    /// With what a function makes of the element.
    With(Expr),
    /// With whether something is there.
    Exists(Place),
    /// With what is selected.
    Selected { place: Place, reading: Reading, absent: Absent },
    /// With a value that does not come from the page.
    Value(Option<Expr>),
}

/// Where values are.
pub(crate) struct Place {
    pub(crate) css: Option<LitStr>,
    pub(crate) attr: Option<LitStr>,
    pub(crate) regex: Option<LitStr>,
}

/// How the selected text becomes a value.
pub(crate) enum Reading {
    /// `FromText`.
    Text,
    /// `FromFormat`.
    Format(LitStr),
    /// A function.
    Parse(Expr),
    /// `Extract`.
    Nested,
}

/// The replacement for a missing value.
pub(crate) enum Absent {
    /// Nothing. A missing value is an error.
    Error,
    /// A default.
    Default(Option<Expr>),
}

impl Filling {
    /// `None` when the attributes say nothing about a page.
    pub(crate) fn read(given: ExtractAttributes, kind: &Type) -> Result<Option<Self>> {
        if given.is_empty() {
            return Ok(None);
        }
        if let Some(url) = given.url {
            let alone = ExtractAttributes { url: None, ..given };
            let mistake = "`url` is the URL of the page: it needs no other attribute";
            return if alone.is_empty() { Ok(Some(Self::Url)) } else { Err(Error::new(url, mistake)) };
        }
        if let Some(with) = given.with {
            let alone = ExtractAttributes { with: None, ..given };
            let mistake = "`with` makes the whole value: it needs no other attribute";
            return if alone.is_empty() {
                Ok(Some(Self::With(with)))
            } else {
                Err(Error::new_spanned(with, mistake))
            };
        }
        selected(given, kind).map(Some)
    }
}

fn selected(given: ExtractAttributes, kind: &Type) -> Result<Filling> {
    let shape = shape(kind);
    let selector = given.css.as_ref().map(css::check).transpose()?;
    check_ends(&given, selector.as_ref())?;
    if let Some(regex) = &given.regex {
        regex_syntax::parse(&regex.value()).map_err(|error| Error::new(regex.span(), error))?;
    }
    if let (Some(all), false) = (given.all, matches!(shape, Shape::List(_))) {
        return Err(Error::new(all, "`all` takes every match, so the field must be a Vec"));
    }
    if let (Some(default), false) = (&given.default, matches!(shape, Shape::One(_))) {
        let mistake =
            "without a match, an Option is None and a Vec is empty, so they cannot have a `default`";
        return Err(Error::new(default.span, mistake));
    }
    let place = Place { css: given.css, attr: given.attr, regex: given.regex };
    let selects = place.css.is_some() || place.attr.is_some() || place.regex.is_some();
    if let Some(exists) = given.exists {
        let others = given.parse.is_some() || given.format.is_some() || given.extract.is_some();
        if others || given.default.is_some() || !selects {
            let mistake =
                "`exists` says whether a selector finds something: use it only with `css`, `attr` or `regex`";
            return Err(Error::new(exists, mistake));
        }
        return Ok(Filling::Exists(place));
    }
    let reading = match (given.parse, given.format, given.extract) {
        (None, None, None) => Reading::Text,
        (None, Some(format), None) => Reading::Format(format),
        (Some(parse), None, None) => Reading::Parse(parse),
        (None, None, Some(span)) if place.attr.is_some() || place.regex.is_some() => {
            return Err(Error::new(
                span,
                "`extract` fills a struct from an element, not from a text or an attribute",
            ));
        }
        (None, None, Some(_)) => Reading::Nested,
        (parse, format, extract) => {
            let span = extract.or(format.map(|format| format.span()));
            let mistake = "use only one of `parse`, `format` and `extract`";
            return Err(
                span.map_or_else(|| Error::new_spanned(parse, mistake), |span| Error::new(span, mistake))
            );
        }
    };
    if matches!(reading, Reading::Text) && !selects {
        if let Some(default) = given.default {
            return Ok(Filling::Value(default.value));
        }
        return Err(Error::new_spanned(kind, "say where its values are: `css = \"…\"` or `attr = \"…\"`"));
    }
    let absent = given.default.map_or(Absent::Error, |default| Absent::Default(default.value));
    Ok(Filling::Selected { place, reading, absent })
}

/// `attr` and `extract` are for elements.
fn check_ends(given: &ExtractAttributes, selector: Option<&Selector>) -> Result<()> {
    let Some(selector) = selector.filter(|selector| !selector.selects_elements()) else { return Ok(()) };
    if let Some(attr) = &given.attr {
        let mistake = "the selector selects texts or attributes already: leave out `attr`, or its `::text` or `::attr(…)`";
        return Err(Error::new(attr.span(), mistake));
    }
    match given.extract {
        None => Ok(()),
        Some(span) => Err(Error::new(
            span,
            format!(
                "`extract` fills a struct from an element, and {:?} selects texts or attributes",
                selector.css()
            ),
        )),
    }
}
