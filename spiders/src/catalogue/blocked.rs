//! Pages that a site sends in place of the one that was asked for: captchas, blocks, log-ins.
//!
//! They often have the status 200. Without this, such a page would be a mix without a track list, and it would overwrite what an
//! earlier crawl has stored.

use dragline::prelude::*;

/// Parts of the titles of such pages, in lower case.
const TITLES: &[&str] = &[
    "just a moment",
    "attention required",
    "access denied",
    "access to this page has been denied",
    "are you a human",
    "are you a robot",
    "bot verification",
    "captcha",
    "checking your browser",
    "database error",
    "ddos-guard",
    "forbidden",
    "internal error",
    "login required",
    "permission error",
    "please verify",
    "rate limit",
    "robot check",
    "security check",
    "service unavailable",
    "site maintenance",
    "too many requests",
    "unusual traffic",
    "verify you are human",
    "you have been blocked",
];

/// What the title of a page or its first heading says, if it is the title of a block. A mix may be called `Captcha`, so titles
/// that begin like one of a mix don't count.
fn blocking_title(page: &Page) -> Option<String> {
    let heading = page.first(css!("h1")).map(|heading| heading.full_text());
    let titles = [page.title(), heading].into_iter().flatten();
    titles.into_iter().find(|title| {
        let lower = title.to_lowercase();
        let is_mix = lower.contains(" - ") || lower.contains(" @ ");
        !is_mix && TITLES.iter().any(|blocking| lower.contains(blocking))
    })
}

/// Elements that ask whether somebody is human.
fn has_challenge(page: &Page) -> bool {
    let challenge = css!(
        "#challenge-form, #challenge-running, #cf-challenge-running, .g-recaptcha, .h-captcha, .cf-turnstile, \
         form[action*='captcha' i], iframe[src*='captcha' i], img[src*='captcha' i], input[name*='captcha' i]"
    );
    page.first(challenge).is_some()
}

/// The error of a page that is not what it should be. `wanted` says what that is: `a mix of MixesDB`.
pub(crate) fn not_a_page_of(page: &Page, wanted: &str) -> Error {
    if let Some(title) = blocking_title(page) {
        return Error::new(format!("the page is a block, and not {wanted}: {title:?}"));
    }
    if has_challenge(page) {
        return Error::new(format!("the page is a captcha, and not {wanted}"));
    }
    let title = page.title().unwrap_or_default();
    Error::new(format!("the page is not {wanted}; its title is {title:?}"))
}

/// Fails if the page is a block although it looks like a page of the site.
pub(crate) fn check(page: &Page, wanted: &str) -> Result<()> {
    if blocking_title(page).is_some() { Err(not_a_page_of(page, wanted)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use dragline::StoredPage;

    use super::*;

    fn error(html: &str) -> String {
        let page = StoredPage::new("https://a.example/", html.to_owned()).page().unwrap();
        not_a_page_of(&page, "a mix").to_string()
    }

    #[test]
    fn a_block_is_told_from_a_page_that_is_something_else() {
        for (html, expected) in [
            ("<title>Just a moment...</title>", "is a block"),
            ("<title>x</title><h1>Access denied</h1>", "is a block"),
            ("<title>x</title><form action=/captcha.php>", "is a captcha"),
            ("<title>x</title><div class='g-recaptcha'>", "is a captcha"),
            ("<title>Help</title>", "is not a mix; its title is \"Help\""),
            ("<title>2004 - Captcha - Show</title>", "is not a mix"),
            ("", "is not a mix"),
        ] {
            assert!(error(html).contains(expected), "{html}: {}", error(html));
        }
    }
}
