//! Where a crawl learns of sitemaps, as people write it.

use dragline_core::canonical::has_userinfo;
use dragline_core::{secrets, url_list};
use url::Url;

/// Where a crawl learns of sitemaps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SitemapSource {
    /// From the robots.txt of each start host.
    Robots,
    /// From the user: this is one.
    At(Url),
}

/// The words of the source that have no address.
const WORDS: [&str; 2] = ["robots", "none"];

/// The sources in a text. A comma separates two of them only if a URL or such a word follows it. Any other comma is part of a URL.
pub(super) fn split(text: &str) -> Vec<&str> {
    let mut sources = Vec::new();
    for mut rest in url_list::split(text) {
        let mut words = Vec::new();
        while let Some((before, word)) = rest.rsplit_once(',')
            && WORDS.iter().any(|known| word.trim().eq_ignore_ascii_case(known))
        {
            words.push(word.trim());
            rest = before.trim_end();
        }
        sources.push(rest);
        sources.extend(words.into_iter().rev());
    }
    // A list may end with a comma.
    let sources = sources.into_iter().map(|source| source.trim_matches([',', ' ']));
    sources.filter(|source| !source.is_empty()).collect()
}

impl SitemapSource {
    /// The source that a word names; `None` for the word `none`.
    ///
    /// # Errors
    /// The problem, without secrets.
    pub(super) fn parse(word: &str) -> Result<Option<Self>, String> {
        if word.eq_ignore_ascii_case("none") {
            return Ok(None);
        }
        if word.eq_ignore_ascii_case("robots") {
            return Ok(Some(Self::Robots));
        }
        // Also if the text can't be parsed, or `user:password@host` is read as a scheme.
        let shown = word.rsplit_once('@').map_or_else(|| word.to_owned(), |(_, rest)| format!("…@{rest}"));
        let shown = secrets::hide(&shown);
        let url = Url::parse(word).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let Some(url) = url.filter(Url::has_host) else {
            return Err(format!(
                "{shown:?} is not a source of sitemaps; write robots, none, or URLs such as \
                 https://example.com/sitemap.xml"
            ));
        };
        if has_userinfo(&url) {
            let origin = url.origin().ascii_serialization();
            return Err(format!(
                "the URL for {} contains a user name or a password, which would be stored; give them as \
                 --auth '{origin}=USER:PASSWORD'",
                url.host_str().unwrap_or_default()
            ));
        }
        Ok(Some(Self::At(url)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_sources_are_separated_by_commas_and_a_url_may_have_some() {
        assert_eq!(split("robots"), ["robots"]);
        assert_eq!(split("robots, none"), ["robots", "none"]);
        let (one, two) = ("https://a.example/?ids=1,2", "https://b.example/x,y");
        assert_eq!(split(&format!("{one},{two}")), [one, two]);
        assert_eq!(split(&format!("robots,{one} , Robots, {two}")), ["robots", one, "Robots", two]);
        assert_eq!(split("robots,"), ["robots"]);
        assert_eq!(split(&format!("{one},")), [one]);
        assert!(split(" , ").is_empty() && split("").is_empty());
    }

    #[test]
    fn a_source_is_a_word_or_a_url_and_no_error_shows_a_password() {
        assert_eq!(SitemapSource::parse("Robots"), Ok(Some(SitemapSource::Robots)));
        assert_eq!(SitemapSource::parse("none"), Ok(None));
        let url: Url = "https://a.example/s.xml?n=1,2".parse().unwrap();
        assert_eq!(SitemapSource::parse(url.as_str()), Ok(Some(SitemapSource::At(url.clone()))));
        for word in [
            "true",
            "a.example/s.xml",
            "ftp://a.example/s.xml",
            "me:hunter2@a.example/s.xml",
            "https://me:hunter2@a.example/s.xml",
            "ftp://me:hunter2@a.example/s.xml",
            "https://me:hunter2@a.example:99999/",
        ] {
            let problem = SitemapSource::parse(word).unwrap_err();
            assert!(!problem.contains("hunter2"), "{problem}");
            assert!(problem.contains("robots") || problem.contains("--auth"), "{problem}");
        }
    }
}
