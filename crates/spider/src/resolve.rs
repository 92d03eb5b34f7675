//! Links and redirects, resolved as browsers resolve them (URL standard, section 4.4).

use std::borrow::Cow;

use url::{EncodingOverride, ParseError, Url};

/// The URL of a `reference` that was found at `base`. Its query is written in the encoding of `encode`, or otherwise in UTF-8.
///
/// # Errors
/// If the result is not a URL.
pub fn resolve(base: &Url, reference: &str, encode: EncodingOverride<'_>) -> Result<Url, ParseError> {
    let options = Url::options().base_url(Some(base)).encoding_override(encode);
    options.parse(reference).or_else(|error| match error {
        ParseError::EmptyHost => options.parse(&with_two_slashes(base, reference)),
        error => Err(error),
    })
}

/// Browsers ignore extra slashes before a host ("special authority ignore slashes state"). The `url` crate reads `///host` as
/// an empty host.
fn with_two_slashes<'r>(base: &Url, reference: &'r str) -> Cow<'r, str> {
    let mut seen: String = reference.trim_start_matches(|character| character <= ' ').to_owned();
    seen.retain(|character| !matches!(character, '\t' | '\n' | '\r'));
    let rest = seen.trim_start_matches(['/', '\\']);
    if matches!(base.scheme(), "http" | "https") && seen.len() > rest.len() + 2 {
        return format!("//{rest}").into();
    }
    reference.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_that_are_too_many_are_passed_over() {
        let base = Url::parse("https://a.example/x/y?z").unwrap();
        for (reference, expected) in [
            ("///b.example", Some("https://b.example/")),
            (" \n/\t\\//b.example:8080/../p?q#f", Some("https://b.example:8080/p?q#f")),
            ("/\\b.example", Some("https://b.example/")),
            ("//", None),
            ("////", None),
            ("http://", None),
            ("", Some("https://a.example/x/y?z")),
            ("/x//y", Some("https://a.example/x//y")),
        ] {
            let resolved = resolve(&base, reference, None).ok();
            assert_eq!(resolved.as_ref().map(Url::as_str), expected, "{reference:?}");
        }
        assert!(resolve(&Url::parse("file:///x").unwrap(), "///", None).is_ok());
    }
}
