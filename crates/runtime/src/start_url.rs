//! A start URL as somebody wrote it.

use dragline_core::canonical::has_userinfo;
use url::Url;

use crate::error::CrawlError;

const WITH_SCHEME: &str = "include the scheme: https://example.com/";

/// Reads a start URL. URLs are stored and logged, so none may hold a password; one that does is not shown either.
///
/// # Errors
/// When it isn't an absolute URL of `http` or `https`, or has a user name or a password.
pub fn start_url(text: &str) -> Result<Url, CrawlError> {
    // Also if the URL can't be parsed, or `user:password@host` is read as a scheme.
    let shown = text.rsplit_once('@').map_or_else(|| text.to_owned(), |(_, rest)| format!("…@{rest}"));
    let wrong = |problem: String, hint: String| CrawlError::StartUrl { problem, hint };
    let url = Url::parse(text.trim()).map_err(|error| {
        wrong(format!("the start URL {shown:?} is not an absolute URL ({error})"), WITH_SCHEME.to_owned())
    })?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(wrong(format!("the start URL {shown:?} is not http or https"), WITH_SCHEME.to_owned()));
    }
    if has_userinfo(&url) {
        let problem = format!(
            "the start URL for {} contains a user name or a password, which would be stored with every page",
            url.host_str().unwrap_or_default()
        );
        let origin = url.origin().ascii_serialization();
        return Err(wrong(
            problem,
            format!("leave them out, and give them as --auth '{origin}=USER:PASSWORD'"),
        ));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_url_holds_no_password_and_none_is_shown() {
        assert!(start_url(" https://a.example/@me ").is_ok());
        let failed = start_url("https://user:hunter2@a.example/x").unwrap_err();
        assert!(failed.hint().unwrap().contains("--auth 'https://a.example=USER:PASSWORD'"));
        for secret in [
            "https://user:hunter2@a.example/",
            "https://hunter2@a.example/",
            "user:hunter2@a.example",
            "https://user:hunter2@a.example:99999/",
            "ftp://user:hunter2@a.example/",
        ] {
            let failed = start_url(secret).unwrap_err();
            assert!(failed.is_usage() && failed.to_string().contains("a.example"), "{failed}");
            assert!(!format!("{failed:?}").contains("hunter2"), "{failed:?}");
        }
    }
}
