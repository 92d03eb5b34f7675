//! The default name of a run: its spider, and a digest of its start URLs and arguments.

use dragline_core::Args;
use dragline_core::secrets::is_credential_name;
use sha2::{Digest, Sha256};

/// The default name of a run. It doesn't depend on settings, limits and credentials, so you can resume a run with a
/// different pace, a higher limit or a new password. It does depend on everything that may say what is crawled: the whole start
/// URLs, and the whole values of all other arguments, even if they are hidden. `?key=1` and `?key=2` are two runs, and so are
/// `-a key=minor` and `-a key=major`. The name contains only a short digest of them.
///
/// `sitemaps` are the URLs of those that the user gave. They say what is crawled, too.
pub(crate) fn default_run_name(spider: &str, args: &Args, sitemaps: &[String]) -> String {
    let mut parts: Vec<String> = args.start_urls().iter().map(ToString::to_string).collect();
    parts.sort();
    let mut sitemaps: Vec<String> = sitemaps.iter().map(|url| format!("--sitemaps={url}")).collect();
    sitemaps.sort();
    parts.extend(sitemaps);
    if !args.start_tag().is_empty() {
        // No argument has a name with dashes before it.
        parts.push(format!("--tag={}", args.start_tag()));
    }
    let says_what = args.iter().filter(|(name, _)| !is_credential_name(name));
    parts.extend(says_what.map(|(name, value)| format!("{name}={value}")));
    if parts.is_empty() {
        return spider.to_owned();
    }
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    let digest: String = hasher.finalize()[..4].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{spider}-{digest}")
}

#[cfg(test)]
mod tests {
    use dragline_core::Args;

    fn default_run_name(spider: &str, args: &Args) -> String {
        super::default_run_name(spider, args, &[])
    }

    fn args(urls: &[&str], values: &[(&str, &str)]) -> Args {
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Args::new(urls.iter().map(|url| url.parse().unwrap()).collect(), values)
    }

    #[test]
    fn the_sitemaps_that_somebody_gave_name_the_run_too() {
        let of = |urls: &[&str]| {
            let urls: Vec<String> = urls.iter().map(|url| (*url).to_owned()).collect();
            super::default_run_name("site", &Args::default(), &urls)
        };
        assert_eq!(of(&[]), "site");
        assert_ne!(of(&["http://a.example/s.xml"]), of(&["http://b.example/s.xml"]));
        assert_eq!(
            of(&["http://a.example/s", "http://b.example/s"]),
            of(&["http://b.example/s", "http://a.example/s"])
        );
    }

    #[test]
    fn what_is_crawled_names_the_run() {
        assert_eq!(default_run_name("quotes", &Args::default()), "quotes");
        let one = default_run_name("site", &args(&["http://a.example/", "http://b.example/"], &[]));
        assert_eq!(one, default_run_name("site", &args(&["http://b.example/", "http://a.example/"], &[])));
        assert_ne!(one, default_run_name("site", &args(&["http://a.example/"], &[])));
        let tagged = default_run_name("quotes", &args(&[], &[("tag", "love")]));
        assert_ne!(tagged, default_run_name("quotes", &args(&[], &[("tag", "life")])));
        let keyed =
            |key: &str| default_run_name("site", &args(&[&format!("http://a.example/?key={key}")], &[]));
        assert!(keyed("1") != keyed("2") && !keyed("hunter2").contains("hunter2"));
        let of_tag =
            |tag: &str| default_run_name("site", &args(&["http://a.example/"], &[]).with_start_tag(tag));
        assert!(
            of_tag("book") != of_tag("shelf")
                && of_tag("") == default_run_name("site", &args(&["http://a.example/"], &[]))
        );
    }

    #[test]
    fn a_credential_may_be_renewed_and_everything_else_names_the_run() {
        let name = |values: &[(&str, &str)]| default_run_name("quotes", &args(&[], values));
        let tagged = name(&[("tag", "love")]);
        for credential in ["api_token", "password", "api_key", "session_id", "auth"] {
            assert_eq!(tagged, name(&[("tag", "love"), (credential, "hunter2")]), "{credential}");
        }
        for argument in ["keyword", "author", "monkey", "tokenizer", "key", "session", "signature"] {
            assert_ne!(name(&[(argument, "one")]), name(&[(argument, "two")]), "{argument}");
            assert!(!name(&[(argument, "hunter2")]).contains("hunter2"));
        }
        // The hidden part of a value still makes it another value.
        assert_ne!(
            name(&[("feed", "https://a.example/?key=1")]),
            name(&[("feed", "https://a.example/?key=2")])
        );
    }
}
